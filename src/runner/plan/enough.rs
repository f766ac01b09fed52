//! Whether a run finds the memory that it needs, asked before anything is fitted.

use thiserror::Error;

use crate::foundations::counted;
use crate::foundations::machine::MemoryLimit;

/// How the message of [`MemoryError`] begins, by which it is known in the log of a task.
const MEMORY_REFUSED: &str = "not enough memory: ";

/// More memory is needed than there is.
#[derive(Debug, Error, PartialEq, Eq)]
#[error(
    "{MEMORY_REFUSED}{what} needs about {} MB, but {by} {} MB; {mend}",
    needed.div_ceil(1_000_000), limit / 1_000_000
)]
pub struct MemoryError {
    /// What would need it.
    pub what: String,
    /// Bytes that it would need.
    pub needed: u64,
    /// What sets the limit, as in "this machine has".
    pub by: String,
    /// Bytes that there are.
    pub limit: u64,
    /// What to do.
    pub mend: String,
}

/// The memory that a run needs.
pub struct Needs {
    /// What a task is called in messages.
    pub what: &'static str,
    /// Bytes of a task on so many threads.
    pub of_task: Box<dyn Fn(u64) -> u64 + Send + Sync>,
    /// Bytes of the merge.
    pub of_merge: u64,
    /// What a task's need becomes less with, in words.
    pub less_for_task: &'static str,
    /// What the merge's need becomes less with.
    pub less_for_merge: &'static str,
}

impl Needs {
    /// Bytes of a task on so many threads.
    #[must_use]
    pub fn of_task(&self, threads: u64) -> u64 {
        (self.of_task)(threads)
    }

    /// Checks that a task on so many threads finds the memory that it needs.
    ///
    /// # Errors
    /// If it does not: says with how many threads it would, if with any.
    pub fn check_task(&self, threads: u64, limit: &MemoryLimit) -> Result<(), MemoryError> {
        let on = |threads: u64| format!("{} on {}", self.what, counted(threads, "thread"));
        let fitting = (1..threads).rev().find(|fewer| self.of_task(*fewer) <= limit.bytes);
        let more = format!("{}, more shards, or more memory (in a job, --mem)", self.less_for_task);
        let mend = || match fitting {
            Some(fewer) => format!("{} finds it (--threads {fewer}); else use {more}", on(fewer)),
            None => format!("use {more}"),
        };
        check_memory(&on(threads), self.of_task(threads), limit, mend)
    }

    /// Checks that the merge finds the memory that it needs.
    ///
    /// # Errors
    /// If it does not.
    pub fn check_merge(&self, limit: &MemoryLimit) -> Result<(), MemoryError> {
        let mend = || format!("use {}, or more memory (in a job, --mem)", self.less_for_merge);
        check_memory("the merge", self.of_merge, limit, mend)
    }
}

/// Checks that something finds the memory that it needs.
///
/// # Errors
/// If it does not: `mend` says what helps.
pub fn check_memory(
    what: &str,
    needed: u64,
    limit: &MemoryLimit,
    mend: impl FnOnce() -> String,
) -> Result<(), MemoryError> {
    if needed <= limit.bytes {
        return Ok(());
    }
    let (what, by) = (what.to_owned(), limit.source.clone());
    Err(MemoryError { what, needed, by, limit: limit.bytes, mend: mend() })
}
