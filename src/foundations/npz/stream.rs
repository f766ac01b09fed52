//! The bytes of a deflated member from its beginning, besides the archive that it was found in.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use flate2::bufread::DeflateDecoder;

/// Compressed bytes that are read at once.
const AT_ONCE: usize = 1 << 16;

/// Bytes of a file from one place to another. It has a position of its own, so that several can read one
/// open file side by side.
#[derive(Debug)]
struct Section {
    file: Arc<File>,
    at: u64,
    end: u64,
}

impl Read for Section {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.end - self.at).unwrap_or(usize::MAX);
        let most = buffer.len().min(left);
        let found = self.file.read_at(&mut buffer[..most], self.at)?;
        self.at += found as u64;
        Ok(found)
    }
}

/// A deflated member that is inflated in order.
#[derive(Debug)]
pub(super) struct Inflated {
    decoder: DeflateDecoder<BufReader<Section>>,
    /// Bytes that were inflated so far.
    at: u64,
}

impl Inflated {
    /// From the beginning of so many bytes that stand at a place of a file.
    pub(super) fn new(file: Arc<File>, start: u64, length: u64) -> Self {
        let section = Section { file, at: start, end: start.saturating_add(length) };
        let decoder = DeflateDecoder::new(BufReader::with_capacity(AT_ONCE, section));
        Self { decoder, at: 0 }
    }

    /// The byte that comes next, counted from the member's first.
    pub(super) fn at(&self) -> u64 {
        self.at
    }

    /// Fills a buffer with the bytes from a place on that is not before the next.
    ///
    /// # Errors
    /// If the file cannot be read, ends too early, or does not inflate.
    pub(super) fn read(&mut self, place: u64, buffer: &mut [u8]) -> io::Result<()> {
        let between = place.saturating_sub(self.at);
        let skipped = io::copy(&mut self.decoder.by_ref().take(between), &mut io::sink())?;
        self.at += skipped;
        if skipped < between {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.decoder.read_exact(buffer)?;
        self.at += buffer.len() as u64;
        Ok(())
    }
}
