//! Studies of a command: what each way to fail is told as, what is refused, and that products are the
//! same however a study was cut, killed, mended and extended.
#![allow(clippy::unwrap_used)] // helpers of tests fail as the tests themselves do

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use otfhpc::command::{CommandStudy, CommandWork};
use otfhpc::settings::Given;

use crate::support::command::{Study, assert_same, products};
use crate::support::program::{otfhpc, otfhpc_in, shell, text};

/// Trials of one program, with an axis of noise before.
const GRID: &str = "[[grid]]\nname = \"noise\"\nvalues = [1e-8, { value = 1e-3, label = \"low\" }]\n\
                    [[grid]]\nname = \"trial\"\nfrom = 1\nto = 4\n[study]\ntrials = \"trial\"\n";
/// Writes an output and a table, which follow from the unit's seed, its process number and, since it
/// takes a moment, its time.
const GOOD: &str = "\
    echo \"$1 $2\" >>ran\n\
    sleep ${5:-0}\n\
    echo \"{\\\"noise\\\": $1, \\\"trial\\\": $2, \\\"seed\\\": $3, \\\"pid\\\": $$}\" >\"$4\"\n\
    cd \"${4%/*}\"\n\
    printf 'method,score,pid\\na,%s,%s\\nb,%s,%s\\n' $(($3 % 1000)) $$ $2 $$ >scores.csv\n";
const RUN: &str =
    "run = [\"sh\", \"study.sh\", \"{noise.value}\", \"{trial}\", \"{seed}\", \"{output}\"]\n";
const SLOW: &str = "run = [\"sh\", \"study.sh\", \"{noise.value}\", \"{trial}\", \"{seed}\", \
                    \"{output}\", \"0.1\"]\n";
const VOLATILE: &str = "volatile = [\"/pid\", \"column:pid\"]\n";
const COLLECT: &str = "[collect]\ntables = [\"scores.csv\"]\nrow_key = [\"method\"]\n";

fn good() -> Study {
    Study::new(GOOD, &[RUN, VOLATILE, GRID, COLLECT].concat())
}

/// The rows of a table, without its header.
fn rows(table: &str) -> Vec<&str> {
    table.lines().skip(1).collect()
}

#[test]
fn every_way_to_fail_has_a_reason_of_its_own() {
    let script = "\
        case $1 in\n\
        good) echo '{\"methods\": 1}' >\"$2\" ;;\n\
        hang) sleep 1000 ;;\n\
        exit3) echo 'no such model' >&2; exit 3 ;;\n\
        killed) kill -SEGV $$ ;;\n\
        half) printf '{\"methods\": [1, 2' >\"$2\" ;;\n\
        empty) : >\"$2\" ;;\n\
        nothing) ;;\n\
        lacks) echo '{\"other\": 1}' >\"$2\" ;;\n\
        old) echo '{\"methods\": 1}' >\"$2\"; touch -d 2001-01-01 \"$2\" ;;\n\
        link) ln -s study.sh \"$2\" ;;\n\
        forks) sh -c 'echo $$ >>children; sleep 1000' & sleep 0.2; echo '{\"methods\": 2}' >\"$2\" ;;\n\
        waits) sh -c 'echo $$ >>children; echo the child waits >&2; sleep 1000' & wait ;;\n\
        deaf) trap '' TERM INT HUP; echo deaf >&2; while :; do sleep 0.1; done ;;\n\
        esac\n";
    let expected = BTreeMap::from([
        (
            "hang",
            "did not end within 1 s and was killed: give it a longer command.timeout_seconds; it wrote nothing",
        ),
        (
            "exit3",
            "ended with exit status: 3: expected exit status: 0; its standard error ends: no such model",
        ),
        ("killed", "ended with signal: 11 (SIGSEGV)"),
        ("half", "output.json ends in the middle, at line 1"),
        ("empty", "output.json is empty, though"),
        ("nothing", "no output.json in the folder of its outputs, though it ended as it should"),
        ("lacks", "output.json has no /methods, which command.require names"),
        ("old", "output.json was written before the program started"),
        ("link", "output.json is a link: expected a file"),
        (
            "waits",
            "did not end within 1 s and was killed: give it a longer command.timeout_seconds; its standard error ends: the child waits",
        ),
        ("deaf", "its standard error ends: deaf"),
    ]);
    let names: Vec<&str> = expected.keys().copied().chain(["good", "forks"]).collect();
    let study = Study::new(
        script,
        &format!(
            "run = [\"sh\", \"study.sh\", \"{{what}}\", \"{{output}}\"]\ntimeout_seconds = 1\n\
             require = \"/methods\"\n[[grid]]\nname = \"what\"\nvalues = {names:?}\n"
        ),
    );
    let ran = study.settled("local", &["--threads", "2", "--shards", "3"]).ended(1);
    assert!(ran.stdout.contains("13 units: 2 done, 11 failed, 0 not run"), "{}", ran.stdout);
    for word in [" fit", " bin ", "bins"] {
        assert!(!ran.stdout.contains(word) && !ran.stderr.contains(word), "{word}: {ran:?}");
    }
    let failures = study.product("failures.csv");
    assert_eq!(rows(&failures).len(), expected.len(), "{failures}");
    for (name, reason) in &expected {
        let row = failures.lines().find(|row| row.contains(&format!(",what={name},"))).unwrap();
        assert!(row.contains(reason), "{row}\n{reason}");
        // Not what differs from place to place.
        assert!(!row.contains("/tmp") && !row.contains(text(&study.path(""))), "{row}");
    }
    let total = ["done", "failed", "not_run", "missing", "corrupt"].map(|name| study.ledger(name));
    assert_eq!(total, [2, 11, 0, 0, 0]);
    assert_eq!(fs::read_dir(study.out.join("outputs")).unwrap().count(), 2);
    // Each reason is told, with the unit that has it.
    assert!(ran.stdout.contains("and 3 more reasons"), "{}", ran.stdout);
    assert!(ran.stdout.contains("(first: what="), "{}", ran.stdout);
    // What programs have left behind is gone.
    let children = fs::read_to_string(study.path("children")).unwrap();
    assert_eq!(children.lines().count(), 2, "{children}");
    for child in children.lines() {
        assert!(!is_alive(child), "process {child} is left");
    }
    // What was said is there to be read.
    assert_eq!(study.product("logs/methods/what=exit3.err"), "no such model\n");
}

fn is_alive(process: &str) -> bool {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with(['Z', 'X']))
}

#[test]
fn what_was_edited_after_the_plan_is_refused_by_name() {
    let study = Study::new(
        "cat \"$1\" lib/part.txt >\"$2\"",
        "run = [\"sh\", \"study.sh\", \"{input}\", \"{output}\"]\noutput = \"out.txt\"\n\
         input = \"in/{trial}.txt\"\ndepends = [\"lib/*.txt\"]\n[[grid]]\nname = \"trial\"\nfrom = 1\nto = 2\n",
    );
    let missing = study.settled("plan", &[]).ended(2);
    assert!(missing.stderr.contains("command.depends has \"lib/*.txt\""), "{}", missing.stderr);
    study.write("lib/part.txt", "part");
    study.write("in/1.txt", "one");
    let missing = study.settled("plan", &[]).ended(2);
    assert!(missing.stderr.contains("in/2.txt"), "{}", missing.stderr);
    study.write("in/2.txt", "two");
    study.settled("plan", &["--shards", "2"]).ended(0);
    study.on_results("run", &["--shard", "0"]).ended(0);
    for name in ["study.sh", "in/2.txt", "lib/part.txt"] {
        let before = fs::read_to_string(study.path(name)).unwrap();
        study.write(name, "other");
        for (command, more) in [
            ("run", &["--shard", "1"][..]),
            ("resume", &["--local"]),
            ("audit", &["--fraction", "1"]),
        ] {
            let refused = study.on_results(command, more).ended(2);
            assert!(refused.stderr.contains(name), "{command}: {}", refused.stderr);
        }
        study.write(name, &before);
    }
    study.on_results("resume", &["--local"]).ended(0);
    assert_eq!(study.product("outputs/trial=2.txt"), "twopart");
}

#[test]
fn a_variable_that_is_not_inherited_has_no_effect() {
    let study = Study::new(
        "echo \"{\\\"methods\\\": \\\"${PY_METHODS-none}\\\", \\\"threads\\\": \
         \\\"$OMP_NUM_THREADS\\\", \\\"kept\\\": \\\"$OTHER\\\"}\" >\"$1\"",
        "run = [\"sh\", \"study.sh\", \"{output}\"]\nenv_clear = [\"PY_*\"]\n",
    );
    study.settled("local", &[]).ended(0);
    let with = study.elsewhere("with");
    let variables = [("PY_METHODS", "x"), ("OMP_NUM_THREADS", "64")];
    study.settled_at("local", &with, &[], &variables).ended(0);
    assert_same(&study.out, &with, "with variables");
    let expected = "{\"methods\": \"none\", \"threads\": \"1\", \"kept\": \"\"}\n";
    assert_eq!(study.product("outputs/only.json"), expected);
    let inherited = study.elsewhere("inherited");
    study.settled_at("local", &inherited, &[], &[("OTHER", "yes")]).ended(0);
    assert!(fs::read_to_string(inherited.join("outputs/only.json")).unwrap().contains("\"yes\""));
}

#[test]
fn a_process_number_in_an_output_is_found_by_audit_unless_it_is_volatile() {
    let study = Study::new(GOOD, &[RUN, GRID, COLLECT].concat());
    study.settled("local", &[]).ended(0);
    let audit = study.on_results("audit", &["--fraction", "1"]).ended(3);
    assert!(audit.stderr.contains("these units differ: 0, 1, 2"), "{}", audit.stderr);
    let study = good();
    study.settled("local", &[]).ended(0);
    let audit = study.on_results("audit", &["--fraction", "1"]).ended(0);
    assert!(audit.stdout.contains("8              0"), "{}", audit.stdout);
    assert!(!study.product("outputs/noise=1e-8_trial=1.json").contains("pid"));
    let volatile = study.product("volatile.jsonl");
    assert!(volatile.lines().count() >= 8 && volatile.contains("/pid"), "{volatile}");
}

#[test]
fn products_are_the_same_however_it_was_cut_and_killed() {
    let study = Study::new(GOOD, &[SLOW, VOLATILE, GRID, COLLECT].concat());
    // One that fails, whatever happens.
    study.write("study.sh", &format!("[ $2 = 3 ] && [ $1 = 1e-8 ] && exit 9\n{GOOD}"));
    let undisturbed = &study.out;
    study.settled("local", &["--threads", "1"]).ended(1);
    assert_eq!(study.product("tables/scores.csv").lines().count(), 1 + 7 * 2);
    for (shards, threads) in [("7", "4"), ("7", "1"), ("1", "4")] {
        let out = study.elsewhere(&format!("{shards} {threads}"));
        study.settled_at("local", &out, &["--shards", shards, "--threads", threads], &[]).ended(1);
        assert_same(undisturbed, &out, &format!("{shards} shards, {threads} threads"));
    }
    for shards in ["1", "3"] {
        study.ran();
        let out = study.elsewhere(&format!("killed {shards}"));
        study.settled_at("plan", &out, &["--shards", shards], &[]).ended(0);
        let mut begun = Command::new(env!("CARGO_BIN_EXE_otfhpc"))
            .args(["resume", text(&out), "--local", "--threads", "1"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        wait_for_lines(&study.path("ran"), 4);
        begun.kill().unwrap();
        begun.wait().unwrap();
        assert!(!out.join("units.csv").exists());
        let merge = otfhpc(["merge", text(&out)]).ended(3);
        assert!(merge.stderr.contains("incomplete"), "{}", merge.stderr);
        // The killed one's program goes on to its own end.
        std::thread::sleep(Duration::from_millis(300));
        let before = study.ran().len();
        let resumed = otfhpc(["resume", text(&out), "--local"]).ended(1);
        assert!(!resumed.stdout.contains("fit"), "{}", resumed.stdout);
        let after = study.ran().len();
        // Seven run so far that they count; what was in hand is run once more.
        assert!(before >= 4 && (7..=8).contains(&(before + after)), "{before} and {after}");
        assert_same(undisturbed, &out, &format!("killed, {shards} shards"));
    }
}

fn wait_for_lines(path: &Path, lines: usize) {
    let start = Instant::now();
    while fs::read_to_string(path).unwrap_or_default().lines().count() < lines {
        assert!(start.elapsed() < Duration::from_secs(60), "nothing is run");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn only_failed_units_run_again_when_a_module_is_mended() {
    let study = good();
    study.write("part.sh", "[ $2 = 2 ] && { echo broken >&2; exit 1; }");
    study.write(
        "study.sh",
        &format!(
            "echo \"$1 $2\" >>ran\n. ./part.sh\n{}",
            GOOD.replace("echo \"$1 $2\" >>ran\n", "")
        ),
    );
    study.settle(&[RUN, VOLATILE, "depends = \"part.sh\"\n", GRID, COLLECT].concat());
    study.settled("local", &["--shards", "3"]).ended(1);
    assert_eq!((study.ran().len(), study.ledger("failed")), (8, 2));
    let kept = study.product("outputs/noise=1e-8_trial=1.json");
    study.write("part.sh", "");
    let refused = study.on_results("resume", &["--local"]).ended(2);
    assert!(refused.stderr.contains("part.sh"), "{}", refused.stderr);
    let told = study.on_results("resume", &["--failed", "--dry-run"]).ended(0);
    assert!(told.stdout.contains("2 units are run again\n"), "{}", told.stdout);
    let mended = study.on_results("resume", &["--failed", "--local", "--untried"]).ended(0);
    assert_eq!(study.ran(), ["0.001 2", "1e-8 2"]);
    assert!(mended.stdout.contains("6 units that it had run before are kept"), "{}", mended.stdout);
    assert_eq!((study.ledger("done"), study.ledger("failed")), (8, 0));
    assert_eq!(study.product("outputs/noise=1e-8_trial=1.json"), kept);
    assert_eq!(rows(&study.product("failures.csv")), [""; 0]);
    let fresh = study.elsewhere("fresh");
    study.settled_at("local", &fresh, &[], &[]).ended(0);
    assert_same(&fresh, &study.out, "mended");
    let nothing = study.on_results("resume", &["--failed", "--local"]).ended(0);
    assert!(nothing.stdout.contains("there is nothing to run again"), "{}", nothing.stdout);
}

#[test]
fn a_program_that_fails_at_once_is_tried_before_failed_units_run_again() {
    let study = good();
    study.write("study.sh", "echo broken >&2; exit 1");
    study.settled("local", &[]).ended(1);
    let refused = study.on_results("resume", &["--failed", "--local"]).ended(2);
    assert!(
        refused.stderr.contains("nothing was run, because a program failed"),
        "{}",
        refused.stderr
    );
    assert!(refused.stderr.contains("its standard error ends: broken"), "{}", refused.stderr);
}

#[test]
fn a_larger_study_keeps_all_results() {
    let study = good();
    study.settled("local", &["--shards", "2"]).ended(0);
    study.ran();
    let units = study.product("units.csv");
    let seeds = |units: &str| -> BTreeMap<String, String> {
        let row = |row: &str| {
            let fields: Vec<&str> = row.split(',').collect();
            (fields[1].to_owned(), fields[5].to_owned())
        };
        rows(units).into_iter().map(row).collect()
    };
    let grown = GRID.replace("to = 4", "to = 6").replace("[1e-8,", "[0.5, 1e-8,");
    study.settle(&[RUN, VOLATILE, &grown, COLLECT].concat());
    study.settled("plan", &[]).ended(2);
    let extended = study.settled("plan", &["--extend", "--shards", "4"]).ended(0);
    let told = "8 units of the earlier plan";
    assert!(extended.stdout.contains(told), "{}", extended.stdout);
    assert!(extended.stdout.contains("are kept, 10 are to be run"), "{}", extended.stdout);
    study.on_results("resume", &["--local"]).ended(0);
    assert_eq!(study.ran().len(), 10);
    let (few, many) = (seeds(&units), seeds(&study.product("units.csv")));
    assert_eq!(many.len(), 18);
    assert!(few.iter().all(|(label, seed)| many[label] == *seed), "{few:?}\n{many:?}");
    let fresh = study.elsewhere("fresh");
    study.settled_at("local", &fresh, &[], &[]).ended(0);
    assert_same(&fresh, &study.out, "extended");
    // Back again is no larger study, and says so in the words of this one.
    study.settle(&[RUN, VOLATILE, GRID, COLLECT].concat());
    let refused = study.settled("plan", &["--extend"]).ended(2);
    assert!(refused.stderr.contains("noise=0.5 trial=1 is missing"), "{}", refused.stderr);
    assert!(!refused.stderr.contains("bins"), "{}", refused.stderr);
}

#[test]
fn a_preview_has_the_rows_so_far_and_no_name_of_a_product() {
    let study = good();
    study.settled("plan", &["--shards", "4"]).ended(0);
    study.on_results("run", &["--shard", "1-2"]).ended(0);
    let names = || -> Vec<String> { products(&study.out).into_keys().collect() };
    assert_eq!(names(), [""; 0]);
    let preview = study.on_results("preview", &[]).ended(0);
    assert!(preview.stdout.contains("4 of 8 units: incomplete"), "{}", preview.stdout);
    assert!(names().iter().all(|name| name.starts_with("preview-")), "{:?}", names());
    let table = study.product("preview-tables-scores.csv");
    assert_eq!(table.lines().count(), 1 + 4 * 2, "{table}");
    assert_eq!(rows(&study.product("preview-units.csv")).len(), 4);
    study.on_results("run", &["--shard", "0,3"]).ended(0);
    let preview = study.on_results("preview", &[]).ended(0);
    assert!(preview.stdout.contains("8 of 8 units: all are there"), "{}", preview.stdout);
    study.on_results("resume", &["--local"]).ended(0);
    assert!(!names().iter().any(|name| name.starts_with("preview-")), "{:?}", names());
}

#[test]
fn a_preview_that_cannot_be_told_is_an_error() {
    let study = good();
    study.settled("plan", &["--shards", "4"]).ended(0);
    study.on_results("run", &["--shard", "1"]).ended(0);
    let (program, out) = (env!("CARGO_BIN_EXE_otfhpc"), study.path("results"));
    fs::rename(&study.out, &out).unwrap();
    let ran = shell(&format!("'{program}' preview '{}' >/dev/full", out.display())).ended(2);
    assert_eq!(ran.stderr.matches("cannot write to standard output").count(), 1, "{ran:?}");
}

#[test]
fn what_is_not_run_by_a_rule_is_told_and_can_be_taken_back() {
    let study = good();
    let settings = |stop: &str| format!("{RUN}output = \"x.txt\"\n{GRID}[stop]\n{stop}\n");
    study.settle(&settings("max_failures = 2"));
    study.write("study.sh", "[ -e mended ] || exit 4\necho x >\"$4\"\n");
    let stopped = study.settled("local", &["--threads", "1"]).ended(1);
    assert!(stopped.stdout.contains("8 units: 0 done, 3 failed, 5 not run"), "{}", stopped.stdout);
    let reason = "not run: stop.max_failures is 2, and 3 units failed";
    assert!(
        stopped.stdout.contains(&format!("5 units: {reason} (first: noise=1e-8 trial=4)")),
        "{}",
        stopped.stdout
    );
    assert_eq!((study.ledger("failed"), study.ledger("not_run")), (3, 5));
    let failures = study.product("failures.csv");
    assert_eq!(failures.matches(reason).count(), 5, "{failures}");
    study.write("mended", "");
    let again = study.on_results("resume", &["--failed", "--local"]).ended(0);
    assert!(again.stdout.contains("8 units are run again"), "{}", again.stdout);
    assert_eq!(study.ledger("done"), 8);
    // A rule may change in a larger study: what was not run is run then.
    let other = study.elsewhere("budget");
    study.settle(&settings("budget_seconds = 1e-9"));
    let none = study.settled_at("local", &other, &[], &[]).ended(0);
    assert!(
        none.stdout.contains("8 units: not run: stop.budget_seconds is 0.000000001"),
        "{}",
        none.stdout
    );
    study.settle(&settings("budget_seconds = 1e9"));
    study.settled_at("plan", &other, &["--extend"], &[]).ended(0);
    otfhpc(["resume", text(&other), "--local"]).ended(0);
    assert_eq!(fs::read_dir(other.join("outputs")).unwrap().count(), 8);
}

#[test]
fn a_study_ends_when_it_came_to_its_target() {
    let study = Study::new(
        "printf '{\"error\": %s}' $(echo $1 | tr 123 963) >\"$2\"",
        "run = [\"sh\", \"study.sh\", \"{trial}\", \"{output}\"]\n[[grid]]\nname = \"trial\"\nfrom = 1\n\
         to = 8\n[stop]\nstop_when = \"/error < 4\"\n",
    );
    let ended = study.settled("local", &["--threads", "1"]).ended(0);
    assert!(ended.stdout.contains("3 done, 0 failed, 5 not run"), "{}", ended.stdout);
    let reason = "not run: stop.stop_when: a unit came to /error < 4";
    assert!(ended.stdout.contains(reason), "{}", ended.stdout);
    // No rule leaves out what is audited, and what was left out is not audited.
    let audit = study.on_results("audit", &["--fraction", "1"]).ended(0);
    assert!(audit.stdout.contains("3              0"), "{}", audit.stdout);
}

#[test]
fn a_unit_that_outlasts_its_job_is_warned_of() {
    let study = good();
    let plan = study.settled("plan", &["--set", "slurm.time=00:10:00"]).ended(0);
    assert!(plan.stdout.contains("warning: one unit may take 3600 s"), "{}", plan.stdout);
    let longer = ["--replace", "--set", "slurm.time=02:00:00"];
    let plan = study.settled("plan", &longer).ended(0);
    assert!(!plan.stdout.contains("one unit may take"), "{}", plan.stdout);
}

#[test]
fn a_reduction_that_fails_loses_nothing_and_can_be_mended() {
    let study = good();
    let reduce = "[reduce]\nrun = [\"sh\", \"tables.sh\", \"{outputs}\", \"{output_folder}\"]\n";
    study.settle(&[RUN, VOLATILE, GRID, COLLECT, reduce].concat());
    study.write("tables.sh", "echo half >\"$2/count\"; echo 'no such column' >&2; exit 5");
    let failed = study.settled("local", &[]).ended(1);
    assert!(failed.stderr.contains("reduce.run failed"), "{}", failed.stderr);
    assert!(failed.stderr.contains("no such column"), "{}", failed.stderr);
    assert_eq!(study.ledger("done"), 8);
    assert!(study.out.join("tables/scores.csv").exists() && !study.out.join("reduced").exists());
    study.ran();
    study.write("tables.sh", "ls \"$1\" | wc -l >\"$2/count\"");
    study.on_results("merge", &[]).ended(0);
    assert_eq!(study.product("reduced/count").trim(), "8");
    assert_eq!(study.ran(), [""; 0]);
    // The program runs elsewhere than the merge: a relative folder of results is as good.
    fs::remove_file(study.out.join("reduced/count")).unwrap();
    otfhpc_in(&study.out, ["merge", "."]).ended(0);
    assert_eq!(study.product("reduced/count").trim(), "8");
}

#[test]
fn the_settings_in_the_documentation_are_settings() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/STUDIES.md");
    let manual = fs::read_to_string(path).unwrap();
    let block = manual.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let study = CommandStudy::new(&toml::from_str(block).unwrap()).unwrap();
    assert_eq!(study.units(), 2 * 3 * 2 + 1);
    let ours = Path::new(env!("CARGO_MANIFEST_DIR")).join("configs/differentiation.toml");
    let settings = CommandWork::settings(&Given::read(None, &[ours], &[]).unwrap()).unwrap();
    assert_eq!(CommandStudy::new(&settings).unwrap().units(), 21);
}

#[test]
fn products_of_an_earlier_merge_go_when_a_plan_takes_their_place() {
    let study = good();
    study.settled("local", &[]).ended(0);
    study.settle(&[RUN, "timeout_seconds = 7\n", GRID].concat());
    let refused = study.settled("plan", &[]).ended(2);
    assert!(refused.stderr.contains("--replace"), "{}", refused.stderr);
    study.settled("plan", &["--replace"]).ended(0);
    assert!(products(&study.out).is_empty(), "{:?}", products(&study.out).keys());
    assert!(study.out.join("aside/tables.1/scores.csv").exists());
}
