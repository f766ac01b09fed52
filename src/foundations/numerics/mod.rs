//! Deterministic mathematics: the same bits on every machine, as fast as the machine allows.

pub mod constants;
pub mod exponential;
pub mod logarithm;
pub mod math;

mod dual;
mod fft;
mod huge_page;
mod lane_numbers;
mod middle;
mod scratch;
mod simd;

pub use dual::{Dual, Real};
pub use fft::{LaneFft, lanes};
pub use huge_page::HugePageBuf;
pub use lane_numbers::Lanes;
pub use middle::{extremes, middle};
pub use scratch::ScratchVec;
pub use simd::{fused, with_widest_simd};
