//! What a command says while it runs and when it is done, and how it chooses its threads.
// Clippy allows these in tests, but not in what tests call.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::BTreeSet;
use std::process::{Command, Output};

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use tempfile::TempDir;

use crate::support::terminal::Terminal;

const SMALL: [&str; 3] =
    ["simulate.records=60", "simulate.plateau_records=5", "fit.methods=[\"wls\"]"];

/// `otfhpc local` of a small study, in a folder of its own.
struct Run {
    command: Command,
    folder: TempDir,
}

impl Run {
    fn new(arguments: &[&str], settings: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_otfhpc"));
        for name in ["OTFHPC_THREADS", "OTFHPC_LOG_SECONDS", "SLURM_CPUS_PER_TASK"] {
            command.env_remove(name);
        }
        for name in ["SLURM_ARRAY_TASK_ID", "SLURM_ARRAY_JOB_ID", "SLURM_JOB_ID"] {
            command.env_remove(name);
        }
        command.current_dir(folder.path()).arg("local").args(arguments);
        for setting in SMALL.iter().chain(settings) {
            command.args(["--set", setting]);
        }
        Self { command, folder }
    }

    fn env(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self
    }

    fn output(mut self) -> (Output, String, String) {
        let output = self.command.output().unwrap();
        let out = String::from_utf8_lossy(&output.stdout).into_owned();
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        (output, out, error)
    }

    /// Standard output and error of a run that must succeed.
    fn succeed(self) -> (String, String) {
        let (output, out, error) = self.output();
        assert!(output.status.success(), "{out}{error}");
        (out, error)
    }
}

/// The number before a word, as in `12 units`.
fn number_before(text: &str, word: &str) -> f64 {
    let (before, _) = text.split_once(word).unwrap_or_else(|| panic!("no `{word}` in: {text}"));
    let digits = before.trim_end().rsplit([' ', '\n']).next().unwrap();
    digits.parse().unwrap_or_else(|_| panic!("`{digits}` before `{word}` in: {text}"))
}

#[test]
fn a_log_has_a_line_now_and_then() {
    // Some seconds of work on one thread.
    let settings = ["study.trials=500", "fit.bins=1-256"];
    let run = Run::new(&["--threads", "1"], &settings).env("OTFHPC_LOG_SECONDS", "0.1");
    let (_, log) = run.succeed();
    let lines: Vec<&str> = log.lines().filter(|line| line.contains(" units, ")).collect();
    assert!(lines.len() >= 2, "{log}");
    let mut before = 0.0;
    for line in &lines {
        let done = number_before(line, " of 128000 units, ");
        assert!(done >= before, "never backwards: {log}");
        before = done;
        let percent = number_before(line, "%, ");
        assert!((percent - 100.0 * done / 128_000.0).abs() <= 0.5, "{line}");
        assert!(number_before(line, " units/s, ") >= 0.0, "{line}");
        assert!(line.contains(" elapsed, ") && line.ends_with(" left"), "{line}");
    }
    assert!(before > 0.0, "{log}");
    // Nothing else, and nothing that only a terminal understands.
    assert_eq!(log.lines().count(), lines.len(), "{log}");
    assert!(!log.contains('\x1b') && !log.contains('\r'), "{log:?}");
}

#[test]
fn a_short_run_logs_nothing_in_between() {
    let (_, log) = Run::new(&["--threads", "1"], &["fit.bins=5-9"]).succeed();
    assert_eq!(log, "");
}

#[test]
fn the_period_of_the_log_must_be_one() {
    for bad in ["0", "-1", "often", "nan"] {
        let (output, out, error) = Run::new(&[], &[]).env("OTFHPC_LOG_SECONDS", bad).output();
        assert_eq!(output.status.code(), Some(2), "{out}{error}");
        let expected = format!("otfhpc: OTFHPC_LOG_SECONDS is `{bad}`: expected seconds");
        assert!(error.contains(&expected), "{error}");
    }
}

#[test]
fn the_summary_says_what_was_done_and_how_fast() {
    // 3 levels x 2 trials, bin 0 without signal: 6 x 11 units.
    let settings = ["study.noise_levels=[0.01,0.1,1.0]", "study.trials=2", "fit.bins=0,5-14"];
    let (out, _) = Run::new(&["--threads", "3", "--shards", "4"], &settings).succeed();
    assert!(out.contains("4 shards of 6 configurations on 3 threads\n"), "{out}");
    assert!(out.contains("units      66: 60 converged, 6 no signal\n"), "{out}");
    let line = |name: &str| out.lines().find(|line| line.starts_with(name)).unwrap();
    let (time, speed) = (line("time "), line("speed "));
    let seconds = number_before(time, " s fitting");
    assert!(number_before(time, " s preparing data") >= 0.0, "{time}");
    let unit_micros = number_before(speed, " us a unit; ");
    let rate = number_before(speed, " units/s; ");
    let speed_up = number_before(speed, " times one thread");
    let time = format!("{time}\n{speed}");
    // The four say the same thing, up to the digits that are shown.
    let close = |found: f64, expected: f64, digit: f64| (found - expected).abs() <= digit;
    assert!(seconds > 0.0 && unit_micros > 0.0, "{time}");
    assert!(close(66.0 / rate, seconds, 0.0006 + 0.5 * 66.0 / (rate * rate)), "{time}");
    let busy = 66.0 * unit_micros * 1e-6;
    assert!(close(busy / speed_up, seconds, 0.0006 + 0.01 * seconds / speed_up), "{time}");
}

#[test]
fn verbose_tells_of_every_configuration_once() {
    let levels = "study.noise_levels=[1e-8,1e-6,1e-4,1e-3,1e-2,0.1,1.0]";
    let settings = [levels, "study.trials=3", "fit.bins=5-9"];
    let (_, log) = Run::new(&["-v", "--threads", "2"], &settings).succeed();
    let mut lines: Vec<&str> = log.lines().filter(|line| line.starts_with('[')).collect();
    assert_eq!(lines.len(), 21, "{log}");
    // Each is counted when it is done; two threads may write the other way round.
    let count = |line: &&str| line[1..].split_once('/').unwrap().0.parse::<u64>().unwrap();
    let counts: BTreeSet<u64> = lines.iter().map(count).collect();
    assert_eq!(counts, (1..=21).collect(), "{log}");
    for line in &lines {
        assert!(line.contains("/21] thread "), "{line}");
        assert!(line.ends_with(" method=wls set=llss (5 units)"), "{line}");
    }
    for level in ["1e-8", "1e-6", "1e-4", "1e-3", "1e-2", "1e-1", "1e0"] {
        let of_level = format!(" noise={level} trial=");
        lines.retain(|line| !line.contains(&of_level));
    }
    assert!(lines.is_empty(), "{lines:?}");
    for trial in FIRST_TRIAL..FIRST_TRIAL + 3 {
        let count = log.matches(&format!(" trial={trial} ")).count();
        assert_eq!(count, 7, "trial {trial}: {log}");
    }
}

/// The number of the first noise draw, in the log as in `configurations.csv`.
const FIRST_TRIAL: u64 = 1;

#[test]
fn the_log_and_the_table_number_trials_alike() {
    let mut run = Run::new(&[], &["study.trials=2", "fit.bins=5-9"]);
    let path = run.folder.path().join("results/configurations.csv");
    assert!(run.command.output().unwrap().status.success());
    let mut table = csv::Reader::from_path(path).unwrap();
    let column = table.headers().unwrap().iter().position(|name| name == "trial").unwrap();
    let trials: Vec<u64> =
        table.records().map(|row| row.unwrap()[column].parse().unwrap()).collect();
    assert_eq!(trials, [FIRST_TRIAL, FIRST_TRIAL + 1]);
}

#[test]
fn without_verbose_no_configuration_is_told() {
    let (out, log) = Run::new(&[], &["fit.bins=5-9"]).succeed();
    assert!(!log.contains("[1/") && !out.contains("[1/"), "{log}");
}

#[test]
fn quiet_says_nothing_unless_it_fails() {
    // Even a warning and the lines of a log are kept back.
    let settings = ["study.trials=30"];
    let run = Run::new(&["--quiet", "--threads", "300"], &settings);
    let (out, log) = run.env("OTFHPC_LOG_SECONDS", "0.01").succeed();
    assert_eq!((out.as_str(), log.as_str()), ("", ""));
    let (output, out, error) = Run::new(&["--quiet"], &["study.trials=0"]).output();
    assert_eq!((output.status.code(), out.as_str()), (Some(2), ""));
    assert_eq!(error.lines().count(), 1, "{error}");
    assert!(error.starts_with("otfhpc: study.trials is 0"), "{error}");
}

/// How many threads a run takes, and its standard error.
fn threads_of(arguments: &[&str], variables: &[(&str, &str)]) -> (usize, String) {
    let mut run = Run::new(arguments, &["fit.bins=5-9"]);
    for (name, value) in variables {
        run = run.env(name, value);
    }
    let (out, error) = run.succeed();
    (number_before(&out.replace(" thread\n", " threads\n"), " threads\n") as usize, error)
}

#[test]
fn threads_come_from_the_option_then_the_variable_then_slurm_then_the_mask() {
    let (ours, slurm) = (("OTFHPC_THREADS", "4"), ("SLURM_CPUS_PER_TASK", "5"));
    assert_eq!(threads_of(&["--threads", "3"], &[ours, slurm]).0, 3);
    assert_eq!(threads_of(&[], &[slurm, ours]).0, 4);
    assert_eq!(threads_of(&[], &[slurm]).0, 5);
    let allowed = sched_getaffinity(None).unwrap().count() as usize;
    assert_eq!(threads_of(&[], &[]), (allowed, String::new()));
}

/// Runs `test` in a thread that may use one processor only, as may every process it starts.
fn on_one_processor<T: Send>(test: impl FnOnce() -> T + Send) -> T {
    let confined = || {
        let mask = sched_getaffinity(None).unwrap();
        let first = (0..CpuSet::MAX_CPU).find(|cpu| mask.is_set(*cpu)).unwrap();
        let mut one = CpuSet::new();
        one.set(first);
        sched_setaffinity(None, &one).unwrap();
        test()
    };
    std::thread::scope(|scope| scope.spawn(confined).join().unwrap())
}

#[test]
fn a_mask_of_one_processor_is_obeyed_and_an_excess_is_told() {
    on_one_processor(|| {
        assert_eq!(threads_of(&[], &[]), (1, String::new()));
        for (arguments, variables, threads, source) in [
            (&["--threads", "2"][..], &[][..], 2, "--threads"),
            (&[], &[("OTFHPC_THREADS", "3")], 3, "OTFHPC_THREADS"),
            (&[], &[("SLURM_CPUS_PER_TASK", "4")], 4, "SLURM_CPUS_PER_TASK"),
        ] {
            let (found, warning) = threads_of(arguments, variables);
            assert_eq!(found, threads);
            let expected = format!(
                "otfhpc: warning: {threads} threads ({source}), but this process may use 1 \
                 processor only"
            );
            assert!(warning.starts_with(&expected), "{warning}");
            assert_eq!(warning.lines().count(), 1, "{warning}");
        }
        assert_eq!(threads_of(&["--threads", "1"], &[]), (1, String::new()));
    });
}

#[test]
fn a_thread_count_that_is_none_is_refused() {
    for bad in ["0", "-1", "many", ""] {
        let (output, _, error) = Run::new(&[], &[]).env("OTFHPC_THREADS", bad).output();
        assert_eq!(output.status.code(), Some(2), "{error}");
        assert!(error.contains(&format!("OTFHPC_THREADS is `{bad}`")), "{error}");
    }
    let (output, _, error) = Run::new(&["--threads", "0"], &[]).output();
    assert_eq!(output.status.code(), Some(2), "{error}");
}

/// Runs with standard error on a pseudo-terminal of so many columns; returns what appeared there.
fn on_terminal(run: Run, columns: u16, kind: &str) -> String {
    let terminal = Terminal::new(columns);
    let Run { mut command, folder } = run;
    command.env("TERM", kind).env_remove("NO_COLOR").env_remove("COLUMNS");
    command.stdout(std::process::Stdio::null()).stderr(terminal.end());
    let (shown, code) = terminal.show(command);
    assert_eq!(code, Some(0), "{shown}");
    drop(folder);
    shown
}

#[test]
fn a_narrow_terminal_shows_a_narrow_bar() {
    for (columns, has_bar) in [(80, true), (60, false)] {
        let run = Run::new(&["--threads", "1"], &["study.trials=60", "fit.bins=1-256"]);
        let shown = on_terminal(run, columns, "xterm");
        let rows = shown.split(['\r', '\n']).map(plain);
        let bars: Vec<String> = rows.filter(|row| row.contains("/15360 ")).collect();
        assert!(!bars.is_empty(), "{shown:?}");
        for bar in bars {
            assert!(bar.chars().count() <= usize::from(columns), "{bar:?}");
            assert!(bar.contains('%') && bar.trim_end().ends_with("left"), "{bar:?}");
            assert_eq!(bar.contains(" units "), has_bar, "{bar:?}");
        }
    }
}

/// A row without the sequences that a terminal obeys.
fn plain(row: &str) -> String {
    let mut parts = row.split('\u{1b}');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| {
        text + part.split_once(|c: char| c.is_ascii_alphabetic()).map_or("", |(_, rest)| rest)
    })
}

#[test]
fn a_dumb_terminal_has_lines_as_a_log() {
    let settings = ["study.trials=200", "fit.bins=1-256"];
    let run = Run::new(&["--threads", "1"], &settings).env("OTFHPC_LOG_SECONDS", "0.1");
    let shown = on_terminal(run, 80, "dumb");
    assert!(shown.contains(" of 51200 units, "), "{shown:?}");
    assert!(!shown.contains('\u{1b}') && !shown.replace("\r\n", "").contains('\r'), "{shown:?}");
}

#[test]
fn a_terminal_shows_a_bar_and_whole_lines() {
    // Two seconds or so on one thread.
    let settings = ["study.trials=200", "fit.bins=1-256"];
    let run = Run::new(&["-v", "--threads", "1"], &settings).env("OTFHPC_LOG_SECONDS", "0.1");
    let shown = on_terminal(run, COLUMNS as u16, "xterm");
    assert!(shown.contains("/51200 units"), "{shown}");
    assert!(shown.contains("elapsed") && shown.contains(" left"), "{shown}");
    // The bar is taken away before a line is written, and drawn again below it.
    let rows = Screen::after(&shown).rows();
    let expected: Vec<String> =
        (1..=200).map(|count| format!("[{count}/200] thread 0: ")).collect();
    assert_eq!(rows.len(), expected.len(), "a line each, and the bar is gone: {rows:?}");
    for (row, start) in rows.iter().zip(expected) {
        assert!(
            row.starts_with(&start) && row.ends_with(" method=wls set=llss (256 units)"),
            "{row:?}"
        );
    }
    // The lines of a log are for a log.
    assert!(!shown.contains(" units/s, "), "{shown}");
}

/// Columns of the pseudo-terminal.
const COLUMNS: usize = 100;

/// What a terminal shows, endless to below.
#[derive(Default)]
struct Screen {
    cells: Vec<[char; COLUMNS]>,
    row: usize,
    column: usize,
}

impl Screen {
    fn after(text: &str) -> Self {
        let mut screen = Self::default();
        let mut rest = text.chars();
        while let Some(c) = rest.next() {
            match c {
                '\r' => screen.column = 0,
                '\n' => screen.row += 1,
                '\x1b' => screen.obey(&mut rest),
                c => screen.put(c),
            }
        }
        screen
    }

    fn put(&mut self, c: char) {
        // A full row goes over into the next only when there is more to write.
        if self.column == COLUMNS {
            (self.row, self.column) = (self.row + 1, 0);
        }
        let column = self.column;
        self.line()[column] = c;
        self.column += 1;
    }

    /// A control sequence: `[`, a number, and a letter.
    fn obey(&mut self, rest: &mut impl Iterator<Item = char>) {
        let mut number = String::new();
        let letter = rest.inspect(|c| number.push(*c)).find(char::is_ascii_alphabetic).unwrap();
        let number = number.trim_matches(|c: char| !c.is_ascii_digit()).parse().unwrap_or(1);
        match letter {
            'A' => self.row = self.row.saturating_sub(number),
            'B' => self.row += number,
            'K' => *self.line() = [' '; COLUMNS],
            // Colours and the cursor's looks move nothing.
            'm' | 'h' | 'l' => {}
            other => panic!("this test does not know the sequence with {other}"),
        }
    }

    fn line(&mut self) -> &mut [char; COLUMNS] {
        let rows = self.cells.len().max(self.row + 1);
        self.cells.resize(rows, [' '; COLUMNS]);
        &mut self.cells[self.row]
    }

    /// The rows that are not blank, without the blanks at their ends.
    fn rows(&self) -> Vec<String> {
        let text = |row: &[char; COLUMNS]| String::from_iter(row).trim_end().to_owned();
        self.cells.iter().map(text).filter(|row| !row.is_empty()).collect()
    }
}
