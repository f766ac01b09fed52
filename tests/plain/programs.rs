//! External programs as methods of a study: what goes wrong with one loses its units and no other.
#![allow(clippy::unwrap_used)] // helpers of tests fail as the tests themselves do

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::support::program::{
    Ran, SMALL, assert_same, otfhpc, otfhpc_in, otfhpc_with, products, text,
};
use num_complex::Complex64;
use otfhpc::foundations::npz::write_npz;
use rustix::process::{Pid, Signal, kill_process};
use tempfile::{TempDir, tempdir};

/// A folder with stand-ins for programs.
struct Stage(TempDir);

impl Stage {
    /// The output that a good program would leave for bins 5 to 9 stands ready.
    fn new() -> Self {
        let stage = Self(tempdir().unwrap());
        let values = vec![Complex64::new(0.5, -0.25); 5 * 7];
        write_npz(&stage.path("good.npz"), |npz| npz.add("emissivity", (5, 7), &values)).unwrap();
        stage
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// A method that is a shell script; `$1` is its input, `$2` its output, `$S` this folder.
    fn method(&self, name: &str, timeout: f64, script: &str) -> String {
        let file = self.path(name);
        let folder = text(self.0.path());
        std::fs::write(&file, format!("S='{folder}'\n{script}\n")).unwrap();
        format!(
            "{{name=\"{name}\",command=[\"sh\",\"{}\"],timeout_seconds={timeout}}}",
            text(&file)
        )
    }

    fn lines(&self, name: &str) -> Vec<String> {
        let text = std::fs::read_to_string(self.path(name)).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }
}

const GOOD: &str = "cp \"$S/good.npz\" \"$2\"";

/// The settings of a study of `wls` and some programs, at two noise levels.
fn study(programs: &[String], methods: &str) -> Vec<String> {
    let settings = [
        format!("method=[{}]", programs.join(",")),
        format!("fit.methods={methods}"),
        "fit.bins=5-9".into(),
        "study.noise_levels=[0.01,0.1]".into(),
    ];
    let settings = settings.map(|setting| format!("--set={setting}"));
    SMALL.map(String::from).into_iter().chain(settings).collect()
}

fn local(out: &Path, study: &[String], more: &[&str]) -> Ran {
    let start = ["local", "--out", text(out)];
    otfhpc(start.into_iter().chain(study.iter().map(String::as_str)).chain(more.iter().copied()))
}

fn rows(out: &Path, name: &str) -> Vec<csv::StringRecord> {
    let mut reader = csv::Reader::from_path(out.join(name)).unwrap();
    reader.records().map(Result::unwrap).collect()
}

/// Units that ended so, by method: converged, not converged, failed.
fn counts(out: &Path, method: &str) -> [u64; 3] {
    let mut reader = csv::Reader::from_path(out.join("configurations.csv")).unwrap();
    let header = reader.headers().unwrap().clone();
    let column = |name: &str| header.iter().position(|h| h == name).unwrap();
    let names = ["converged", "not_converged", "failed"].map(column);
    let mut sums = [0; 3];
    for row in reader.records().map(Result::unwrap) {
        if &row[column("method")] == method {
            sums.iter_mut().zip(names).for_each(|(s, c)| *s += row[c].parse::<u64>().unwrap());
        }
    }
    sums
}

#[test]
fn what_goes_wrong_with_a_program_loses_its_units_only() {
    let stage = Stage::new();
    let programs = [
        stage.method("good", 60.0, GOOD),
        stage.method("sleeps", 1.0, "sleep 1000 & wait"),
        stage.method("crashes", 60.0, "echo lost the thread >&2; kill -SEGV $$"),
        stage.method("gives_up", 60.0, "echo no idea >&2; exit 3"),
        stage.method("silent", 60.0, "exit 0"),
        "{name=\"missing\",command=[\"no-such-program\"]}".into(),
    ];
    let study = study(&programs, r#"["all"]"#);
    let out = stage.path("results");
    let started = Instant::now();
    let ran = local(&out, &study, &["--set=fit.options.lad.max_iterations=9"]).ended(1);
    assert!(started.elapsed() < Duration::from_secs(60));
    assert_eq!(counts(&out, "good"), [10, 0, 0]);
    assert_eq!(counts(&out, "wls"), [10, 0, 0]);
    for method in ["sleeps", "crashes", "gives_up", "silent", "missing"] {
        assert_eq!(counts(&out, method), [0, 0, 10], "{method}");
    }
    let reasons: Vec<String> = rows(&out, "failures.csv").iter().map(|r| r[4].into()).collect();
    for expected in [
        "did not end within 1 s",
        "signal: 11",
        "lost the thread",
        "exit status: 3",
        "no idea",
        "there is no output.npz",
        "`no-such-program`: cannot be started",
    ] {
        assert!(reasons.iter().any(|reason| reason.contains(expected)), "{expected}: {reasons:?}");
    }
    assert!(ran.stdout.contains("no idea"), "{}", ran.stdout);
    let logs = std::fs::read_dir(out.join("logs/methods")).unwrap().map(|log| log.unwrap().path());
    let of_one = |path: &PathBuf| text(path).contains("gives_up-") && text(path).ends_with(".err");
    let said: Vec<PathBuf> = logs.filter(of_one).collect();
    assert_eq!(said.len(), 2, "one for each configuration");
    assert_eq!(std::fs::read_to_string(&said[0]).unwrap(), "no idea\n");
}

/// As a colleague might who sees a program eat the machine.
#[test]
fn killing_the_program_of_one_configuration_loses_its_units_only() {
    let stage = Stage::new();
    let first = "if mkdir \"$S/first\"; then echo $$ >\"$S/pid\"; sleep 1000; fi";
    let programs = [stage.method("victim", 60.0, &format!("{first}\n{GOOD}"))];
    let study = study(&programs, r#"["wls","victim"]"#);
    let out = stage.path("results");
    std::thread::scope(|scope| {
        let run = scope.spawn(|| local(&out, &study, &["--external-jobs", "1"]));
        let deadline = Instant::now() + Duration::from_secs(60);
        let pid = loop {
            assert!(Instant::now() < deadline, "the program was not started");
            if let Some(Ok(pid)) = stage.lines("pid").first().map(|line| line.parse()) {
                break Pid::from_raw(pid).unwrap();
            }
            std::thread::sleep(Duration::from_millis(10));
        };
        kill_process(pid, Signal::KILL).unwrap();
        run.join().unwrap().ended(1);
    });
    assert_eq!(counts(&out, "victim"), [5, 0, 5]);
    assert_eq!(counts(&out, "wls"), [10, 0, 0]);
    let failures = rows(&out, "failures.csv");
    assert_eq!(failures.len(), 1, "{failures:?}");
    assert!(failures[0][4].contains("signal: 9"), "{failures:?}");
}

#[test]
fn no_more_programs_run_at_once_than_were_asked_for() {
    let stage = Stage::new();
    // Each counts those that run, itself included.
    let script = "touch \"$S/running/$$\"; sleep 0.3; ls \"$S/running\" | wc -l >>\"$S/counts\"\n\
                  rm \"$S/running/$$\"";
    let programs = [stage.method("crowd", 60.0, &format!("{script}\n{GOOD}"))];
    std::fs::create_dir(stage.path("running")).unwrap();
    let mut study = study(&programs, r#"["wls","crowd"]"#);
    study.push("--set=study.trials=3".into());
    let most = |more: &[&str], variables: &[(&str, &str)]| {
        let _ = std::fs::remove_file(stage.path("counts"));
        let out = stage.path("results");
        let _ = std::fs::remove_dir_all(&out);
        let arguments = ["local", "--out", text(&out), "--threads", "4"];
        let study = study.iter().map(String::as_str);
        otfhpc_with(variables, arguments.into_iter().chain(study).chain(more.iter().copied()))
            .ended(0);
        let counts = stage.lines("counts");
        assert_eq!(counts.len(), 6, "once for each configuration");
        counts.iter().map(|count| count.trim().parse::<u32>().unwrap()).max().unwrap()
    };
    assert_eq!(most(&["--external-jobs", "1"], &[]), 1);
    assert_eq!(most(&[], &[("OTFHPC_EXTERNAL_JOBS", "2")]), 2);
    assert_eq!(most(&["--external-jobs", "1"], &[("OTFHPC_EXTERNAL_JOBS", "4")]), 1);
    assert!(most(&[], &[]) > 2, "as many as there are threads");
}

#[test]
fn a_study_with_programs_has_the_same_bytes_however_it_is_cut() {
    let stage = Stage::new();
    let programs = [
        stage.method("good", 60.0, GOOD),
        stage.method("fails", 60.0, "echo \"$1 is too hard\" >&2; exit 1"),
    ];
    let study = study(&programs, r#"["good","ols","fails","wls"]"#);
    let whole = stage.path("whole");
    local(&whole, &study, &["--threads", "1"]).ended(1);
    for (shards, threads, jobs) in [("2", "2", "1"), ("7", "3", "2"), ("24", "2", "2")] {
        let out = stage.path(&format!("cut-{shards}"));
        let cut = ["--shards", shards, "--threads", threads, "--external-jobs", jobs];
        local(&out, &study, &cut).ended(1);
        assert_same(&products(&whole), &products(&out), &format!("{shards} shards"));
    }
    // 2 levels x (2 methods x 5 bins + 2 programs).
    let refused = local(&stage.path("too-many"), &study, &["--shards", "25"]).ended(2);
    assert!(refused.stderr.contains("only 24 pieces"), "{}", refused.stderr);
}

#[test]
fn a_script_that_changed_is_another_input() {
    let stage = Stage::new();
    let programs = [stage.method("good", 60.0, GOOD)];
    let study = study(&programs, r#"["good"]"#);
    let out = stage.path("results");
    let plan = ["plan", "--out", text(&out), "--shards", "1"];
    otfhpc(plan.into_iter().chain(study.iter().map(String::as_str))).ended(0);
    std::fs::write(stage.path("good"), "exit 1\n").unwrap();
    let refused = otfhpc(["run", text(&out), "--shard", "0"]).ended(2);
    assert!(refused.stderr.contains("this input changed"), "{}", refused.stderr);
}

/// However a program is named: by a bare name in the folder of the run, too.
#[test]
fn a_program_that_changed_is_another_input_by_whatever_name() {
    let stage = Stage::new();
    let folder = stage.0.path();
    stage.method("good", 60.0, GOOD);
    let method = |first: &str, file: &str| {
        format!("--set=method=[{{name=\"a\",command=[\"{first}\",\"{file}\"]}}]")
    };
    std::os::unix::fs::symlink("/bin/sh", stage.path("python")).unwrap();
    // A file here with the name of a program on the PATH is not that program.
    std::fs::write(stage.path("sh"), "not a program").unwrap();
    for (first, file) in [("sh", "good"), ("sh", "./good"), ("./python", "good")] {
        let method = method(first, file);
        let plan = ["plan", "--out=out", "--replace", "--shards=1", &method, "--set=fit.methods=a"];
        let plan = plan.iter().chain(&SMALL).chain(&["--set=fit.bins=5-9"]);
        let again = || otfhpc_in(folder, plan.clone()).ended(0);
        again();
        let out = stage.path("out");
        let json = std::fs::read_to_string(out.join("plan.json")).unwrap();
        assert!(json.contains(&format!("\"{}\"", text(&stage.path("good")))), "{json}");
        // The link that a virtual environment has as its interpreter stays one.
        assert_eq!(json.contains(text(&stage.path("python"))), first != "sh", "{json}");
        let program = std::fs::read(stage.path("good")).unwrap();
        std::fs::write(stage.path("good"), "exit 1\n").unwrap();
        let run = ["run", text(&out), "--shard", "0"];
        let resume = otfhpc(["resume", text(&out), "--local"]);
        for refused in [otfhpc(run), resume, otfhpc(["merge", text(&out)])] {
            let error = refused.ended(2).stderr;
            assert!(error.contains("good: this input changed since the plan"), "{error}");
        }
        std::fs::write(stage.path("good"), program).unwrap();
        // From another folder the same file is run.
        otfhpc(run).ended(0);
        assert_eq!(otfhpc(["merge", text(&out)]).ended(0).code, Some(0));
    }
}

/// A program that writes into the results folder costs no result, and is not passed over in silence.
#[test]
fn a_program_that_changes_a_state_file_of_the_run_is_noticed() {
    let stage = Stage::new();
    let out = stage.path("results");
    let harmless = study(&[stage.method("good", 60.0, GOOD)], r#"["wls","good"]"#);
    local(&out, &harmless, &[]).ended(0);
    let expected = products(&out);
    let meanwhile = "somebody else changed or removed it meanwhile";
    for (harm, says) in [
        ("echo >>journals/shard-00000.journal", [meanwhile, "the journal is not whole"]),
        ("rm -f journals/shard-00000.journal", [meanwhile, "shard-00000.journal"]),
        ("rm -f journals/shard-00000.lock", [meanwhile, "shard-00000.lock"]),
        ("rm -f plan.json", [meanwhile, "plan.json"]),
        ("echo >plan.json", ["warning: ", "plan.json: not a plan"]),
        ("sed -i s/records/Records/ plan.json", ["warning: ", "plan.json"]),
        ("mkdir -p partials; echo >partials/shard-00000.bin", ["1 damaged partial", "aside"]),
    ] {
        std::fs::remove_dir_all(&out).unwrap();
        // The same file, so that the plan is the same; the harm is done where a file says so.
        std::fs::write(stage.path("harm"), format!("cd \"$S/results\" && {harm}\n")).unwrap();
        let script = format!("{GOOD}; if [ -e \"$S/harm\" ]; then . \"$S/harm\"; fi");
        let harmful = study(&[stage.method("good", 60.0, &script)], r#"["wls","good"]"#);
        let plan = ["plan", "--no-probe", "--shards=1", "--out", text(&out)];
        let plan = || otfhpc(plan.into_iter().chain(harmful.iter().map(String::as_str)));
        plan().ended(0);
        let ran = otfhpc(["run", text(&out), "--shard=0"]).ended(0);
        let said = ran.stderr.clone() + &ran.stdout;
        assert!(says.iter().all(|part| said.contains(part)), "{harm}: {ran:?}");
        std::fs::remove_file(stage.path("harm")).unwrap();
        // Nothing is lost: what was changed is made again, and what was fitted is there.
        plan().ended(0);
        let again = otfhpc(["run", text(&out), "--shard=0"]).ended(0);
        assert!(again.stderr.contains("already complete"), "{harm}: {again:?}");
        otfhpc(["merge", text(&out)]).ended(0);
        let found = products(&out);
        assert_eq!(found["solution.npz"], expected["solution.npz"], "{harm}");
    }
}
