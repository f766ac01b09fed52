//! What everything else stands on, and which knows no science: deterministic maths, files that
//! appear whole, `.npz` archives, and words for people.

pub mod files;
pub mod machine;
pub mod npz;
pub mod numerics;
pub mod run_dir;
pub mod run_id;
pub mod text;

pub use files::{Digest, FileError};
pub use run_dir::RunDir;
pub use run_id::{FoundId, RunId, Settled};
pub use text::{Shown, counted};
