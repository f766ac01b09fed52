//! Runs the program as a user does, and looks at the files that it leaves.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::Path;
use std::process::Output;
use std::time::Duration;

use assert_cmd::Command;
use otfhpc::runner::store::RunDir;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::RngCore;

/// A simulated campaign that is fitted in a moment.
pub(crate) const SMALL: [&str; 2] =
    ["--set=simulate.records=60", "--set=simulate.plateau_records=5"];

/// A command that takes longer than this hangs.
const DEADLINE: Duration = Duration::from_secs(120);

/// What a finished command leaves.
#[derive(Debug)]
pub(crate) struct Ran {
    /// Exit code; none if it was killed, by a signal or because it took too long.
    pub(crate) code: Option<i32>,
    /// Standard output.
    pub(crate) stdout: String,
    /// Standard error.
    pub(crate) stderr: String,
}

impl Ran {
    fn new(output: &Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let ran = Self {
            code: output.status.code(),
            stdout: text(&output.stdout),
            stderr: text(&output.stderr),
        };
        assert!(!ran.stderr.contains("panicked"), "{ran:?}");
        ran
    }

    /// Itself, if it ended with this code.
    #[track_caller]
    pub(crate) fn ended(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{self:#?}");
        self
    }
}

/// Runs the program with these arguments.
pub(crate) fn otfhpc<S: AsRef<OsStr>>(arguments: impl IntoIterator<Item = S>) -> Ran {
    otfhpc_with(&[], arguments)
}

/// Runs the program with these variables and arguments.
pub(crate) fn otfhpc_with<S: AsRef<OsStr>>(
    variables: &[(&str, &str)],
    arguments: impl IntoIterator<Item = S>,
) -> Ran {
    otfhpc_of(Path::new(env!("CARGO_BIN_EXE_otfhpc")), variables, arguments)
}

/// Runs another executable as the program, with these variables and arguments.
pub(crate) fn otfhpc_of<S: AsRef<OsStr>>(
    executable: &Path,
    variables: &[(&str, &str)],
    arguments: impl IntoIterator<Item = S>,
) -> Ran {
    let mut command = clean(Command::new(executable));
    command.envs(variables.iter().copied()).args(arguments);
    Ran::new(&command.output().expect("the program starts"))
}

/// Runs the program in a folder.
pub(crate) fn otfhpc_in<S: AsRef<OsStr>>(
    folder: &Path,
    arguments: impl IntoIterator<Item = S>,
) -> Ran {
    let mut command = clean(Command::new(env!("CARGO_BIN_EXE_otfhpc")));
    Ran::new(&command.current_dir(folder).args(arguments).output().expect("the program starts"))
}

/// Runs a line as a person would who copies it into a shell.
pub(crate) fn shell(line: &str) -> Ran {
    let mut command = clean(Command::new("sh"));
    Ran::new(&command.arg("-c").arg(line).output().expect("the shell starts"))
}

/// Without what the tests' own environment would decide, and with a deadline.
fn clean(mut command: Command) -> Command {
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if ["SLURM_", "SBATCH_", "OTFHPC_", "GLIBC_"].iter().any(|p| text.starts_with(p)) {
            command.env_remove(&name);
        }
    }
    // Nor what a site would.
    command.env("OTFHPC_SITE_CONFIG", "");
    command.timeout(DEADLINE);
    command
}

/// The products whose bytes must not vary, by name. Missing ones are missing here.
pub(crate) type Products = BTreeMap<String, Vec<u8>>;

/// Reads the products of a run.
pub(crate) fn products(folder: &Path) -> Products {
    let run = RunDir::new(folder);
    let paths = run.products("otf").into_iter().filter(|path| *path != run.provenance());
    let named = paths.chain(run.products_of_some()).filter_map(|path| {
        let name = path.file_name()?.to_str()?.to_owned();
        Some((name, std::fs::read(path).ok()?))
    });
    named.collect()
}

/// Products of studies with a joint fit, which others do not have.
const OF_JOINT_FITS: [&str; 2] = ["parameters.csv", "parameters_summary.csv"];

/// That all products are there and have the same bytes.
#[track_caller]
pub(crate) fn assert_same(expected: &Products, found: &Products, what: &str) {
    let names = |products: &Products| products.keys().cloned().collect::<Vec<_>>();
    let all = [
        "configurations.csv",
        "errors.csv",
        "failures.csv",
        "ledger.json",
        "records.csv",
        "report.html",
        "solution.npz",
        "summary.csv",
        "summary.json",
    ];
    let is_of_all = |name: &String| !OF_JOINT_FITS.contains(&name.as_str());
    let of_all: Vec<String> = names(expected).into_iter().filter(is_of_all).collect();
    assert_eq!(of_all, all);
    assert!([9, 11].contains(&expected.len()), "{what}: {:?}", names(expected));
    assert_eq!(names(found), names(expected), "{what}");
    for (name, bytes) in expected {
        // Not assert_eq: nobody reads a megabyte of bytes.
        assert!(found[name] == *bytes, "{what}: {name} has other bytes");
    }
}

/// A path as an argument.
pub(crate) fn text(path: &Path) -> &str {
    path.to_str().expect("temporary paths are text")
}

/// A number below `end`.
pub(crate) fn below(rng: &mut ChaCha8Rng, end: usize) -> usize {
    (rng.next_u64() % end as u64) as usize
}

/// Puts things in a random order.
pub(crate) fn shuffle<T>(rng: &mut ChaCha8Rng, things: &mut [T]) {
    for last in (1..things.len()).rev() {
        things.swap(last, below(rng, last + 1));
    }
}
