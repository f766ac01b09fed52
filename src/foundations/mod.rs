//! What everything else stands on: constants, deterministic maths, files that appear whole.

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
pub mod run_dir;
pub mod run_id;
pub mod shown;
pub mod similar;
pub mod spare;
pub mod wide;

pub use counted::counted;
pub use digest::Digest;
pub use files::FileError;
pub use run_dir::RunDir;
pub use run_id::{FoundId, RunId, Settled};
pub use shown::Shown;
