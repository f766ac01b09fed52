//! Moves files out of the way. Nothing is deleted.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::run_dir::RunDir;
use crate::foundations::FileError;
use crate::foundations::files::plain;

/// Moves whatever stands at a path, file or folder, into the folder for it, under a free name. Says whether it did:
/// somebody else may have done it before.
///
/// # Errors
/// If it cannot be moved.
pub fn set_aside(run: &RunDir, from: &Path) -> Result<bool, FileError> {
    let free = free_place(run, from)?;
    match std::fs::rename(from, &free) {
        Ok(()) => Ok(true),
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(false),
        Err(e) => Err(FileError::new("move aside", from, e)),
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
