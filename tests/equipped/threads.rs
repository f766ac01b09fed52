//! As many threads as a cgroup lets run, where nobody says how many.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::program::SMALL;
use crate::support::{Trial, trial_unless};
use libtest_mimic::Failed;

pub(crate) fn trials() -> Vec<Trial> {
    let reason = Quota::new().err();
    vec![trial_unless(reason, "the_quota_of_a_cgroup_is_obeyed", quota)]
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
