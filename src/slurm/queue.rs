//! What Slurm's commands print, understood.

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
    /// Why it waits, in Slurm's word.
    pub reason: String,
    /// Where it runs or ran; empty if nowhere yet.
    pub node: String,
    /// What was given with `--comment`.
    pub comment: String,
}

/// Where a job is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobState {
    /// It has not begun, or will begin again.
    Waiting,
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
            "PENDING" | "REQUEUED" | "REQUEUE_HOLD" | "REQUEUE_FED" | "SPECIAL_EXIT" => {
                Self::Waiting
            }
            "COMPLETED" => Self::Ended(JobEnd::Completed),
            "FAILED" => Self::Ended(JobEnd::Failed),
            "CANCELLED" | "REVOKED" => Self::Ended(JobEnd::Cancelled),
            "TIMEOUT" | "DEADLINE" => Self::Ended(JobEnd::TimeLimit),
            "OUT_OF_MEMORY" => Self::Ended(JobEnd::OutOfMemory),
            "NODE_FAIL" | "BOOT_FAIL" | "LAUNCH_FAILED" => Self::Ended(JobEnd::NodeLost),
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

/// Reads what `squeue --array --noheader` prints in [`FORMAT`]: one line a task.
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
    let fields: Vec<&str> = line.trim().splitn(5, '|').collect();
    let [id, state, reason, node, comment] = fields.try_into().ok()?;
    let (job, task) = job_and_task(id)?;
    let text = |text: &str| text.trim().to_owned();
    let (reason, node, comment) = (text(reason), text(node), text(comment));
    Some(Queued { job, task, state: JobState::named(state), reason, node, comment })
}

/// Reads 12 or `12_7`.
fn job_and_task(id: &str) -> Option<(String, Option<u32>)> {
    let (job, task) = match id.split_once('_') {
        Some((job, task)) => (job, Some(task.parse().ok()?)),
        None => (id, None),
    };
    is_number(job).then(|| (job.to_owned(), task))
}

/// Reads what `sacct --parsable2 --noheader --format=JobID,State,NodeList` prints: one line a task.
/// What is no task is passed over: steps, and tasks that wait together.
pub(super) fn parse_accounting(text: &str) -> Vec<Queued> {
    let task = |line: &str| {
        let fields: Vec<&str> = line.trim().split('|').collect();
        let [id, state, node] = fields.try_into().ok()?;
        let (job, task) = job_and_task(id)?;
        let node = if node == "None assigned" { String::new() } else { node.to_owned() };
        let (reason, comment) = (String::new(), String::new());
        Some(Queued { job, task, state: JobState::named(state), reason, node, comment })
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
        let text = "12_0|COMPLETED|n1\n12_1|CANCELLED by 1000|None assigned\n12_[2-5]|PENDING|\n\
                    12_6|OUT_OF_MEMORY|n2\n12_6.batch|FAILED|n2\nnonsense\n";
        let found: Vec<_> = parse_accounting(text)
            .into_iter()
            .map(|task| (task.task, task.state, task.node))
            .collect();
        let expected = [
            (Some(0), JobState::Ended(JobEnd::Completed), "n1".into()),
            (Some(1), JobState::Ended(JobEnd::Cancelled), String::new()),
            (Some(6), JobState::Ended(JobEnd::OutOfMemory), "n2".into()),
        ];
        assert_eq!(found, expected);
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
