//! The Python package: its wheel installs in a clean environment, and passes its tests there.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use crate::support::cluster::{Cluster, assert_same_as_local, reason_against};
use crate::support::{Trial, python, trial_unless, turn};
use libtest_mimic::Failed;

/// Every package that is installed, as `scripts/test.sh` fetched it.
const WHEELHOUSE: &str = "target/wheelhouse";
/// What was fetched, written when all of it was there.
const COMPLETE: &str = "target/wheelhouse/complete.txt";
const REQUIREMENTS: [&str; 2] = ["python/requirements-build.txt", "python/requirements-test.txt"];

/// Where the environment is made, anew each time.
const FOLDER: &str = "target/wheel/tested";

/// What a user types in a session of Python.
const SUBMIT: &str = r#"
import otfhpc

settings = {"study.noise_levels": [0.01, 0.1], "fit": {"methods": ["wls", "huber"], "bins": "0,4-22"}}
campaign = {"records": 60, "plateau_records": 5}
run = otfhpc.submit(shards=3, simulate=campaign, slurm={"cpus_per_task": 1}, **settings)
assert not run.is_over
again = otfhpc.submit(shards=3, simulate=campaign, slurm={"cpus_per_task": 1}, **settings)
results = again.wait(timeout=170, every=0.5).result()
print(run.status()["merge"], results.summary["totals"]["converged"], results.emissivity.shape)
"#;
/// The same for the command.
const SETTINGS: [&str; 5] = [
    "study.noise_levels=[0.01,0.1]",
    "fit.methods=[\"wls\",\"huber\"]",
    "fit.bins=0,4-22",
    "simulate.records=60",
    "simulate.plateau_records=5",
];

pub(crate) fn trials() -> Vec<Trial> {
    let none = no_wheelhouse();
    vec![
        trial_unless(
            none.clone(),
            "the_wheel_installs_in_a_clean_environment_and_passes_its_tests",
            whole,
        ),
        trial_unless(none.or_else(reason_against), "a_run_is_submitted_from_python", submitted),
    ]
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Why the package cannot be installed here, if it cannot.
fn no_wheelhouse() -> Option<String> {
    let Some(python) = python() else {
        return Some("needs Python: run scripts/test.sh, which makes target/python".into());
    };
    let version = "import sys, ensurepip, venv; print(*sys.version_info[:2], sep='.'); \
                   sys.exit(sys.version_info < (3, 10))";
    let checked = Command::new(python).args(["-c", version]).output();
    let Some(checked) = checked.ok().filter(|output| output.status.success()) else {
        return Some("needs Python 3.10 or later with venv".into());
    };
    let version = Some(String::from_utf8_lossy(&checked.stdout).into_owned());
    let texts = REQUIREMENTS.iter().map(|file| fs::read_to_string(root().join(file)).ok());
    let wanted: Option<String> = [version].into_iter().chain(texts).collect();
    let fetched = fs::read_to_string(root().join(COMPLETE)).ok();
    let reason = "needs packages of PyPI: run scripts/test.sh, which fetches them into \
                  target/wheelhouse";
    (fetched.is_none() || fetched != wanted).then(|| reason.to_owned())
}

/// A clean environment with the wheel, and what its tests need, in it.
struct Environment {
    folder: PathBuf,
}

fn whole() -> Result<(), Failed> {
    let environment = Environment::shared()?;
    environment.passes("ruff", &["check", "--no-cache", "python"])?;
    environment.passes("ruff", &["format", "--check", "--no-cache", "python"])?;
    environment.passes(
        "mypy",
        &["--cache-dir", "/dev/null", "--config-file", "python/pyproject.toml", "python/otfhpc"],
    )?;
    environment.passes_pytest(&["python/tests"])?;
    environment.passes_pytest(&["--pyargs", "otfhpc", "--doctest-modules"])
}

/// On a real Slurm, from a session of Python to the results.
fn submitted() -> Result<(), Failed> {
    let environment = Environment::shared()?;
    let cluster = Cluster::start()?;
    fs::write(cluster.path("session.py"), SUBMIT)?;
    let said =
        cluster.line(&format!("'{}' session.py", environment.program("python").display()))?;
    assert_eq!(said.trim(), "merged 76 (4, 257, 7)");
    assert_same_as_local("results", &cluster, &SETTINGS)
}

impl Environment {
    /// The one that all trials share.
    fn shared() -> Result<&'static Self, Failed> {
        static MADE: OnceLock<Result<Environment, String>> = OnceLock::new();
        let make = || {
            // It may compile, on all processors.
            let _turn = turn();
            Self::with_wheel().map_err(|failed| failed.message().unwrap_or_default().to_owned())
        };
        MADE.get_or_init(make).as_ref().map_err(Failed::from)
    }

    /// Makes the wheel as users do, of the program and the library that the tests have compiled.
    fn with_wheel() -> Result<Self, Failed> {
        let made = Self { folder: root().join(FOLDER) };
        if made.folder.exists() {
            fs::remove_dir_all(&made.folder)?;
        }
        fs::create_dir_all(&made.folder)?;
        let program = Path::new(env!("CARGO_BIN_EXE_otfhpc"));
        let wheels = made.folder.join("wheels");
        let build = root().join("scripts/build-wheel.sh");
        let python = python().ok_or("there is no Python")?;
        let chosen = ["--profile", "dev", "--features", "as-tested", "--program"].map(OsStr::new);
        let arguments = [&chosen[..], &[program.as_os_str(), "--out".as_ref(), wheels.as_os_str()]];
        run(made.offline(&build).env("PYTHON", &python).args(arguments.concat()))?;
        let venv = made.folder.join("venv");
        run(Command::new(&python).args(["-m", "venv"]).arg(&venv))?;
        let wheel = fs::read_dir(&wheels)?.next().ok_or("no wheel was written")??.path();
        let requirements = root().join("python/requirements-test.txt");
        let install = ["-m", "pip", "install", "--quiet", "--no-compile", "--requirement"];
        let pip = made.program("python");
        run(made.offline(&pip).args(install).arg(&requirements).arg(&wheel))?;
        Ok(made)
    }

    /// A program of the environment.
    fn program(&self, name: &str) -> PathBuf {
        self.folder.join("venv/bin").join(name)
    }

    /// A command that takes packages from what was fetched, and from nowhere else.
    fn offline(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.env("PIP_NO_INDEX", "1").env("PIP_FIND_LINKS", root().join(WHEELHOUSE));
        command.env("PIP_DISABLE_PIP_VERSION_CHECK", "1");
        command
    }

    /// Runs a program of the environment in the folder of the project.
    fn passes(&self, program: &str, arguments: &[&str]) -> Result<(), Failed> {
        run(Command::new(self.program(program)).args(arguments).current_dir(root()))
    }

    /// Runs tests from elsewhere, so that they import what is installed.
    fn passes_pytest(&self, arguments: &[&str]) -> Result<(), Failed> {
        let settings = root().join("python/pyproject.toml");
        let elsewhere = self.folder.join("tests");
        fs::create_dir_all(&elsewhere)?;
        let mut command = Command::new(self.program("python"));
        command.args(["-m", "pytest", "-c"]).arg(&settings).arg("--rootdir").arg(&elsewhere);
        for argument in arguments {
            match root().join(argument) {
                path if path.exists() => command.arg(path),
                _ => command.arg(argument),
            };
        }
        let bare = ["PYTHONPATH", "OTFHPC_THREADS", "OTFHPC_EXECUTABLE"];
        bare.iter().for_each(|name| _ = command.env_remove(name));
        // Threads of BLAS that wait for each other would take most of a busy machine.
        command.env("OPENBLAS_NUM_THREADS", "1");
        run(command.env("PYTHONDONTWRITEBYTECODE", "1").current_dir(&elsewhere))
    }
}

/// Runs a command, whose output is the failure if it fails.
fn run(command: &mut Command) -> Result<(), Failed> {
    let output = command.output()?;
    if output.status.success() {
        return Ok(());
    }
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (said, complained) = (text(&output.stdout), text(&output.stderr));
    Err(format!("{command:?}: {}\n{said}\n{complained}", output.status).into())
}
