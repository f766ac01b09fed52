//! Threads, and what to say where none can be made.

use std::io;
use std::panic::resume_unwind;
use std::thread::{Builder, JoinHandle};

use rayon::{ThreadPool, ThreadPoolBuildError, ThreadPoolBuilder};
use thiserror::Error;

use super::text::counted;

/// A thread that cannot be made.
#[derive(Debug, Error)]
#[error(
    "cannot make {what} ({cause}): too low is a limit on processes and threads (`ulimit -u`, or that of the \
     control group), or on address space (`ulimit -v`); raise it, or use fewer threads"
)]
pub struct NoThread {
    /// What it would be, in words.
    pub what: String,
    /// What the system said.
    pub cause: String,
}

impl From<NoThread> for io::Error {
    fn from(error: NoThread) -> Self {
        Self::other(error)
    }
}

/// Starts a thread; `what` is what it is, as in "the thread that keeps the journal".
///
/// # Errors
/// If the system does not grant it.
pub fn spawn<T: Send + 'static>(
    name: &str,
    what: &str,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<JoinHandle<T>, NoThread> {
    let made = Builder::new().name(format!("otfhpc-{name}")).spawn(work);
    made.map_err(|error| NoThread { what: what.to_owned(), cause: error.to_string() })
}

/// Does two things at once that mostly wait; one after the other where the system grants no thread.
pub fn both<A: Send, B>(first: impl Fn() -> A + Sync, second: impl FnOnce() -> B) -> (A, B) {
    std::thread::scope(|scope| {
        let thread = Builder::new().name("otfhpc-beside".into()).spawn_scoped(scope, &first);
        let second = second();
        let first = match thread {
            Ok(thread) => thread.join().unwrap_or_else(|panic| resume_unwind(panic)),
            Err(_) => first(),
        };
        (first, second)
    })
}

/// A pool of so many threads.
///
/// # Errors
/// If the system does not grant them.
pub fn pool(threads: usize) -> Result<ThreadPool, NoThread> {
    builder(threads).build().map_err(|error| no_pool(threads, &error))
}

/// Makes the threads on which all else is done that is done on several at once: as many as there are
/// processors.
///
/// # Errors
/// If the system does not grant them.
pub fn settle_common_pool() -> Result<(), NoThread> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    match builder(threads).build_global() {
        Err(error) if rayon_has_none(&error) => Err(no_pool(threads, &error)),
        // Made, or made before.
        _ => Ok(()),
    }
}

fn builder(threads: usize) -> ThreadPoolBuilder {
    ThreadPoolBuilder::new().num_threads(threads).thread_name(|i| format!("otfhpc-{i}"))
}

/// Whether it was the system that refused.
fn rayon_has_none(error: &ThreadPoolBuildError) -> bool {
    std::error::Error::source(error).is_some()
}

fn no_pool(threads: usize, error: &ThreadPoolBuildError) -> NoThread {
    NoThread { what: counted(threads, "worker thread"), cause: error.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_are_made_and_named() {
        let name = || std::thread::current().name().map(str::to_owned);
        let made = spawn("test", "a thread", name).unwrap().join().unwrap();
        assert_eq!(made.as_deref(), Some("otfhpc-test"));
        assert_eq!(both(|| 1, || 2), (1, 2));
        assert_eq!(pool(3).unwrap().current_num_threads(), 3);
        settle_common_pool().unwrap();
        settle_common_pool().unwrap();
    }
}
