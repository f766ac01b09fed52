use std::cell::RefCell;
use std::fs;
use std::path::PathBuf;

use super::*;

/// A study whose program is a shell script, and the folders that it is run with.
struct Place {
    folder: tempfile::TempDir,
    study: CommandStudy,
}

impl Place {
    /// `script` is given the output as `$1`; `settings` are further lines, of `[command]` first.
    fn with(script: &str, settings: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for name in ["scratch", "here"] {
            fs::create_dir(folder.path().join(name)).unwrap();
        }
        let path = folder.path().join("here/program.sh");
        fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        let directory = folder.path().join("here");
        let text = format!(
            "workload=\"command\"\n[command]\nrun=[\"sh\", \"program.sh\", \"{{output}}\"]\n\
             directory={directory:?}\n{settings}\n"
        );
        let study = CommandStudy::new(&toml::from_str(&text).unwrap()).unwrap();
        Self { folder, study }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn run_unless(&self, unit: u64, stop: &dyn Fn() -> bool) -> Option<Envelope> {
        let (logs, scratch) = (self.path("logs"), self.path("scratch"));
        let envelope = run(&self.study, unit, &RunContext { stop, logs: &logs, scratch: &scratch });
        let left = fs::read_dir(&scratch).unwrap().count();
        assert_eq!(left, 0, "the private folder stays");
        envelope
    }

    fn run(&self, unit: u64) -> Envelope {
        self.run_unless(unit, &|| false).unwrap()
    }

    fn done(&self, unit: u64) -> Body {
        let envelope = self.run(unit);
        assert_eq!(envelope.reason, None);
        Body::decode(&envelope.body).unwrap()
    }

    /// The main output as text.
    fn output(&self, unit: u64) -> String {
        String::from_utf8(self.done(unit).files.remove(0).bytes).unwrap()
    }

    fn reason(&self) -> String {
        let envelope = self.run(0);
        assert_eq!(envelope.status, UnitStatus::Failed);
        let reason = envelope.reason.unwrap();
        let folder = self.folder.path().to_str().unwrap();
        assert!(!reason.contains(folder) && !reason.contains('\n'), "{reason}");
        reason
    }

    fn log(&self, name: &str) -> String {
        fs::read_to_string(self.path("logs").join(name)).unwrap()
    }
}

#[track_caller]
fn assert_reason(script: &str, settings: &str, expected: &str) {
    let reason = Place::with(script, settings).reason();
    assert!(reason.starts_with(expected), "{reason}\n{expected}");
}

fn is_alive(pid: &str) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with(['Z', 'X']))
}

/// Another process writes it: a file that any process has open to write cannot be started, and a
/// process that another thread starts here has all files open for a moment.
fn make_program(path: &Path, text: &str, mode: &str) {
    let source = path.with_extension("source");
    fs::write(&source, text).unwrap();
    let made = Command::new("install").args(["-m", mode]).args([&source, path]).status();
    assert!(made.unwrap().success());
}

#[track_caller]
fn assert_gone(pids: &str) {
    let start = Instant::now();
    assert!(!pids.trim().is_empty());
    while pids.split_whitespace().any(is_alive) {
        assert!(start.elapsed() < Duration::from_secs(2), "{pids}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

const GOOD: &str = "echo '{\"methods\": {\"gp\": 1e-8}}' >\"$1\"";

#[test]
fn an_output_is_kept_byte_for_byte() {
    let place = Place::with("printf ' {\"a\": 1e-8, \"b\": NaN,\"c\":1.50 }\\n\\n' >\"$1\"", "");
    assert_eq!(place.output(0), " {\"a\": 1e-8, \"b\": NaN,\"c\":1.50 }\n\n");
    let aside = Aside::decode(&place.run(0).aside).unwrap();
    assert!(aside.seconds > 0.0 && aside.attempts == 1 && aside.volatile.is_empty());
    // Logs of a program that says nothing do not litter the folder.
    assert_eq!(fs::read_dir(place.path("logs")).unwrap().count(), 0);
}

#[test]
fn every_way_to_fail_has_its_own_reason() {
    let quiet = "; it wrote nothing to its standard output and error";
    let program = "`sh program.sh {output}`";
    for (script, settings, expected) in [
        (
            "echo hello; echo \"no such thing: $1\" >&2; exit 3",
            "",
            format!(
                "{program} ended with exit status: 3: expected exit status: 0; its standard error \
                 ends: no such thing: output.json"
            ),
        ),
        (
            "kill -9 $$",
            "",
            format!("{program} ended with signal: 9 (SIGKILL): expected exit status: 0{quiet}"),
        ),
        (
            "exit 137",
            "",
            format!("{program} ended with exit status: 137 (as shells say of signal 9): expected"),
        ),
        (
            "sleep 100",
            "timeout_seconds = 0.3",
            format!("{program} did not end within 0.3 s and was killed: give it a longer"),
        ),
        (
            "trap '' TERM INT HUP; while :; do sleep 100; done",
            "timeout_seconds = 0.3",
            format!("{program} did not end within 0.3 s and was killed: give it a longer"),
        ),
        (
            "exit 0",
            "",
            format!(
                "no output.json in the folder of its outputs, though it ended as it should: it wrote \
                 no file there{quiet}"
            ),
        ),
        (
            "cd $(dirname $1); touch b a; mkdir c; touch c/d",
            "",
            "no output.json in the folder of its outputs, though it ended as it should: it wrote \
             a, b, c/d; it"
                .into(),
        ),
        (
            "cp program.sh old.json; touch -d 2001-01-01 old.json; cp -p old.json $1",
            "",
            "output.json was written before the program started: an old output is no result".into(),
        ),
        (": >$1", "", "output.json is empty, though the program ended as it should".into()),
        ("echo >$1", "", "output.json is empty, though the program ended as it should".into()),
        (
            "printf '{\"methods\": {\"gp\":\\n 1.' >$1",
            "",
            "output.json ends in the middle, at line 2 column 4".into(),
        ),
        (
            "echo '{\"methods\": nan}' >$1",
            "",
            "output.json is not JSON: expected a value, found `n` at line 1 column 13".into(),
        ),
        (
            GOOD,
            "require = [\"/methods\", \"/methods/*/x\"]",
            "output.json has no /methods/*/x, which command.require names".into(),
        ),
        (
            GOOD,
            "output_bytes = 10",
            "output.json has 26 bytes and begins \"{\\\"methods\\\"".into(),
        ),
        (
            "truncate -s 100G $1",
            "",
            "output.json has 107374182400 bytes and begins \"\\0\\0\\0".into(),
        ),
        ("ln -s /etc/hostname $1", "", "output.json is a link: expected a file".into()),
        ("mkfifo $1", "", "output.json is a FIFO: expected a file".into()),
        ("mkdir $1", "", "output.json is a folder: expected a file".into()),
        (
            GOOD,
            "[collect]\ntables = \"t.csv\"",
            "no t.csv in the folder of its outputs, though it ended as it should: it wrote \
             output.json;"
                .into(),
        ),
    ] {
        let start = Instant::now();
        assert_reason(script, settings, &expected);
        assert!(start.elapsed() < Duration::from_secs(10), "{script}");
    }
}

#[test]
fn half_a_table_is_refused_and_so_are_too_few_rows() {
    let csv = "output = \"o.csv\"";
    for (text, settings, expected) in [
        ("a,b\\n1,2\\n3", csv, "o.csv ends in the middle of line 3"),
        ("a,b\\n1,2\\n3\\n", csv, "o.csv has 1 values on line 3: expected 2"),
        ("a,b\\n1,2\\n", "output = \"o.csv\"\nrequire = \"column:c\"", "no column \"c\", which"),
        (
            "a,b\\n1,2\\n",
            "output = \"o.csv\"\n[collect]\ntables = \"o.csv\"\nexpected_rows = 2",
            "o.csv has 1 row: expected 2 or more (collect.expected_rows)",
        ),
    ] {
        assert_reason(&format!("printf '{text}' >$1"), settings, expected);
    }
    assert_eq!(Place::with("printf 'a,b\\n1,2\\n' >$1", csv).output(0), "a,b\n1,2\n");
}

#[test]
fn a_second_table_need_not_have_the_rows_of_the_first() {
    let settings = "[collect]\ntables = [\"r.csv\", \"errors.csv\"]\n\
                    row_key = [\"m\"]\nexpected_rows = 2";
    let script = |rows: &str| {
        format!("cd $OTFHPC_OUTPUT_FOLDER; printf 'm,x\\n{rows}' >r.csv; printf 'e\\n' >errors.csv")
    };
    let run = |rows: &str| {
        let place = Place::with("", settings);
        let mut settings = place.study.settings().clone();
        settings.command.run = vec!["sh".into(), "-c".into(), script(rows)];
        settings.command.output = String::new();
        Place { study: CommandStudy::new(&settings).unwrap(), ..place }
    };
    let body = run("a,1\\nb,2\\n").done(0);
    let names: Vec<&str> = body.files.iter().map(|file| file.name.as_str()).collect();
    assert_eq!(names, [".nothing", "errors.csv", "r.csv"]);
    let few = run("a,1\\n").reason();
    assert!(
        few.starts_with("r.csv has 1 row: expected 2 or more (collect.expected_rows)"),
        "{few}"
    );
}

#[test]
fn a_program_without_an_output_is_done_by_its_exit_code() {
    let place = Place::with(GOOD, "");
    let with = |run: &str| {
        let mut settings = place.study.settings().clone();
        settings.command.run = vec![run.into()];
        settings.command.output = String::new();
        let study = CommandStudy::new(&settings).unwrap();
        let (logs, scratch) = (place.path("logs"), place.path("scratch"));
        let context = RunContext { stop: &|| false, logs: &logs, scratch: &scratch };
        run_once(&study, &context)
    };
    let run = with("true");
    assert_eq!(run.status, UnitStatus::Done);
    assert!(Body::decode(&run.body).unwrap().main().unwrap().bytes.is_empty());
    assert_eq!(with("false").status, UnitStatus::Failed);
}

fn run_once(study: &CommandStudy, context: &RunContext<'_>) -> Envelope {
    run(study, 0, context).unwrap()
}

#[test]
fn what_cannot_be_started_is_named() {
    let place = |run: &str, mode: &str| {
        let place = Place::with(GOOD, "");
        make_program(&place.path("here/plain"), "#!/no/such/shell\n", mode);
        let mut settings = place.study.settings().clone();
        settings.command.run = vec![run.into()];
        Place { study: CommandStudy::new(&settings).unwrap(), ..place }
    };
    let missing = place("no-such-program", "600").reason();
    assert!(missing.starts_with("`no-such-program` cannot be started: No such file"), "{missing}");
    let shell = place("./plain", "700").reason();
    assert!(
        shell.contains("plain` cannot be started: No such file")
            && shell.contains("whose interpreter")
    );
    let denied = place("./plain", "600").reason();
    assert!(denied.contains("plain` cannot be started: Permission denied"), "{denied}");
    assert!(denied.contains("chmod +x"), "{denied}");
    let gone = place("true", "600");
    fs::remove_dir_all(gone.path("here")).unwrap();
    let envelope = gone.run(0);
    assert!(envelope.reason.unwrap().contains("is not there: set command.directory"));
}

#[test]
fn placeholders_and_variables_say_the_same() {
    let settings = "env = { MINE = \"{noise.value} {trial.index} {seed}\" }\nthreads = 3\n\
                    input = \"in_{trial}.json\"\n\
                    [[grid]]\nname = \"noise\"\nvalues = [{ value = 1e-3, label = \"low\" }]\n\
                    [[grid]]\nname = \"trial\"\nfrom = 7\nto = 8\n";
    let script = "printf '{\"all\": \"%s|%s|%s|%s|%s|%s|%s|%s|%s|%s\"}' \"$MINE\" $OTFHPC_NOISE \
                  $OTFHPC_TRIAL $OTFHPC_TRIAL_INDEX $OTFHPC_SEED $OTFHPC_UNIT $OTFHPC_ATTEMPT \
                  $OTFHPC_THREADS $OMP_NUM_THREADS ${OTFHPC_INPUT##*/} >$1\n\
                  test \"$1\" = $OTFHPC_OUTPUT && test $OTFHPC_OUTPUT_FOLDER/output.json = $1 && \
                  test \"$(ls $OTFHPC_SCRATCH)\" = outputs && test $(ls $OTFHPC_OUTPUT_FOLDER) = output.json && \
                  test $PYTHONHASHSEED = 0 && ! read line";
    let place = Place::with(script, settings);
    let seed = place.study.seed(1);
    let expected = format!("{{\"all\": \"0.001 1 {seed}|low|8|1|{seed}|1|1|3|3|in_8.json\"}}");
    assert_eq!(place.output(1), expected);
}

#[test]
fn what_is_volatile_is_kept_aside() {
    let script = "echo \"{\\\"timing\\\": 0.$$, \\\"methods\\\": {\\\"gp\\\": {\\\"timing\\\": $$, \
                  \\\"x\\\": 1e-8}}}\" >$1; cd $(dirname $1); printf \"a,timing\\n1.0,$$\\n\" >t.csv; \
                  echo y >a.png; mkdir plots; echo z >plots/b.png; echo w >other; echo >.hidden";
    let settings = "volatile = [\"/methods/*/timing\", \"/timing\", \"column:timing\"]\n\
                    [collect]\ntables = \"t.csv\"\nfiles = [\"*.png\", \"plots/*\"]";
    let place = Place::with(script, settings);
    let (one, two) = (place.run(0), place.run(0));
    assert!(place.study.is_same(&one, &two) && one.aside != two.aside);
    let body = Body::decode(&one.body).unwrap();
    let files: Vec<(&str, &str)> = body
        .files
        .iter()
        .map(|file| (file.name.as_str(), std::str::from_utf8(&file.bytes).unwrap()))
        .collect();
    let expected = [
        ("output.json", "{\"methods\": {\"gp\": {\"x\": 1e-8}}}\n"),
        ("a.png", "y\n"),
        ("plots/b.png", "z\n"),
        ("t.csv", "a\n1.0\n"),
    ];
    assert_eq!(files, expected);
    let aside = Aside::decode(&one.aside).unwrap();
    let places: Vec<(&str, &str)> =
        aside.volatile.iter().map(|taken| (taken.file.as_str(), taken.place.as_str())).collect();
    let expected = [
        ("output.json", "/timing"),
        ("output.json", "/methods/gp/timing"),
        ("t.csv", "column:timing"),
    ];
    assert_eq!(places, expected);
    assert!(aside.volatile[2].text.starts_with("timing\n"));
}

#[test]
fn a_process_number_in_an_output_is_seen() {
    let place = Place::with("echo \"{\\\"a\\\": $$}\" >$1", "");
    assert!(!place.study.is_same(&place.run(0), &place.run(0)));
}

#[test]
fn a_signal_and_a_timeout_are_tried_again_and_an_exit_code_is_not() {
    for (way, settings, attempts) in [
        ("kill -9 $$", "retries = 2", 3),
        ("exit 137", "retries = 2", 3),
        ("exit 137", "retries = 2\nfatal = [137]", 1),
        ("exit 3", "retries = 2", 1),
        ("exit 0", "retries = 2", 1),
        ("kill -9 $$", "", 1),
        ("sleep 100", "retries = 1\ntimeout_seconds = 0.2", 2),
    ] {
        let script = format!("echo $OTFHPC_ATTEMPT >>attempts; echo try $OTFHPC_ATTEMPT; {way}");
        let place = Place::with(&script, settings);
        let envelope = place.run(0);
        assert_eq!(envelope.status, UnitStatus::Failed);
        assert_eq!(Aside::decode(&envelope.aside).unwrap().attempts, attempts, "{way} {settings}");
        let said = fs::read_to_string(place.path("here/attempts")).unwrap();
        let expected: String = (1..=attempts).map(|n| format!("{n}\n")).collect();
        assert_eq!(said, expected);
        if attempts == 3 {
            assert_eq!(
                (place.log("only.out"), place.log("only.3.out")),
                ("try 1\n".into(), "try 3\n".into())
            );
        }
    }
    let second = format!("test $OTFHPC_ATTEMPT = 2 || kill -9 $$; {GOOD}");
    let place = Place::with(&second, "retries = 3");
    let envelope = place.run(0);
    assert_eq!(envelope.status, UnitStatus::Done);
    assert_eq!(Aside::decode(&envelope.aside).unwrap().attempts, 2);
}

#[test]
fn an_attempt_begins_with_an_empty_folder() {
    // The first leaves a good output and is killed; the second writes nothing.
    let script = format!("test $OTFHPC_ATTEMPT = 2 && exit 0; {GOOD}; kill -9 $$");
    assert_reason(&script, "retries = 1", "no output.json in the folder of its outputs");
}

#[test]
fn what_a_program_leaves_running_is_killed_and_does_not_hold_its_unit() {
    let script = format!("sleep 1000 & echo $! >pids; {GOOD}");
    let place = Place::with(&script, "");
    let start = Instant::now();
    assert!(place.output(0).contains("1e-8"));
    assert!(start.elapsed() < Duration::from_secs(20));
    assert_gone(&fs::read_to_string(place.path("here/pids")).unwrap());

    let script = "trap '' TERM; sh -c 'trap \"\" TERM; echo $$ >>pids; while :; do sleep 9; done' & \
                  echo $$ >>pids; wait";
    let place = Place::with(script, "timeout_seconds = 1");
    assert!(place.reason().contains("did not end within 1 s"));
    let pids = fs::read_to_string(place.path("here/pids")).unwrap();
    assert_eq!(pids.lines().count(), 2);
    assert_gone(&pids);
}

#[test]
fn a_program_that_is_to_stop_is_killed_and_nothing_is_learnt() {
    let place = Place::with("echo $$ >pids; sleep 1000", "retries = 5");
    let pids = place.path("here/pids");
    let begun = || fs::read_to_string(&pids).is_ok_and(|text| text.ends_with('\n'));
    assert_eq!(place.run_unless(0, &begun), None);
    assert_gone(&fs::read_to_string(&pids).unwrap());

    // The program heard of it before this process did.
    for ending in ["kill -TERM $$", "exit 143"] {
        let place = Place::with(ending, "retries = 5");
        let begun = Instant::now();
        let late = || begun.elapsed() > Duration::from_millis(100);
        assert_eq!(place.run_unless(0, &late), None);
    }
}

#[test]
fn much_output_does_not_fill_the_disk_and_the_end_is_kept() {
    let script = format!("head -c 50000000 /dev/zero | tr '\\0' x; echo; echo last words; {GOOD}");
    let place = Place::with(&script, "log_bytes = 100000");
    place.done(0);
    let log = place.log("only.out");
    assert!(log.len() < 100_200 && log.ends_with("xxx\nlast words\n"), "{}", log.len());
    assert!(log.starts_with("[49900012 bytes before this were not kept: command.log_bytes]\nxxx"));

    let failing = Place::with(&script.replace(GOOD, "exit 4"), "log_bytes = 1000");
    assert!(failing.reason().ends_with("xxx | last words"));

    let whole = Place::with(&format!("echo one; echo two >&2; {GOOD}"), "");
    whole.done(0);
    assert_eq!((whole.log("only.out"), whole.log("only.err")), ("one\n".into(), "two\n".into()));
}

/// The variables of this process must not be changed by a test, so a process between sets some.
#[test]
fn variables_that_would_change_results_are_not_inherited() {
    let script = "env >seen; echo '{}' >$1";
    let settings = "env_clear = [\"PY_*\", \"CARGO*\"]\nenv = { KEPT = \"yes\" }";
    let place = Place::with(script, settings);
    // Cargo sets these for every test.
    assert!(std::env::var_os("CARGO_MANIFEST_DIR").is_some());
    place.done(0);
    let seen = fs::read_to_string(place.path("here/seen")).unwrap();
    assert!(!seen.contains("CARGO_MANIFEST_DIR") && !seen.contains("CARGO_PKG"), "{seen}");
    assert!(seen.contains("KEPT=yes\n") && seen.contains("OTFHPC_UNIT=0\n"));
    assert!(seen.contains("\nPATH=") || seen.starts_with("PATH="));
    let kept = Place::with(script, "");
    kept.done(0);
    let seen = fs::read_to_string(kept.path("here/seen")).unwrap();
    assert!(seen.contains("CARGO_MANIFEST_DIR"));
}

#[test]
fn a_program_is_found_below_its_directory_and_may_be_a_link() {
    let place = Place::with(GOOD, "");
    let tool = place.path("here/tool");
    make_program(&tool, "#!/bin/sh\necho \"{\\\"me\\\": \\\"$0\\\"}\" >$1\n", "700");
    fs::create_dir(place.path("here/bin")).unwrap();
    std::os::unix::fs::symlink("../tool", place.path("here/bin/python")).unwrap();
    let mut settings = place.study.settings().clone();
    settings.command.run = vec!["bin/python".into(), "{output}".into()];
    let place = Place { study: CommandStudy::new(&settings).unwrap(), ..place };
    // It is called by the name of the link.
    assert!(place.output(0).contains("/bin/python"), "{}", place.output(0));
}

#[test]
fn outputs_may_be_in_a_folder_and_logs_may_not_be_writable() {
    let place = Place::with(GOOD, "output = \"a/b/c.json\"");
    assert_eq!(place.done(0).files[0].name, "a/b/c.json");
    fs::remove_dir(place.path("logs")).unwrap();
    fs::write(place.path("logs"), b"").unwrap();
    assert!(place.reason().starts_with("the log only.out cannot be written ("));
}

#[test]
fn units_run_side_by_side() {
    let settings = "[[grid]]\nname = \"n\"\nfrom = 1\nto = 40\n";
    let place = Place::with("echo \"{\\\"n\\\": $OTFHPC_N}\" >$1", settings);
    let (study, logs, scratch) = (&place.study, place.path("logs"), place.path("scratch"));
    let (logs, scratch) = (&logs, &scratch);
    let found = RefCell::new(Vec::new());
    std::thread::scope(|scope| {
        let range = |part: u64| part * 10..(part + 1) * 10;
        let threads = (0..4).map(|part| {
            scope.spawn(move || {
                let context = RunContext { stop: &|| false, logs, scratch };
                range(part).map(|unit| run(study, unit, &context).unwrap()).collect::<Vec<_>>()
            })
        });
        let threads: Vec<_> = threads.collect();
        found.borrow_mut().extend(threads.into_iter().flat_map(|t| t.join().unwrap()));
    });
    for (unit, envelope) in found.into_inner().iter().enumerate() {
        let body = Body::decode(&envelope.body).unwrap();
        assert_eq!(body.files[0].bytes, format!("{{\"n\": {}}}\n", unit + 1).as_bytes());
    }
}
