//! Files of a run that somebody put something else in the place of, and plans with counts that nobody
//! planned: refused by name, at once. Nothing is waited for, followed, written through or asked for.

#![allow(clippy::unwrap_used)] // helpers of tests fail as the tests themselves do

use std::fs;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use otfhpc::foundations::Digest;
use otfhpc::runner::plan::{Plan, Split};
use otfhpc::runner::store::RunDir;
use serde_json::{Value, json};
use tempfile::{TempDir, tempdir};

use crate::support::program::{Products, Ran, SMALL, assert_same, otfhpc, products, shell, text};

/// One method at these bins: 11 units.
const FEW: [&str; 2] = ["--set=fit.bins=5-15", "--set=fit.methods=wls"];
/// Whatever is refused is refused in less time than this, on a machine that has much else to do.
const AT_ONCE: Duration = Duration::from_secs(30);
/// What somebody has outside of the run.
const PRECIOUS: &[u8] = b"precious";

/// What may stand in the place of a file or a folder.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Thing {
    Fifo,
    Socket,
    /// A link to a file or a folder outside of the run.
    LinkOut,
    LinkToZero,
    /// A folder in the place of a file, or a file in that of a folder.
    Other,
}

const THINGS: [Thing; 5] =
    [Thing::Fifo, Thing::Socket, Thing::LinkOut, Thing::LinkToZero, Thing::Other];

/// A finished run, and what is outside of it.
struct Finished {
    place: TempDir,
    run: RunDir,
    products: Products,
}

impl Finished {
    fn new() -> Self {
        let place = tempdir().unwrap();
        let run = RunDir::new(place.path().join("run"));
        let local = ["local", "--out", text(run.root()), "--shards", "2"];
        otfhpc(local.iter().chain(&SMALL).chain(&FEW)).ended(0);
        fs::create_dir(place.path().join("outside")).unwrap();
        let products = products(run.root());
        let finished = Self { place, run, products };
        finished.reset_outside();
        finished
    }

    fn outside(&self) -> PathBuf {
        self.place.path().join("outside/file")
    }

    fn reset_outside(&self) {
        fs::write(self.outside(), PRECIOUS).unwrap();
    }

    fn assert_outside_unchanged(&self, what: &str) {
        let folder = self.place.path().join("outside");
        assert_eq!(fs::read_dir(folder).unwrap().count(), 1, "{what}");
        assert_eq!(fs::read(self.outside()).unwrap(), PRECIOUS, "{what}");
    }

    fn put(&self, path: &Path, thing: Thing, is_folder: bool) {
        match thing {
            Thing::Fifo => {
                assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
            }
            // The path of a socket must be short.
            Thing::Socket => {
                let short = self.place.path().join("s");
                drop(UnixListener::bind(&short).unwrap());
                fs::rename(short, path).unwrap();
            }
            Thing::LinkOut if is_folder => symlink(self.outside().parent().unwrap(), path).unwrap(),
            Thing::LinkOut => symlink(self.outside(), path).unwrap(),
            Thing::LinkToZero => symlink("/dev/zero", path).unwrap(),
            Thing::Other if is_folder => fs::write(path, "a file").unwrap(),
            Thing::Other => fs::create_dir(path).unwrap(),
        }
    }

    /// Puts a thing in the place of whatever is there, calls `look`, and puts back what was there.
    fn with(&self, path: &Path, thing: Thing, is_folder: bool, look: impl FnOnce()) {
        let old = self.place.path().join("old");
        let was_there = fs::rename(path, &old).is_ok();
        self.put(path, thing, is_folder);
        look();
        remove(path);
        if was_there {
            fs::rename(&old, path).unwrap();
        }
    }

    /// Every command that works on a run.
    fn commands(&self) -> Vec<Vec<&str>> {
        let root = text(self.run.root());
        let make = |command: &'static str| {
            let words = [command, "--out", root, "--shards", "2"];
            words.iter().chain(&SMALL).chain(&FEW).copied().collect()
        };
        vec![
            vec!["status", root],
            vec!["run", root, "--shard", "0"],
            vec!["merge", root],
            vec!["audit", root],
            vec!["resume", root, "--local"],
            vec!["resume", root, "--dry-run"],
            vec!["submit", root, "--dry-run"],
            make("plan"),
            make("local"),
        ]
    }
}

fn remove(path: &Path) {
    match fs::symlink_metadata(path).unwrap().is_dir() {
        true => fs::remove_dir_all(path).unwrap(),
        false => fs::remove_file(path).unwrap(),
    }
}

fn at_once(ran: impl FnOnce() -> Ran, what: &str) -> Ran {
    let start = Instant::now();
    let ran = ran();
    assert!(start.elapsed() < AT_ONCE, "{what}: {:?}", start.elapsed());
    ran
}

#[test]
fn what_stands_in_the_place_of_a_file_or_folder_of_a_run_is_refused_by_every_command() {
    let finished = Finished::new();
    let run = &finished.run;
    let files = [
        run.plan(),
        run.revisions(),
        run.id(),
        run.submissions(),
        run.provenance(),
        run.array_script(),
        run.merge_script(),
    ];
    let folders = [
        run.partials(),
        run.journals(),
        run.logs(),
        run.scripts(),
        run.set_aside(),
        run.program_logs(),
        run.audit_logs(),
    ];
    fs::create_dir_all(run.scripts()).unwrap();
    fs::create_dir_all(run.program_logs()).unwrap();
    let places = files.iter().map(|path| (path, false));
    for (path, is_folder) in places.chain(folders.iter().map(|path| (path, true))) {
        for thing in THINGS {
            finished.with(path, thing, is_folder, || {
                for command in finished.commands() {
                    let what = format!("{command:?}, {thing:?} at {}", path.display());
                    let ran = at_once(|| otfhpc(&command), &what);
                    // That Slurm cannot open its logs is a cause that `status` tells: no reason to
                    // refuse.
                    if *path == run.logs() && thing == Thing::Other {
                        continue;
                    }
                    assert_eq!(ran.code, Some(2), "{what}: {ran:#?}");
                    let expected = format!("{} is a ", text(path));
                    assert!(ran.stderr.contains(&expected), "{what}: {}", ran.stderr);
                    assert!(ran.stderr.contains("move it away"), "{what}: {}", ran.stderr);
                }
                finished.assert_outside_unchanged(text(path));
            });
        }
    }
    // And where nothing else stands anywhere, all is well.
    otfhpc(["merge", text(run.root())]).ended(0);
    assert_same(&finished.products, &products(run.root()), "after all");
}

#[test]
fn what_stands_in_the_place_of_a_partial_goes_aside_itself() {
    let finished = Finished::new();
    let root = text(finished.run.root());
    let path = finished.run.partial(0);
    let sound = fs::read(&path).unwrap();
    for (place, thing) in THINGS.into_iter().enumerate() {
        // A link to what would be a sound partial is no partial of this run either.
        let linked = [PRECIOUS, &sound][place % 2];
        fs::write(finished.outside(), linked).unwrap();
        remove(&path);
        finished.put(&path, thing, false);
        let what = format!("{thing:?}");
        for (command, code) in [("status", 0), ("merge", 3), ("audit", 3)] {
            let ran = at_once(|| otfhpc([command, root]), &what);
            assert_eq!(ran.code, Some(code), "{command} {what}: {ran:#?}");
            let said = ran.stdout + &ran.stderr;
            assert!(said.contains(", not a file") || command == "audit", "{what}: {said}");
        }
        at_once(|| otfhpc(["run", root, "--shard", "0"]), &what).ended(0);
        assert!(fs::symlink_metadata(&path).unwrap().is_file(), "{what}");
        assert_eq!(fs::read(finished.outside()).unwrap(), linked, "{what}");
        let aside = fs::read_dir(finished.run.set_aside()).unwrap().count();
        assert_eq!(aside, place + 1, "{what}");
    }
    otfhpc(["merge", root]).ended(0);
    assert_same(&finished.products, &products(finished.run.root()), "after all");
}

#[test]
fn what_stands_in_the_place_of_a_journal_or_a_lock_is_neither_read_nor_written_through() {
    let finished = Finished::new();
    let (run, root) = (&finished.run, text(finished.run.root()));
    let journals =
        [run.journal(0), run.private_journal(0, "n1", 7), run.taken_over_journal(0, "earlier")];
    fs::create_dir_all(run.journals()).unwrap();
    for path in &journals {
        for thing in THINGS {
            let what = format!("{thing:?} at {}", path.display());
            fs::remove_file(run.partial(0)).unwrap();
            finished.put(path, thing, false);
            at_once(|| otfhpc(["status", root]), &what).ended(0);
            at_once(|| otfhpc(["merge", root]), &what).ended(3);
            let ran = at_once(|| otfhpc(["run", root, "--shard", "0"]), &what).ended(0);
            assert!(fs::symlink_metadata(path).is_err(), "{what}: {ran:?}");
            finished.assert_outside_unchanged(&what);
        }
    }
    let moved = fs::read_dir(run.set_aside()).unwrap().count();
    assert_eq!(moved, journals.len() * THINGS.len());
    for thing in THINGS {
        fs::remove_file(run.partial(0)).unwrap();
        let path = run.lock(0);
        finished.with(&path, thing, false, || {
            let what = format!("{thing:?} in the place of the lock");
            for words in [&["run", root, "--shard", "0"][..], &["resume", root, "--local"]] {
                let ran = at_once(|| otfhpc(words), &what).ended(2);
                assert!(ran.stderr.contains(&format!("{} is a ", text(&path))), "{ran:#?}");
            }
            finished.assert_outside_unchanged(&what);
        });
        otfhpc(["run", root, "--shard", "0"]).ended(0);
    }
    otfhpc(["merge", root]).ended(0);
    assert_same(&finished.products, &products(run.root()), "after all");
}

#[test]
fn the_folder_of_a_run_and_those_above_it_may_be_links() {
    let place = tempdir().unwrap();
    let at = |name: &str| place.path().join(name);
    fs::create_dir_all(at("disk/run")).unwrap();
    symlink(at("disk"), at("above")).unwrap();
    symlink(at("above/run"), at("run")).unwrap();
    let run = at("run");
    let local = ["local", "--out", text(&run), "--shards", "2"];
    otfhpc(local.iter().chain(&SMALL).chain(&FEW)).ended(0);
    assert!(at("disk/run/solution.npz").is_file());
    otfhpc(["audit", text(&run)]).ended(0);
}

/// Most memory that a command may ask for here, KiB.
const LITTLE: u64 = 2_000_000;
/// More of anything than there is.
const MANY: u64 = 10_000_000_000_000_000;

/// A planned run whose plan is edited, and hashed anew as whoever edits it could.
struct Edited {
    _folder: TempDir,
    run: RunDir,
    sound: Value,
}

impl Edited {
    fn new() -> Self {
        let folder = tempdir().unwrap();
        let run = RunDir::new(folder.path().join("run"));
        let plan = ["plan", "--out", text(run.root()), "--shards", "2"];
        otfhpc(plan.iter().chain(&SMALL).chain(&FEW)).ended(0);
        let sound = serde_json::from_slice(&fs::read(run.plan()).unwrap()).unwrap();
        Self { _folder: folder, run, sound }
    }

    /// Writes the plan with other values at these places.
    fn write(&self, edits: &[(&str, Value)]) {
        let mut file = self.sound.clone();
        for (place, value) in edits {
            let (above, name) = place.rsplit_once('/').unwrap();
            let above = file["plan"].pointer_mut(above).unwrap();
            match name.parse::<usize>() {
                Ok(index) => above[index] = value.clone(),
                Err(_) => above[name] = value.clone(),
            }
        }
        let plan: Plan = serde_json::from_value(file["plan"].clone()).unwrap();
        let compact = serde_json::to_vec(&plan).unwrap();
        file["plan_hash"] = json!(Digest::of(&compact));
        fs::write(self.run.plan(), serde_json::to_vec(&file).unwrap()).unwrap();
    }

    /// Runs every command where there is little memory, and hands over what came of it.
    fn each(&self, mut look: impl FnMut(&str, Ran)) {
        let program = env!("CARGO_BIN_EXE_otfhpc");
        let root = text(self.run.root());
        for words in [
            "status",
            "run --shard 0",
            "merge",
            "audit",
            "resume --local",
            "resume --dry-run",
            "submit --dry-run",
        ] {
            let (command, rest) = words.split_once(' ').unwrap_or((words, ""));
            let line = format!("ulimit -v {LITTLE}; exec '{program}' {command} '{root}' {rest}");
            look(words, at_once(|| shell(&line), words));
        }
    }

    fn assert_refused(&self, edits: &[(&str, Value)], says: &[&str]) {
        self.write(edits);
        self.each(|words, ran| {
            assert_eq!(ran.code, Some(2), "{words} {edits:?}: {ran:#?}");
            let said = says.iter().all(|part| ran.stderr.contains(part));
            assert!(said, "{words} {edits:?}: {}", ran.stderr);
        });
    }
}

#[test]
fn a_plan_with_counts_of_ten_to_the_sixteen_is_refused_before_memory_is_asked_for() {
    let edited = Edited::new();
    let path = text(&edited.run.plan()).to_owned();
    let many = || json!(MANY);
    let place = path.as_str();
    edited.assert_refused(&[("/units", many())], &[place, "do not cover its units"]);
    let cuts = || json!([0, MANY]);
    edited.assert_refused(&[("/shards", cuts())], &[place, "do not cover its units"]);
    let both = [("/units", many()), ("/shards", cuts())];
    edited.assert_refused(&both, &[place, "do not cover its units"]);
    for setting in ["study.trials", "simulate.records", "simulate.plateau_records"] {
        let pointer = format!("/config/{}", setting.replace('.', "/"));
        let says = format!("{setting} is {MANY}: expected a whole number, 1 to ");
        edited.assert_refused(&[(&pointer, many())], &[&says]);
    }
    // As many as may be planned, in one shard.
    let units = 1_000_000_000_u64 * 11;
    let most = [
        ("/config/study/trials", json!(1_000_000_000)),
        ("/units", json!(units)),
        ("/shards", json!([0, units])),
    ];
    edited.assert_refused(&most, &[place, &format!("has {units} units"), "more shards"]);
    for count in ["used", "records"] {
        let pointer = format!("/data_sets/0/screening/{count}");
        edited.assert_refused(&[(&pointer, many())], &[place, "records: no file gives that"]);
    }
    let left_out = ("/data_sets/0/screening/left_out", json!([["flat", u64::MAX], ["flat", 1]]));
    edited.assert_refused(&[left_out], &[place, "no file gives that"]);
}

/// A shard may have more units than there is memory for: that is told, by those who need it.
#[test]
fn a_shard_of_billions_of_units_is_looked_at_with_little_memory_and_not_run() {
    let edited = Edited::new();
    let trials = 390_000_000_u64;
    let units = trials * 11;
    edited.write(&[
        ("/config/study/trials", json!(trials)),
        ("/units", json!(units)),
        ("/shards", json!([0, units])),
    ]);
    edited.each(|words, ran| {
        let expected: &[i32] = match words {
            "status" => &[0],
            "run --shard 0" | "resume --local" => &[2],
            "merge" => &[2, 3],
            _ => &[0, 2, 3],
        };
        assert!(ran.code.is_some_and(|code| expected.contains(&code)), "{words}: {ran:#?}");
    });
}

#[test]
fn revisions_with_numbers_beyond_all_shards_are_refused() {
    let edited = Edited::new();
    let plan: Plan = serde_json::from_value(edited.sound["plan"].clone()).unwrap();
    let split = |first: u32, cuts: Vec<u64>| Split { shard: 0, reason: String::new(), first, cuts };
    let half = plan.shards.units(0).unwrap().end;
    for split in [
        split(u32::MAX, vec![0, 1, half]),
        split(2, vec![0, 1, MANY]),
        split(2, vec![0, MANY, half]),
        split(2, vec![]),
        Split { shard: u32::MAX, ..split(2, vec![0, 1, half]) },
    ] {
        let splits = vec![split];
        let json = serde_json::to_vec(&splits).unwrap();
        let hash = Digest::of_pieces(&[plan.hash().as_bytes(), &json]);
        let file = json!({ "plan_hash": plan.hash(), "revisions_hash": hash, "splits": splits });
        fs::write(edited.run.revisions(), file.to_string()).unwrap();
        edited.each(|words, ran| {
            assert_eq!(ran.code, Some(2), "{words} {file}: {ran:#?}");
            assert!(ran.stderr.contains(text(&edited.run.revisions())), "{words}: {}", ran.stderr);
        });
    }
}

/// The same of a study of a command.
#[test]
fn a_plan_of_a_command_with_counts_of_ten_to_the_sixteen_is_refused() {
    let folder = tempdir().unwrap();
    let run = RunDir::new(folder.path().join("run"));
    let study = folder.path().join("study.toml");
    let settings = "workload = \"command\"\n[command]\nrun = [\"sh\", \"-c\", \"echo 1 > $0\", \
                    \"{output}\"]\n[[grid]]\nname = \"trial\"\nfrom = 1\nto = 4\n";
    fs::write(&study, settings).unwrap();
    otfhpc(["plan", "--out", text(run.root()), "--shards", "2", "--config", text(&study)]).ended(0);
    let sound = serde_json::from_slice(&fs::read(run.plan()).unwrap()).unwrap();
    let edited = Edited { _folder: folder, run, sound };
    let (place, last) = (text(&edited.run.plan()).to_owned(), "/config/grid/0/to");
    edited.assert_refused(&[(last, json!(MANY))], &["more than 2^40 units"]);
    // As many as a grid may have, in one shard.
    let units = 1_u64 << 40;
    let most = [(last, json!(units)), ("/units", json!(units)), ("/shards", json!([0, units]))];
    edited.assert_refused(&most, &[&place, &format!("has {units} units"), "more shards"]);
    let both = [("/units", json!(MANY)), ("/shards", json!([0, MANY]))];
    edited.assert_refused(&both, &[&place, "do not cover its units"]);
    for (setting, count) in [("retries", 1_000_000), ("log_bytes", MANY), ("output_bytes", MANY)] {
        let pointer = format!("/config/command/{setting}");
        edited.assert_refused(&[(&pointer, json!(count))], &[&format!("command.{setting} is ")]);
    }
}
