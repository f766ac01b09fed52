//! Any program, in any language, as a fitting method: it is given the bins of one configuration in
//! an `.npz` file, and leaves the emissivities in another. `docs/DATA.md` has both formats.
//!
//! A program comes from outside, and so does all that it writes: whatever goes wrong becomes the
//! reason of the bins concerned. Reasons stand in products whose bytes do not depend on where or
//! when a run takes place, so nothing that does is in them.

mod explain;
mod folder;
mod input;
mod output;
mod program;

#[cfg(test)]
mod tests;

pub use program::ExternalProgram;
