//! Which run a results folder is, whatever path leads to it: a random id in a small file.
//!
//! The file also says where it was written, so that a copy of the folder is known as one.

use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::io::retry_on_intr;
use rustix::rand::{GetRandomFlags, getrandom};
use serde::{Deserialize, Serialize};

use crate::foundations::files::{self, plain};
use crate::foundations::{Digest, FileError};

use super::run_dir::RunDir;

/// The id of a results folder: hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunId(String);

/// What is known of the id of a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FoundId {
    /// It has this one.
    Own(RunId),
    /// It has that of another folder, which is still there: it is a copy.
    Copy {
        /// The other folder.
        of: PathBuf,
    },
    /// It has none that can be read.
    None,
}

/// The id that a folder has now, and what was found on the way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settled {
    /// The id.
    pub id: RunId,
    /// The folder that this one is a copy of, if it had that one's id until now.
    pub copy_of: Option<PathBuf>,
}

/// The file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct IdFile {
    id: String,
    /// The folder that it was written in, as the system called it there.
    folder: String,
    /// The number of that folder on its file system: it stays the same on whatever path.
    inode: u64,
}

impl RunId {
    /// Takes what tokens of jobs carry for an id.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let is_id = (4..=32).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_hexdigit());
        is_id.then(|| Self(text.to_owned()))
    }

    /// What folders without an id went by: the hash of their path.
    #[must_use]
    pub fn of_path(run: &RunDir) -> Self {
        Self(Digest::of(real(run.root()).as_os_str().as_encoded_bytes()).short())
    }

    /// Looks at the id of a folder, and writes nothing.
    ///
    /// # Errors
    /// If its file cannot be read: by another id, its jobs would not be known.
    pub fn find(run: &RunDir) -> Result<FoundId, FileError> {
        let Some(file) = read(run)? else { return Ok(FoundId::None) };
        Ok(match file.original(run) {
            Some(of) => FoundId::Copy { of },
            None => FoundId::Own(Self(file.id)),
        })
    }

    /// The id of a folder, which has one from now on: its own; or, where it has none, `otherwise`;
    /// or else a new one, as a copy of another folder also gets.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn settle(
        run: &RunDir,
        otherwise: impl FnOnce() -> Option<Self>,
    ) -> Result<Settled, FileError> {
        // Looked at before what is in it: a file that comes in between is somebody else's, and stays.
        let was_there = run.id().symlink_metadata().is_ok();
        let (id, copy_of) = match Self::find(run)? {
            FoundId::Own(id) if is_here(run) => return Ok(Settled { id, copy_of: None }),
            // It was moved, or has another path here: the next copy is one of this place.
            FoundId::Own(id) => (id, None),
            FoundId::Copy { of } => (Self::random(run)?, Some(of)),
            FoundId::None => match otherwise() {
                Some(id) => (id, None),
                None => (Self::random(run)?, None),
            },
        };
        let bytes = IdFile::here(run, &id)?.bytes(run)?;
        let fill = |w: &mut io::BufWriter<&std::fs::File>| w.write_all(&bytes);
        if was_there {
            files::write_whole(&run.id(), fill)?;
        } else if !files::write_whole_new(&run.id(), fill)? {
            // Somebody else was first.
            let id = read(run)?.map_or(id, |file| Self(file.id));
            return Ok(Settled { id, copy_of: None });
        }
        Ok(Settled { id, copy_of })
    }

    fn random(run: &RunDir) -> Result<Self, FileError> {
        let mut bytes = [0; 8];
        // The kernel's own, which needs no /dev. So few bytes come whole.
        retry_on_intr(|| getrandom(&mut bytes, GetRandomFlags::empty()))
            .map_err(|e| FileError::new("make up", &run.id(), e.into()))?;
        Ok(Self(bytes.iter().map(|byte| format!("{byte:02x}")).collect()))
    }

    /// The digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl IdFile {
    fn here(run: &RunDir, id: &RunId) -> Result<Self, FileError> {
        let root = real(run.root());
        let inode = inode(&root).map_err(|e| FileError::new("read", &root, e))?;
        Ok(Self { id: id.0.clone(), folder: root.to_string_lossy().into_owned(), inode })
    }

    fn bytes(&self, run: &RunDir) -> Result<Vec<u8>, FileError> {
        let json = serde_json::to_vec_pretty(self);
        let mut bytes = json.map_err(|e| FileError::new("write", &run.id(), e.into()))?;
        bytes.push(b'\n');
        Ok(bytes)
    }

    /// The folder that had this id first, if that is another than this one, and still there.
    fn original(&self, run: &RunDir) -> Option<PathBuf> {
        let is = |path: &Path| inode(path).ok() == Some(self.inode);
        let original = PathBuf::from(&self.folder);
        let is_other = !is(run.root()) && is(&original);
        let there = || read(&RunDir::new(&original)).ok().flatten();
        let has_it = || there().is_some_and(|file| file.id == self.id);
        (is_other && has_it()).then_some(original)
    }
}

/// What the file says, if there is one that says something.
fn read(run: &RunDir) -> Result<Option<IdFile>, FileError> {
    let bytes = match plain::read(&run.id()) {
        Err(error) if error.is_not_found() => return Ok(None),
        read => read?,
    };
    let file: Option<IdFile> = serde_json::from_slice(&bytes).ok();
    Ok(file.filter(|file| RunId::parse(&file.id).is_some()))
}

/// Whether the file was written for the folder that it lies in, where that still is.
fn is_here(run: &RunDir) -> bool {
    let is = |path: &Path, written: u64| inode(path).ok() == Some(written);
    let file = read(run).ok().flatten();
    file.is_some_and(|f| is(run.root(), f.inode) && is(Path::new(&f.folder), f.inode))
}

fn inode(path: &Path) -> io::Result<u64> {
    Ok(std::fs::metadata(path)?.ino())
}

fn real(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_path_buf())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settle(run: &RunDir) -> Settled {
        RunId::settle(run, || None).unwrap()
    }

    fn folder(parent: &Path, name: &str) -> RunDir {
        let path = parent.join(name);
        std::fs::create_dir_all(&path).unwrap();
        RunDir::new(path)
    }

    #[test]
    fn a_folder_keeps_its_id_by_whatever_path_and_wherever_it_is_moved() {
        let parent = tempfile::tempdir().unwrap();
        let run = folder(parent.path(), "one");
        assert_eq!(RunId::find(&run).unwrap(), FoundId::None);
        let Settled { id, copy_of: None } = settle(&run) else { panic!() };
        assert_eq!(settle(&run).id, id);
        let link = parent.path().join("link");
        std::os::unix::fs::symlink(run.root(), &link).unwrap();
        assert_eq!(RunId::find(&RunDir::new(&link)).unwrap(), FoundId::Own(id.clone()));
        let moved = RunDir::new(parent.path().join("moved"));
        std::fs::rename(run.root(), moved.root()).unwrap();
        assert_eq!(settle(&moved), Settled { id: id.clone(), copy_of: None });
        // What is damaged is replaced, by what the caller knows better.
        std::fs::write(moved.id(), "{}").unwrap();
        assert_eq!(RunId::settle(&moved, || Some(id.clone())).unwrap().id, id);
        assert_eq!(RunId::find(&moved).unwrap(), FoundId::Own(id));
    }

    #[test]
    fn a_copy_gets_an_id_of_its_own_while_the_original_is_there() {
        let parent = tempfile::tempdir().unwrap();
        let (run, copy) = (folder(parent.path(), "one"), folder(parent.path(), "copy"));
        let id = settle(&run).id;
        std::fs::copy(run.id(), copy.id()).unwrap();
        let of = run.root().canonicalize().unwrap();
        assert_eq!(RunId::find(&copy).unwrap(), FoundId::Copy { of: of.clone() });
        let settled = settle(&copy);
        assert_eq!(settled.copy_of, Some(of));
        assert_ne!(settled.id, id);
        assert_eq!(RunId::find(&copy).unwrap(), FoundId::Own(settled.id));
        assert_eq!(RunId::find(&run).unwrap(), FoundId::Own(id.clone()));
        // The original is gone: it was moved.
        let far = folder(parent.path(), "far");
        std::fs::copy(run.id(), far.id()).unwrap();
        std::fs::remove_dir_all(run.root()).unwrap();
        assert_eq!(settle(&far), Settled { id, copy_of: None });
    }

    #[test]
    fn of_several_who_plan_at_once_all_have_the_same_id() {
        let parent = tempfile::tempdir().unwrap();
        let run = folder(parent.path(), "one");
        let ids = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(|| settle(&run).id)).collect();
            threads.into_iter().map(|t| t.join().unwrap()).collect::<Vec<_>>()
        });
        assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
    }
}
