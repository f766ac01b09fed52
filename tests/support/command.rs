//! A study of a small program of shell, in a folder of its own.
#![allow(clippy::unwrap_used)] // helpers of tests fail as the tests themselves do

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use tempfile::{TempDir, tempdir};

use super::program::{Ran, otfhpc_with, text};

/// What a run leaves that differs from run to run, or is no product.
const NO_PRODUCTS: [&str; 13] = [
    "plan.json",
    "revisions.json",
    "run-id.json",
    "provenance.json",
    "work.html",
    "times.csv",
    "volatile.jsonl",
    "partials",
    "journals",
    "logs",
    "slurm",
    "aside",
    "submissions.jsonl",
];

/// A study, its program `study.sh`, and its results.
pub(crate) struct Study {
    folder: TempDir,
    pub(crate) out: PathBuf,
}

impl Study {
    /// With a program of shell, and settings beside `workload`, `command.run` and
    /// `command.directory`. Those of the command come first.
    pub(crate) fn new(script: &str, settings: &str) -> Self {
        let folder = tempdir().unwrap();
        // A name that a shell would take apart, were it not quoted.
        let study = Self { out: folder.path().join("it's a run"), folder };
        study.write("study.sh", script);
        study.settle(settings);
        study
    }

    /// Writes the settings anew.
    pub(crate) fn settle(&self, settings: &str) {
        let start = format!("workload = \"command\"\n[command]\ndirectory = {:?}\n", self.path(""));
        self.write("study.toml", &(start + settings));
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, content: &str) {
        fs::create_dir_all(self.path(name).parent().unwrap()).unwrap();
        fs::write(self.path(name), content).unwrap();
    }

    /// The same study with other results.
    pub(crate) fn elsewhere(&self, name: &str) -> PathBuf {
        self.path(name)
    }

    /// `plan` or `local`.
    pub(crate) fn settled(&self, command: &str, more: &[&str]) -> Ran {
        self.settled_at(command, &self.out, more, &[])
    }

    /// The same, with results elsewhere, and variables.
    pub(crate) fn settled_at(
        &self,
        command: &str,
        out: &Path,
        more: &[&str],
        variables: &[(&str, &str)],
    ) -> Ran {
        let config = self.path("study.toml");
        let arguments = [command, "--config", text(&config), "--out", text(out)];
        otfhpc_with(variables, [&arguments, more].concat())
    }

    /// A command on the results.
    pub(crate) fn on_results(&self, command: &str, more: &[&str]) -> Ran {
        otfhpc_with(&[], [&[command, text(&self.out)], more].concat())
    }

    pub(crate) fn product(&self, name: &str) -> String {
        fs::read_to_string(self.out.join(name)).unwrap()
    }

    /// The ledger's figure for one way in which units end.
    pub(crate) fn ledger(&self, name: &str) -> u64 {
        let ledger: Value = serde_json::from_str(&self.product("ledger.json")).unwrap();
        ledger["totals"][name].as_u64().unwrap()
    }

    /// How often units were run since this was asked last: lines of the file `ran`.
    pub(crate) fn ran(&self) -> Vec<String> {
        let ran = fs::read_to_string(self.path("ran")).unwrap_or_default();
        let _ = fs::remove_file(self.path("ran"));
        let mut ran: Vec<String> = ran.lines().map(str::to_owned).collect();
        ran.sort();
        ran
    }
}

/// All products, by their path below the results.
pub(crate) fn products(out: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(out).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if !NO_PRODUCTS.contains(&name.as_str()) {
            add(&out.join(&name), &name, &mut found);
        }
    }
    found
}

fn add(path: &Path, name: &str, found: &mut BTreeMap<String, Vec<u8>>) {
    if !path.is_dir() {
        found.insert(name.to_owned(), fs::read(path).unwrap());
        return;
    }
    for entry in fs::read_dir(path).unwrap() {
        let below = entry.unwrap().file_name().into_string().unwrap();
        add(&path.join(&below), &format!("{name}/{below}"), found);
    }
}

/// That two runs have the same products, byte for byte.
#[track_caller]
pub(crate) fn assert_same(expected: &Path, found: &Path, what: &str) {
    let (expected, found) = (products(expected), products(found));
    let names = |products: &BTreeMap<String, Vec<u8>>| products.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&expected), names(&found), "{what}");
    for (name, bytes) in expected {
        let shown = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        assert_eq!(shown(&bytes), shown(&found[&name]), "{what}: {name}");
    }
}
