//! What of a run is in the queue.

use std::collections::BTreeSet;

use super::chunks::shard_of;
use super::queue::Queued;
use super::submissions::Submissions;
use super::token::{Owner, Purpose, Token};

/// The jobs of one run that wait, run or are ending.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Outlook {
    /// The shards that they will fit, or are fitting.
    pub shards: BTreeSet<u32>,
    /// The array jobs.
    pub arrays: BTreeSet<String>,
    /// The merges, each with its token.
    pub merges: Vec<(String, Token)>,
}

impl Outlook {
    /// Finds the jobs of a run by their comments; where a site changes comments, by what was
    /// recorded of them.
    #[must_use]
    pub fn new(queue: &[Queued], submissions: &Submissions, owner: &Owner) -> Self {
        let mut outlook = Self::default();
        for queued in queue.iter().filter(|queued| queued.state.is_live()) {
            let token = submissions.token_of(queued);
            if let Some(token) = token.filter(|token| token.owner == *owner) {
                outlook.add(queued, token);
            }
        }
        outlook
    }

    fn add(&mut self, queued: &Queued, token: Token) {
        match (token.purpose, queued.task) {
            (Purpose::Merge, _) => self.merges.push((queued.job.clone(), token)),
            (Purpose::Shards { offset }, Some(task)) => {
                self.arrays.insert(queued.job.clone());
                self.shards.extend(shard_of(task, offset));
            }
            // An array has tasks.
            (Purpose::Shards { .. }, None) => {}
        }
    }

    /// Whether nothing waits or runs.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// A merge that waits for all array jobs that are there.
    #[must_use]
    pub fn merge_of_all(&self, submissions: &Submissions) -> Option<&str> {
        let waits_for_all = |token: &Token| {
            let after = submissions.waits_for(token).unwrap_or_default();
            self.arrays.iter().all(|job| after.contains(job))
        };
        let found = self.merges.iter().find(|(_, token)| waits_for_all(token));
        found.map(|(job, _)| job.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::foundations::Digest;
    use crate::runner::slurm::submissions::{Entry, SubmissionLog};
    use crate::runner::store::RunDir;

    fn queued(job: &str, task: Option<u32>, comment: &str) -> Queued {
        let (job, comment, name) = (job.into(), comment.into(), "otfhpc".into());
        let submitted = Some(chrono::Utc::now().timestamp());
        Queued { job, task, comment, name, submitted, ..Queued::default() }
    }

    #[test]
    fn jobs_are_known_by_comment_or_by_number_and_those_of_others_are_not() {
        let folder = tempfile::tempdir().unwrap();
        let run = RunDir::new(folder.path());
        let owner = Owner::new(&Digest::of(b"plan"), &run).unwrap();
        let array = owner.token(0, Purpose::Shards { offset: 1000 });
        let (merge, old_merge) = (owner.token(2, Purpose::Merge), owner.token(1, Purpose::Merge));
        let foreign = Owner::new(&Digest::of(b"other"), &run).unwrap().token(0, array.purpose);
        let mut recorder = SubmissionLog::open(&run).unwrap();
        let both = vec!["12".to_owned(), "13".to_owned()];
        recorder.add(Entry::intent(old_merge.clone(), String::new(), both[..1].to_vec())).unwrap();
        recorder.add(Entry::intent(merge.clone(), String::new(), both)).unwrap();
        recorder.add(Entry::intent(array.clone(), "1007,1009".into(), Vec::new())).unwrap();
        recorder.add(Entry::submitted(array.clone(), "13".into(), None)).unwrap();
        let queue = [
            queued("12", Some(7), &array.to_string()),
            queued("13", Some(9), "(null)"),
            queued("14", Some(1), &foreign.to_string()),
            queued("15", Some(2), "mine"),
            queued("16", None, &old_merge.to_string()),
            queued("17", None, &merge.to_string()),
        ];
        let outlook = |queue: &[Queued]| Outlook::new(queue, recorder.submissions(), &owner);
        let all = outlook(&queue);
        assert_eq!(all.shards, BTreeSet::from([1007, 1009]));
        assert_eq!(all.merge_of_all(recorder.submissions()), Some("17"));
        assert_eq!(outlook(&queue[..5]).merge_of_all(recorder.submissions()), None);
        assert_eq!(outlook(&[]), Outlook::default());
    }
}
