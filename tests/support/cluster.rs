//! A Slurm of our own, as `scripts/slurm-testbed.sh` starts it, and a folder that looks like a
//! checkout.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use libtest_mimic::Failed;
use tempfile::TempDir;

/// The files that must have the same bytes however a run was cut.
pub(crate) const PRODUCTS: [&str; 7] = [
    "solution.npz",
    "configurations.csv",
    "errors.csv",
    "failures.csv",
    "summary.csv",
    "summary.json",
    "ledger.json",
];

/// How long anything may take that is waited for; a few seconds on an idle machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(180);

/// Why there can be no testbed here, in the words of its script.
pub(crate) fn reason_against() -> Option<String> {
    static REASON: OnceLock<Option<String>> = OnceLock::new();
    REASON.get_or_init(ask_script).clone()
}

fn ask_script() -> Option<String> {
    let check = Command::new("bash").arg(testbed_script()).arg("check").output();
    match check {
        Ok(output) if output.status.success() => None,
        Ok(output) => Some(String::from_utf8_lossy(&output.stdout).trim().to_owned()),
        Err(e) => Some(format!("needs bash: {e}")),
    }
}

/// Fits the same settings without Slurm, cut otherwise, and compares the bytes.
pub(crate) fn assert_same_as_local(
    folder: &str,
    cluster: &Cluster,
    settings: &[&str],
) -> Result<(), Failed> {
    let elsewhere = tempfile::tempdir()?;
    let out = elsewhere.path().join("results");
    let mut command = program(elsewhere.path());
    command.args(["--quiet", "local", "--threads", "3", "--shards", "3", "--out"]).arg(&out);
    add_settings(&mut command, settings);
    let ran = command.output()?;
    // Some of its methods may be there to fail.
    if ran.status.code() != Some(1) {
        succeeded(ran)?;
    }
    for name in PRODUCTS {
        let on_slurm = fs::read(cluster.path(folder).join(name))?;
        assert!(on_slurm == fs::read(out.join(name))?, "{name} differs");
        assert!(!on_slurm.is_empty(), "{name} is empty");
    }
    Ok(())
}

/// The number of the job that `submit` tells with a word.
pub(crate) fn number(told: &str, word: &str) -> Result<String, Failed> {
    let line = told.lines().find_map(|line| line.strip_prefix(word));
    let job = line.and_then(|line| line.trim().split(':').next());
    Ok(job.ok_or_else(|| format!("no {word} in: {told}"))?.to_owned())
}

/// The lines that `plan` prints for people who submit by hand.
pub(crate) fn next_lines(plan: &str) -> Result<String, Failed> {
    let (_, after) = plan.split_once("or by hand:\n").ok_or("plan does not say how to submit")?;
    let lines: Vec<&str> = after.lines().map_while(|line| line.strip_prefix("  ")).collect();
    Ok(lines.join("\n"))
}

/// What follows a label, in the line that has it.
pub(crate) fn line_after<'a>(text: &'a str, label: &str) -> Result<&'a str, Failed> {
    let found = text.lines().find_map(|line| line.strip_prefix(label));
    Ok(found.ok_or_else(|| format!("no line with `{label}` in: {text}"))?.trim())
}

/// A Slurm of our own, and a folder that looks like a checkout. Both go when this is dropped.
pub(crate) struct Cluster {
    keeper: Child,
    pub(crate) environment: Vec<(String, String)>,
    pub(crate) checkout: TempDir,
    /// Holds the testbed's folder; only deletes it.
    _folder: TempDir,
}

/// What the lines of `plan` submit.
pub(crate) struct Jobs {
    pub(crate) array: String,
    pub(crate) merge: String,
}

impl Cluster {
    pub(crate) fn start() -> Result<Self, Failed> {
        Self::start_with(&[])
    }

    /// Starts it with settings of the testbed.
    pub(crate) fn start_with(settings: &[(&str, &str)]) -> Result<Self, Failed> {
        let checkout = tempfile::tempdir()?;
        fs::create_dir(checkout.path().join("slurm"))?;
        for script in ["otf_array.sh", "otf_merge.sh"] {
            let from = repository().join("slurm").join(script);
            fs::copy(from, checkout.path().join("slurm").join(script))?;
        }
        // Short, because it holds sockets.
        let folder = tempfile::Builder::new().prefix("otfhpc-").tempdir()?;
        let testbed = folder.path().join("testbed");
        let keeper = keeper(&testbed)?;
        let mut cluster = Self { keeper, environment: Vec::new(), checkout, _folder: folder };
        let mut up = Command::new("bash");
        up.arg(testbed_script()).arg("up").arg(&testbed);
        let exports = succeeded(without_slurm(&mut up).envs(settings.iter().copied()).output()?)?;
        let variables = exports.lines().filter_map(|line| line.strip_prefix("export "));
        cluster.environment = variables
            .filter_map(|assignment| assignment.split_once('='))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        if cluster.environment.is_empty() {
            return Err("the testbed did not say where it is".into());
        }
        Ok(cluster)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.checkout.path().join(name)
    }

    /// Runs a shell line in the checkout, with this Slurm.
    pub(crate) fn bash(&self, line: &str) -> Result<Output, Failed> {
        let mut command = Command::new("bash");
        command.arg("-ec").arg(line).current_dir(self.checkout.path());
        without_slurm(&mut command)
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .env("OTFHPC", env!("CARGO_BIN_EXE_otfhpc"));
        Ok(command.output()?)
    }

    /// What a shell line prints that succeeds in the checkout.
    pub(crate) fn line(&self, line: &str) -> Result<String, Failed> {
        succeeded(self.bash(line)?)
    }

    /// Runs the program in the checkout, outside of Slurm.
    pub(crate) fn otfhpc(&self, arguments: &[&str], settings: &[&str]) -> Result<String, Failed> {
        let mut command = program(self.checkout.path());
        command.args(arguments);
        add_settings(&mut command, settings);
        succeeded(command.output()?)
    }

    /// Executes the lines of `plan`, and learns from the second what was submitted.
    pub(crate) fn submit(&self, lines: &str) -> Result<Jobs, Failed> {
        let printed = succeeded(self.bash(&format!("{lines}\necho \"array $job\""))?)?;
        let merge = line_after(&printed, "Submitted batch job ")?.to_owned();
        let array = line_after(&printed, "array ")?.to_owned();
        Ok(Jobs { array, merge })
    }

    pub(crate) fn wait_until_empty(&self) -> Result<(), Failed> {
        wait_for("the queue to be empty", || {
            let queue = succeeded(self.bash("squeue --noheader")?)?;
            Ok(queue.trim().is_empty())
        })
    }

    /// How every task of an array ended: its state and its exit code.
    pub(crate) fn tasks(&self, job: &str) -> Result<BTreeMap<u32, String>, Failed> {
        let shown = succeeded(self.bash(&format!("scontrol --oneliner show job {job}"))?)?;
        let task = |line: &str| Some((field(line, "ArrayTaskId")?.parse().ok()?, ending(line)?));
        Ok(shown.lines().filter_map(task).collect())
    }

    /// How a job that is no array ended.
    pub(crate) fn ended(&self, job: &str) -> Result<String, Failed> {
        let shown = succeeded(self.bash(&format!("scontrol --oneliner show job {job}"))?)?;
        Ok(ending(&shown).ok_or_else(|| format!("no state in: {shown}"))?)
    }

    /// Kills everything that runs on a node, as if its power had failed.
    pub(crate) fn kill_node(&self, node: &str) -> Result<(), Failed> {
        self.line(&format!("'{}' kill {node}", testbed_script().display())).map(drop)
    }

    pub(crate) fn array_log(&self, folder: &str, jobs: &Jobs, task: u32) -> Result<String, Failed> {
        let name = format!("logs/otfhpc-{}_{task}.log", jobs.array);
        Ok(fs::read_to_string(self.path(folder).join(name))?)
    }

    pub(crate) fn merge_log(&self, folder: &str, jobs: &Jobs) -> Result<String, Failed> {
        let name = format!("logs/otfhpc-merge-{}.log", jobs.merge);
        Ok(fs::read_to_string(self.path(folder).join(name))?)
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        drop(self.keeper.stdin.take());
        let _ = self.keeper.wait();
    }
}

/// A process that takes the testbed down when its standard input ends: when the cluster is
/// dropped, and also when this process is killed.
pub(crate) fn keeper(testbed: &Path) -> Result<Child, Failed> {
    let mut command = Command::new("bash");
    command
        .args(["-c", "cat >/dev/null; exec bash \"$0\" down \"$1\""])
        .arg(testbed_script())
        .arg(testbed)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        // Apart from us, so that Ctrl-C does not reach it.
        .process_group(0);
    Ok(without_slurm(&mut command).spawn()?)
}

pub(crate) fn field<'a>(line: &'a str, name: &str) -> Option<&'a str> {
    line.split_whitespace().find_map(|word| word.strip_prefix(name)?.strip_prefix('='))
}

pub(crate) fn ending(line: &str) -> Option<String> {
    Some(format!("{} {}", field(line, "JobState")?, field(line, "ExitCode")?))
}

pub(crate) fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

pub(crate) fn testbed_script() -> PathBuf {
    repository().join("scripts/slurm-testbed.sh")
}

pub(crate) fn program(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_otfhpc"));
    without_slurm(command.current_dir(folder));
    command
}

pub(crate) fn add_settings(command: &mut Command, settings: &[&str]) {
    for setting in settings {
        command.args(["--set", setting]);
    }
}

/// Takes away what a Slurm around this test, or its user, has set.
pub(crate) fn without_slurm(command: &mut Command) -> &mut Command {
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if ["SLURM", "SBATCH_", "SQUEUE_", "OTFHPC"].iter().any(|prefix| text.starts_with(prefix)) {
            command.env_remove(&name);
        }
    }
    command
}

/// The standard output of a command that succeeded.
pub(crate) fn succeeded(output: Output) -> Result<String, Failed> {
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() {
        return Ok(text);
    }
    let error = String::from_utf8_lossy(&output.stderr);
    Err(format!("{}: {error}{text}", output.status).into())
}

pub(crate) fn wait_for(what: &str, done: impl Fn() -> Result<bool, Failed>) -> Result<(), Failed> {
    let start = Instant::now();
    while !done()? {
        if start.elapsed() > PATIENCE {
            return Err(format!("still waiting for {what} after {PATIENCE:?}").into());
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    Ok(())
}
