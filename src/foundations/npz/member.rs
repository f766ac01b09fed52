//! One member of the archive, checked and decoded piece by piece: no second copy of it is made.

use std::io::{ErrorKind, Read};

use zip::CompressionMethod;
use zip::read::ZipFile;

use crate::foundations::machine::memory_limit;

use super::element::{ElementType, NumberKind};
use super::fault::MemberFault;
use super::header::Header;

/// The most that deflate can shrink anything: 258 bytes become 2 bits (RFC 1951).
const MAX_DEFLATE_RATIO: u64 = 1032;
/// An array of so many bytes is read without asking whether there is memory for it.
pub(super) const SMALL: u64 = 1 << 24;
/// Bytes that are decoded at once, whole elements of any type: few enough for the nearest caches.
pub(super) const PIECE: usize = 1 << 16;

/// A member whose header is read, and whose array is not.
pub(super) struct Member<'a, R: Read> {
    pub(super) header: Header,
    file: ZipFile<'a, R>,
    data_bytes: u64,
}

/// Where a member's bytes stand in the archive.
#[derive(Debug, Clone, Copy)]
pub(super) struct Extent {
    /// Whether they are deflated.
    pub(super) is_deflated: bool,
    /// The first of them in the archive.
    pub(super) start: u64,
    /// How many there are, as they stand there.
    pub(super) length: u64,
}

impl<'a, R: Read> Member<'a, R> {
    /// Reads the header of a member of an archive of `file_bytes` bytes, if it holds the numbers
    /// `wanted`.
    pub(super) fn open(
        mut file: ZipFile<'a, R>,
        file_bytes: u64,
        wanted: NumberKind,
    ) -> Result<Self, MemberFault> {
        let size = file.size();
        check_plausible(size, file.compressed_size(), file_bytes)?;
        let header = Header::read(&mut file)?;
        if let (NumberKind::Real, Some(descr)) = (wanted, header.element.complex_descr()) {
            return Err(MemberFault::Dtype(descr));
        }
        match header.data_bytes().filter(|&bytes| fits(&header, bytes, size)) {
            Some(data_bytes) => Ok(Self { header, file, data_bytes }),
            None => Err(MemberFault::Damaged(format!(
                "the shape {} with {}-byte elements does not take up its {size} bytes",
                super::header::python_shape(&header.shape),
                header.element.bytes()
            ))),
        }
    }

    /// Where it stands in the archive.
    pub(super) fn extent(&self) -> Extent {
        Extent {
            is_deflated: self.file.compression() != CompressionMethod::Stored,
            start: self.file.data_start(),
            length: self.file.compressed_size(),
        }
    }

    /// The elements of the array as they stand, which `decode` appends piece by piece.
    pub(super) fn values<T>(
        mut self,
        decode: impl Fn(ElementType, &[u8], &mut Vec<T>),
    ) -> Result<(Header, Vec<T>), MemberFault> {
        let (element, mut values) = (self.header.element, Vec::new());
        self.make_room(&mut values)?;
        self.pieces(PIECE, |bytes| decode(element, bytes, &mut values))?;
        Ok((self.header, values))
    }

    /// Makes room for all elements of the array, if there is memory for them.
    pub(super) fn make_room<T>(&self, values: &mut Vec<T>) -> Result<(), MemberFault> {
        let elements = self.data_bytes / self.header.element.bytes() as u64;
        let bytes = elements.saturating_mul(size_of::<T>() as u64);
        // The system may grant more than it has, and end the process when that is used.
        if bytes > SMALL && memory_limit().is_some_and(|limit| bytes > limit.bytes) {
            return Err(MemberFault::TooLarge(bytes));
        }
        match usize::try_from(elements).map(|elements| values.try_reserve_exact(elements)) {
            Ok(Ok(())) => Ok(()),
            _ => Err(MemberFault::TooLarge(bytes)),
        }
    }

    /// Hands the bytes of the array to `take` in order, `length` at a time but for the last.
    pub(super) fn pieces(
        &mut self,
        length: usize,
        mut take: impl FnMut(&[u8]),
    ) -> Result<(), MemberFault> {
        let mut left = self.data_bytes;
        // One byte at the least, to see the end.
        let length = usize::try_from(left).map_or(length, |left| left.clamp(1, length));
        let mut piece = vec![0; length];
        while left > 0 {
            let most = usize::try_from(left).map_or(length, |left| left.min(length));
            let found = fill(&mut self.file, &mut piece[..most])?;
            left -= found as u64;
            if found < most {
                return Err(self.wrong_length(&format!("only {}", self.data_bytes - left)));
            }
            take(&piece[..found]);
        }
        // To see a member that is longer than it says, and because the checksum is compared only at
        // the member's end.
        if fill(&mut self.file, &mut piece[..1])? > 0 {
            return Err(self.wrong_length(&format!("{} or more", self.data_bytes + 1)));
        }
        Ok(())
    }

    fn wrong_length(&self, found: &str) -> MemberFault {
        let declared = self.data_bytes;
        MemberFault::Damaged(format!(
            "it declares {declared} bytes after the header, and has {found}"
        ))
    }
}

/// Reads until the buffer is full or the member ends; how many bytes.
fn fill(reader: &mut impl Read, buffer: &mut [u8]) -> Result<usize, MemberFault> {
    let mut filled = 0;
    while filled < buffer.len() {
        match reader.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(reason) if reason.kind() == ErrorKind::Interrupted => {}
            Err(reason) => return Err(MemberFault::Damaged(reason.to_string())),
        }
    }
    Ok(filled)
}

/// Whether the header and an array of `data_bytes` make up the member's `size`.
fn fits(header: &Header, data_bytes: u64, size: u64) -> bool {
    header.header_bytes.checked_add(data_bytes) == Some(size)
}

/// Refuses a directory entry whose sizes cannot be true of an archive of `file_bytes` bytes, so
/// that a false one cannot ask for more memory than the file could fill.
fn check_plausible(size: u64, compressed: u64, file_bytes: u64) -> Result<(), MemberFault> {
    if compressed > file_bytes {
        return Err(MemberFault::Damaged(format!(
            "its directory entry declares {compressed} compressed bytes, the file has {file_bytes}"
        )));
    }
    if size > compressed.saturating_mul(MAX_DEFLATE_RATIO) {
        return Err(MemberFault::Damaged(format!(
            "its directory entry declares {size} bytes compressed into {compressed}, more than \
             {MAX_DEFLATE_RATIO} to 1"
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn impossible_sizes_are_refused() {
        assert!(check_plausible(1000, 1000, 2000).is_ok());
        assert!(check_plausible(1_032_000, 1000, 2000).is_ok());
        assert!(check_plausible(1_032_001, 1000, 2000).is_err());
        assert!(check_plausible(1000, 2001, 2000).is_err());
        assert!(check_plausible(u64::MAX, u64::MAX, 2000).is_err());
    }
}
