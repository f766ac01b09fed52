//! Moves files out of the way. Nothing is deleted.

use std::io;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;

use super::run_dir::RunDir;
use crate::foundations::FileError;
use crate::foundations::files::plain;

/// Moves whatever stands at a path, file or folder, into the folder for it, under a free name. Says whether it did:
/// somebody else may have done it before.
///
/// # Errors
/// If it cannot be moved.
pub fn set_aside(run: &RunDir, from: &Path) -> Result<bool, FileError> {
    loop {
        match rename_new(from, &free_place(run, from)?) {
            Ok(()) => return Ok(true),
            // Somebody else has just put something there.
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {}
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(e) => return Err(FileError::new("move aside", from, e)),
        }
    }
}

/// Renames to a name that nothing has.
fn rename_new(from: &Path, to: &Path) -> io::Result<()> {
    match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        // A file system that can only replace.
        Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => std::fs::rename(from, to),
        renamed => Ok(renamed?),
    }
}

/// A free name for what might have stood at a path.
///
/// # Errors
/// If the folder cannot be made.
pub(crate) fn free_place(run: &RunDir, from: &Path) -> Result<PathBuf, FileError> {
    let folder = run.set_aside();
    plain::make_folder(&folder)?;
    let name = from.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let free = (1..)
        .map(|attempt| folder.join(format!("{name}.{attempt}")))
        .find(|path| path.symlink_metadata().is_err());
    Ok(free.unwrap_or_else(|| folder.join(name)))
}
