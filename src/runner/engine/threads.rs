//! How many worker threads.

use rayon::ThreadPool;

use crate::foundations::threads::{self, NoThread};

/// A wish for a number of threads, and who made it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ThreadCount {
    /// Worker threads.
    pub threads: usize,
    /// Where the number comes from.
    pub source: &'static str,
    /// Processors that this process may use.
    pub allowed: usize,
}

impl ThreadCount {
    /// Takes the first wish that there is, else one thread per processor that the process may use:
    /// its affinity mask, and the quota of its cgroup.
    #[must_use]
    pub fn choose(wishes: &[(Option<usize>, &'static str)]) -> Self {
        let allowed = allowed_processors();
        let wish = wishes.iter().find_map(|(threads, source)| Some(((*threads)?, *source)));
        let (threads, source) = wish.unwrap_or((allowed, "affinity mask and cgroup quota"));
        Self { threads, source, allowed }
    }

    /// What a person should know of this choice, if anything.
    #[must_use]
    pub fn warning(&self) -> Option<String> {
        (self.threads > self.allowed).then(|| {
            format!(
                "{} threads ({}), but this process may use {} processor{} only; \
                 the threads will share them (check --cpus-per-task, taskset, or the cgroup's quota)",
                self.threads,
                self.source,
                self.allowed,
                if self.allowed == 1 { "" } else { "s" }
            )
        })
    }

    /// A pool of that many threads.
    ///
    /// # Errors
    /// If the system does not grant them.
    pub fn pool(&self) -> Result<ThreadPool, NoThread> {
        threads::pool(self.threads)
    }
}

/// Processors in the affinity mask of this process, and no more than the quota of its cgroup allows
/// for (of both versions of cgroups: the standard library reads it).
fn allowed_processors() -> usize {
    let in_mask = rustix::thread::sched_getaffinity(None).map(|mask| mask.count() as usize);
    let in_quota = std::thread::available_parallelism().map(usize::from);
    match (in_mask, in_quota) {
        (Ok(mask), Ok(quota)) => mask.min(quota).max(1),
        (Ok(one), Err(_)) | (Err(_), Ok(one)) => one.max(1),
        (Err(_), Err(_)) => 1,
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
