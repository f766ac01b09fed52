//! Deterministic mathematics: the same bits on every machine, as fast as the machine allows.

pub mod constants;
pub mod exponential;
pub mod math;

mod dual;
mod huge_page;
mod scratch;
mod simd;

pub use dual::{Dual, Real};
pub use huge_page::HugePageBuf;
pub use scratch::ScratchVec;
pub use simd::with_widest_simd;
