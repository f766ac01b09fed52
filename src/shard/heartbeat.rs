//! A small file that says that a shard is being fitted, by whom, and how far it is.

use std::io::Write;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use crate::foundations::{FileError, RunDir, files};

/// How often it is renewed.
pub const PERIOD: Duration = Duration::from_secs(5);
/// A sign of life older than this means that its task is gone.
const STALE_AFTER: Duration = Duration::from_secs(60);

/// A sign of life.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Heartbeat {
    /// Name of the machine.
    pub host: String,
    /// Process id there.
    pub process: u32,
    /// Units done so far.
    pub units_done: u64,
}

impl Heartbeat {
    /// The sign of life of this process.
    #[must_use]
    pub fn of_this_process(units_done: u64) -> Self {
        Self { host: host_name(), process: std::process::id(), units_done }
    }

    /// Renews the sign of life of a shard.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn write(&self, run: &RunDir, shard: u32) -> Result<(), FileError> {
        files::make_folder(&run.heartbeats())?;
        files::write_whole(&run.heartbeat(shard), |w| {
            serde_json::to_writer(&mut *w, self)?;
            w.write_all(b"\n")
        })
    }

    /// The sign of life of a shard, and whether it is fresh; none if there is none to be read.
    #[must_use]
    pub fn read(run: &RunDir, shard: u32) -> Option<(Self, bool)> {
        let path = run.heartbeat(shard);
        let modified = std::fs::metadata(&path).ok()?.modified().ok()?;
        let heartbeat = serde_json::from_slice(&files::read(&path).ok()?).ok()?;
        // A clock that differs between machines must not make a live task look dead for long.
        let age = SystemTime::now().duration_since(modified).unwrap_or_default();
        Some((heartbeat, age < STALE_AFTER))
    }

    /// Takes the sign of life back; it does not matter if there is none.
    pub fn remove(run: &RunDir, shard: u32) {
        let _ = std::fs::remove_file(run.heartbeat(shard));
    }
}

/// The name of this machine, for people; no result depends on it.
pub(super) fn host_name() -> String {
    hostname::get().map_or_else(|_| "unknown".into(), |name| name.to_string_lossy().into_owned())
}
