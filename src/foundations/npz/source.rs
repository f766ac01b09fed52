//! The bytes of an archive: a file, or in memory what was one before somebody compressed it.

use std::fs::File;
use std::io::{self, BufReader, Cursor, Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::Arc;

use super::error::NpzError;
use crate::foundations::files::gunzip::{self, gunzipped};
use crate::foundations::machine::memory_limit;

/// How many bytes at the start tell what a file is.
const START: u64 = 16;

/// The bytes of an archive.
#[derive(Debug)]
pub(super) enum ArchiveBytes {
    File(BufReader<Arc<File>>),
    Memory(Cursor<Vec<u8>>),
}

impl ArchiveBytes {
    /// Opens a file of so many bytes; how many bytes the archive has.
    /// What is compressed may be no more than `most` bytes, and no more than there is memory for.
    pub(super) fn open(path: &Path, bytes: u64, most: u64) -> Result<(Self, u64), NpzError> {
        let unreadable = |source| NpzError::Unreadable { path: path.to_owned(), source };
        let mut file = BufReader::new(Arc::new(File::open(path).map_err(unreadable)?));
        let mut start = [0; gunzip::MAGIC.len()];
        let is_gzip = file.read_exact(&mut start).is_ok() && start == gunzip::MAGIC;
        file.rewind().map_err(unreadable)?;
        if !is_gzip {
            return Ok((Self::File(file), bytes));
        }
        // A list that grows is there twice while it is moved.
        let most = memory_limit().map_or(most, |limit| most.min(limit.bytes / 3));
        let refused = |reason: io::Error| NpzError::Gzip {
            path: path.to_owned(),
            reason: reason.to_string(),
        };
        let archive = gunzipped(file, most).map_err(refused)?;
        let bytes = archive.len() as u64;
        Ok((Self::Memory(Cursor::new(archive)), bytes))
    }

    /// The file, if the archive is one.
    pub(super) fn file(&self) -> Option<Arc<File>> {
        match self {
            Self::File(file) => Some(file.get_ref().clone()),
            Self::Memory(_) => None,
        }
    }

    /// The first bytes of what may be an archive.
    pub(super) fn start(path: &Path) -> Result<Vec<u8>, NpzError> {
        let (source, _) = Self::open(path, 0, u64::MAX)?;
        let mut start = Vec::new();
        match source.take(START).read_to_end(&mut start) {
            Ok(_) => Ok(start),
            Err(source) => Err(NpzError::Unreadable { path: path.to_owned(), source }),
        }
    }
}

/// The first bytes of a file.
pub(super) fn first_bytes(path: &Path) -> io::Result<Vec<u8>> {
    let mut start = Vec::new();
    File::open(path)?.take(START).read_to_end(&mut start)?;
    Ok(start)
}

impl Read for ArchiveBytes {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::File(file) => file.read(buffer),
            Self::Memory(bytes) => bytes.read(buffer),
        }
    }
}

impl Seek for ArchiveBytes {
    fn seek(&mut self, place: SeekFrom) -> io::Result<u64> {
        match self {
            Self::File(file) => file.seek(place),
            Self::Memory(bytes) => bytes.seek(place),
        }
    }
}
