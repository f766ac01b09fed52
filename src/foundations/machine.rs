//! How much memory this process may still take, as the system tells it. No result follows from it:
//! it only decides whether something is begun.

use std::fs;
use std::path::{Path, PathBuf};

use rustix::process::{Resource, getrlimit};
use thiserror::Error;

/// Where control groups are mounted.
const GROUPS: &str = "/sys/fs/cgroup";
/// What a control group says that has no limit, and what no machine has.
const UNLIMITED: u64 = 1 << 60;

/// The memory that there is for a process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemoryLimit {
    /// Bytes that it may still take.
    pub bytes: u64,
    /// What sets the limit, as in "this machine has".
    pub source: String,
}

/// The narrowest of the limits that hold for this process: what the machine has left, what its
/// control groups (of a container, or of a job) and `ulimit` allow. None where nothing is told.
#[must_use]
pub fn memory_limit() -> Option<MemoryLimit> {
    let read = |path: &Path| fs::read_to_string(path).ok();
    let machine = read(Path::new("/proc/meminfo")).and_then(|text| left_on_machine(&text));
    let groups = read(Path::new("/proc/self/cgroup")).map(|text| groups(&text)).unwrap_or_default();
    let groups = groups.iter().filter_map(|group| left_in_group(group, &read));
    machine.into_iter().chain(groups).chain(by_ulimit()).min_by_key(|limit| limit.bytes)
}

/// The most memory that this process has had so far, bytes; none where the system does not tell.
#[must_use]
pub fn peak_memory() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.split_whitespace().next()?.parse::<u64>().ok()?.checked_mul(1024)
}

/// What `/proc/meminfo` says is left, swap included.
fn left_on_machine(meminfo: &str) -> Option<MemoryLimit> {
    let bytes = kibibytes(meminfo, "MemAvailable")? + kibibytes(meminfo, "SwapFree").unwrap_or(0);
    Some(MemoryLimit { bytes, source: "this machine has".into() })
}

/// The folders of the control groups that a process is in, by `/proc/self/cgroup`, and of all those
/// above them: a limit holds for everything below it.
fn groups(of_process: &str) -> Vec<PathBuf> {
    let mut folders = Vec::new();
    for line in of_process.lines() {
        let mut parts = line.splitn(3, ':').skip(1);
        let (Some(controllers), Some(path)) = (parts.next(), parts.next()) else { continue };
        let root = match controllers {
            // The second version, where it is alone and where it stands beside the first.
            "" => Path::new(GROUPS).to_path_buf(),
            list if list.split(',').any(|name| name == "memory") => {
                Path::new(GROUPS).join("memory")
            }
            _ => continue,
        };
        let own = root.join(path.trim_start_matches('/'));
        folders.extend(own.ancestors().take_while(|f| f.starts_with(&root)).map(Path::to_owned));
    }
    folders
}

/// What a control group allows beyond what its processes have; pages of files can be let go.
fn left_in_group(group: &Path, read: &impl Fn(&Path) -> Option<String>) -> Option<MemoryLimit> {
    let limit = ["memory.max", "memory.limit_in_bytes"].map(|name| read(&group.join(name)));
    let limit: u64 = limit.into_iter().flatten().find_map(|text| text.trim().parse().ok())?;
    let stat = read(&group.join("memory.stat")).unwrap_or_default();
    let taken = ["anon ", "total_rss "].iter().find_map(|name| {
        stat.lines().find_map(|line| line.strip_prefix(name)?.trim().parse::<u64>().ok())
    });
    (limit < UNLIMITED).then(|| MemoryLimit {
        bytes: limit.saturating_sub(taken.unwrap_or(0)),
        source: "the control group of this process (its container, or its job) has".into(),
    })
}

/// What `ulimit -v` and `ulimit -d` leave of what they allow.
fn by_ulimit() -> Option<MemoryLimit> {
    let limits = [(Resource::As, "ulimit -v", "VmSize"), (Resource::Data, "ulimit -d", "VmData")];
    let limits = limits.into_iter().filter_map(|(resource, name, taken)| {
        let allowed = getrlimit(resource).current?;
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        let bytes = allowed.saturating_sub(kibibytes(&status, taken).unwrap_or(0));
        Some(MemoryLimit { bytes, source: format!("{name} leaves") })
    });
    limits.min_by_key(|limit| limit.bytes)
}

/// Bytes of a line of `/proc/meminfo` or `/proc/self/status`.
fn kibibytes(text: &str, name: &str) -> Option<u64> {
    let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
    let kibibytes: u64 = value.split_whitespace().next()?.parse().ok()?;
    kibibytes.checked_mul(1024)
}

/// Four times the stack that a command was seen to need.
const LEAST_STACK: u64 = 512 << 10;
/// Twice the address space that the smallest run was seen to need.
const LEAST_SPACE: u64 = 64 << 20;

/// A limit so low that the system would end this process without a word.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "`{command}` allows {} KiB of {what}, and this program needs {} at the least: type `{command} {}`, and \
     the same again",
    found / 1024, needed / 1024, needed / 1024
)]
pub struct TooLittle {
    command: &'static str,
    what: &'static str,
    found: u64,
    needed: u64,
}

/// Checks that the limits on this process let it come to its end with a word.
///
/// # Errors
/// Names the limit, and what is needed.
pub fn check_limits() -> Result<(), TooLittle> {
    let limits = [
        (Resource::Stack, "ulimit -s", "stack", LEAST_STACK),
        (Resource::As, "ulimit -v", "address space", LEAST_SPACE),
    ];
    for (resource, command, what, needed) in limits {
        if let Some(found) = getrlimit(resource).current.filter(|found| *found < needed) {
            return Err(TooLittle { command, what, found, needed });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_has_some_memory() {
        let limit = memory_limit().unwrap();
        assert!(limit.bytes > 1 << 20 && limit.bytes < UNLIMITED, "{limit:?}");
    }

    #[test]
    fn what_is_left_is_read_with_swap() {
        let text = "MemTotal: 24684084 kB\nMemAvailable:   1000 kB\nSwapFree:  24 kB\n";
        assert_eq!(left_on_machine(text).unwrap().bytes, 1024 * 1024);
        assert_eq!(left_on_machine("MemTotal: 5 kB\n"), None);
    }

    #[test]
    fn a_process_is_in_its_groups_and_in_those_above() {
        let folders = groups("4:memory:/a/b\n3:cpu,cpuacct:/c\n0::/slurm/job_7\n");
        let folders: Vec<&str> = folders.iter().map(|f| f.to_str().unwrap()).collect();
        let expected = [
            "/sys/fs/cgroup/memory/a/b",
            "/sys/fs/cgroup/memory/a",
            "/sys/fs/cgroup/memory",
            "/sys/fs/cgroup/slurm/job_7",
            "/sys/fs/cgroup/slurm",
            "/sys/fs/cgroup",
        ];
        assert_eq!(folders, expected);
    }

    #[test]
    fn both_versions_of_groups_say_what_is_left() {
        let left = |files: &'static [(&str, &str)]| {
            let read = |path: &Path| {
                let name = path.strip_prefix("/g").unwrap().to_str().unwrap();
                let mut files = files.iter();
                files.find(|(file, _)| *file == name).map(|(_, text)| (*text).to_owned())
            };
            left_in_group(Path::new("/g"), &read).map(|limit| limit.bytes)
        };
        let second = &[("memory.max", "1000\n"), ("memory.stat", "anon 300\nfile 500\n")];
        assert_eq!(left(second), Some(700));
        assert_eq!(left(&[("memory.max", "max\n")]), None);
        let first =
            &[("memory.limit_in_bytes", "1000"), ("memory.stat", "rss 1\ntotal_rss 2000\n")];
        assert_eq!(left(first), Some(0));
        assert_eq!(left(&[("memory.limit_in_bytes", "9223372036854771712")]), None);
        assert_eq!(left(&[]), None);
    }
}
