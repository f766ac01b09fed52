//! Results that outlive their plan: a larger study takes over those of a smaller one, and units that
//! failed are fitted again while all others are kept.
//!
//! A unit's result is a function of the settings and of its own place in the grid, not of the grid
//! around it. What depends on more is refused, or fitted again.
//!
//! Nothing is lost wherever this is killed. What is kept is written first, as journals of the new
//! plan, which the old one does not take for its own. Then the new `plan.json` replaces the old one
//! in one step. Only then are old files moved to `aside/`; whoever finds some left moves them.

mod error;
mod plans;
mod tidy;
mod units;

pub use error::CarryError;
pub use plans::{Taken, complete, survey, take_over};
pub use tidy::tidy;
pub use units::{Failed, failed_units, take_back};
