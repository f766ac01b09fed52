//! What is wrong with a member of the archive, before the file and the key are added.

use std::path::PathBuf;

use super::advice;
use super::element::{self, NumberKind};
use super::error::NpzError;

/// What is wrong with a member, before the file and key are added.
#[derive(Debug)]
pub(super) enum MemberFault {
    /// The dtype, as the header writes it, is not supported.
    Dtype(String),
    /// It is compressed in this way, which is not read.
    Compressed(&'static str),
    /// The bytes do not make sense.
    Damaged(String),
    /// There is no memory for this many bytes.
    TooLarge(u64),
}

impl MemberFault {
    /// The error for this fault in the key `key` of the file `path`, of which `wanted` were read.
    pub(super) fn at(self, path: PathBuf, key: String, wanted: NumberKind) -> NpzError {
        match self {
            Self::Dtype(dtype) => {
                let advice = advice::convert(&path, &key, &dtype, wanted).into();
                let meaning = match advice::fields(&dtype).join(", ") {
                    none if none.is_empty() => element::meaning(&dtype).into(),
                    fields => format!("{} {fields}", element::meaning(&dtype)).into(),
                };
                NpzError::Dtype { path, key, meaning, dtype, wanted, advice }
            }
            Self::Compressed(method) => {
                let advice = advice::rewrite(&path);
                NpzError::Compressed { path, key, method, advice }
            }
            Self::Damaged(reason) => NpzError::Damaged { path, key, reason },
            Self::TooLarge(bytes) => NpzError::TooLarge { path, key, bytes },
        }
    }
}
