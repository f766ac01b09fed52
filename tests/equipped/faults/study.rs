//! A small study, and its results folder in several states.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::support::program::{Products, Ran, SMALL, products, text};
use otfhpc::foundations::files::is_temporary;
use otfhpc::runner::store::RunDir;
use tempfile::{TempDir, tempdir};

use super::injector::Fault;

const SETTINGS: [&str; 4] =
    [SMALL[0], SMALL[1], "--set=fit.bins=5-7", r#"--set=fit.methods=["ols","huber"]"#];
/// Another study of the same size.
pub(super) const OTHER: &str = "--set=study.seed=2";

/// How far a run has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum State {
    Nothing,
    Planned,
    /// One shard is done, of two.
    Begun,
    Fitted,
    Merged,
    /// One shard of another study is done, of two.
    OtherBegun,
    /// Another study was merged here.
    Other,
}

/// A place for results that is filled again and again.
pub(super) struct Place {
    folder: TempDir,
    states: BTreeMap<State, PathBuf>,
    /// What a merge makes if nobody disturbs it.
    pub(super) undisturbed: Products,
    /// What it makes of the other study.
    pub(super) other: Products,
}

impl Place {
    pub(super) fn new() -> Self {
        let (folder, states) = (tempdir().unwrap(), BTreeMap::new());
        let (undisturbed, other) = (Products::new(), Products::new());
        let mut place = Self { folder, states, undisturbed, other };
        place.keep(State::Nothing);
        place.settle("plan", &["--no-probe", OTHER]).ended(0);
        place.on_results("run", &["--shard=0"]).ended(0);
        place.keep(State::OtherBegun);
        place.settle("local", &[OTHER]).ended(0);
        place.keep(State::Other);
        place.other = products(place.run().root());
        place.bring_back(State::Nothing);
        place.settle("plan", &["--no-probe"]).ended(0);
        place.keep(State::Planned);
        place.on_results("run", &["--shard=0"]).ended(0);
        place.keep(State::Begun);
        place.on_results("run", &["--shard=1"]).ended(0);
        place.keep(State::Fitted);
        place.on_results("merge", &[]).ended(0);
        place.keep(State::Merged);
        place.undisturbed = products(place.run().root());
        place
    }

    /// All that a command may touch.
    pub(super) fn under(&self) -> PathBuf {
        self.folder.path().canonicalize().unwrap().join("work")
    }

    pub(super) fn run(&self) -> RunDir {
        RunDir::new(self.under().join("results"))
    }

    /// The words of `plan` or `local`.
    pub(super) fn words(&self, command: &str, more: &[&str]) -> Vec<String> {
        let run = self.run();
        let out = [command, "--shards=2", "--out", text(run.root())];
        out.iter().chain(&SETTINGS).chain(more).map(|word| (*word).to_owned()).collect()
    }

    /// Those of a command on the results.
    pub(super) fn words_on_results(&self, command: &str, more: &[&str]) -> Vec<String> {
        let run = self.run();
        let words = [command, text(run.root())];
        words.iter().chain(more).map(|word| (*word).to_owned()).collect()
    }

    pub(super) fn settle(&self, command: &str, more: &[&str]) -> Ran {
        self.undisturbed_run(&self.words(command, more))
    }

    pub(super) fn on_results(&self, command: &str, more: &[&str]) -> Ran {
        self.undisturbed_run(&self.words_on_results(command, more))
    }

    /// What befalls the n-th call of some kinds.
    pub(super) fn fault(&self, kinds: &'static str, at: usize, what: &'static str) -> Fault {
        let (under, beside) = (self.under(), self.folder.path().to_path_buf());
        Fault { under, beside, kinds, at, what, no_locks: false }
    }

    /// Runs the program without a fault, and without waiting for a disk.
    pub(super) fn undisturbed_run(&self, words: &[String]) -> Ran {
        let fault = self.fault("", 0, "");
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        fault.run(&words).0
    }

    fn keep(&mut self, state: State) {
        let kept = self.folder.path().join(format!("{state:?}"));
        fs::create_dir_all(self.under()).unwrap();
        copy(&self.under(), &kept);
        self.states.insert(state, kept);
    }

    /// Brings back what was there in a state.
    pub(super) fn bring_back(&self, state: State) {
        let _ = fs::remove_dir_all(self.under());
        copy(&self.states[&state], &self.under());
    }

    /// Unfinished files and those of locks, wherever they are.
    pub(super) fn litter(&self) -> Vec<PathBuf> {
        let is_litter = |path: &PathBuf| {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            is_temporary(&name) || name.ends_with(".lock")
        };
        files(&self.under()).into_iter().filter(is_litter).collect()
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let (path, to) = (entry.as_ref().unwrap().path(), to.join(entry.unwrap().file_name()));
        if path.is_dir() {
            copy(&path, &to);
        } else {
            fs::copy(&path, &to).unwrap();
        }
    }
}

/// All files and folders below a folder.
pub(super) fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        found.push(path.clone());
        if path.is_dir() {
            found.extend(files(&path));
        }
    }
    found
}
