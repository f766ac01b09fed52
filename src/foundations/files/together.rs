//! Files that appear one after another when all of them have been written.

use std::fs::File;
use std::io::{self, BufWriter};
use std::path::{Path, PathBuf};
use std::thread::Builder;

use serde::Serialize;
use tempfile::NamedTempFile;

use super::{FileError, folder_of, json, unsynced};

/// Files that are written whole, as by [`write_whole`](super::write_whole), but synced to disk at the
/// same time: a disk takes little longer for ten than for one. None has its name before
/// [`Self::publish`], and then they get theirs in the order in which they were added.
#[derive(Debug, Default)]
pub struct FilesTogether {
    written: Vec<(PathBuf, NamedTempFile)>,
}

impl FilesTogether {
    /// Writes the content of a file that is to be.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn add(
        &mut self,
        path: &Path,
        fill: impl FnOnce(&mut BufWriter<&File>) -> io::Result<()>,
    ) -> Result<(), FileError> {
        let temporary = unsynced(path, fill).map_err(|e| FileError::new("write", path, e))?;
        self.written.push((path.into(), temporary));
        Ok(())
    }

    /// Adds a value as JSON that people can read.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn add_json(&mut self, path: &Path, value: &impl Serialize) -> Result<(), FileError> {
        self.add(path, |w| json(w, value))
    }

    /// Where the content of a file is until it has its name.
    #[must_use]
    pub fn written_at(&self, path: &Path) -> Option<&Path> {
        let written = self.written.iter().rev().find(|(name, _)| name == path);
        written.map(|(_, temporary)| temporary.path())
    }

    /// Syncs all to disk, gives each its name, and syncs their folders.
    ///
    /// # Errors
    /// Names the first file that cannot be synced or renamed; those before it have their names, if all
    /// could be synced.
    pub fn publish(self) -> Result<(), FileError> {
        let failed = |path: &Path, error: io::Error| FileError::new("write", path, error);
        for ((path, _), synced) in self.written.iter().zip(sync_at_once(&self.written)) {
            synced.map_err(|e| failed(path, e))?;
        }
        let mut folders: Vec<PathBuf> = Vec::new();
        for (path, temporary) in self.written {
            temporary.persist(&path).map_err(|e| failed(&path, e.error))?;
            let folder = folder_of(&path);
            if !folders.iter().any(|known| known == folder) {
                folders.push(folder.into());
            }
        }
        for folder in folders {
            File::open(&folder).and_then(|f| f.sync_all()).map_err(|e| failed(&folder, e))?;
        }
        Ok(())
    }
}

/// Syncs files, each by a thread of its own: they only wait. Where the system grants no thread, the one
/// that is there does it.
fn sync_at_once(written: &[(PathBuf, NamedTempFile)]) -> Vec<io::Result<()>> {
    let alone = written.len() == 1;
    std::thread::scope(|scope| {
        let mut started = Vec::with_capacity(written.len());
        for (_, temporary) in written {
            let file = temporary.as_file();
            let thread = Builder::new().name("otfhpc-sync".into());
            let thread =
                if alone { None } else { thread.spawn_scoped(scope, || file.sync_all()).ok() };
            started.push(thread.ok_or_else(|| file.sync_all()));
        }
        let died = || io::Error::other("the thread that syncs it ended early");
        let ended = started.into_iter().map(|started| match started {
            Ok(thread) => thread.join().unwrap_or_else(|_| Err(died())),
            Err(synced) => synced,
        });
        ended.collect()
    })
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let entries = std::fs::read_dir(folder).unwrap();
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn all_appear_when_all_are_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        std::fs::write(path("b"), "old").unwrap();
        let mut together = FilesTogether::default();
        together.add(&path("a"), |w| w.write_all(b"first")).unwrap();
        together.add(&path("b"), |w| w.write_all(b"second")).unwrap();
        assert_eq!(std::fs::read(path("b")).unwrap(), b"old");
        together.publish().unwrap();
        assert_eq!(names(folder.path()), ["a", "b"]);
        assert_eq!(std::fs::read(path("a")).unwrap(), b"first");
        assert_eq!(std::fs::read(path("b")).unwrap(), b"second");
    }

    #[test]
    fn one_that_fails_leaves_neither_others_nor_litter() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let mut together = FilesTogether::default();
        together.add(&path("a"), |w| w.write_all(b"first")).unwrap();
        let failed = together.add(&path("b"), |_| Err(io::Error::other("full")));
        assert!(failed.unwrap_err().to_string().contains("full"));
        drop(together);
        assert!(names(folder.path()).is_empty());
    }

    #[test]
    fn a_name_that_cannot_be_had_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("taken");
        std::fs::create_dir(&path).unwrap();
        let mut together = FilesTogether::default();
        together.add(&path, |w| w.write_all(b"x")).unwrap();
        assert!(together.publish().unwrap_err().to_string().contains("taken"));
        assert_eq!(names(folder.path()), ["taken"]);
    }
}
