//! What everything else stands on, and which knows no science: deterministic maths, files that
//! appear whole, `.npz` archives, and words for people.

pub mod files;
pub mod machine;
pub mod npz;
pub mod numerics;
pub mod text;
pub mod threads;

pub use files::{Digest, FileError};
pub use text::{Shown, counted};
