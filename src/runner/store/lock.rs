//! One process works on a shard at a time.
//!
//! The lock is one of the operating system, on an empty file: it dies with its owner, however that
//! ends, so that there is never a lock to be cleaned up by hand.

use std::fmt;
use std::fs::{File, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::io::Errno;
use serde::{Deserialize, Serialize};

use crate::foundations::FileError;
use crate::foundations::files::plain;

/// How often the file is opened anew that a former owner removed in between.
const TRIES: usize = 100;

/// Whether the locks of a file system are believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Locks {
    /// As the system says.
    #[default]
    AsTold,
    /// As if the system had none, as some network file systems do.
    None,
}

/// What became of a try to lock a shard.
#[derive(Debug)]
pub(crate) enum Locked {
    /// It is ours until this is dropped.
    Ours(Lock),
    /// Another process has it.
    Elsewhere,
    /// There are no locks here.
    Unknown,
}

/// The right to work on a shard.
#[derive(Debug)]
pub(crate) struct Lock {
    path: PathBuf,
    /// Closing it gives the lock back.
    file: File,
}

impl Lock {
    /// Checks that the file whose lock it is still stands in its place.
    ///
    /// # Errors
    /// If somebody removed or replaced it.
    pub(crate) fn check_kept(&self) -> Result<(), FileError> {
        if is_at(&self.file, &self.path) { Ok(()) } else { Err(changed(&self.path)) }
    }

    /// Writes into the file whose lock it is, for people: that it cannot be written is no reason not
    /// to work.
    pub(crate) fn sign(&self, holder: &Holder) {
        let text = serde_json::to_string(holder).unwrap_or_default();
        let _ = self.file.set_len(0).and_then(|()| (&self.file).write_all(text.as_bytes()));
    }
}

/// Who has a lock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// Name of the machine.
    pub host: String,
    /// Process id there.
    pub process: u32,
}

impl Holder {
    /// This process, on a machine of this name.
    #[must_use]
    pub fn new(host: String) -> Self {
        Self { host, process: std::process::id() }
    }

    /// Who signed the file of a lock last, if it can be read.
    pub(crate) fn of(path: &Path) -> Option<Self> {
        serde_json::from_slice(&plain::read(path).ok()?).ok()
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, process {}", self.host, self.process)
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // While it is still ours: who has opened this file sees that it is no longer there.
        let _ = std::fs::remove_file(&self.path);
    }
}

/// Tries to lock a file in a folder of the run, which is made if it is not there; does not wait.
///
/// # Errors
/// If the file cannot be made.
pub(crate) fn lock(path: &Path, locks: Locks) -> Result<Locked, FileError> {
    plain::make_folder(path.parent().unwrap_or(Path::new(".")))?;
    lock_in_place(path, locks)
}

/// The same in a folder that is there, and may be a link, as that of the run itself.
///
/// # Errors
/// If the file cannot be made.
pub(crate) fn lock_in_place(path: &Path, locks: Locks) -> Result<Locked, FileError> {
    if locks == Locks::None {
        return Ok(Locked::Unknown);
    }
    let error = |e| FileError::new("lock", path, e);
    for _ in 0..TRIES {
        let options = File::options().read(true).write(true).create(true).truncate(false).clone();
        let file = plain::open(path, &options).map_err(error)?;
        match file.try_lock() {
            Ok(()) if is_at(&file, path) => {
                return Ok(Locked::Ours(Lock { path: path.into(), file }));
            }
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(Locked::Elsewhere),
            Err(TryLockError::Error(e)) if has_no_locks(&e) => {
                let _ = std::fs::remove_file(path);
                return Ok(Locked::Unknown);
            }
            Err(TryLockError::Error(e)) => return Err(error(e)),
        }
    }
    // Others take it and give it back all the time.
    Ok(Locked::Elsewhere)
}

/// The error of a file that only its owner may change.
pub(super) fn changed(path: &Path) -> FileError {
    let why =
        "somebody else changed or removed it meanwhile; no program may write into a results folder";
    FileError::new("rely on", path, io::Error::other(why))
}

/// Whether the file still has its name: its last owner may have removed it.
pub(super) fn is_at(file: &File, path: &Path) -> bool {
    let identity = |metadata: io::Result<std::fs::Metadata>| {
        metadata.map(|metadata| (metadata.dev(), metadata.ino())).ok()
    };
    let found = identity(path.symlink_metadata());
    found.is_some() && found == identity(file.metadata())
}

/// Whether the file system says that it has no locks.
fn has_no_locks(error: &io::Error) -> bool {
    let errors = [Errno::NOLCK, Errno::NOTSUP, Errno::OPNOTSUPP, Errno::NOSYS];
    Errno::from_io_error(error).is_some_and(|errno| errors.contains(&errno))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_has_it_until_it_is_given_back_and_nothing_is_left() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new/shard.lock");
        let Ok(Locked::Ours(first)) = lock(&path, Locks::AsTold) else { panic!() };
        assert!(matches!(lock(&path, Locks::AsTold), Ok(Locked::Elsewhere)));
        assert!(matches!(lock(&path, Locks::None), Ok(Locked::Unknown)));
        drop(first);
        assert!(!path.exists());
        // The file alone, as a process leaves it that was killed, is no lock.
        std::fs::write(&path, b"").unwrap();
        assert!(matches!(lock(&path, Locks::AsTold), Ok(Locked::Ours(_))));
        assert!(!path.exists());
    }

    #[test]
    fn it_is_never_with_two_however_many_try() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("shard.lock");
        let (inside, taken) = (std::sync::Mutex::new(()), std::sync::atomic::AtomicU32::new(0));
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..500 {
                        if let Ok(Locked::Ours(_lock)) = lock(&path, Locks::AsTold) {
                            let alone = inside.try_lock();
                            assert!(alone.is_ok());
                            taken.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                        }
                    }
                });
            }
        });
        assert!(taken.into_inner() > 100);
    }

    #[test]
    fn what_systems_without_locks_say_is_known() {
        for errno in [Errno::NOLCK, Errno::OPNOTSUPP, Errno::NOSYS] {
            assert!(has_no_locks(&errno.into()), "{errno}");
        }
        assert!(!has_no_locks(&Errno::ACCESS.into()));
    }
}
