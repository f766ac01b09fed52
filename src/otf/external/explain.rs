//! What can be wrong with the file that a program leaves.

use std::io::ErrorKind;

use super::folder::OUTPUT;
use crate::foundations::npz::NpzError;

/// What is wrong with the file, in terms of what a program must do, and without its path.
pub(super) fn explain(error: &NpzError) -> String {
    match error {
        NpzError::Unreadable { source, .. } if source.kind() == ErrorKind::NotFound => format!(
            "there is no {OUTPUT}: expected the program to write its results to the path that is \
             its last argument"
        ),
        NpzError::Unreadable { source, .. } => {
            format!("{OUTPUT} cannot be read: {}", source.kind())
        }
        NpzError::NotAFile { .. } => format!("{OUTPUT} is not a regular file: expected an archive"),
        NpzError::NotAnArchive { start, .. } => format!(
            "{OUTPUT} is not an .npz file (it starts with {start}): expected an archive as \
             numpy.savez writes it"
        ),
        NpzError::TooLong { bytes, most, .. } => format!(
            "{OUTPUT} has {bytes} bytes: expected at most {most}, with the arrays that are asked for and \
             no others"
        ),
        NpzError::DamagedArchive { reason, .. } => {
            format!("{OUTPUT} is damaged ({reason}): expected a complete zip archive")
        }
        NpzError::Gzip { .. } => format!(
            "{OUTPUT} is compressed with gzip and cannot be decompressed: expected an archive as \
             numpy.savez writes it"
        ),
        NpzError::Compressed { key, method, .. } => format!(
            "`{key}` in {OUTPUT} is compressed with {method}: expected an array as numpy.savez or \
             numpy.savez_compressed writes it"
        ),
        NpzError::MissingKey { key, present, .. } => {
            format!("{OUTPUT} has no `{key}`: expected it beside what it holds, {present}")
        }
        NpzError::Dtype { key, dtype, meaning, wanted, .. } => {
            let types = wanted.types();
            format!("`{key}` in {OUTPUT} has the dtype {dtype} ({meaning}): expected {types}")
        }
        NpzError::Shape { key, found, expected, .. } => {
            format!("`{key}` in {OUTPUT} has the shape {found}: expected {expected}")
        }
        NpzError::Damaged { key, reason, .. } => format!(
            "`{key}` in {OUTPUT} is damaged ({reason}): expected an array as numpy.savez writes it"
        ),
        NpzError::Changed { key, row, .. } => {
            format!(
                "`{key}` in {OUTPUT} changed while it was read, at row {row}: expected a finished file"
            )
        }
        NpzError::TooLarge { key, bytes, .. } => {
            format!("`{key}` in {OUTPUT} needs {bytes} bytes: expected less than the free memory")
        }
    }
}
