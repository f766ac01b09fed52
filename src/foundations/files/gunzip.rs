//! Files that somebody compressed with gzip, read as what they were before.

use std::io::{self, Read};

use flate2::read::MultiGzDecoder;

/// What a file that gzip wrote begins with.
pub(crate) const MAGIC: [u8; 2] = [0x1f, 0x8b];

/// All bytes that a file had before it was compressed, if they are not more than `most`.
///
/// # Errors
/// If the file is damaged, or was longer.
pub(crate) fn gunzipped(compressed: impl Read, most: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    MultiGzDecoder::new(compressed).take(most.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most {
        Err(io::Error::other(format!("it holds more than {most} bytes")))
    } else {
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::Compression;
    use flate2::read::GzEncoder;

    fn gzipped(bytes: &[u8]) -> Vec<u8> {
        let mut compressed = Vec::new();
        GzEncoder::new(bytes, Compression::fast()).read_to_end(&mut compressed).unwrap();
        compressed
    }

    #[test]
    fn what_was_compressed_comes_back_also_from_several_parts() {
        let two = [gzipped(b"one, "), gzipped(b"two")].concat();
        assert_eq!(two[..2], MAGIC);
        assert_eq!(gunzipped(&two[..], 8).unwrap(), b"one, two");
        for length in 1..two.len() {
            let cut = gunzipped(&two[..length], 8);
            assert!(cut.is_err() || cut.unwrap() == b"one, ", "{length}");
        }
    }

    #[test]
    fn no_more_is_unpacked_than_is_allowed() {
        let bomb = gzipped(&vec![0; 10_000_000]);
        assert!(bomb.len() < 100_000);
        let error = gunzipped(&bomb[..], 1000).unwrap_err().to_string();
        assert_eq!(error, "it holds more than 1000 bytes");
    }
}
