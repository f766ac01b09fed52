//! From the private folder to the results: each file and folder appears whole.

use std::fs::{self, File};
use std::io;
use std::path::Path;

use rustix::fs::{CWD, RenameFlags, renameat_with, syncfs};
use rustix::io::Errno;

use crate::foundations::FileError;
use crate::foundations::files::listing;

/// So many files are synced one by one. Where there are more, their file system is synced once: one
/// sync a file would take longer than everything else.
const FEW: u64 = 64;

/// Sees to it that all that is in a folder is on the disk.
///
/// # Errors
/// If the disk does not take it.
pub(super) fn sync(folder: &Path, files: u64) -> Result<(), FileError> {
    let sync = || {
        if files <= FEW {
            sync_tree(folder)
        } else {
            match syncfs(File::open(folder)?) {
                // A file system that cannot be synced alone.
                Err(Errno::NOSYS | Errno::INVAL | Errno::OPNOTSUPP) => sync_tree(folder),
                result => Ok(result?),
            }
        }
    };
    sync().map_err(|e| FileError::new("sync", folder, e))
}

fn sync_tree(folder: &Path) -> io::Result<()> {
    for name in listing::names(folder)? {
        let path = folder.join(name);
        if path.symlink_metadata()?.is_dir() {
            sync_tree(&path)?
        } else {
            File::open(path)?.sync_all()?
        }
    }
    File::open(folder)?.sync_all()
}

/// Puts a file or a folder in its place; what was there goes to the private folder. At no time is
/// there half a folder. A link in that place is moved, never followed.
///
/// # Errors
/// If it cannot be moved.
pub(super) fn put(name: &str, from: &Path, to: &Path) -> Result<(), FileError> {
    let (new, place) = (from.join(name), to.join(name));
    let put = || match (place.symlink_metadata(), new.symlink_metadata()?.is_dir()) {
        (Ok(old), is_folder) if old.is_dir() || is_folder => swap(&new, &place),
        _ => fs::rename(&new, &place),
    };
    put().map_err(|e| FileError::new("write", &place, e))
}

fn swap(new: &Path, place: &Path) -> io::Result<()> {
    match renameat_with(CWD, new, CWD, place, RenameFlags::EXCHANGE) {
        Ok(()) => Ok(()),
        // A file system without that: for a moment, nothing is there.
        Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => {
            fs::rename(place, old_name(new))?;
            fs::rename(new, place)
        }
        Err(error) => Err(error.into()),
    }
}

/// Moves what has no place among the results of this merge to the private folder, if it is there.
///
/// # Errors
/// If it cannot be moved.
pub(super) fn remove(name: &str, private: &Path, from: &Path) -> Result<(), FileError> {
    let place = from.join(name);
    match fs::rename(&place, old_name(&private.join(name))) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(FileError::new("remove", &place, e)),
        _ => Ok(()),
    }
}

fn old_name(path: &Path) -> std::path::PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".old");
    name.into()
}

/// Makes the names in a folder durable.
///
/// # Errors
/// If the disk does not take them.
pub(super) fn sync_names(folder: &Path) -> Result<(), FileError> {
    let synced = File::open(folder).and_then(|folder| folder.sync_all());
    synced.map_err(|e| FileError::new("sync", folder, e))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;

    fn folders() -> (tempfile::TempDir, PathBuf, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let (from, to) = (folder.path().join("from"), folder.path().join("to"));
        fs::create_dir_all(from.join("outputs")).unwrap();
        fs::create_dir(&to).unwrap();
        fs::write(from.join("outputs/new"), "new").unwrap();
        fs::write(from.join("units.csv"), "new").unwrap();
        (folder, from, to)
    }

    fn names(folder: &Path) -> Vec<String> {
        let name = |entry: io::Result<fs::DirEntry>| entry.unwrap().file_name().into_string();
        let mut names: Vec<String> =
            fs::read_dir(folder).unwrap().map(|e| name(e).unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn the_old_goes_and_the_new_comes_whole() {
        let (_guard, from, to) = folders();
        fs::create_dir(to.join("outputs")).unwrap();
        fs::write(to.join("outputs/old"), "old").unwrap();
        fs::write(to.join("units.csv"), "old").unwrap();
        fs::write(to.join("summary.csv"), "old").unwrap();
        sync(&from, 2).unwrap();
        sync(&from, 1000).unwrap();
        put("outputs", &from, &to).unwrap();
        put("units.csv", &from, &to).unwrap();
        remove("summary.csv", &from, &to).unwrap();
        remove("reduced", &from, &to).unwrap();
        assert_eq!(names(&to), ["outputs", "units.csv"]);
        assert_eq!(names(&to.join("outputs")), ["new"]);
        assert_eq!(fs::read(to.join("units.csv")).unwrap(), b"new");
        assert_eq!(names(&from.join("outputs")), ["old"]);
    }

    #[test]
    fn nothing_is_written_through_a_link() {
        let (guard, from, to) = folders();
        let elsewhere = guard.path().join("elsewhere");
        fs::create_dir(&elsewhere).unwrap();
        std::os::unix::fs::symlink(&elsewhere, to.join("outputs")).unwrap();
        put("outputs", &from, &to).unwrap();
        assert!(!to.join("outputs").is_symlink());
        assert_eq!(names(&to.join("outputs")), ["new"]);
        assert_eq!(names(&elsewhere), [""; 0]);
    }

    #[test]
    fn a_file_in_the_place_of_a_folder_goes() {
        let (_guard, from, to) = folders();
        fs::write(to.join("outputs"), "a file").unwrap();
        fs::create_dir(to.join("units.csv")).unwrap();
        put("outputs", &from, &to).unwrap();
        put("units.csv", &from, &to).unwrap();
        assert_eq!(names(&to.join("outputs")), ["new"]);
        assert_eq!(fs::read(to.join("units.csv")).unwrap(), b"new");
    }
}
