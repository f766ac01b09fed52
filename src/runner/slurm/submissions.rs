//! `submissions.jsonl`: what was submitted, a line for each intent and each answer.
//!
//! An intent is on disk before sbatch is called, so a `submit` that is killed at any point leaves
//! no job that nobody knows of: the intent's token is the job's comment, by which the queue tells
//! whether there is one. The queue, not this file, says what still waits or runs.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::foundations::files::plain;
use crate::foundations::{FileError, Shown};
use crate::runner::store::RunDir;

use super::queue::Queued;
use super::token::{Owner, Purpose, Token};

/// Seconds by which the clocks of two machines may differ.
const SKEW: i64 = 300;
/// Seconds that sbatch may take, where the time of its answer was not recorded.
const SLOWEST: i64 = 3600;

/// How long another `submit`, or an sbatch that outlived one, is waited for.
const PATIENCE: Duration = Duration::from_secs(20);
const PAUSE: Duration = Duration::from_millis(50);

/// A line of the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "lowercase", deny_unknown_fields)]
pub enum Entry {
    /// sbatch is about to be called.
    Intent {
        /// The comment of the job.
        token: Token,
        /// The shards of an array, as in 3,7-9.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        shards: String,
        /// The jobs that a merge waits for.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        after: Vec<String>,
        /// Options of an array for sbatch, besides what every job has.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        options: Vec<String>,
        /// When, UTC, RFC 3339.
        time: String,
    },
    /// The job is in the queue.
    Submitted {
        /// Its comment.
        token: Token,
        /// Its number.
        job: String,
        /// The cluster, where sbatch named one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        cluster: Option<String>,
        /// When that was known, UTC, RFC 3339. Older files do not have it.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        time: String,
    },
    /// sbatch did not say whether the job is in the queue.
    #[serde(rename = "not-known")]
    NotKnown {
        /// The comment that the job has, if there is one.
        token: Token,
        /// What sbatch said.
        reason: String,
        /// When, UTC, RFC 3339.
        time: String,
    },
    /// There is no job.
    Refused {
        /// The comment the job would have.
        token: Token,
        /// What sbatch said.
        reason: String,
    },
}

impl Entry {
    /// An intent of this moment.
    #[must_use]
    pub fn intent(token: Token, shards: String, after: Vec<String>) -> Self {
        Self::Intent { token, shards, after, options: Vec::new(), time: now() }
    }

    /// A job that is known to be in the queue from this moment on.
    #[must_use]
    pub fn submitted(token: Token, job: String, cluster: Option<String>) -> Self {
        Self::Submitted { token, job, cluster, time: now() }
    }

    /// A job of which nothing is known at this moment.
    #[must_use]
    pub fn not_known(token: Token, reason: String) -> Self {
        Self::NotKnown { token, reason, time: now() }
    }

    /// The same with options for sbatch.
    #[must_use]
    pub fn with_options(mut self, given: &[String]) -> Self {
        if let Self::Intent { options, .. } = &mut self {
            *options = given.to_vec();
        }
        self
    }
}

fn now() -> String {
    Utc::now().to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// Seconds since 1970 of a time that is recorded.
fn moment(time: &str) -> Option<i64> {
    Some(DateTime::parse_from_rfc3339(time).ok()?.timestamp())
}

/// A submission of which it is not known whether there is a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotKnown {
    /// The comment that the job has, if there is one.
    pub token: Token,
    /// The shards of an array, as in 3,7-9.
    pub shards: String,
    /// What sbatch said; nothing if `submit` did not live to hear it.
    pub reason: Option<String>,
    /// When something was last heard of it: seconds since 1970.
    pub(super) time: Option<i64>,
}

/// A record of submissions that cannot be used.
#[derive(Debug, Error)]
pub enum SubmissionsError {
    /// The file itself.
    #[error(transparent)]
    File(#[from] FileError),
    /// A line that is no entry.
    #[error(
        "{}, line {line}: not a submission ({message}); move the file away and submit again: what \
         is still queued is known by its comment",
        Shown(path)
    )]
    Line {
        /// The file.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
        /// What is wrong.
        message: String,
    },
    /// Another process submits.
    #[error(
        "{} is in use: another `otfhpc submit` is at work in this folder, or an sbatch that one \
         left; try again when it has ended",
        Shown(path)
    )]
    InUse {
        /// The file.
        path: PathBuf,
    },
}

/// The record, as read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Submissions {
    entries: Vec<Entry>,
}

impl Submissions {
    /// Reads the record of a run; there may be none.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn read(run: &RunDir) -> Result<Self, SubmissionsError> {
        let path = run.submissions();
        match plain::read(&path) {
            Ok(bytes) => parse(&path, &bytes).map(|(submissions, _)| submissions),
            Err(error) if error.is_not_found() => Ok(Self::default()),
            Err(error) => Err(error.into()),
        }
    }

    /// All lines.
    pub(super) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The number of the next submission: no intent has it.
    #[must_use]
    pub fn next_number(&self) -> u64 {
        let numbers = self.entries.iter().filter_map(|entry| match entry {
            Entry::Intent { token, .. } => Some(token.number + 1),
            _ => None,
        });
        numbers.max().unwrap_or(0)
    }

    /// The token of a job: that in its comment; or, where a site changes comments, that of the
    /// submission that its number was recorded for, if name, time and cluster are those of that
    /// submission too. Numbers alone are given again after a reset, and by other clusters.
    #[must_use]
    pub fn token_of(&self, queued: &Queued) -> Option<Token> {
        queued.comment.parse().ok().or_else(|| self.recorded_token_of(queued).cloned())
    }

    /// Whether a job is one of this owner's.
    #[must_use]
    pub fn knows(&self, queued: &Queued, owner: &Owner) -> bool {
        self.token_of(queued).is_some_and(|token| token.owner == *owner)
    }

    fn recorded_token_of(&self, queued: &Queued) -> Option<&Token> {
        self.entries.iter().rev().find_map(|entry| match entry {
            Entry::Submitted { token, job, cluster, time } if *job == queued.job => {
                let name = token.purpose.job_name();
                let same_cluster = match (cluster, &queued.cluster) {
                    (Some(recorded), Some(found)) => recorded == found,
                    _ => true,
                };
                let from = self.intended(token)? - SKEW;
                let to = moment(time).map_or(from + SLOWEST, |time| time + SKEW);
                let in_time = queued.submitted.is_some_and(|time| (from..=to).contains(&time));
                (queued.name == name && same_cluster && in_time).then_some(token)
            }
            _ => None,
        })
    }

    /// When a job was about to be submitted.
    fn intended(&self, of: &Token) -> Option<i64> {
        self.entries.iter().find_map(|entry| match entry {
            Entry::Intent { token, time, .. } if token == of => moment(time),
            _ => None,
        })
    }

    /// The token of the last intent.
    pub(super) fn last_token(&self) -> Option<&Token> {
        self.entries.iter().rev().find_map(|entry| match entry {
            Entry::Intent { token, .. } => Some(token),
            _ => None,
        })
    }

    /// The submissions of one run of which it is not known whether there is a job.
    #[must_use]
    pub fn not_known(&self, owner: &Owner) -> Vec<NotKnown> {
        let mut open: Vec<NotKnown> = Vec::new();
        for entry in &self.entries {
            match entry {
                Entry::Intent { token, shards, time, .. } if token.owner == *owner => {
                    let (token, shards) = (token.clone(), shards.clone());
                    open.push(NotKnown { token, shards, reason: None, time: moment(time) });
                }
                Entry::Intent { .. } => {}
                Entry::NotKnown { token, reason, time } => {
                    for open in open.iter_mut().filter(|open| open.token == *token) {
                        (open.reason, open.time) = (Some(reason.clone()), moment(time));
                    }
                }
                Entry::Submitted { token, .. } | Entry::Refused { token, .. } => {
                    open.retain(|open| open.token != *token);
                }
            }
        }
        open
    }

    /// Whether a merge is to submit what is left before it merges.
    #[must_use]
    pub fn goes_on(&self, merge: &Token) -> bool {
        self.entries.iter().any(|entry| match entry {
            Entry::Intent { token, options, .. } => token == merge && !options.is_empty(),
            _ => false,
        })
    }

    /// Whether any merge of a run is to.
    #[must_use]
    pub fn has_parts(&self, owner: &Owner) -> bool {
        let mut merges = self.entries.iter().filter_map(|entry| match entry {
            Entry::Intent { token, .. } if token.purpose == Purpose::Merge => Some(token),
            _ => None,
        });
        merges.any(|merge| merge.owner == *owner && self.goes_on(merge))
    }

    /// Whether somebody submits jobs of a run at this moment, as far as the system tells.
    #[must_use]
    pub fn are_being_made(run: &RunDir) -> bool {
        let locked = |file: File| matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock));
        plain::open_to_read(&run.submissions()).is_ok_and(locked)
    }

    /// The jobs that a merge was told to wait for.
    #[must_use]
    pub fn waits_for(&self, merge: &Token) -> Option<&[String]> {
        self.entries.iter().find_map(|entry| match entry {
            Entry::Intent { token, after, .. } if token == merge => Some(after.as_slice()),
            _ => None,
        })
    }
}

/// The entries, and how many bytes they are. What follows the last line break is the line that a
/// killed process did not finish: an intent whose sbatch was not called, or an answer that the
/// queue gives too.
fn parse(path: &Path, bytes: &[u8]) -> Result<(Submissions, usize), SubmissionsError> {
    let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |last| last + 1);
    let lines = bytes[..whole].split(|byte| *byte == b'\n').enumerate();
    let lines = lines.filter(|(_, line)| !line.is_empty());
    let entries = lines.map(|(index, line)| {
        serde_json::from_slice(line).map_err(|error| {
            let (path, message) = (path.to_path_buf(), error.to_string());
            SubmissionsError::Line { path, line: index + 1, message }
        })
    });
    Ok((Submissions { entries: entries.collect::<Result<_, _>>()? }, whole))
}

/// The record, open to one process at a time.
#[derive(Debug)]
pub struct SubmissionLog {
    path: PathBuf,
    file: File,
    submissions: Submissions,
}

impl SubmissionLog {
    /// Locks and reads the record of a run, and makes it if there is none.
    ///
    /// # Errors
    /// If it cannot be used, or another process keeps it for long.
    pub fn open(run: &RunDir) -> Result<Self, SubmissionsError> {
        let path = run.submissions();
        let failed = |action| {
            let path = path.clone();
            move |error| FileError::new(action, &path, error)
        };
        let options = OpenOptions::new().read(true).append(true).create(true).clone();
        let mut file = plain::open(&path, &options).map_err(failed("open"))?;
        lock(&file, &path)?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(failed("read"))?;
        let (submissions, whole) = parse(&path, &bytes)?;
        // The next line must not continue one that was torn.
        if whole < bytes.len() {
            file.set_len(whole as u64).map_err(failed("mend"))?;
        }
        let folder = File::open(run.root()).and_then(|folder| folder.sync_all());
        folder.map_err(failed("write"))?;
        Ok(Self { path, file, submissions })
    }

    /// What is recorded.
    #[must_use]
    pub fn submissions(&self) -> &Submissions {
        &self.submissions
    }

    /// Adds an entry; when this returns, it is on disk.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn add(&mut self, entry: Entry) -> Result<(), FileError> {
        let failed = |error| FileError::new("write", &self.path, error);
        let mut line = serde_json::to_vec(&entry).map_err(|e| failed(e.into()))?;
        line.push(b'\n');
        self.file.write_all(&line).and_then(|()| self.file.sync_data()).map_err(failed)?;
        self.submissions.entries.push(entry);
        Ok(())
    }

    /// A second handle of the locked file, for sbatch to hold: if this process is killed, nobody
    /// looks at the queue before its sbatch has ended.
    ///
    /// # Errors
    /// If the system has no more handles.
    pub fn handle(&self) -> Result<File, FileError> {
        self.file.try_clone().map_err(|error| FileError::new("open", &self.path, error))
    }
}

fn lock(file: &File, path: &Path) -> Result<(), SubmissionsError> {
    let start = Instant::now();
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(()),
            Err(TryLockError::WouldBlock) if start.elapsed() < PATIENCE => {
                std::thread::sleep(PAUSE);
            }
            Err(TryLockError::WouldBlock) => {
                return Err(SubmissionsError::InUse { path: path.into() });
            }
            // Some shared file systems have no locks. One person who submits once at a time needs
            // none, so this is no reason to refuse.
            Err(TryLockError::Error(_)) => return Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::foundations::Digest;

    fn tokens(run: &RunDir) -> [Token; 2] {
        let owner = Owner::new(&Digest::of(b"plan"), run).unwrap();
        [owner.token(0, Purpose::Shards { offset: 0 }), owner.token(1, Purpose::Merge)]
    }

    #[test]
    fn what_is_added_is_read_back_by_the_next_process() {
        let folder = tempfile::tempdir().unwrap();
        let run = RunDir::new(folder.path());
        assert_eq!(Submissions::read(&run).unwrap(), Submissions::default());
        let [shards, merge] = tokens(&run);
        let mut recorder = SubmissionLog::open(&run).unwrap();
        assert_eq!(recorder.submissions().next_number(), 0);
        recorder.add(Entry::intent(shards.clone(), "0-3".into(), Vec::new())).unwrap();
        recorder.add(Entry::submitted(shards.clone(), "12".into(), None)).unwrap();
        recorder.add(Entry::intent(merge.clone(), String::new(), vec!["12".into()])).unwrap();
        drop(recorder);
        let read = Submissions::read(&run).unwrap();
        assert_eq!(read.next_number(), 2);
        assert_eq!(read.waits_for(&merge), Some(&["12".to_owned()][..]));
        let open = read.not_known(&merge.owner);
        assert_eq!(open.iter().map(|open| &open.token).collect::<Vec<_>>(), [&merge]);
    }

    #[test]
    fn a_job_is_known_by_its_comment_or_by_number_name_time_and_cluster() {
        let folder = tempfile::tempdir().unwrap();
        let run = RunDir::new(folder.path());
        let [shards, merge] = tokens(&run);
        let mut recorder = SubmissionLog::open(&run).unwrap();
        let time = |text: &str| text.to_owned();
        let intent = Entry::Intent {
            token: shards.clone(),
            shards: "0-3".into(),
            after: Vec::new(),
            options: Vec::new(),
            time: time("1970-01-01T10:00:00Z"),
        };
        recorder.add(intent).unwrap();
        let (token, job, cluster) = (shards.clone(), "12".into(), Some("east".into()));
        let time = time("1970-01-01T10:02:00Z");
        recorder.add(Entry::Submitted { token, job, cluster, time }).unwrap();
        let queued = Queued {
            job: "12".into(),
            task: Some(1),
            comment: "(null)".into(),
            name: "otfhpc".into(),
            submitted: Some(36_060),
            cluster: Some("east".into()),
            ..Queued::default()
        };
        let token_of = |queued: Queued| recorder.submissions().token_of(&queued);
        assert_eq!(token_of(queued.clone()), Some(shards.clone()));
        assert_eq!(token_of(Queued { cluster: None, ..queued.clone() }), Some(shards.clone()));
        for other in [
            Queued { job: "13".into(), ..queued.clone() },
            Queued { name: "bash".into(), ..queued.clone() },
            Queued { submitted: Some(36_060 + 86_400), ..queued.clone() },
            Queued { submitted: Some(36_060 - 86_400), ..queued.clone() },
            Queued { submitted: None, ..queued.clone() },
            Queued { cluster: Some("west".into()), ..queued.clone() },
        ] {
            assert_eq!(token_of(other.clone()), None, "{other:?}");
        }
        // The comment has the first word, whatever the number.
        let comment = merge.to_string();
        assert_eq!(token_of(Queued { comment, ..queued.clone() }), Some(merge));
        assert!(recorder.submissions().knows(&queued, &shards.owner));
        let foreign = Owner::new(&Digest::of(b"other"), &run).unwrap();
        assert!(!recorder.submissions().knows(&queued, &foreign));
    }

    #[test]
    fn what_is_not_known_is_open_until_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let run = RunDir::new(folder.path());
        let [shards, _] = tokens(&run);
        let mut recorder = SubmissionLog::open(&run).unwrap();
        recorder.add(Entry::intent(shards.clone(), "0-3".into(), Vec::new())).unwrap();
        recorder.add(Entry::not_known(shards.clone(), "timed out".into())).unwrap();
        drop(recorder);
        let mut recorder = SubmissionLog::open(&run).unwrap();
        let open = recorder.submissions().not_known(&shards.owner);
        assert_eq!((open[0].shards.as_str(), open.len()), ("0-3", 1));
        assert_eq!(open[0].reason.as_deref(), Some("timed out"));
        recorder.add(Entry::submitted(shards.clone(), "12".into(), None)).unwrap();
        assert_eq!(recorder.submissions().not_known(&shards.owner), []);
    }

    #[test]
    fn a_torn_line_is_forgotten_and_any_other_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let run = RunDir::new(folder.path());
        let [shards, _] = tokens(&run);
        let intent = Entry::intent(shards, "0-3".into(), Vec::new());
        SubmissionLog::open(&run).unwrap().add(intent.clone()).unwrap();
        let whole = std::fs::read(run.submissions()).unwrap();
        for length in 0..whole.len() {
            std::fs::write(run.submissions(), [&whole[..], &whole[..length]].concat()).unwrap();
            let mut recorder = SubmissionLog::open(&run).unwrap();
            assert_eq!(recorder.submissions().entries, std::slice::from_ref(&intent));
            recorder.add(intent.clone()).unwrap();
            drop(recorder);
            assert_eq!(std::fs::read(run.submissions()).unwrap(), whole.repeat(2));
        }
        std::fs::write(run.submissions(), [&whole[..], b"x\n"].concat()).unwrap();
        let error = SubmissionLog::open(&run).unwrap_err().to_string();
        assert!(error.contains("submissions.jsonl, line 2: "), "{error}");
    }

    #[test]
    fn one_process_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let run = RunDir::new(folder.path());
        let recorder = SubmissionLog::open(&run).unwrap();
        let handle = recorder.handle().unwrap();
        drop(recorder);
        let other = File::open(run.submissions()).unwrap();
        assert!(matches!(other.try_lock(), Err(TryLockError::WouldBlock)), "sbatch still has it");
        drop(handle);
        other.try_lock().unwrap();
    }
}
