//! How a command ends, and how much it says.

/// How a command ended, as its exit code says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Exit {
    /// Done.
    Done = 0,
    /// Finished, but some units failed or did not converge.
    Failures = 1,
    /// Could not run: usage, settings, input.
    CouldNotRun = 2,
    /// Results incomplete or damaged.
    Incomplete = 3,
    /// Stopped before the end, or others are at work: the same command again goes on (the number is BSD's `EX_TEMPFAIL`).
    Stopped = 75,
}

/// How much a command says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Volume {
    /// Errors only.
    Quiet,
    /// Progress and summary.
    Normal,
    /// Also a line for every configuration.
    Verbose,
}
