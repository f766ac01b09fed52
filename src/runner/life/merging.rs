//! What became of the merge of a run whose shards are all done.

use crate::runner::plan::BoundPlan;
use crate::runner::slurm::{
    History, Hold, JobEnd, JobState, Outlook, Owner, Queued, SlurmError, Submissions, queue,
    queue_of,
};
use crate::runner::store::RunDir;
use crate::runner::store::manifest::{Standing, standing};

/// What became of the merge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Merging {
    /// Shards are missing.
    NotYet,
    /// All products are there.
    Merged,
    /// It waits, for the reason that Slurm says.
    Waits {
        /// The job, if its number is known.
        job: String,
        /// Slurm's word.
        reason: String,
        /// Who must release it, if somebody must.
        held: Option<Hold>,
    },
    /// It runs.
    Runs {
        /// The job, if its number is known.
        job: String,
    },
    /// It was submitted, and is over, but products are missing.
    Failed {
        /// The job.
        job: String,
    },
    /// The products are of another plan: its hash, the first digits.
    OfAnotherPlan(String),
    /// These products are not what the merge wrote.
    Changed(Vec<String>),
    /// Nobody has submitted it, or nobody knows.
    Open,
}

impl Merging {
    /// Whether it is to come by itself.
    #[must_use]
    pub fn is_live(&self) -> bool {
        matches!(self, Self::Waits { .. } | Self::Runs { .. })
    }

    fn of(job: &Queued) -> Self {
        let number = job.job.clone();
        match job.state {
            JobState::Waiting | JobState::Held => {
                Self::Waits { job: number, reason: job.reason.clone(), held: job.hold() }
            }
            JobState::Running => Self::Runs { job: number },
            // Its products are there, and nobody sees them yet, or it found that some are missing.
            JobState::Ended(JobEnd::Completed) => Self::Open,
            JobState::Ended(_) => Self::Failed { job: number },
        }
    }
}

/// Looks whether the products are there, and, if not, asks Slurm for the merge that was submitted
/// last. None if there is nothing to ask.
///
/// # Errors
/// If Slurm does not answer.
pub(super) fn look(
    run: &RunDir,
    plan: &BoundPlan,
    history: &History,
    submissions: &Submissions,
    owner: &Owner,
) -> Result<Option<Merging>, SlurmError> {
    match standing(run, plan, false) {
        Standing::Whole => return Ok(Some(Merging::Merged)),
        Standing::OfAnotherPlan(other) => return Ok(Some(Merging::OfAnotherPlan(other.short()))),
        Standing::Changed(names) => return Ok(Some(Merging::Changed(names))),
        Standing::Unfinished => {}
    }
    if let Some(job) = &history.merge {
        let found = queue_of(std::slice::from_ref(job))?;
        // A number that was recorded may be another job's by now.
        let is_ours = |found: &&Queued| found.job == *job && submissions.knows(found, owner);
        let merge = found.iter().find(is_ours);
        return Ok(Some(merge.map_or(Merging::Open, Merging::of)));
    }
    if !history.has_lost_number {
        return Ok(None);
    }
    let waiting = Outlook::new(&queue()?, submissions, owner).merges.into_iter().next();
    let waits = |(job, _)| Merging::Waits { job, reason: String::new(), held: None };
    Ok(Some(waiting.map_or(Merging::Open, waits)))
}
