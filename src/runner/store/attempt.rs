//! Who worked on a shard: told by its journal.

use chrono::{SecondsFormat, Utc};
use serde::{Deserialize, Serialize};

use crate::foundations::Digest;

/// Where a process was started, as whoever started it says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Origin {
    /// Slurm's job and task, where there are any.
    pub job: Option<String>,
    /// Slurm's name of the machine, where it has one.
    pub node: Option<String>,
}

/// One process that worked on a shard.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// Name of the machine: Slurm's if it has one, by which it can be excluded.
    pub host: String,
    /// Process id there.
    pub process: u32,
    /// Slurm's job and task, where there are any.
    pub job: Option<String>,
    /// Start, UTC, RFC 3339.
    pub started: String,
    /// BLAKE3 of its executable.
    pub binary: Digest,
}

impl Attempt {
    /// The attempt of this process, which begins now.
    #[must_use]
    pub fn of_this_process(origin: &Origin, binary: Digest) -> Self {
        let host = origin.node.clone().unwrap_or_else(host_name);
        let (process, job) = (std::process::id(), origin.job.clone());
        Self { host, process, job, started: now(), binary }
    }
}

/// The time, UTC, RFC 3339.
pub(crate) fn now() -> String {
    Utc::now().to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// The name of this machine, for people; no result depends on it.
pub(crate) fn host_name() -> String {
    hostname::get().map_or_else(|_| "unknown".into(), |name| name.to_string_lossy().into_owned())
}
