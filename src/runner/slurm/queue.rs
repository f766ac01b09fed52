//! What Slurm's commands print, understood.

use chrono::NaiveDateTime;

use super::memory::TaskMemory;
use super::token::Token;

/// A job, or one task of an array, as `squeue` lists it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Queued {
    /// The number of the job, of the whole array if it is one.
    pub job: String,
    /// The task, in an array.
    pub task: Option<u32>,
    /// Where it is in its life.
    pub state: JobState,
    /// Why it waits, or ended, in Slurm's word.
    pub reason: String,
    /// Where it runs or ran; empty if nowhere yet.
    pub node: String,
    /// What was given with `--comment`.
    pub comment: String,
    /// What was given with `--job-name`.
    pub name: String,
    /// When it was submitted, or requeued: seconds since 1970, UTC.
    pub submitted: Option<i64>,
    /// The cluster, where several were asked.
    pub cluster: Option<String>,
    /// How its process ended, if that is known.
    pub exit: Option<ProcessEnd>,
    /// What it was given, if that is known.
    pub memory: Option<TaskMemory>,
}

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProcessEnd {
    /// With this exit code.
    Code(u32),
    /// By this signal.
    Signal(u32),
}

impl ProcessEnd {
    /// The "signal" with which Slurm says that it could not open a job's files.
    pub const NO_FILES: Self = Self::Signal(53);
    /// The exit codes with which a shell says that it cannot start a program.
    pub const NO_PROGRAM: [Self; 2] = [Self::Code(126), Self::Code(127)];

    /// Reads what `wait` returns, as a number.
    fn of_wait(text: &str) -> Option<Self> {
        let status: u32 = text.parse().ok()?;
        Some(match status & 0x7f {
            0 => Self::Code(status >> 8),
            signal => Self::Signal(signal),
        })
    }

    /// Reads CODE:SIGNAL.
    fn of_pair(text: &str) -> Option<Self> {
        let (code, signal) = text.split_once(':')?;
        Some(match signal.parse().ok()? {
            0 => Self::Code(code.parse().ok()?),
            signal => Self::Signal(signal),
        })
    }
}

/// A job that waits and will not begin by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hold {
    /// Its owner may release it.
    Owner,
    /// An administrator holds it.
    Administrator,
}

impl Queued {
    /// Job and task as Slurm's commands take them: 12 or `12_7`.
    #[must_use]
    pub fn id(&self) -> String {
        match self.task {
            Some(task) => format!("{}_{task}", self.job),
            None => self.job.clone(),
        }
    }

    /// Who holds it, if somebody does.
    #[must_use]
    pub fn hold(&self) -> Option<Hold> {
        let reason = self.reason.to_ascii_lowercase();
        match self.state {
            JobState::Waiting if reason.contains("heldadmin") => Some(Hold::Administrator),
            JobState::Held => Some(Hold::Owner),
            JobState::Waiting if reason.contains("held") || reason.contains("holdmax") => {
                Some(Hold::Owner)
            }
            _ => None,
        }
    }
}

/// Where a job is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum JobState {
    /// It has not begun, or will begin again.
    #[default]
    Waiting,
    /// The same, when somebody releases it.
    Held,
    /// It runs, or is ending.
    Running,
    /// It is over.
    Ended(JobEnd),
}

/// How a job ended, as Slurm sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobEnd {
    /// With exit code 0.
    Completed,
    /// With another exit code.
    Failed,
    /// Somebody cancelled it.
    Cancelled,
    /// At its time limit.
    TimeLimit,
    /// At the deadline that it was given.
    Deadline,
    /// It used more memory than it was given.
    OutOfMemory,
    /// Its node went down, or did not start it.
    NodeLost,
    /// A more important job took its place.
    Preempted,
}

impl JobState {
    /// Reads the name of a state, as `squeue` and `sacct` write it; what is new to us runs.
    #[must_use]
    pub(super) fn named(name: &str) -> Self {
        // sacct: "CANCELLED by 1000".
        match name.split_whitespace().next().unwrap_or_default() {
            "PENDING" | "REQUEUED" | "REQUEUE_FED" => Self::Waiting,
            "REQUEUE_HOLD" | "RESV_DEL_HOLD" | "SPECIAL_EXIT" => Self::Held,
            "COMPLETED" => Self::Ended(JobEnd::Completed),
            "FAILED" => Self::Ended(JobEnd::Failed),
            "CANCELLED" | "REVOKED" => Self::Ended(JobEnd::Cancelled),
            "TIMEOUT" => Self::Ended(JobEnd::TimeLimit),
            "DEADLINE" => Self::Ended(JobEnd::Deadline),
            "OUT_OF_MEMORY" => Self::Ended(JobEnd::OutOfMemory),
            "NODE_FAIL" | "BOOT_FAIL" | "LAUNCH_FAILED" | "RECONFIG_FAIL" => {
                Self::Ended(JobEnd::NodeLost)
            }
            "PREEMPTED" => Self::Ended(JobEnd::Preempted),
            _ => Self::Running,
        }
    }

    /// Whether a job in this state may still do something.
    #[must_use]
    pub fn is_live(self) -> bool {
        !matches!(self, Self::Ended(_))
    }
}

/// What `squeue` is asked to print of each task; [`parse_queue`] reads it. The comment is last,
/// because it may have anything in it.
pub(super) const FORMAT: &str = "--format=%i|%T|%r|%N|%V|%j|%k";

/// What `sacct` is asked to print; [`parse_accounting`] reads it.
pub(super) const ACCOUNTING_FORMAT: &str =
    "--format=JobID,State,NodeList,Submit,Cluster,ExitCode,ReqMem,AllocTRES,JobName,Comment";

/// What `squeue` is asked to print of tasks that may have ended; [`parse_queue`] reads it too. Only
/// this form has exit codes; what is longer than its width is cut off.
pub(super) const FORMAT_OF_ENDED: &str = "--Format=JobArrayID:40|,State:24|,Reason:64|,NodeList:128|,\
    SubmitTime:24|,Name:64|,exit_code:12|,MinMemory:16|,tres-alloc:128|,Comment:128";

/// Reads what `squeue --array --noheader` prints in one of its two formats: one line a task.
///
/// # Errors
/// Returns the line that is not understood, if it may be one of ours. Other jobs may have anything
/// in their comments, line breaks included.
pub(super) fn parse_queue(text: &str) -> Result<Vec<Queued>, String> {
    let (mut found, mut cluster) = (Vec::new(), None);
    for line in text.lines() {
        if let Some(name) = line.strip_prefix("CLUSTER: ") {
            cluster = Some(name.trim().to_owned());
        }
        match queued(line) {
            Some(queued) => found.push(Queued { cluster: cluster.clone(), ..queued }),
            None if line.contains(Token::PREFIX) => return Err(line.to_owned()),
            None => {}
        }
    }
    Ok(found)
}

fn queued(line: &str) -> Option<Queued> {
    let fields: Vec<&str> = line.trim().splitn(10, '|').map(str::trim).collect();
    match *fields.as_slice() {
        [id, state, reason, node, submitted, name, exit, asked, given, comment]
            if exit.parse::<u32>().is_ok() =>
        {
            let known = basic(id, state, reason, node)?;
            let (exit, memory) = (ProcessEnd::of_wait(exit), TaskMemory::of_lists(asked, given));
            let (name, comment) = (name.to_owned(), comment.to_owned());
            Some(Queued { exit, memory, name, comment, submitted: moment(submitted), ..known })
        }
        _ => {
            let fields: Vec<&str> = line.trim().splitn(7, '|').map(str::trim).collect();
            let [id, state, reason, node, submitted, name, comment] = fields.try_into().ok()?;
            let known = basic(id, state, reason, node)?;
            let (name, comment) = (name.to_owned(), comment.to_owned());
            Some(Queued { name, comment, submitted: moment(submitted), ..known })
        }
    }
}

/// A job of which no more is known. Who holds it may be told by its state alone.
fn basic(id: &str, state: &str, reason: &str, node: &str) -> Option<Queued> {
    let (job, task) = job_and_task(id)?;
    let (name, state) = (state, JobState::named(state));
    let says_more = state != JobState::Held || !["", "None"].contains(&reason);
    let reason = if says_more { reason.to_owned() } else { name.to_owned() };
    Some(Queued { job, task, state, reason, node: node.to_owned(), ..Queued::default() })
}

/// Reads a time as `squeue` and `sacct` print it in UTC.
fn moment(text: &str) -> Option<i64> {
    let time = NaiveDateTime::parse_from_str(text.trim(), "%Y-%m-%dT%H:%M:%S").ok()?;
    Some(time.and_utc().timestamp())
}

/// Reads 12 or `12_7`.
fn job_and_task(id: &str) -> Option<(String, Option<u32>)> {
    let (job, task) = match id.split_once('_') {
        Some((job, task)) => (job, Some(task.parse().ok()?)),
        None => (id, None),
    };
    is_number(job).then(|| (job.to_owned(), task))
}

/// Reads what `sacct --parsable2 --noheader` prints in [`ACCOUNTING_FORMAT`]: one line a task.
/// What is no task is passed over: steps, and tasks that wait together.
pub(super) fn parse_accounting(text: &str) -> Vec<Queued> {
    let task = |line: &str| {
        let fields: Vec<&str> = line.trim().splitn(10, '|').collect();
        let [id, state, node, submitted, cluster, exit, asked, given, name, comment] =
            fields.try_into().ok()?;
        let node = if node == "None assigned" { "" } else { node };
        let known = basic(id, state, "", node)?;
        let (submitted, exit) = (moment(submitted), ProcessEnd::of_pair(exit));
        let cluster = Some(cluster.to_owned()).filter(|cluster| !cluster.is_empty());
        let (name, comment) = (name.to_owned(), comment.to_owned());
        // Older releases add to what was asked for whether it was by node or by processor.
        let memory = TaskMemory::of_lists(asked.trim_end_matches(['n', 'c']), given);
        Some(Queued { name, comment, submitted, cluster, exit, memory, ..known })
    };
    text.lines().filter_map(task).collect()
}

/// Reads the setting `MaxArraySize` in `scontrol show config`.
pub(super) fn parse_max_array_size(text: &str) -> Option<u32> {
    text.lines().find_map(|line| {
        let (name, value) = line.split_once('=')?;
        (name.trim() == "MaxArraySize").then(|| value.trim().parse().ok())?
    })
}

pub(super) fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_queue_is_one_line_a_task() {
        let text = "12_0|RUNNING|None|n7|1970-01-02T00:00:01|otfhpc|otfhpc:a:b:0:shards+0\n\
                    12_31|PENDING|Resources||N/A|otfhpc|otfhpc:a:b:0:shards+0\n\
                    13|TIMEOUT|TimeLimit|n8|N/A|otfhpc|(null)\n\
                    14|COMPLETING|None|n8|N/A|otfhpc|mine | and\nyours\n\
                    CLUSTER: one\n  15|STRANGE|||N/A|otfhpc|\n";
        let queued = |job: &str, task, state, [reason, node, comment]: [&str; 3]| Queued {
            job: job.into(),
            task,
            state,
            reason: reason.into(),
            node: node.into(),
            comment: comment.into(),
            exit: None,
            memory: None,
            name: "otfhpc".into(),
            submitted: None,
            cluster: None,
        };
        let (waiting, running) = (JobState::Waiting, JobState::Running);
        let over = JobState::Ended(JobEnd::TimeLimit);
        let ours = "otfhpc:a:b:0:shards+0";
        let expected = vec![
            Queued {
                submitted: Some(86_401),
                ..queued("12", Some(0), running, ["None", "n7", ours])
            },
            queued("12", Some(31), waiting, ["Resources", "", ours]),
            queued("13", None, over, ["TimeLimit", "n8", "(null)"]),
            queued("14", None, running, ["None", "n8", "mine | and"]),
            Queued { cluster: Some("one".into()), ..queued("15", None, running, ["", "", ""]) },
        ];
        assert_eq!(parse_queue(text), Ok(expected));
        assert_eq!(parse_queue(""), Ok(Vec::new()));
    }

    #[test]
    fn a_line_of_ours_that_is_not_understood_is_not_passed_over() {
        let line = "12_[0-3,...]|PENDING|None||N/A|otfhpc|otfhpc:a:b:0:shards+0";
        assert_eq!(parse_queue(line), Err(line.into()));
        assert_eq!(parse_queue("12_[0-3,...]|PENDING|None||N/A|otfhpc|(null)"), Ok(Vec::new()));
    }

    #[test]
    fn accounting_is_one_line_a_task_and_more_that_is_passed_over() {
        let text = "12_0|COMPLETED|n1|1970-01-01T00:01:00|one|0:0|4G|cpu=2,mem=4G,node=1|otfhpc|\n\
                    12_1|CANCELLED by 1000|None assigned|Unknown||0:0|||otfhpc|\n\
                    12_[2-5]|PENDING||Unknown|||4G||otfhpc|\n\
                    12_6|OUT_OF_MEMORY|n2|Unknown||0:125|500Mc|cpu=2,mem=1000M,node=1|otfhpc|\n\
                    12_6.batch|FAILED|n2|Unknown||1:0|||batch|\nnonsense\n";
        let first = &parse_accounting(text)[0];
        assert_eq!((first.submitted, first.cluster.as_deref()), (Some(60), Some("one")));
        let found: Vec<_> = parse_accounting(text)
            .into_iter()
            .map(|task| (task.task, task.state, task.node, task.exit, task.memory))
            .collect();
        let (fine, killed) = (Some(ProcessEnd::Code(0)), Some(ProcessEnd::Signal(125)));
        let expected = [
            (
                Some(0),
                JobState::Ended(JobEnd::Completed),
                "n1".into(),
                fine,
                Some(TaskMemory::PerNode(4096)),
            ),
            (Some(1), JobState::Ended(JobEnd::Cancelled), String::new(), fine, None),
            (
                Some(6),
                JobState::Ended(JobEnd::OutOfMemory),
                "n2".into(),
                killed,
                Some(TaskMemory::PerCpu(500)),
            ),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn the_longer_lines_tell_exit_codes_and_memory() {
        let text = "1_0 |FAILED |JobLaunchFailure |n1 |1970-01-01T00:01:00 |a |9    |100M |cpu=2,mem=200M,node=1|a | b\n\
                    5   |FAILED |JobLaunchFailure |n3 |N/A |a |4021 |100M |cpu=1,mem=100M,node=1|(null)\n\
                    6   |FAILED |NonZeroExitCode  |n1 |N/A |a |32512|0    |cpu=1,node=1         |(null)\n\
                    9_3 |PENDING|JobHeldUser      |   |N/A |a |0    |100M |cpu=1,mem=100M,node=1|(null)\n";
        let read = parse_queue(text).unwrap();
        let exits: Vec<_> = read.iter().map(|queued| queued.exit).collect();
        let (code, signal) = (ProcessEnd::Code, ProcessEnd::Signal);
        assert_eq!(exits, [signal(9), signal(53), code(127), code(0)].map(Some));
        assert_eq!((read[0].id(), read[0].comment.as_str()), ("1_0".into(), "a | b"));
        assert_eq!((read[0].submitted, read[0].name.as_str()), (Some(60), "a"));
        assert_eq!(read[0].memory, Some(TaskMemory::PerCpu(100)));
        assert_eq!((read[2].memory, read[2].reason.as_str()), (None, "NonZeroExitCode"));
        assert_eq!(read[3].hold(), Some(Hold::Owner));
    }

    #[test]
    fn every_state_of_slurm_has_a_meaning() {
        let ended = JobState::Ended;
        for (name, expected) in [
            ("PENDING", JobState::Waiting),
            ("REQUEUED", JobState::Waiting),
            ("REQUEUE_FED", JobState::Waiting),
            ("REQUEUE_HOLD", JobState::Held),
            ("RESV_DEL_HOLD", JobState::Held),
            ("SPECIAL_EXIT", JobState::Held),
            ("RUNNING", JobState::Running),
            ("COMPLETING", JobState::Running),
            ("CONFIGURING", JobState::Running),
            ("SUSPENDED", JobState::Running),
            ("STOPPED", JobState::Running),
            ("SIGNALING", JobState::Running),
            ("STAGE_OUT", JobState::Running),
            ("RESIZING", JobState::Running),
            ("COMPLETED", ended(JobEnd::Completed)),
            ("FAILED", ended(JobEnd::Failed)),
            ("CANCELLED", ended(JobEnd::Cancelled)),
            ("REVOKED", ended(JobEnd::Cancelled)),
            ("TIMEOUT", ended(JobEnd::TimeLimit)),
            ("DEADLINE", ended(JobEnd::Deadline)),
            ("OUT_OF_MEMORY", ended(JobEnd::OutOfMemory)),
            ("NODE_FAIL", ended(JobEnd::NodeLost)),
            ("BOOT_FAIL", ended(JobEnd::NodeLost)),
            ("RECONFIG_FAIL", ended(JobEnd::NodeLost)),
            ("LAUNCH_FAILED", ended(JobEnd::NodeLost)),
            ("PREEMPTED", ended(JobEnd::Preempted)),
        ] {
            assert_eq!(JobState::named(name), expected, "{name}");
        }
    }

    #[test]
    fn who_holds_a_job_is_known() {
        let hold = |state: &str, reason: &str| basic("12_3", state, reason, "").unwrap().hold();
        assert_eq!(hold("PENDING", "Priority"), None);
        for reason in ["JobHeldUser", "launch failed requeued held", "JobHoldMaxRequeue"] {
            assert_eq!(hold("PENDING", reason), Some(Hold::Owner), "{reason}");
        }
        assert_eq!(hold("PENDING", "JobHeldAdmin"), Some(Hold::Administrator));
        assert_eq!(hold("REQUEUE_HOLD", "None"), Some(Hold::Owner));
        assert_eq!(hold("RUNNING", "None"), None);
    }

    #[test]
    fn the_limit_is_found_among_the_settings() {
        let text =
            "Configuration data as of 2026\nMaxArraySizeX = 5\nMaxArraySize            = 1001\n";
        assert_eq!(parse_max_array_size(text), Some(1001));
        assert_eq!(parse_max_array_size("MaxArraySize = many"), None);
        assert_eq!(parse_max_array_size(""), None);
    }
}
