//! What Slurm's commands print, understood.

use super::memory::TaskMemory;
use super::token::Token;

/// A job, or one task of an array, as `squeue` lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
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
    pub fn name(&self) -> String {
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
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobState {
    /// It has not begun, or will begin again.
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
pub(super) const FORMAT: &str = "--format=%i|%T|%r|%N|%k";

/// What `squeue` is asked to print of tasks that may have ended; [`parse_queue`] reads it too. Only
/// this form has exit codes; what is longer than its width is cut off.
pub(super) const FORMAT_OF_ENDED: &str = "--Format=JobArrayID:40|,State:24|,Reason:64|,NodeList:128|,\
    exit_code:12|,MinMemory:16|,tres-alloc:128|,Comment:128";

/// Reads what `squeue --array --noheader` prints in one of its two formats: one line a task.
///
/// # Errors
/// Returns the line that is not understood, if it may be one of ours. Other jobs may have anything
/// in their comments, line breaks included.
pub(super) fn parse_queue(text: &str) -> Result<Vec<Queued>, String> {
    let mut found = Vec::new();
    for line in text.lines() {
        match queued(line) {
            Some(queued) => found.push(queued),
            None if line.contains(Token::PREFIX) => return Err(line.to_owned()),
            None => {}
        }
    }
    Ok(found)
}

fn queued(line: &str) -> Option<Queued> {
    let fields: Vec<&str> = line.trim().splitn(8, '|').map(str::trim).collect();
    match *fields.as_slice() {
        [id, state, reason, node, exit, asked, given, comment] if exit.parse::<u32>().is_ok() => {
            let known = basic(id, state, reason, node, comment)?;
            let (exit, memory) = (ProcessEnd::of_wait(exit), TaskMemory::of_lists(asked, given));
            Some(Queued { exit, memory, ..known })
        }
        _ => {
            let fields: Vec<&str> = line.trim().splitn(5, '|').map(str::trim).collect();
            let [id, state, reason, node, comment] = fields.try_into().ok()?;
            basic(id, state, reason, node, comment)
        }
    }
}

fn basic(id: &str, state: &str, reason: &str, node: &str, comment: &str) -> Option<Queued> {
    let (job, task) = job_and_task(id)?;
    let (reason, node, comment) = (reason.into(), node.into(), comment.into());
    let (exit, memory) = (None, None);
    Some(Queued { job, task, state: JobState::named(state), reason, node, comment, exit, memory })
}

/// Reads 12 or `12_7`.
fn job_and_task(id: &str) -> Option<(String, Option<u32>)> {
    let (job, task) = match id.split_once('_') {
        Some((job, task)) => (job, Some(task.parse().ok()?)),
        None => (id, None),
    };
    is_number(job).then(|| (job.to_owned(), task))
}

/// What `sacct` is asked to print of each job; [`parse_accounting`] reads it.
pub(super) const ACCOUNTED: &str = "--format=JobID,State,NodeList,ExitCode,ReqMem,AllocTRES";

/// Reads what `sacct --parsable2 --noheader` prints in [`ACCOUNTED`]: one line a task. What is no
/// task is passed over: steps, and tasks that wait together.
pub(super) fn parse_accounting(text: &str) -> Vec<Queued> {
    let task = |line: &str| {
        let fields: Vec<&str> = line.trim().split('|').collect();
        let [id, state, node, exit, asked, given] = fields.try_into().ok()?;
        let node = if node == "None assigned" { "" } else { node };
        let known = basic(id, state, "", node, "")?;
        // Older releases add to what was asked for whether it was by node or by processor.
        let memory = TaskMemory::of_lists(asked.trim_end_matches(['n', 'c']), given);
        Some(Queued { exit: ProcessEnd::of_pair(exit), memory, ..known })
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

/// Reads what `sbatch --parsable` prints: the job's number, and `;` and the cluster's name where
/// there are several.
pub(super) fn parse_job(text: &str) -> Option<String> {
    let last = text.lines().rfind(|line| !line.trim().is_empty())?;
    let job = last.split(';').next()?.trim();
    is_number(job).then(|| job.to_owned())
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_queue_is_one_line_a_task() {
        let text = "CLUSTER: one\n12_0|RUNNING|None|n7|otfhpc:a:b:0:shards+0\n\
                    12_31|PENDING|Resources||otfhpc:a:b:0:shards+0\n\
                    13|TIMEOUT|TimeLimit|n8|(null)\n\
                    14|COMPLETING|None|n8|mine | and\nyours\n  15|STRANGE|||\n";
        let queued = |job: &str, task, state, [reason, node, comment]: [&str; 3]| Queued {
            job: job.into(),
            task,
            state,
            reason: reason.into(),
            node: node.into(),
            comment: comment.into(),
            exit: None,
            memory: None,
        };
        let (waiting, running) = (JobState::Waiting, JobState::Running);
        let over = JobState::Ended(JobEnd::TimeLimit);
        let ours = "otfhpc:a:b:0:shards+0";
        let expected = vec![
            queued("12", Some(0), running, ["None", "n7", ours]),
            queued("12", Some(31), waiting, ["Resources", "", ours]),
            queued("13", None, over, ["TimeLimit", "n8", "(null)"]),
            queued("14", None, running, ["None", "n8", "mine | and"]),
            queued("15", None, running, ["", "", ""]),
        ];
        assert_eq!(parse_queue(text), Ok(expected));
        assert_eq!(parse_queue(""), Ok(Vec::new()));
    }

    #[test]
    fn a_line_of_ours_that_is_not_understood_is_not_passed_over() {
        let line = "12_[0-3,...]|PENDING|None||otfhpc:a:b:0:shards+0";
        assert_eq!(parse_queue(line), Err(line.into()));
        assert_eq!(parse_queue("12_[0-3,...]|PENDING|None||(null)"), Ok(Vec::new()));
    }

    #[test]
    fn accounting_is_one_line_a_task_and_more_that_is_passed_over() {
        let text = "12_0|COMPLETED|n1|0:0|4G|cpu=2,mem=4G,node=1\n\
                    12_1|CANCELLED by 1000|None assigned|0:0||\n12_[2-5]|PENDING|||4G|\n\
                    12_6|OUT_OF_MEMORY|n2|0:125|500Mc|cpu=2,mem=1000M,node=1\n\
                    12_6.batch|FAILED|n2|1:0||\nnonsense\n";
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
        let text = "1_0   |FAILED  |JobLaunchFailure  |n1 |9    |100M |cpu=2,mem=200M,node=1|a | b\n\
                    5     |FAILED  |JobLaunchFailure  |n3 |4021 |100M |cpu=1,mem=100M,node=1|(null)\n\
                    6     |FAILED  |NonZeroExitCode   |n1 |32512|0    |cpu=1,node=1         |(null)\n\
                    9_3   |PENDING |JobHeldUser       |   |0    |100M |cpu=1,mem=100M,node=1|(null)\n";
        let read = parse_queue(text).unwrap();
        let exits: Vec<_> = read.iter().map(|queued| queued.exit).collect();
        let (code, signal) = (ProcessEnd::Code, ProcessEnd::Signal);
        assert_eq!(exits, [signal(9), signal(53), code(127), code(0)].map(Some));
        assert_eq!((read[0].name(), read[0].comment.as_str()), ("1_0".into(), "a | b"));
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
        let hold = |state: &str, reason: &str| basic("12_3", state, reason, "", "").unwrap().hold();
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

    #[test]
    fn the_number_of_a_job_stands_alone() {
        assert_eq!(parse_job("123\n").as_deref(), Some("123"));
        assert_eq!(parse_job("a site's greeting\n123;east\n").as_deref(), Some("123"));
        for bad in ["", "Submitted", "12x", ";east"] {
            assert_eq!(parse_job(bad), None, "{bad}");
        }
    }
}
