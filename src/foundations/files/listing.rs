//! What is in a folder, and folders that go. The standard library ends the process if a folder cannot
//! be closed, as a network file system may say; this does not.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::{Dir, OFlags};

/// The names of what is in a folder, one after another.
///
/// # Errors
/// If it cannot be read.
pub fn each(folder: &Path) -> io::Result<impl Iterator<Item = io::Result<OsString>>> {
    names_in(open(folder, OFlags::DIRECTORY)?)
}

/// The same, all at once and sorted.
///
/// # Errors
/// If it cannot be read.
pub fn names(folder: &Path) -> io::Result<Vec<OsString>> {
    let mut names = each(folder)?.collect::<io::Result<Vec<_>>>()?;
    names.sort_unstable();
    Ok(names)
}

/// Removes a folder and all that is in it. No link is followed.
///
/// # Errors
/// Of the first thing that cannot be removed.
pub fn remove_tree(folder: &Path) -> io::Result<()> {
    let names = names_in(open(folder, OFlags::DIRECTORY | OFlags::NOFOLLOW)?)?;
    for name in names.collect::<io::Result<Vec<_>>>()? {
        let path = folder.join(name);
        if path.symlink_metadata()?.is_dir() {
            remove_tree(&path)?;
        } else {
            fs::remove_file(&path)?;
        }
    }
    fs::remove_dir(folder)
}

fn open(folder: &Path, flags: OFlags) -> io::Result<File> {
    OpenOptions::new().read(true).custom_flags(flags.bits().cast_signed()).open(folder)
}

fn names_in(folder: File) -> io::Result<impl Iterator<Item = io::Result<OsString>>> {
    let entries = Dir::new(folder)?.map(|entry| {
        let entry = entry?;
        Ok(OsStr::from_bytes(entry.file_name().to_bytes()).to_owned())
    });
    let is_own = |name: &io::Result<OsString>| !name.as_ref().is_ok_and(|n| n == "." || n == "..");
    Ok(entries.filter(is_own))
}

/// A folder that goes when this does.
#[derive(Debug)]
pub struct TemporaryFolder(PathBuf);

impl TemporaryFolder {
    /// Makes one in another folder, or, with none, where temporary files go.
    ///
    /// # Errors
    /// If it cannot be made.
    pub fn make(named: &tempfile::Builder, place: Option<&Path>) -> io::Result<Self> {
        let made = place.map_or_else(|| named.tempdir(), |place| named.tempdir_in(place));
        Ok(Self(made?.keep()))
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for TemporaryFolder {
    fn drop(&mut self) {
        // What cannot be removed now, a later command removes.
        let _ = remove_tree(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_sorted_and_a_tree_goes_without_what_links_lead_to() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::create_dir_all(at("tree/b/c")).unwrap();
        fs::create_dir(at("other")).unwrap();
        fs::write(at("other/kept"), "").unwrap();
        fs::write(at("tree/a"), "").unwrap();
        std::os::unix::fs::symlink(at("other"), at("tree/b/link")).unwrap();
        assert_eq!(names(&at("tree")).unwrap(), ["a", "b"]);
        assert!(names(&at("tree/a")).is_err() && names(&at("none")).is_err());
        assert!(remove_tree(&at("tree/b/link")).is_err());
        remove_tree(&at("tree")).unwrap();
        assert_eq!(names(folder.path()).unwrap(), ["other"]);
        assert!(at("other/kept").exists());
        let made = TemporaryFolder::make(&tempfile::Builder::new(), Some(folder.path())).unwrap();
        fs::create_dir_all(made.path().join("a/b")).unwrap();
        drop(made);
        assert_eq!(names(folder.path()).unwrap(), ["other"]);
    }
}
