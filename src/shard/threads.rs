//! How many worker threads.

use rayon::{ThreadPool, ThreadPoolBuildError, ThreadPoolBuilder};

/// A wish for a number of threads, and who made it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ThreadCount {
    /// Worker threads.
    pub threads: usize,
    /// Where the number comes from.
    pub source: &'static str,
    /// Processors that this process may run on.
    pub allowed: usize,
}

impl ThreadCount {
    /// Takes the first wish that there is, else one thread per processor that the process may
    /// run on (its affinity mask).
    #[must_use]
    pub fn choose(wishes: &[(Option<usize>, &'static str)]) -> Self {
        let allowed = allowed_processors();
        let wish = wishes.iter().find_map(|(threads, source)| Some(((*threads)?, *source)));
        let (threads, source) = wish.unwrap_or((allowed, "affinity mask"));
        Self { threads, source, allowed }
    }

    /// What a person should know of this choice, if anything.
    #[must_use]
    pub fn warning(&self) -> Option<String> {
        (self.threads > self.allowed).then(|| {
            format!(
                "{} threads ({}), but this process may run on {} processors only; \
                 the threads will share them (check --cpus-per-task, or taskset)",
                self.threads, self.source, self.allowed
            )
        })
    }

    /// A pool of that many threads.
    ///
    /// # Errors
    /// If the system does not grant them.
    pub fn pool(&self) -> Result<ThreadPool, ThreadPoolBuildError> {
        ThreadPoolBuilder::new()
            .num_threads(self.threads)
            .thread_name(|i| format!("otfhpc-{i}"))
            .build()
    }
}

/// Processors in the affinity mask of this process.
fn allowed_processors() -> usize {
    match rustix::thread::sched_getaffinity(None) {
        Ok(mask) => (mask.count() as usize).max(1),
        Err(_) => std::thread::available_parallelism().map_or(1, usize::from),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_wish_counts_and_an_excess_is_told() {
        let choice = ThreadCount::choose(&[(None, "--threads"), (Some(3), "OTFHPC_THREADS")]);
        assert_eq!((choice.threads, choice.source), (3, "OTFHPC_THREADS"));
        let choice = ThreadCount::choose(&[(None, "--threads")]);
        assert_eq!(choice.threads, choice.allowed);
        assert_eq!(choice.warning(), None);
        let excess = ThreadCount::choose(&[(Some(choice.allowed + 1), "--threads")]);
        assert!(excess.warning().unwrap().contains("--threads"));
    }
}
