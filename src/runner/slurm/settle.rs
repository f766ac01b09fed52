//! Submissions of which sbatch did not say how they ended: the queue is asked for their comments
//! before anything else is submitted.

use std::time::{Duration, Instant};

use chrono::Utc;
use thiserror::Error;

use crate::foundations::FileError;

use super::client::{SlurmError, queue_with_ended};
use super::queue::Queued;
use super::submissions::{Entry, NotKnown, SubmissionLog};
use super::token::{Owner, Token};

/// How long a job may take to be in the queue, if the user does not say otherwise.
const PATIENCE: Duration = Duration::from_secs(10);
/// What says otherwise.
const VARIABLE: &str = "OTFHPC_SETTLE_SECONDS";
const PAUSE: Duration = Duration::from_millis(500);

/// Why nothing can be found out.
#[derive(Debug, Error)]
pub enum SettleError {
    /// The record.
    #[error(transparent)]
    File(#[from] FileError),
    /// The queue.
    #[error(transparent)]
    Slurm(#[from] SlurmError),
    /// How long to wait.
    #[error("{VARIABLE} is `{0}`: expected seconds, 0 or more, or unset it")]
    Patience(String),
}

/// Finds out what became of all submissions of a run that are not known, and records it: those that
/// are not in the queue after some seconds are not there. `tell` is told once if that takes long.
///
/// # Errors
/// If the queue cannot be asked, or the answers cannot be recorded.
pub fn settle(
    recorder: &mut SubmissionLog,
    owner: &Owner,
    tell: &mut dyn FnMut(&str),
) -> Result<(), SettleError> {
    let (patience, started) = (patience()?, Instant::now());
    let mut is_told = false;
    loop {
        let open = recorder.submissions().not_known(owner);
        if open.is_empty() {
            return Ok(());
        }
        let queue = queue_with_ended()?;
        let mut left = Vec::new();
        for not_known in open {
            match find(&queue, &not_known.token) {
                Some(found) => recorder.add(found.entry())?,
                None => left.push(not_known),
            }
        }
        let waited = started.elapsed();
        let (gone, young): (Vec<_>, Vec<_>) =
            left.into_iter().partition(|open| waited >= patience || age(open) >= patience);
        for NotKnown { token, .. } in gone {
            recorder.add(Entry::Refused { token, reason: "it is not in the queue".into() })?;
        }
        if !young.is_empty() {
            if !std::mem::replace(&mut is_told, true) {
                tell("looking in the queue for what sbatch did not answer for");
            }
            std::thread::sleep(PAUSE.min(patience));
        }
    }
}

/// Looks for one job that sbatch did not answer for, for some seconds.
///
/// # Errors
/// If the queue cannot be asked.
pub(super) fn look_for(token: &Token) -> Result<Option<FoundJob>, SettleError> {
    let (patience, started) = (patience()?, Instant::now());
    loop {
        if let Some(found) = find(&queue_with_ended()?, token) {
            return Ok(Some(found));
        }
        if started.elapsed() >= patience {
            return Ok(None);
        }
        std::thread::sleep(PAUSE.min(patience));
    }
}

/// The job that has a token for its comment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FoundJob {
    token: Token,
    /// Its number.
    pub(super) job: String,
    cluster: Option<String>,
}

impl FoundJob {
    /// The line of the record that says so.
    pub(super) fn entry(self) -> Entry {
        Entry::submitted(self.token, self.job, self.cluster)
    }
}

fn find(queue: &[Queued], token: &Token) -> Option<FoundJob> {
    let found = queue.iter().find(|queued| queued.comment.parse().as_ref() == Ok(token))?;
    let (token, job) = (token.clone(), found.job.clone());
    Some(FoundJob { token, job, cluster: found.cluster.clone() })
}

/// How long ago something was heard of a submission; another machine's clock may be ahead.
fn age(open: &NotKnown) -> Duration {
    let seconds = open.time.map_or(0, |time| Utc::now().timestamp() - time);
    Duration::from_secs(u64::try_from(seconds).unwrap_or(0))
}

fn patience() -> Result<Duration, SettleError> {
    let Ok(text) = std::env::var(VARIABLE) else { return Ok(PATIENCE) };
    match text.parse().map(Duration::try_from_secs_f64) {
        Ok(Ok(patience)) => Ok(patience),
        _ => Err(SettleError::Patience(text)),
    }
}
