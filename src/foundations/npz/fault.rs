//! What is wrong with a member of the archive, before the file and the key are added.

use std::path::PathBuf;

use super::element::{self, Numbers};
use super::error::NpzError;
use super::mend;

/// What is wrong with a member, before the file and key are added.
#[derive(Debug)]
pub(super) enum Fault {
    /// The dtype, as the header writes it, is not supported.
    Dtype(String),
    /// It is compressed in this way, which is not read.
    Compressed(&'static str),
    /// The bytes do not make sense.
    Damaged(String),
    /// There is no memory for this many bytes.
    TooLarge(u64),
}

impl Fault {
    /// The error for this fault in the key `key` of the file `path`, of which `wanted` were read.
    pub(super) fn at(self, path: PathBuf, key: String, wanted: Numbers) -> NpzError {
        match self {
            Self::Dtype(dtype) => {
                let mend = mend::convert(&path, &key, &dtype, wanted).into();
                let meaning = match mend::fields(&dtype).join(", ") {
                    none if none.is_empty() => element::meaning(&dtype).into(),
                    fields => format!("{} {fields}", element::meaning(&dtype)).into(),
                };
                NpzError::Dtype { path, key, meaning, dtype, wanted, mend }
            }
            Self::Compressed(method) => {
                let mend = mend::rewrite(&path);
                NpzError::Compressed { path, key, method, mend }
            }
            Self::Damaged(reason) => NpzError::Damaged { path, key, reason },
            Self::TooLarge(bytes) => NpzError::TooLarge { path, key, bytes },
        }
    }
}
