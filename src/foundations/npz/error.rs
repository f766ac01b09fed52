//! What can be wrong with an archive, and what to do about it.

use std::path::PathBuf;

use crate::foundations::Shown;
use crate::foundations::text::is_plain;

use super::element::NumberKind;

/// How many keys an error lists: more would hide the message.
const LISTED_KEYS: usize = 20;

/// Why an `.npz` archive, or an array in it, could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NpzError {
    /// The file is not there, or the system refused to read it.
    #[error("cannot read '{}': {source}; check the path and its permissions", Shown(path))]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The path leads to a directory, a pipe or a device.
    #[error("'{}' is not a regular file: expected the path of an .npz archive", Shown(path))]
    NotAFile {
        /// The path.
        path: PathBuf,
    },
    /// The file is something else.
    #[error(
        "'{}' is not an .npz file (it starts with {start}): expected an archive written by \
         numpy.savez or numpy.savez_compressed; {hint}",
        Shown(path)
    )]
    NotAnArchive {
        /// The file.
        path: PathBuf,
        /// Its first bytes, printable.
        start: String,
        /// What it may be, and what to do.
        hint: &'static str,
    },
    /// Longer than anything that is asked for.
    #[error("'{}' has {bytes} bytes: expected at most {most}", Shown(path))]
    TooLong {
        /// The file.
        path: PathBuf,
        /// Its length.
        bytes: u64,
        /// The longest that is read.
        most: u64,
    },
    /// It starts like an archive, but its directory does not read.
    #[error(
        "'{}' is a damaged .npz file ({reason}): expected a complete zip archive; copy it again, \
         or write it again with numpy.savez_compressed",
        Shown(path)
    )]
    DamagedArchive {
        /// The file.
        path: PathBuf,
        /// What the zip library said.
        reason: String,
    },
    /// The file is compressed as a whole, and does not decompress.
    #[error(
        "'{}' is compressed with gzip and cannot be decompressed ({reason}): expected an .npz \
         archive within; copy it again, or see what `gunzip --keep` makes of it",
        Shown(path)
    )]
    Gzip {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// A member is compressed in a way that NumPy does not use.
    #[error(
        "key '{key}' of '{}' is compressed with {method}, which is not read: expected a member \
         that is stored or deflated, as NumPy writes it; write the file again: {advice}",
        Shown(path)
    )]
    Compressed {
        /// The file.
        path: PathBuf,
        /// The key.
        key: String,
        /// How it is compressed.
        method: &'static str,
        /// What to type.
        advice: String,
    },
    /// There is no such array.
    #[error(
        "'{}' has no key '{key}': it holds {present}; check the channel in the settings, or add \
         the key to the file",
        Shown(path)
    )]
    MissingKey {
        /// The file.
        path: PathBuf,
        /// The key asked for.
        key: String,
        /// The keys that are there.
        present: String,
    },
    /// The array holds something else than the numbers wanted.
    #[error(
        "key '{key}' of '{}' has the dtype {dtype} ({meaning}): expected {}; write it \
         again: {advice}",
        Shown(path), wanted.types()
    )]
    Dtype {
        /// The file.
        path: PathBuf,
        /// The key.
        key: String,
        /// The dtype as the file writes it.
        dtype: String,
        /// What it means, with the names of its fields if it has some.
        meaning: Box<str>,
        /// What it was to hold.
        wanted: NumberKind,
        /// What to type.
        advice: Box<str>,
    },
    /// The array has another shape.
    #[error(
        "key '{key}' of '{}' has the shape {found}: expected {expected}; every array of one \
         channel must have one entry per record: write the file again",
        Shown(path)
    )]
    Shape {
        /// The file.
        path: PathBuf,
        /// The key.
        key: String,
        /// The shape found, as Python writes it.
        found: String,
        /// The shape expected.
        expected: String,
    },
    /// The array's bytes do not make sense.
    #[error(
        "key '{key}' of '{}' is damaged ({reason}): expected an array as NumPy writes it; copy \
         the file again, or write it again with numpy.savez_compressed",
        Shown(path)
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The key.
        key: String,
        /// What is wrong.
        reason: String,
    },
    /// The array was read twice, and was another the second time.
    #[error(
        "key '{key}' of '{}' changed while it was read (row {row}): expected the bytes that were there \
         at first; put the file back as it was, let nothing write to it, and type the same command again",
        Shown(path)
    )]
    Changed {
        /// The file.
        path: PathBuf,
        /// The key.
        key: String,
        /// The first row that is seen to have changed, counted from zero.
        row: usize,
    },
    /// The array does not fit into the memory.
    #[error(
        "key '{key}' of '{}' needs {bytes} bytes, more than the memory available: split \
         the file by records, or run on a machine with more memory",
        Shown(path)
    )]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The key.
        key: String,
        /// How many bytes were asked for.
        bytes: u64,
    },
}

/// The first keys, and how many more there are.
pub(super) fn listed(names: &[String]) -> String {
    if names.is_empty() {
        return "no arrays".to_owned();
    }
    let shown = names
        .iter()
        .take(LISTED_KEYS)
        .map(|name| if is_plain(name) { name.clone() } else { name.escape_debug().to_string() });
    let shown: Vec<String> = shown.collect();
    let more = match names.len().saturating_sub(LISTED_KEYS) {
        0 => String::new(),
        rest => format!(" and {rest} more"),
    };
    format!("{}{more}", shown.join(", "))
}

/// `bytes` between double quotes, with what cannot be printed escaped.
pub(super) fn quoted(bytes: &[u8]) -> String {
    format!("\"{}\"", bytes.escape_ascii())
}

/// What a file that starts with `start` may be, and what to do.
pub(super) fn hint(start: &[u8]) -> &'static str {
    if start.is_empty() {
        "the file is empty: write it again"
    } else if start.starts_with(b"\x93NUMPY") {
        "this is a single array: write all arrays into one file with numpy.savez_compressed"
    } else if start.starts_with(b"version https://") {
        "this is a Git LFS pointer: fetch the file itself with `git lfs pull`"
    } else if start.starts_with(b"BZh") {
        "this is compressed with bzip2: decompress it with `bunzip2`"
    } else if start.starts_with(b"\xfd7zXZ") {
        "this is compressed with xz: decompress it with `unxz`"
    } else if start.starts_with(b"\x28\xb5\x2f\xfd") {
        "this is compressed with zstd: decompress it with `unzstd`"
    } else if start.starts_with(b"\x89HDF") || start.starts_with(b"MATLAB") {
        "this is an HDF5 or MATLAB file: read it with h5py or scipy.io.loadmat, and write its arrays \
         with numpy.savez_compressed"
    } else if start.starts_with(b"\x80") {
        "this may be a Python pickle: load it where you trust it, and write its arrays with \
         numpy.savez_compressed"
    } else if start.starts_with(b"SIMPLE") {
        "this is a FITS file: name it as the published model, and an .npz file as the data"
    } else {
        "check that the path names the calibration data"
    }
}
