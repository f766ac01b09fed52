//! What became of a shard, judged by all that is known of it.

use std::fmt;

use crate::runner::slurm::{
    History, Hold, JobEnd, JobState, LastWords, ProcessEnd, Queued, Submitted, TaskMemory, Word,
};
use crate::runner::store::{Found, Progressed, Why};

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
    /// The job and the task of its last task, whether Slurm knows them or not.
    pub last: Option<(String, u32)>,
    /// That task, as Slurm knows it.
    pub task: Option<Queued>,
    /// The last words in the log of that task.
    pub words: Option<LastWords>,
    /// Whether Slurm was asked and did not answer.
    pub silent: bool,
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
    /// The memory that its last task had, if that is known.
    pub memory: Option<TaskMemory>,
    /// Who must release its task, if somebody must.
    pub held: Option<Hold>,
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
            memory: None,
            held: None,
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
        JobState::Waiting | JobState::Held => Some(State::Waiting),
        JobState::Running => Some(State::Running),
        JobState::Ended(_) => None,
    }
}

fn open(blank: ShardState, progressed: &Progressed, evidence: &Evidence) -> ShardState {
    let (last, task) = (progressed.last.as_ref(), evidence.task.as_ref());
    let words = evidence.words.as_ref();
    let is_elsewhere = words.and_then(|words| words.word.as_ref()).is_some_and(is_elsewhere);
    let of_task = || task.map(|task| task.node.clone()).filter(|node| !node.is_empty());
    let of_words = || words.and_then(|words| words.node.clone());
    // A task that found another at work tells nothing of where that was.
    let node = Some(()).filter(|()| !is_elsewhere).and_then(|()| of_task().or_else(of_words));
    let node = node.or_else(|| last.map(|last| last.host.clone()));
    let job = task.map(Queued::id).or_else(|| last.and_then(|last| last.job.clone()));
    let attempts = progressed.attempts.max(u64::from(blank.submitted));
    let memory = words.and_then(|words| words.memory).or(task.and_then(|task| task.memory));
    let known = ShardState { units_done: progressed.units, node, job, attempts, memory, ..blank };
    match live_state(evidence) {
        Some(State::Waiting) => {
            let remark = task.map(|task| task.reason.clone()).unwrap_or_default();
            let held = task.and_then(Queued::hold);
            return ShardState { state: State::Waiting, node: None, remark, held, ..known };
        }
        Some(state) => return running(known, state, progressed),
        None if progressed.running && !is_over(progressed, task) => {
            let host = last.map(|last| last.host.clone());
            return running(ShardState { node: host, ..known }, State::Running, progressed);
        }
        None => {}
    }
    let cause = cause(progressed, evidence);
    if evidence.silent && evidence.last.is_some() {
        // Nobody answers: that is not to say that nobody knows.
        let remark = "Slurm does not answer".into();
        return ShardState { state: State::Unknown, cause, remark, ..known };
    }
    match cause {
        Some(cause) => {
            let state = if cause.is_stop() { State::Stopped } else { State::Failed };
            ShardState { state, cause: Some(cause), ..known }
        }
        None if is_of_last(progressed, evidence) || is_elsewhere => {
            let remark = "it was killed, or its node is gone".into();
            ShardState { state: State::Stopped, remark, ..known }
        }
        None if !progressed.taken_over && (known.submitted > 0 || evidence.last.is_some()) => {
            let remark = nothing_left(evidence);
            ShardState { state: State::Unknown, remark, ..known }
        }
        None => known,
    }
}

/// Whether a word is that of a task that found another process at work.
fn is_elsewhere(word: &Word) -> bool {
    *word == Word::Ended(Why::Elsewhere)
}

/// Whether what the journal tells last is of the last task that is known: an attempt without a
/// task was made by hand, and is taken for the last.
fn is_of_last(progressed: &Progressed, evidence: &Evidence) -> bool {
    let Some(attempt) = &progressed.last else { return false };
    match (&attempt.job, &evidence.last) {
        (Some(job), Some((last, task))) => *job == format!("{last}_{task}"),
        _ => true,
    }
}

/// What there is to say of a task that left no reason why its shard is not done.
fn nothing_left(evidence: &Evidence) -> String {
    let task = evidence.task.as_ref();
    let mut text = match task.map(|task| task.state) {
        Some(JobState::Ended(JobEnd::Completed)) => {
            "Slurm calls its task completed, but its file is not there, or not yet".to_owned()
        }
        _ => "its task left neither a partial nor a word".to_owned(),
    };
    let reason = task.map(|task| task.reason.as_str()).unwrap_or_default();
    if !["", "None"].contains(&reason) {
        text += &format!("; Slurm says {reason}");
    }
    let said = evidence.words.as_ref().map(|words| words.said.as_str()).unwrap_or_default();
    if !said.is_empty() {
        text += &format!("; its log ends with `{said}`");
    }
    text
}

fn running(known: ShardState, state: State, progressed: &Progressed) -> ShardState {
    let process = progressed.last.as_ref().filter(|_| progressed.running).map(|last| last.process);
    ShardState { state, process, rate: progressed.rate.filter(|_| progressed.running), ..known }
}

/// Whether Slurm says that the attempt is over that seems to be at work: its journal is fresh for a
/// while after its end.
fn is_over(progressed: &Progressed, task: Option<&Queued>) -> bool {
    let job = progressed.last.as_ref().and_then(|last| last.job.clone());
    job.is_some() && job == task.map(Queued::id)
}

/// Slurm knows best why it ended a task; then comes the log, then what the attempt itself wrote
/// into its journal, and last how its process ended.
fn cause(progressed: &Progressed, evidence: &Evidence) -> Option<Cause> {
    let of_task = match evidence.task.as_ref().map(|task| task.state) {
        Some(JobState::Ended(end)) => Cause::of_job(end),
        _ => None,
    };
    let word = evidence.words.as_ref().and_then(|words| words.word.as_ref());
    let of_words = match word {
        Some(Word::Slurm(end)) => Cause::of_job(*end),
        Some(Word::Ended(why)) => of_why(why, true, evidence),
        Some(Word::NotStarted(said)) => Some(Cause::NotStarted(said.clone())),
        None => None,
    };
    // What Slurm cancels for some reason may be to it no more than cancelled.
    let of_task = match (of_task, word) {
        (Some(Cause::Cancelled), Some(Word::Slurm(_))) => of_words.clone(),
        (of_task, _) => of_task,
    };
    let is_task = progressed.last.as_ref().is_some_and(|last| last.job.is_some());
    let of_journal = || {
        let counts = is_of_last(progressed, evidence) || word.is_some_and(is_elsewhere);
        of_why(progressed.ended.as_ref().filter(|_| counts)?, is_task, evidence)
    };
    of_task.or(of_words).or_else(of_journal).or_else(|| of_process(evidence))
}

/// What an attempt said when it ended.
fn of_why(why: &Why, is_task: bool, evidence: &Evidence) -> Option<Cause> {
    let options = evidence.submitted.as_ref().map(|submitted| submitted.options.as_slice());
    match why {
        Why::Asked { signal, left } => {
            let warning = History::warning(options.unwrap_or_default());
            Some(Cause::signal(*signal, is_task, *left, warning))
        }
        Why::Elsewhere => None,
        Why::Memory { .. } => Some(Cause::OutOfMemory),
        Why::Error { message } => Some(Cause::Error(message.clone())),
    }
}

/// What the end of the process tells, where nobody said anything that is understood.
fn of_process(evidence: &Evidence) -> Option<Cause> {
    /// With these a program ends itself that has a fault, or the wrong processor.
    const CRASHES: [(u32, &str); 5] =
        [(4, "SIGILL"), (6, "SIGABRT"), (7, "SIGBUS"), (8, "SIGFPE"), (11, "SIGSEGV")];
    let exit = evidence.task.as_ref()?.exit?;
    let words = evidence.words.as_ref();
    let said = words.map(|words| words.said.as_str()).filter(|said| !said.is_empty());
    let begun = words.is_some_and(|words| words.begun);
    let with_said = |text: String| match said {
        Some(said) => format!("{text}: {said}"),
        None => text,
    };
    match exit {
        ProcessEnd::NO_FILES => Some(Cause::NotStarted(
            "Slurm could not open its log, in logs/ of the results folder: check that the nodes can \
             write there"
                .into(),
        )),
        exit if ProcessEnd::NO_PROGRAM.contains(&exit) && !begun => {
            let code = if exit == ProcessEnd::Code(127) { 127 } else { 126 };
            Some(Cause::NotStarted(with_said(format!("exit code {code}"))))
        }
        // 75 is no error.
        ProcessEnd::Code(0 | 75) => None,
        // With 1 ends a task whose partial is there, and a script that cannot go on.
        ProcessEnd::Code(code) if !begun || code != 1 => {
            said.map(|_| Cause::Error(with_said(format!("exit code {code}"))))
        }
        ProcessEnd::Signal(signal) => {
            let (_, name) = CRASHES.iter().find(|(number, _)| *number == signal)?;
            Some(Cause::Error(with_said(format!("it crashed ({name})"))))
        }
        ProcessEnd::Code(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runner::slurm::JobEnd;
    use crate::runner::store::Attempt;

    fn task(state: JobState) -> Option<Queued> {
        let text = String::from;
        let (job, reason, node) = (text("12"), text("Priority"), text("n3"));
        Some(Queued { job, task: Some(4), state, reason, node, ..Queued::default() })
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
        let evidence = Evidence { task: task(completed), submitted: once(), ..Evidence::default() };
        let late = judge(3, 10, &Found::Open(Progressed::default()), &evidence);
        assert_eq!((late.state, late.cause), (State::Unknown, None));
        assert!(late.remark.contains("or not yet; Slurm says Priority"), "{}", late.remark);
    }

    #[test]
    fn what_is_in_the_queue_waits_or_runs() {
        let with = |state| Evidence { task: task(state), submitted: once(), ..Evidence::default() };
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

    /// What is known of a task that failed, with the last word of its log.
    fn failed(word: Option<Word>) -> Evidence {
        let words = Some(LastWords { word, begun: true, ..LastWords::default() });
        let last = Some(("12".into(), 4));
        let task = task(JobState::Ended(JobEnd::Failed));
        Evidence { last, task, words, submitted: once(), silent: false }
    }

    fn error(message: &str) -> Why {
        Why::Error { message: message.into() }
    }

    #[test]
    fn slurm_then_the_log_then_the_journal_say_why() {
        let asked = |signal| Progressed {
            ended: Some(Why::Asked { signal, left: None }),
            ..begun(Some("12_4"))
        };
        let ended = |why| failed(Some(Word::Ended(why)));
        let memory =
            Evidence { task: task(JobState::Ended(JobEnd::OutOfMemory)), ..ended(error("x")) };
        assert_eq!(judged(begun(None), memory).1, Some(Cause::OutOfMemory));
        let limit = (State::Failed, Some(Cause::TimeLimit));
        assert_eq!(judged(begun(None), failed(Some(Word::Slurm(JobEnd::TimeLimit)))), limit);
        let warned = ended(Why::Asked { signal: 10, left: None });
        assert_eq!(judged(begun(None), warned), limit);
        assert_eq!(judged(asked(10), Evidence::default()), limit);
        let stopped = (State::Stopped, Some(Cause::Asked("SIGTERM".into())));
        assert_eq!(judged(asked(15), Evidence::default()), stopped);
        let no_space = (State::Failed, Some(Cause::Error("no space".into())));
        assert_eq!(judged(asked(15), ended(error("no space"))), no_space);
        // Killed without a word.
        assert_eq!(judged(begun(None), Evidence::default()), (State::Stopped, None));
        assert_eq!(judged(Progressed::default(), Evidence::default()), (State::NotStarted, None));
    }

    #[test]
    fn what_slurm_cancels_for_memory_is_out_of_memory() {
        let cancelled = Evidence {
            task: task(JobState::Ended(JobEnd::Cancelled)),
            ..failed(Some(Word::Slurm(JobEnd::OutOfMemory)))
        };
        assert_eq!(judged(begun(None), cancelled).1, Some(Cause::OutOfMemory));
        let by_hand = Evidence {
            task: task(JobState::Ended(JobEnd::Cancelled)),
            ..failed(Some(Word::Ended(Why::Asked { signal: 15, left: None })))
        };
        assert_eq!(judged(begun(None), by_hand).1, Some(Cause::Cancelled));
    }

    #[test]
    fn who_found_another_at_work_tells_nothing_of_the_shard() {
        let elsewhere = || failed(Some(Word::Ended(Why::Elsewhere)));
        // The other was killed, on its own node.
        let holder = judge(3, 10, &Found::Open(begun(Some("11_4"))), &elsewhere());
        assert_eq!((holder.state, holder.cause), (State::Stopped, None));
        assert_eq!(holder.node.as_deref(), Some("n7"));
        // Or it ended with an error.
        let ended = Progressed { ended: Some(error("no space")), ..begun(Some("11_4")) };
        assert_eq!(judged(ended, elsewhere()).1, Some(Cause::Error("no space".into())));
        let alive = Progressed { running: true, ..begun(Some("11_4")) };
        assert_eq!(judged(alive, elsewhere()).0, State::Running);
    }

    #[test]
    fn what_an_earlier_job_wrote_into_the_journal_does_not_count() {
        let why = Why::Asked { signal: 10, left: None };
        let earlier = Progressed { ended: Some(why), ..begun(Some("11_4")) };
        assert_eq!(judged(earlier, failed(None)), (State::Unknown, None));
    }

    #[test]
    fn the_end_of_the_process_tells_where_nobody_says_anything() {
        let ended = |exit, begun: bool, said: &str| {
            let mut evidence = failed(None);
            if let (Some(task), Some(words)) = (&mut evidence.task, &mut evidence.words) {
                task.exit = Some(exit);
                (words.begun, words.said) = (begun, said.into());
            }
            judge(3, 10, &Found::Open(Progressed::default()), &evidence)
        };
        let (code, signal) = (ProcessEnd::Code, ProcessEnd::Signal);
        let cause = |exit, begun, said| ended(exit, begun, said).cause;
        let not_started = |said: &str| Some(Cause::NotStarted(said.into()));
        assert_eq!(cause(code(127), false, "x: gone"), not_started("exit code 127: x: gone"));
        assert_eq!(cause(code(126), false, ""), not_started("exit code 126"));
        let Some(Cause::NotStarted(said)) = cause(signal(53), false, "") else { panic!() };
        assert!(said.contains("could not open its log"), "{said}");
        let error = |said: &str| Some(Cause::Error(said.into()));
        assert_eq!(cause(code(101), true, "panicked"), error("exit code 101: panicked"));
        assert_eq!(cause(code(1), false, "no modules"), error("exit code 1: no modules"));
        assert_eq!(cause(signal(11), true, ""), error("it crashed (SIGSEGV)"));
        for (exit, begun) in [(code(75), true), (code(0), true), (code(1), true), (signal(9), true)]
        {
            assert_eq!(cause(exit, begun, ""), None, "{exit:?}");
        }
        let unknown = ended(code(0), false, "good bye");
        assert!(unknown.remark.ends_with("says Priority; its log ends with `good bye`"));
    }

    #[test]
    fn nobody_answers_is_not_nobody_knows() {
        let silent = |word| Evidence { silent: true, task: None, ..failed(word) };
        let asked = judge(3, 10, &Found::Open(Progressed::default()), &silent(None));
        assert_eq!((asked.state, asked.cause), (State::Unknown, None));
        assert!(asked.remark.starts_with("Slurm does not answer"), "{}", asked.remark);
        // Why it ended is remembered; it may have begun again since.
        let word = Some(Word::Slurm(JobEnd::TimeLimit));
        let limit = (State::Unknown, Some(Cause::TimeLimit));
        assert_eq!(judged(Progressed::default(), silent(word)), limit);
        let alive = Progressed { running: true, ..begun(Some("12_4")) };
        assert_eq!(judged(alive, silent(None)).0, State::Running);
    }

    #[test]
    fn a_task_that_is_held_waits_for_somebody() {
        let held = Evidence { task: task(JobState::Held), ..failed(None) };
        let held = judge(3, 10, &Found::Open(Progressed::default()), &held);
        assert_eq!((held.state, held.held), (State::Waiting, Some(Hold::Owner)));
        assert_eq!(held.job.as_deref(), Some("12_4"));
    }
}
