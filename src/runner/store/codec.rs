//! bincode, with bounds on what a damaged length may ask for.

use std::io::{self, ErrorKind, Read};

use bincode::config::standard;
use bincode::error::DecodeError;
use bincode::serde::{decode_from_slice, decode_from_std_read, encode_to_vec};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Bytes up to these lengths are decoded with 16 times as much memory.
const SMALL: usize = 1 << 20;
const MEDIUM: usize = 1 << 26;
/// What the longest may ask for, bytes.
const LIMIT: usize = 1 << 34;

/// The bytes of a value. No type of this layer has anything that bincode cannot write.
pub(crate) fn encode(value: &impl Serialize) -> Vec<u8> {
    encode_to_vec(value, standard()).expect("bincode writes every type of this layer")
}

/// Decodes a value from all of these bytes.
///
/// A length in them that is a lie must not ask for memory that the machine may not have, so what
/// it may ask for grows with their own length. bincode counts a number by its width in memory,
/// which is up to 8 times its width in the file.
///
/// # Errors
/// Says why they are not the bytes of such a value.
pub(crate) fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, String> {
    let (value, used) = decode_some(bytes).map_err(|e| e.to_string())?;
    match bytes.len() - used {
        0 => Ok(value),
        left => Err(format!("{left} bytes are left over")),
    }
}

/// Decodes the next value of a file of so many bytes, under the same limits.
///
/// # Errors
/// What the system says; or, as invalid data, why what follows are not the bytes of such a value.
pub(super) fn decode_next<T: DeserializeOwned>(
    reader: &mut impl Read,
    length: u64,
) -> io::Result<T> {
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    let decoded = if length <= SMALL {
        decode_from_std_read(reader, standard().with_limit::<{ 16 * SMALL }>())
    } else if length <= MEDIUM {
        decode_from_std_read(reader, standard().with_limit::<{ 16 * MEDIUM }>())
    } else {
        decode_from_std_read(reader, standard().with_limit::<LIMIT>())
    };
    decoded.map_err(|error| match error {
        DecodeError::Io { inner, .. } if inner.kind() != ErrorKind::UnexpectedEof => inner,
        error => io::Error::new(ErrorKind::InvalidData, error.to_string()),
    })
}

fn decode_some<T: DeserializeOwned>(bytes: &[u8]) -> Result<(T, usize), DecodeError> {
    match bytes.len() {
        length if length <= SMALL => {
            decode_from_slice(bytes, standard().with_limit::<{ 16 * SMALL }>())
        }
        length if length <= MEDIUM => {
            decode_from_slice(bytes, standard().with_limit::<{ 16 * MEDIUM }>())
        }
        _ => decode_from_slice(bytes, standard().with_limit::<LIMIT>()),
    }
}
