//! The programs that some methods are: how many run at once, and where they may speak.

use std::path::PathBuf;

/// The programs that some methods are: how many run at once, and where they may speak.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Programs {
    /// How many run at once, each in the place of one thread.
    pub at_once: usize,
    /// The folder in which their output is kept.
    pub logs: PathBuf,
}

impl Programs {
    /// For studies that have none.
    #[cfg(test)]
    pub(super) fn none() -> Self {
        Self { at_once: 1, logs: PathBuf::new() }
    }

    /// Where a configuration's program may speak.
    pub(super) fn log(&self, label: &str, configuration: u64) -> PathBuf {
        self.logs.join(format!("{label}-{configuration}"))
    }
}
