//! Why an attempt ended before its shard was done, as its journal tells.

use serde::{Deserialize, Serialize};

/// Why an attempt ended before its shard was done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Why {
    /// It was asked to, with this signal; 0 if with none.
    Asked {
        /// Number of the signal.
        signal: u32,
    },
    /// It could not go on.
    Error {
        /// What it said.
        message: String,
    },
}
