//! Why a plan cannot be made or used.

use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::foundations::{FileError, Shown, counted};
use crate::runner::plan::{ShardsError, VERSION};

/// A plan that cannot be made or used.
#[derive(Debug, Error)]
pub enum PlanError {
    /// A file that cannot be used.
    #[error(transparent)]
    File(#[from] FileError),
    /// The number of shards.
    #[error(transparent)]
    Shards(#[from] ShardsError),
    /// No plan in the folder.
    #[error(
        "{}: there is no plan here; make one with `otfhpc plan --out {}`",
        Shown(path), Shown(path.parent().unwrap_or(Path::new("results")))
    )]
    Missing {
        /// Where it would be.
        path: PathBuf,
    },
    /// Not a plan, or of another format.
    #[error("{}: not a plan that this program can read: {message}; plan again", Shown(path))]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        message: String,
    },
    /// Changed by hand.
    #[error(
        "{}: the plan was changed after it was made (its hash is {found}, not {written}); \
         plan again instead, with --set or --config",
        Shown(path)
    )]
    Edited {
        /// The file.
        path: PathBuf,
        /// The hash in the file.
        written: String,
        /// The hash of its content.
        found: String,
    },
    /// Made by another version.
    #[error(
        "{}: the plan was made by otfhpc {found}, this is {VERSION}; \
         plan again, or use that version",
        Shown(path)
    )]
    Version {
        /// The file.
        path: PathBuf,
        /// The other version.
        found: String,
    },
    /// Revisions that cannot be used.
    #[error(
        "{}: the revisions of the plan cannot be used: {message}; move the file away: shards that \
         were cut are then whole again",
        Shown(path)
    )]
    Revisions {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        message: String,
    },
    /// An input file that is not what was planned with.
    #[error(
        "{}: this input changed since the plan was made (its hash was {planned}, now {found}); \
         put the old file back, or plan again",
        Shown(path)
    )]
    InputChanged {
        /// The input file.
        path: PathBuf,
        /// Hash in the plan.
        planned: String,
        /// Hash now.
        found: String,
    },
    /// Another plan, with results, is in the way.
    #[error(
        "{} holds results of another plan ({}, {}); choose \
         another folder with --out, add --extend to take over those of a smaller study with the same \
         settings, or add --replace to move them to aside/ there", Shown(root),
        counted(*partials, "partial"), counted(*products, "product")
    )]
    InTheWay {
        /// The results folder.
        root: PathBuf,
        /// How many partials would be lost.
        partials: usize,
        /// How many merged files would be lost.
        products: usize,
    },
    /// Results of the same plan, of another build.
    #[error(
        "{} holds results of another build of otfhpc ({}, {}; \
         hash {planned}, this one has {found}); choose another folder with --out, add --replace \
         to move them to aside/ there, or --any-binary to keep them", Shown(root),
        counted(*partials, "partial"), counted(*journals, "journal")
    )]
    OtherBuild {
        /// The results folder.
        root: PathBuf,
        /// How many shards of it are finished.
        partials: usize,
        /// How many shards of it are begun.
        journals: usize,
        /// Hash of the other build, its first digits.
        planned: String,
        /// Hash of this build, its first digits.
        found: String,
    },
}

impl PlanError {
    /// A file that is no plan, and why.
    #[must_use]
    pub fn unreadable(path: &Path, message: String) -> Self {
        Self::Unreadable { path: path.into(), message }
    }
}
