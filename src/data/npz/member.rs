//! One member of the archive, read whole and checked.

use std::io::Read;

use zip::read::ZipFile;

use super::element::Numbers;
use super::fault::Fault;
use super::header::Header;

/// The most that deflate can shrink anything: 258 bytes become 2 bits (RFC 1951).
const MAX_DEFLATE_RATIO: u64 = 1032;

/// Reads the header and the array's bytes of a `member` of an archive of `file_bytes` bytes, if it
/// holds the numbers `wanted`.
pub(super) fn read(
    mut member: ZipFile<'_, impl Read>,
    file_bytes: u64,
    wanted: Numbers,
) -> Result<(Header, Vec<u8>), Fault> {
    let size = member.size();
    check_plausible(size, member.compressed_size(), file_bytes)?;
    let header = Header::read(&mut member)?;
    if let (Numbers::Real, Some(descr)) = (wanted, header.element.complex_descr()) {
        return Err(Fault::Dtype(descr));
    }
    let Some(data_bytes) = header.data_bytes().filter(|&bytes| fits(&header, bytes, size)) else {
        let shape = super::header::python_shape(&header.shape);
        return Err(Fault::Damaged(format!(
            "the shape {shape} with {}-byte elements does not take up its {size} bytes",
            header.element.bytes()
        )));
    };
    let mut bytes = Vec::new();
    let capacity = usize::try_from(data_bytes).map_err(|_| Fault::TooLarge(data_bytes))?;
    bytes.try_reserve_exact(capacity).map_err(|_| Fault::TooLarge(data_bytes))?;
    // One byte more than expected: to see a member that is longer than it says, and because the
    // checksum is compared only at the member's end.
    let read = member.take(data_bytes.saturating_add(1)).read_to_end(&mut bytes);
    read.map_err(|reason| Fault::Damaged(reason.to_string()))?;
    if bytes.len() as u64 != data_bytes {
        return Err(Fault::Damaged(format!(
            "it declares {data_bytes} bytes after the header, and has {} {}",
            bytes.len(),
            if bytes.len() as u64 > data_bytes { "or more" } else { "only" }
        )));
    }
    Ok((header, bytes))
}

/// Whether the header and an array of `data_bytes` make up the member's `size`.
fn fits(header: &Header, data_bytes: u64, size: u64) -> bool {
    header.header_bytes.checked_add(data_bytes) == Some(size)
}

/// Refuses a directory entry whose sizes cannot be true of an archive of `file_bytes` bytes, so
/// that a false one cannot ask for more memory than the file could fill.
fn check_plausible(size: u64, compressed: u64, file_bytes: u64) -> Result<(), Fault> {
    if compressed > file_bytes {
        return Err(Fault::Damaged(format!(
            "its directory entry declares {compressed} compressed bytes, the file has {file_bytes}"
        )));
    }
    if size > compressed.saturating_mul(MAX_DEFLATE_RATIO) {
        return Err(Fault::Damaged(format!(
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
