//! As many threads as a cgroup lets run, where nobody says how many.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::support::program::SMALL;
use crate::support::{Trial, trial_unless};
use libtest_mimic::Failed;

pub(crate) fn trials() -> Vec<Trial> {
    let reason = Quota::new().err();
    vec![
        trial_unless(reason, "the_quota_of_a_cgroup_is_obeyed", quota),
        trial_unless(no_nobody(), "no_thread_more_is_told_by_name", no_thread_more),
    ]
}

/// A line of a shell as a user for whom limits on processes hold.
fn as_nobody(line: &str) -> std::io::Result<Output> {
    let words = ["--reuid=65534", "--regid=65534", "--clear-groups", "bash", "-c", line];
    Command::new("setpriv").args(words).output()
}

/// Why that cannot be tried here, if it cannot.
fn no_nobody() -> Option<String> {
    let program = format!("'{}' --version", env!("CARGO_BIN_EXE_otfhpc"));
    let ran = as_nobody(&program).is_ok_and(|output| output.status.success());
    (!ran).then(|| "needs root, setpriv(1), and a program that everybody may run".to_owned())
}

fn no_thread_more() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o777))?;
    let (program, out) = (env!("CARGO_BIN_EXE_otfhpc"), folder.path().join("results"));
    let local = format!("local --threads 2 {} --set=fit.bins=4-9", SMALL.join(" "));
    let out = format!("'{}'", out.display());
    assert!(as_nobody(&format!("'{program}' {local} --out {out}"))?.status.success());
    for words in [
        format!("{local} --replace --set=study.seed=2 --out {out}"),
        format!("run {out} --shard 0 --threads 2"),
        format!("status {out}"),
        format!("merge {out}"),
        format!("audit {out} --threads 2"),
        format!("resume {out} --local --threads 2"),
    ] {
        let ran = as_nobody(&format!("ulimit -u 1; exec '{program}' {words}"))?;
        let said = String::from_utf8_lossy(&ran.stderr).into_owned();
        assert_eq!(ran.status.code(), Some(2), "{words}: {said}");
        assert_eq!(said.matches("otfhpc: cannot make ").count(), 1, "{words}: {said}");
        assert!(said.contains("`ulimit -u`"), "{words}: {said}");
    }
    Ok(())
}

/// A cgroup, of either version, with the quota of one processor. It goes when this is dropped.
struct Quota {
    folder: PathBuf,
}

impl Quota {
    fn new() -> Result<Self, String> {
        let version_1 = Path::new("/sys/fs/cgroup/cpu/cpu.cfs_quota_us").exists();
        let parent = if version_1 { "/sys/fs/cgroup/cpu" } else { "/sys/fs/cgroup" };
        let folder = Path::new(parent).join(format!("otfhpc-{}", std::process::id()));
        let needs = |e: std::io::Error| format!("needs the right to make a cgroup: {e}");
        fs::create_dir(&folder).map_err(needs)?;
        let quota = Self { folder };
        let set = match version_1 {
            true => fs::write(quota.folder.join("cpu.cfs_period_us"), "100000")
                .and_then(|()| fs::write(quota.folder.join("cpu.cfs_quota_us"), "100000")),
            false => fs::write(quota.folder.join("cpu.max"), "100000 100000"),
        };
        set.map_err(needs)?;
        Ok(quota)
    }
}

impl Drop for Quota {
    fn drop(&mut self) {
        let _ = fs::remove_dir(&self.folder);
    }
}

fn quota() -> Result<(), Failed> {
    let (quota, folder) = (Quota::new()?, tempfile::tempdir()?);
    let processors = std::thread::available_parallelism()?.get();
    let line = format!(
        "echo $$ >'{}/cgroup.procs' && exec '{}' local {} --set=fit.bins=4-9",
        quota.folder.display(),
        env!("CARGO_BIN_EXE_otfhpc"),
        SMALL.join(" ")
    );
    let mut shell = Command::new("sh");
    shell.args(["-c", &line]).current_dir(folder.path());
    for name in ["OTFHPC_THREADS", "SLURM_CPUS_PER_TASK", "SLURM_CPUS_ON_NODE"] {
        shell.env_remove(name);
    }
    let ran = shell.output()?;
    let said = String::from_utf8_lossy(&ran.stdout).into_owned();
    assert!(ran.status.success(), "{said}{}", String::from_utf8_lossy(&ran.stderr));
    assert!(said.contains(" on 1 thread\n"), "of {processors} processors: {said}");
    Ok(())
}
