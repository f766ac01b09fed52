//! What everything else stands on: constants, deterministic maths, files that appear whole.

pub mod aligned;
pub mod constants;
pub mod counted;
pub mod digest;
pub mod exponential;
pub mod files;
pub mod large;
pub mod lenient;
pub mod machine;
pub mod math;
pub mod npz_writer;
pub mod shown;
pub mod similar;
pub mod spare;
pub mod wide;

pub use aligned::aligned;
pub use counted::counted;
pub use digest::Digest;
pub use files::FileError;
pub use shown::Shown;
