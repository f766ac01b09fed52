//! Which jobs had which shard, by the record of submissions.

use std::collections::{BTreeMap, BTreeSet};

use super::chunks::task_of;
use super::commands::parse_ranges;
use super::submissions::{Entry, Submissions};
use super::token::{Owner, Purpose, Token};

/// What was submitted of one run so far.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct History {
    by_shard: BTreeMap<u32, Submitted>,
    /// Whether there is a job whose number was not recorded.
    pub has_lost_number: bool,
    /// The last merge, if its number was recorded.
    pub merge: Option<String>,
}

/// What was submitted of one shard.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Submitted {
    /// How often.
    pub times: u32,
    /// The last job and task, if its number was recorded.
    pub last: Option<(String, u32)>,
    /// The options of the last job that were the user's, or follow from what became of it.
    pub options: Vec<String>,
}

impl History {
    /// Looks through the record for the array jobs of one run.
    #[must_use]
    pub fn new(submissions: &Submissions, owner: &Owner) -> Self {
        let mut history = Self::default();
        let (mut refused, mut numbers) = (BTreeSet::new(), BTreeMap::new());
        for entry in submissions.entries() {
            match entry {
                Entry::Refused { token, .. } => drop(refused.insert(token.number)),
                Entry::Submitted { token, job, .. } => {
                    drop(numbers.insert(token.number, job.clone()));
                }
                Entry::Intent { .. } | Entry::NotKnown { .. } => {}
            }
        }
        for entry in submissions.entries() {
            if let Entry::Intent { token, shards, options, .. } = entry
                && token.owner == *owner
                && !refused.contains(&token.number)
            {
                match numbers.get(&token.number) {
                    Some(job) => history.add(token, shards, options, job),
                    // It may be in the queue, or sbatch is still at it.
                    None => history.has_lost_number = true,
                }
            }
        }
        history
    }

    fn add(&mut self, token: &Token, shards: &str, options: &[String], job: &str) {
        let Purpose::Shards { offset } = token.purpose else {
            self.merge = Some(job.to_owned());
            return;
        };
        for shard in parse_ranges(shards).unwrap_or_default() {
            let submitted = self.by_shard.entry(shard).or_default();
            submitted.times += 1;
            submitted.last = task_of(shard, offset).map(|task| (job.to_owned(), task));
            submitted.options = options.to_vec();
        }
    }

    /// What was submitted of a shard.
    #[must_use]
    pub fn of(&self, shard: u32) -> Option<&Submitted> {
        self.by_shard.get(&shard)
    }

    /// The number of the signal's seconds before the time limit that a shard's last job asked for,
    /// if it asked for another than its script does.
    #[must_use]
    pub fn warning(options: &[String]) -> Option<u64> {
        let asked = options.iter().rev().find_map(|word| word.strip_prefix("--signal="));
        asked?.rsplit_once('@')?.1.parse().ok()
    }

    /// The numbers of all jobs that had a shard last.
    #[must_use]
    pub fn jobs(&self) -> BTreeSet<String> {
        let last = self.by_shard.values().filter_map(|submitted| submitted.last.as_ref());
        last.map(|(job, _)| job.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::foundations::Digest;
    use crate::runner::slurm::submissions::SubmissionLog;
    use crate::runner::store::RunDir;

    #[test]
    fn a_shard_knows_how_often_and_where_it_was_submitted_last() {
        let folder = tempfile::tempdir().unwrap();
        let run = RunDir::new(folder.path());
        let owner = Owner::new(&Digest::of(b"plan"), &run).unwrap();
        let foreign = Owner::new(&Digest::of(b"other"), &run).unwrap();
        let mut recorder = SubmissionLog::open(&run).unwrap();
        let mut add = |number, owner: &Owner, shards: &str, answer: Result<&str, ()>| {
            let token = owner.token(number, Purpose::Shards { offset: 4 });
            let intent = Entry::intent(token.clone(), shards.into(), Vec::new());
            recorder.add(intent.with_options(&["--mem=8M".into()])).unwrap();
            recorder
                .add(match answer {
                    Ok(job) => Entry::submitted(token, job.into(), None),
                    Err(()) => Entry::Refused { token, reason: "no".into() },
                })
                .unwrap();
        };
        add(0, &owner, "4-6", Ok("12"));
        add(1, &foreign, "4-6", Ok("13"));
        add(2, &owner, "4-6", Err(()));
        add(3, &owner, "6,9", Ok("14"));
        let history = History::new(recorder.submissions(), &owner);
        let of = |shard| history.of(shard).map(|s| (s.times, s.last.clone().unwrap()));
        assert_eq!(of(4), Some((1, ("12".into(), 0))));
        assert_eq!(of(6), Some((2, ("14".into(), 2))));
        assert_eq!(of(7), None);
        assert_eq!(history.of(9).unwrap().options, ["--mem=8M"]);
        assert_eq!(history.jobs(), BTreeSet::from(["12".into(), "14".into()]));
        assert!(!history.has_lost_number);
        assert_eq!(history.merge, None);
        let merge = owner.token(4, Purpose::Merge);
        recorder.add(Entry::intent(merge.clone(), String::new(), vec!["14".into()])).unwrap();
        recorder.add(Entry::submitted(merge, "15".into(), None)).unwrap();
        let history = History::new(recorder.submissions(), &owner);
        assert_eq!((history.merge.as_deref(), history.has_lost_number), (Some("15"), false));
        let lost = owner.token(5, Purpose::Shards { offset: 0 });
        recorder.add(Entry::intent(lost, "9".into(), Vec::new())).unwrap();
        let history = History::new(recorder.submissions(), &owner);
        assert!(history.has_lost_number);
        assert_eq!(history.of(9).map(|submitted| submitted.times), Some(1), "as far as is known");
    }

    #[test]
    fn the_warning_is_the_one_that_was_asked_for_last() {
        let warning = |words: &[&str]| {
            History::warning(&words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>())
        };
        assert_eq!(warning(&["--signal=B:USR1@6", "--qos=high", "--signal=B:USR1@600"]), Some(600));
        assert_eq!(warning(&["--signal=USR1"]), None);
        assert_eq!(warning(&[]), None);
    }
}
