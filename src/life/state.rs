//! What became of a shard, judged by all that is known of it.

use std::fmt;

use crate::shard::{Found, Progressed, Why};
use crate::slurm::{JobState, LastWords, Queued, Submitted, Word};

use super::cause::Cause;

/// What became of a shard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// Its partial is sound.
    Done,
    /// Somebody works on it.
    Running,
    /// Its task is in the queue.
    Waiting,
    /// Work on it was ended, and can go on.
    Stopped,
    /// Work on it ended because something is wrong.
    Failed,
    /// What is in the place of its partial is not to be used.
    Damaged,
    /// It was submitted, and nobody knows what became of it.
    Unknown,
    /// Nobody has begun.
    NotStarted,
}

impl State {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Done,
        Self::Running,
        Self::Waiting,
        Self::Stopped,
        Self::Failed,
        Self::Damaged,
        Self::Unknown,
        Self::NotStarted,
    ];
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Done => "done",
            Self::Running => "running",
            Self::Waiting => "waiting",
            Self::Stopped => "stopped",
            Self::Failed => "failed",
            Self::Damaged => "damaged",
            Self::Unknown => "unknown",
            Self::NotStarted => "not started",
        })
    }
}

/// What is known of a shard besides its files.
#[derive(Debug, Clone, Default)]
pub struct Evidence {
    /// What was submitted of it.
    pub submitted: Option<Submitted>,
    /// Its last task, as Slurm knows it.
    pub task: Option<Queued>,
    /// The last words in the log of that task.
    pub words: Option<LastWords>,
}

/// What became of a shard, and what is known about it.
#[derive(Debug, Clone, PartialEq)]
pub struct ShardState {
    /// The shard.
    pub shard: u32,
    /// What became of it.
    pub state: State,
    /// Why, if it stopped or failed.
    pub cause: Option<Cause>,
    /// Units that need not be fitted again.
    pub units_done: u64,
    /// Its units.
    pub units: u64,
    /// Units a second, while it runs.
    pub rate: Option<f64>,
    /// Where its last attempt runs or ran.
    pub node: Option<String>,
    /// The process there, while it is at work.
    pub process: Option<u32>,
    /// Slurm's job and task, as in `120_7`.
    pub job: Option<String>,
    /// How often work on it was begun or submitted.
    pub attempts: u64,
    /// How often it was submitted.
    pub submitted: u32,
    /// What else a person should know: why it waits, what is damaged.
    pub remark: String,
}

impl ShardState {
    /// Seconds until it is done, at its present rate.
    #[must_use]
    pub fn seconds_left(&self) -> Option<f64> {
        let left = (self.units - self.units_done.min(self.units)) as f64;
        self.rate.filter(|_| self.state == State::Running).map(|rate| left / rate)
    }

    fn new(shard: u32, units: u64, state: State) -> Self {
        Self {
            shard,
            state,
            cause: None,
            units_done: 0,
            units,
            rate: None,
            node: None,
            process: None,
            job: None,
            attempts: 0,
            submitted: 0,
            remark: String::new(),
        }
    }
}

/// Judges what became of a shard of so many units.
#[must_use]
pub fn judge(shard: u32, units: u64, found: &Found, evidence: &Evidence) -> ShardState {
    let submitted = evidence.submitted.as_ref().map_or(0, |submitted| submitted.times);
    let known = |state| ShardState { submitted, ..ShardState::new(shard, units, state) };
    match found {
        Found::Done => ShardState { units_done: units, ..known(State::Done) },
        Found::Damaged(problem) => match live_state(evidence) {
            Some(state) => ShardState { remark: problem.clone(), ..known(state) },
            None => ShardState { remark: problem.clone(), ..known(State::Damaged) },
        },
        Found::Open(progressed) => open(known(State::NotStarted), progressed, evidence),
    }
}

/// The state of a task that Slurm says waits or runs.
fn live_state(evidence: &Evidence) -> Option<State> {
    match evidence.task.as_ref()?.state {
        JobState::Waiting => Some(State::Waiting),
        JobState::Running => Some(State::Running),
        JobState::Ended(_) => None,
    }
}

fn open(blank: ShardState, progressed: &Progressed, evidence: &Evidence) -> ShardState {
    let (last, task) = (progressed.last.as_ref(), evidence.task.as_ref());
    let words = evidence.words.as_ref();
    let of_task = task.map(|task| task.node.clone()).filter(|node| !node.is_empty());
    let node = of_task
        .or_else(|| words.and_then(|words| words.node.clone()))
        .or_else(|| last.map(|last| last.host.clone()));
    let job = task.map(name_of).or_else(|| last.and_then(|last| last.job.clone()));
    let attempts = progressed.attempts.max(u64::from(blank.submitted));
    let known = ShardState { units_done: progressed.units, node, job, attempts, ..blank };
    match live_state(evidence) {
        Some(State::Waiting) => {
            let remark = task.map(|task| task.reason.clone()).unwrap_or_default();
            return ShardState { state: State::Waiting, node: None, remark, ..known };
        }
        Some(state) => return running(known, state, progressed),
        None if progressed.running && !is_over(progressed, task) => {
            let host = last.map(|last| last.host.clone());
            return running(ShardState { node: host, ..known }, State::Running, progressed);
        }
        None => {}
    }
    match cause(progressed, evidence) {
        Some(cause) => {
            let state = if cause.is_stop() { State::Stopped } else { State::Failed };
            ShardState { state, cause: Some(cause), ..known }
        }
        None if last.is_some() => {
            let remark = "it was killed, or its node is gone".into();
            ShardState { state: State::Stopped, remark, ..known }
        }
        None if known.submitted > 0 && !progressed.taken_over => {
            let remark = "its task left neither a partial nor a word".into();
            ShardState { state: State::Unknown, remark, ..known }
        }
        None => known,
    }
}

fn running(known: ShardState, state: State, progressed: &Progressed) -> ShardState {
    let process = progressed.last.as_ref().filter(|_| progressed.running).map(|last| last.process);
    ShardState { state, process, rate: progressed.rate.filter(|_| progressed.running), ..known }
}

/// Whether Slurm says that the attempt is over that seems to be at work: its journal is fresh for a
/// while after its end.
fn is_over(progressed: &Progressed, task: Option<&Queued>) -> bool {
    let job = progressed.last.as_ref().and_then(|last| last.job.clone());
    job.is_some() && job == task.map(name_of)
}

fn name_of(task: &Queued) -> String {
    match task.task {
        Some(number) => format!("{}_{number}", task.job),
        None => task.job.clone(),
    }
}

/// Slurm knows best why it ended a task; then comes the log, then what the attempt itself wrote
/// into its journal.
fn cause(progressed: &Progressed, evidence: &Evidence) -> Option<Cause> {
    let of_task = match evidence.task.as_ref().map(|task| task.state) {
        Some(JobState::Ended(end)) => Cause::of_job(end),
        _ => None,
    };
    let of_words = || match &evidence.words.as_ref()?.word {
        Word::Slurm(end) => Cause::of_job(*end),
        Word::Stopped(signal) => Some(Cause::signal(signal, true)),
        Word::Error(message) => Some(Cause::Error(message.clone())),
    };
    let is_task = progressed.last.as_ref().is_some_and(|last| last.job.is_some());
    let of_journal = || match progressed.ended.as_ref()? {
        Why::Asked { signal } => Some(Cause::signal(&signal_name(*signal), is_task)),
        Why::Error { message } => Some(Cause::Error(message.clone())),
    };
    of_task.or_else(of_words).or_else(of_journal)
}

/// What people call a signal.
fn signal_name(number: u32) -> String {
    match number {
        2 => "SIGINT".into(),
        10 => "SIGUSR1".into(),
        15 => "SIGTERM".into(),
        other => format!("signal {other}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shard::Attempt;
    use crate::slurm::JobEnd;

    fn task(state: JobState) -> Option<Queued> {
        let text = String::from;
        let (reason, node, comment) = (text("Priority"), text("n3"), text(""));
        Some(Queued { job: text("12"), task: Some(4), state, reason, node, comment })
    }

    fn attempt(job: Option<&str>) -> Attempt {
        Attempt {
            host: "n7".into(),
            process: 99,
            job: job.map(Into::into),
            started: "2026-11-21T06:00:00Z".into(),
            binary: crate::foundations::Digest::of(b"this build"),
        }
    }

    fn begun(job: Option<&str>) -> Progressed {
        let last = Some(attempt(job));
        Progressed { units: 5, attempts: 1, last, rate: Some(0.5), ..Progressed::default() }
    }

    fn once() -> Option<Submitted> {
        Some(Submitted { times: 1, ..Submitted::default() })
    }

    fn judged(progressed: Progressed, evidence: Evidence) -> (State, Option<Cause>) {
        let judged = judge(3, 10, &Found::Open(progressed), &evidence);
        (judged.state, judged.cause)
    }

    #[test]
    fn files_have_the_last_word() {
        let ended = JobState::Ended(JobEnd::NodeLost);
        let evidence = Evidence { task: task(ended), ..Evidence::default() };
        assert_eq!(judge(3, 10, &Found::Done, &evidence).state, State::Done);
        // Slurm says that all is well, and nothing is there.
        let completed = JobState::Ended(JobEnd::Completed);
        let evidence = Evidence { task: task(completed), submitted: once(), words: None };
        assert_eq!(judged(Progressed::default(), evidence), (State::Unknown, None));
    }

    #[test]
    fn what_is_in_the_queue_waits_or_runs() {
        let with = |state| Evidence { task: task(state), submitted: once(), words: None };
        let waits = judge(3, 10, &Found::Open(begun(None)), &with(JobState::Waiting));
        assert_eq!((waits.state, waits.remark.as_str()), (State::Waiting, "Priority"));
        let runs = Progressed { running: true, ..begun(Some("12_4")) };
        let runs = judge(3, 10, &Found::Open(runs), &with(JobState::Running));
        assert_eq!((runs.state, runs.node.as_deref()), (State::Running, Some("n3")));
        assert_eq!(runs.seconds_left(), Some(10.0));
        assert_eq!((runs.job.as_deref(), runs.process), (Some("12_4"), Some(99)));
    }

    #[test]
    fn a_fresh_journal_is_a_sign_of_life_unless_slurm_knows_that_this_job_is_over() {
        let fresh = |job| Progressed { running: true, ..begun(job) };
        let alone = judge(3, 10, &Found::Open(fresh(None)), &Evidence::default());
        assert_eq!((alone.state, alone.node.as_deref()), (State::Running, Some("n7")));
        let over =
            || Evidence { task: task(JobState::Ended(JobEnd::NodeLost)), ..Evidence::default() };
        assert_eq!(judged(fresh(Some("12_4")), over()), (State::Failed, Some(Cause::NodeLost)));
        // Somebody has taken it up by hand.
        assert_eq!(judged(fresh(None), over()), (State::Running, None));
    }

    #[test]
    fn slurm_then_the_log_then_the_journal_say_why() {
        let words = |word| Some(LastWords { word, node: None });
        let asked =
            |signal| Progressed { ended: Some(Why::Asked { signal }), ..begun(Some("12_4")) };
        let failed = || task(JobState::Ended(JobEnd::Failed));
        let log = |word| Evidence { task: failed(), words: words(word), submitted: once() };
        let memory = Evidence {
            task: task(JobState::Ended(JobEnd::OutOfMemory)),
            ..log(Word::Error("x".into()))
        };
        assert_eq!(judged(begun(None), memory).1, Some(Cause::OutOfMemory));
        let limit = (State::Failed, Some(Cause::TimeLimit));
        assert_eq!(judged(begun(None), log(Word::Slurm(JobEnd::TimeLimit))), limit);
        assert_eq!(judged(begun(None), log(Word::Stopped("SIGUSR1".into()))), limit);
        assert_eq!(judged(asked(10), Evidence::default()), limit);
        let stopped = (State::Stopped, Some(Cause::Asked("SIGTERM".into())));
        assert_eq!(judged(asked(15), Evidence::default()), stopped);
        let error = (State::Failed, Some(Cause::Error("no space".into())));
        assert_eq!(judged(asked(15), log(Word::Error("no space".into()))), error);
        // Killed without a word.
        assert_eq!(judged(begun(None), Evidence::default()), (State::Stopped, None));
        assert_eq!(judged(Progressed::default(), Evidence::default()), (State::NotStarted, None));
    }
}
