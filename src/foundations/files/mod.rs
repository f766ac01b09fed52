//! Files that appear whole or not at all, their hashes, and gzip.

mod digest;
pub(crate) mod gunzip;
pub mod leftovers;
pub mod listing;
pub mod plain;
mod together;

use std::fs::{self, File, Permissions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use serde::Serialize;
use tempfile::NamedTempFile;
use thiserror::Error;

use super::text::Shown;
pub use digest::Digest;
use plain::Misplaced;
pub use together::FilesTogether;

/// A file or folder that could not be used: which, for what, and why.
#[derive(Debug, Error)]
#[error("{}", message(action, path, source))]
pub struct FileError {
    /// What was tried, as a verb ("read", "write").
    pub action: &'static str,
    /// The file or folder.
    pub path: PathBuf,
    /// What the operating system said.
    #[source]
    pub source: io::Error,
}

impl FileError {
    /// Wraps an I/O error with what was tried on which path.
    pub fn new(action: &'static str, path: &Path, source: io::Error) -> Self {
        Self { action, path: path.to_path_buf(), source }
    }

    /// What stands there in the place of what was expected, if that is what is wrong.
    #[must_use]
    pub fn misplaced(&self) -> Option<Misplaced> {
        Misplaced::in_error(&self.source)
    }

    /// Whether the file was simply not there.
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        self.source.kind() == io::ErrorKind::NotFound
    }
}

fn message(action: &str, path: &Path, source: &io::Error) -> String {
    match Misplaced::in_error(source) {
        Some(misplaced) => format!("{} {misplaced}", Shown(path)),
        None => format!("cannot {action} {}: {source}{}", Shown(path), hint(source)),
    }
}

/// What a person would do next about an I/O error.
fn hint(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            "; make space there, or choose another folder with --out, then run the same command again"
        }
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            "; give yourself access to it, or choose another folder with --out"
        }
        io::ErrorKind::AlreadyExists | io::ErrorKind::NotADirectory => {
            "; a file stands where a folder should: move it, or choose another folder with --out"
        }
        io::ErrorKind::NotFound | io::ErrorKind::IsADirectory => "; check the path",
        _ => "",
    }
}

/// Reads a whole file.
pub fn read(path: &Path) -> Result<Vec<u8>, FileError> {
    fs::read(path).map_err(|e| FileError::new("read", path, e))
}

/// Makes a folder and those above it.
pub fn make_folder(path: &Path) -> Result<(), FileError> {
    fs::create_dir_all(path).map_err(|e| FileError::new("make the folder", path, e))
}

/// The folder itself, or, if it is not there yet, the nearest above it that is.
#[must_use]
pub fn nearest_existing(folder: &Path) -> &Path {
    let named = folder.ancestors().filter(|path| !path.as_os_str().is_empty());
    let mut existing = named.filter(|path| path.exists());
    existing.next().unwrap_or(Path::new("."))
}

/// Checks that a file can be made in a folder, or, if it is not there yet, where it would be made.
pub fn check_writable(folder: &Path) -> Result<(), FileError> {
    let existing = nearest_existing(folder);
    let made = existing.metadata().and_then(|metadata| {
        if metadata.is_dir() { probe(existing) } else { Err(io::ErrorKind::NotADirectory.into()) }
    });
    made.map_err(|e| FileError::new("make a file in", existing, e))
}

/// Makes a file and removes it: one without a name, where there are such, which a kill does not leave.
fn probe(folder: &Path) -> io::Result<()> {
    #[cfg(target_os = "linux")]
    if unnamed(folder).is_ok() {
        return Ok(());
    }
    let mut named = tempfile::Builder::new();
    named.prefix(".probe.").suffix(TEMPORARY_SUFFIX).tempfile_in(folder).map(drop)
}

#[cfg(target_os = "linux")]
fn unnamed(folder: &Path) -> io::Result<File> {
    let flags = rustix::fs::OFlags::TMPFILE.bits().cast_signed();
    File::options().write(true).custom_flags(flags).open(folder)
}

/// Writes a file so that, whatever happens, `path` holds either all of it or what it held before.
///
/// The content goes to a temporary file in the same folder, with a name that no other attempt
/// uses, is synced to disk, and is renamed onto `path`; then the folder is synced, since a rename
/// is only durable once its folder is. The temporary name starts with a dot and ends with `.tmp`.
pub fn write_whole(
    path: &Path,
    fill: impl FnOnce(&mut BufWriter<&File>) -> io::Result<()>,
) -> Result<(), FileError> {
    let write = || {
        written(path, fill)?.persist(path).map_err(|e| e.error)?;
        sync_name(path)
    };
    write().map_err(|e| FileError::new("write", path, e))
}

/// Writes a value as JSON that people can read, as [`write_whole`] does.
pub fn write_json(path: &Path, value: &impl Serialize) -> Result<(), FileError> {
    write_whole(path, |w| json(w, value))
}

/// JSON that people can read, with a new line at its end.
fn json(w: &mut impl Write, value: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *w, value)?;
    w.write_all(b"\n")
}

/// As [`write_whole`], but leaves alone whatever is at `path` already, and says whether nothing
/// was. Of several who do this at once, one is the first.
pub fn write_whole_new(
    path: &Path,
    fill: impl FnOnce(&mut BufWriter<&File>) -> io::Result<()>,
) -> Result<bool, FileError> {
    let write = || {
        match written(path, fill)?.persist_noclobber(path) {
            Ok(_) => {}
            Err(e) if path.symlink_metadata().is_ok() => {
                drop(e.file);
                return Ok(false);
            }
            // A file system that can only replace.
            Err(e) => drop(e.file.persist(path).map_err(|e| e.error)?),
        }
        sync_name(path)?;
        Ok(true)
    };
    write().map_err(|e| FileError::new("write", path, e))
}

/// Brings the name of a file to disk: it is only durable once its folder is.
pub(crate) fn sync_name(path: &Path) -> io::Result<()> {
    File::open(folder_of(path))?.sync_all()
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// The content under its temporary name, synced.
fn written(
    path: &Path,
    fill: impl FnOnce(&mut BufWriter<&File>) -> io::Result<()>,
) -> io::Result<NamedTempFile> {
    let temporary = unsynced(path, fill)?;
    temporary.as_file().sync_all()?;
    Ok(temporary)
}

/// The content under its temporary name.
fn unsynced(
    path: &Path,
    fill: impl FnOnce(&mut BufWriter<&File>) -> io::Result<()>,
) -> io::Result<NamedTempFile> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    // 0o666 before the user's umask, as for any other file: colleagues read each other's results.
    let temporary = tempfile::Builder::new()
        .prefix(&format!(".{name}."))
        .suffix(TEMPORARY_SUFFIX)
        .permissions(Permissions::from_mode(0o666))
        .tempfile_in(folder_of(path))?;
    // While it is locked, its writer lives; that there are no locks is no reason not to write.
    let _ = temporary.as_file().try_lock();
    let mut writer = BufWriter::with_capacity(1 << 16, temporary.as_file());
    fill(&mut writer)?;
    writer.flush()?;
    drop(writer);
    Ok(temporary)
}

/// How the name of an unfinished file ends.
const TEMPORARY_SUFFIX: &str = ".tmp";

/// Whether a file name is that of an unfinished file, left behind by an attempt that was killed.
#[must_use]
pub fn is_temporary(name: &str) -> bool {
    name.starts_with('.') && name.ends_with(TEMPORARY_SUFFIX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_write_that_fails_leaves_the_old_file_and_no_litter() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.json");
        write_whole(&path, |w| w.write_all(b"old")).unwrap();
        let error = write_whole(&path, |w| {
            w.write_all(b"half")?;
            Err(io::Error::from(io::ErrorKind::StorageFull))
        })
        .unwrap_err();
        assert!(error.to_string().contains("make space"), "{error}");
        assert_eq!(fs::read(&path).unwrap(), b"old");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn the_first_of_many_writes_and_no_other_takes_its_place() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.bin");
        let write = |n: usize| write_whole_new(&path, |w| w.write_all(&[n as u8; 1000])).unwrap();
        let first = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8).map(|n| scope.spawn(move || write(n))).collect();
            threads.into_iter().map(|t| t.join().unwrap()).collect::<Vec<bool>>()
        });
        let winners: Vec<usize> = (0..8).filter(|n| first[*n]).collect();
        assert_eq!(winners.len(), 1);
        assert_eq!(fs::read(&path).unwrap(), [winners[0] as u8; 1000]);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_written_file_is_readable_by_others_as_the_umask_allows() {
        let folder = tempfile::tempdir().unwrap();
        let plain = folder.path().join("plain");
        let whole = folder.path().join("whole");
        fs::write(&plain, b"").unwrap();
        write_whole(&whole, |_| Ok(())).unwrap();
        let mode = |p: &Path| fs::metadata(p).unwrap().permissions().mode();
        assert_eq!(mode(&plain), mode(&whole));
    }

    #[test]
    fn unfinished_files_are_known_by_name() {
        assert!(is_temporary(".shard-00001.bin.x7Yz.tmp"));
        assert!(!is_temporary("shard-00001.bin"));
        assert!(!is_temporary(".hidden"));
    }
}
