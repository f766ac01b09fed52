//! Which build of this program fits: a run stays with the one that planned it.
//!
//! Another build may round differently, even if it calls itself the same version. The hash of the
//! executable stands beside the plan, outside of its hash: no result follows from it.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::foundations::{Digest, FileError, Shown};

/// What is mapped into this process, also when the file was replaced since it started.
const RUNNING: &str = "/proc/self/exe";

/// One build of this program.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Build {
    /// BLAKE3 of its executable.
    pub blake3: Digest,
}

/// Another build than the one that planned.
#[derive(Debug, Error)]
#[error(
    "{}: the run was planned with another build of otfhpc (its executable has the hash {planned}, \
     this one has {found}); use the build that planned it, or add --any-binary, or set \
     OTFHPC_ANY_BINARY=1, to go on with this one, which provenance.json will tell",
    Shown(plan)
)]
pub struct OtherBuild {
    /// The plan's file.
    pub plan: PathBuf,
    /// Hash of the build that planned, its first digits.
    pub planned: String,
    /// Hash of this build, its first digits.
    pub found: String,
}

impl Build {
    /// The build that is running; its executable is read once.
    ///
    /// # Errors
    /// If the executable cannot be found or read.
    pub fn running() -> Result<Self, FileError> {
        static HASH: Mutex<Option<Digest>> = Mutex::new(None);
        // Held while the executable is read: who comes meanwhile waits, rather than read it too.
        let mut hash = HASH.lock().unwrap_or_else(PoisonError::into_inner);
        let blake3 = match *hash {
            Some(known) => known,
            None => *hash.insert(Digest::of_file(&executable()?)?),
        };
        Ok(Self { blake3 })
    }

    /// Begins to read the executable beside other work, for [`Self::running`] to find it read. Where no
    /// thread is to be had, that reads it.
    pub fn look_ahead() {
        let read = || drop(Self::running());
        drop(std::thread::Builder::new().name("otfhpc-build".into()).spawn(read));
    }
}

fn executable() -> Result<PathBuf, FileError> {
    let running = Path::new(RUNNING);
    if running.exists() {
        return Ok(running.into());
    }
    std::env::current_exe().map_err(|e| FileError::new("find the executable", running, e))
}
