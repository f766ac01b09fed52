//! A larger study takes over the results of a smaller one: what is the same, and where it stands.
//!
//! A unit's result is a function of the settings and of its own place in the grid, not of the grid
//! around it. What depends on more is refused, or fitted again.

mod difference;
mod mapping;

pub(super) use mapping::to_larger;
