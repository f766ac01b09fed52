//! Files and folders that must be just that. What else stands in the place of one is named: a FIFO is
//! not waited for, a device is not opened, and a symbolic link is not followed.

use std::ffi::OsString;
use std::fmt;
use std::fs::{File, FileType, OpenOptions};
use std::io::{self, ErrorKind, Read};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::Path;

use rustix::fs::OFlags;
use thiserror::Error;

use super::{FileError, listing};

/// What stands somewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A file.
    File,
    /// A folder.
    Folder,
    /// A symbolic link, whatever it leads to.
    Link,
    /// A FIFO: whoever opens it waits for somebody else.
    Fifo,
    /// A socket.
    Socket,
    /// A device.
    Device,
}

impl Kind {
    /// Of what a system call said.
    #[must_use]
    pub fn of(kind: FileType) -> Self {
        let known = [
            (kind.is_file(), Self::File),
            (kind.is_dir(), Self::Folder),
            (kind.is_symlink(), Self::Link),
            (kind.is_fifo(), Self::Fifo),
            (kind.is_socket(), Self::Socket),
        ];
        known.into_iter().find_map(|(is, kind)| is.then_some(kind)).unwrap_or(Self::Device)
    }

    /// What stands at a path, if anything does.
    ///
    /// # Errors
    /// If the system does not say.
    pub fn at(path: &Path) -> io::Result<Option<Self>> {
        match path.symlink_metadata() {
            Ok(metadata) => Ok(Some(Self::of(metadata.file_type()))),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::File => "file",
            Self::Folder => "folder",
            Self::Link => "symbolic link",
            Self::Fifo => "FIFO",
            Self::Socket => "socket",
            Self::Device => "device",
        })
    }
}

/// Something in the place of something else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("is a {found}: expected a {expected}; {}, and type the same again", self.mend())]
pub struct Misplaced {
    /// What stands there.
    pub found: Kind,
    /// What should.
    pub expected: Kind,
}

impl Misplaced {
    /// What an error of the system is in truth, if it is this.
    #[must_use]
    pub fn in_error(error: &io::Error) -> Option<Self> {
        error.get_ref()?.downcast_ref().copied()
    }

    fn mend(self) -> &'static str {
        if self.expected == Kind::Folder && self.found == Kind::Link {
            "no link is followed here: move it away, or have the folder above it be the link"
        } else {
            "move it away"
        }
    }
}

impl From<Misplaced> for io::Error {
    fn from(misplaced: Misplaced) -> Self {
        Self::new(ErrorKind::InvalidInput, misplaced)
    }
}

/// Opens a file as `options` say; neither this nor reading it afterwards ever waits.
///
/// # Errors
/// [`Misplaced`] if something else stands there.
pub fn open(path: &Path, options: &OpenOptions) -> io::Result<File> {
    let expected = Kind::File;
    // Before it is opened: that alone would wind a tape back.
    match Kind::at(path)? {
        None | Some(Kind::File) => {}
        Some(found) => return Err(Misplaced { found, expected }.into()),
    }
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY;
    let mut options = options.clone();
    let file = options.custom_flags(flags.bits().cast_signed()).open(path)?;
    // It may have become something else meanwhile.
    match Kind::of(file.metadata()?.file_type()) {
        Kind::File => Ok(file),
        found => Err(Misplaced { found, expected }.into()),
    }
}

/// Opens a file to read it.
///
/// # Errors
/// As [`open`].
pub fn open_to_read(path: &Path) -> io::Result<File> {
    open(path, OpenOptions::new().read(true))
}

/// Reads a whole file.
///
/// # Errors
/// [`Misplaced`] if something else stands there.
pub fn read(path: &Path) -> Result<Vec<u8>, FileError> {
    let read = || {
        let mut file = open_to_read(path)?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    read().map_err(|e| FileError::new("read", path, e))
}

/// The names of what is in a folder, sorted; none if there is no such folder.
///
/// # Errors
/// [`Misplaced`] if something else stands there.
pub fn read_folder(path: &Path) -> Result<Option<Vec<OsString>>, FileError> {
    check(path, Kind::Folder)?;
    match listing::names(path) {
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
        names => names.map(Some).map_err(|e| FileError::new("read the folder", path, e)),
    }
}

/// Makes a folder and those above it. The folder itself must be one, those above it may be links.
///
/// # Errors
/// [`Misplaced`] if something else stands there.
pub fn make_folder(path: &Path) -> Result<(), FileError> {
    check(path, Kind::Folder)?;
    super::make_folder(path)
}

/// Checks that nothing stands at a path but what is expected there, or nothing at all.
///
/// # Errors
/// [`Misplaced`] if something else stands there.
pub fn check(path: &Path, expected: Kind) -> Result<(), FileError> {
    let checked = match Kind::at(path) {
        Ok(Some(found)) if found != expected => Err(Misplaced { found, expected }.into()),
        Ok(_) => Ok(()),
        Err(error) => Err(error),
    };
    checked.map_err(|e| FileError::new("use", path, e))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;
    use std::os::unix::net::UnixListener;

    use super::*;

    #[test]
    fn what_is_no_file_is_named_and_neither_waited_for_nor_followed() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::write(at("file"), "inside").unwrap();
        assert!(std::process::Command::new("mkfifo").arg(at("fifo")).status().unwrap().success());
        let _socket = UnixListener::bind(at("socket")).unwrap();
        fs::create_dir(at("folder")).unwrap();
        symlink(at("file"), at("link")).unwrap();
        symlink("/dev/zero", at("zero")).unwrap();
        symlink(at("nothing"), at("dangling")).unwrap();
        let mut options = OpenOptions::new();
        options.read(true).append(true).create(true);
        for (name, kind) in [
            ("fifo", "FIFO"),
            ("socket", "socket"),
            ("folder", "folder"),
            ("link", "symbolic link"),
            ("zero", "symbolic link"),
            ("dangling", "symbolic link"),
        ] {
            let path = at(name);
            let expected = format!(
                "{} is a {kind}: expected a file; move it away, and type the same again",
                path.display()
            );
            assert_eq!(read(&path).unwrap_err().to_string(), expected);
            let error = open(&path, &options).unwrap_err();
            assert_eq!(FileError::new("write", &path, error).to_string(), expected);
            let as_folder = read_folder(&path).map(|entries| entries.is_some());
            assert_eq!(as_folder.is_ok(), name == "folder", "{as_folder:?}");
            assert_eq!(make_folder(&path).is_ok(), name == "folder");
        }
        assert!(!at("nothing").exists());
        let device = read(Path::new("/dev/null")).unwrap_err().to_string();
        assert!(device.starts_with("/dev/null is a device: expected a file"), "{device}");
        assert_eq!(read(&at("file")).unwrap(), b"inside");
        assert!(read(&at("nothing")).unwrap_err().is_not_found());
        assert!(read_folder(&at("nothing")).unwrap().is_none());
        make_folder(&at("new/folder")).unwrap();
        assert_eq!(read_folder(folder.path()).unwrap().unwrap().len(), 8);
        drop(open(&at("made"), &options).unwrap());
        assert!(at("made").is_file());
    }

    #[test]
    fn the_folder_above_may_be_a_link_and_the_message_says_so() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::create_dir_all(at("real/inner")).unwrap();
        symlink(at("real"), at("link")).unwrap();
        make_folder(&at("link/inner")).unwrap();
        let error = make_folder(&at("link")).unwrap_err().to_string();
        assert!(error.contains("is a symbolic link: expected a folder; no link"), "{error}");
    }
}
