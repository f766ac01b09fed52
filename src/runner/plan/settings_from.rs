//! Where the settings of a plan are from. It stands beside the plan, outside of its hash: the plan has the
//! settings themselves, and two that have the same are the same plan.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::foundations::Digest;

/// One source of settings; a later one counts more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SettingsFrom {
    /// The file of a site.
    Site(SettingsFile),
    /// A file that was named.
    File(SettingsFile),
    /// A configuration that the program carries.
    BuiltIn(String),
    /// An assignment on the command line.
    Set(String),
}

/// A file of settings as it was when the plan was made. It may change: the plan has what it said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SettingsFile {
    /// Absolute path.
    pub path: PathBuf,
    /// BLAKE3 of its content.
    pub blake3: Digest,
}
