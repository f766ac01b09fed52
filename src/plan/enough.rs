//! Whether a run finds the memory that it needs, asked before anything is fitted.

use thiserror::Error;

use crate::foundations::machine::MemoryLimit;

use super::memory::Memory;

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

impl Memory {
    /// Checks that a task on so many threads finds the memory that it needs.
    ///
    /// # Errors
    /// If it does not: says with how many threads it would, if with any.
    pub fn check_task(&self, threads: u64, limit: &MemoryLimit) -> Result<(), MemoryError> {
        let on = |threads: u64| match threads {
            1 => "the fit on 1 thread".to_owned(),
            _ => format!("the fit on {threads} threads"),
        };
        let fitting = (1..threads).rev().find(|fewer| self.of_task(*fewer) <= limit.bytes);
        let mend = || match fitting {
            Some(fewer) => format!("{} finds it (--threads {fewer}); else use {MORE}", on(fewer)),
            None => format!("use {MORE}"),
        };
        check(&on(threads), self.of_task(threads), limit, mend)
    }

    /// Checks that the merge finds the memory that it needs.
    ///
    /// # Errors
    /// If it does not.
    pub fn check_merge(&self, limit: &MemoryLimit) -> Result<(), MemoryError> {
        let mend = "use fewer trials, noise levels or methods, or more memory (in a job, --mem)";
        check("the merge", self.of_merge(), limit, || mend.into())
    }
}

/// What else helps.
const MORE: &str = "fewer records (simulate.records, or a part of the file), more shards, or more \
                    memory (in a job, --mem)";

/// Checks that a simulation that is written to a file finds the memory that it needs.
///
/// # Errors
/// If it does not.
pub fn check_simulation(needed: u64, limit: &MemoryLimit) -> Result<(), MemoryError> {
    check("the simulation", needed, limit, || "use fewer simulate.records or data.sets".into())
}

fn check(
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::survey;
    use crate::plan::{DataSet, Plan};
    use crate::study::{Config, Study};

    fn memory(settings: &[&str]) -> Memory {
        let settings: Vec<String> = settings.iter().map(|s| (*s).to_owned()).collect();
        let config = Config::load(None, &settings).unwrap();
        let study = Study::new(&config).unwrap();
        let surveyed = study.sets.iter().map(|&set| {
            let trials = (study.resampling, study.trials);
            let surveyed = survey(set, &study.recipe(&config), trials).unwrap();
            DataSet { set, screening: surveyed.screening }
        });
        let plan = Plan::make(config.clone(), surveyed.collect(), 1).unwrap();
        Memory::of(&plan.plan, &study)
    }

    fn limit(bytes: u64) -> MemoryLimit {
        MemoryLimit { bytes, source: "this machine has".into() }
    }

    #[test]
    fn a_limit_that_some_threads_keep_is_told_with_their_number() {
        let memory = memory(&["simulate.records=100000", "study.trials=8"]);
        assert_eq!(memory.check_task(8, &limit(memory.of_task(8))), Ok(()));
        let refused = memory.check_task(8, &limit(memory.of_task(3))).unwrap_err().to_string();
        assert!(refused.starts_with("not enough memory: the fit on 8 threads needs"), "{refused}");
        assert!(refused.contains("(--threads 3)"), "{refused}");
        let refused = memory.check_task(8, &limit(1_000_000)).unwrap_err().to_string();
        assert!(refused.contains(" MB, but this machine has 1 MB; use fewer rec"), "{refused}");
        assert!(memory.check_merge(&limit(1_000)).is_err());
    }

    #[test]
    fn no_study_that_the_settings_allow_is_too_large_to_be_foretold() {
        let memory = memory(&[
            "simulate.records=10000000",
            "study.trials=1000000000",
            "fit.methods=all",
            "data.other_bolometers=rh,rl,lh",
        ]);
        assert!(memory.of_task(4096) > 1 << 40);
        assert!(memory.check_task(4096, &limit(1 << 40)).is_err());
        assert!(memory.check_merge(&limit(1 << 40)).is_err());
    }
}
