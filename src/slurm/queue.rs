//! What Slurm's commands print, understood.

use chrono::NaiveDateTime;

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
    /// Why it waits, in Slurm's word.
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
}

/// Where a job is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum JobState {
    /// It has not begun, or will begin again.
    #[default]
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
pub(super) const FORMAT: &str = "--format=%i|%T|%r|%N|%V|%j|%k";

/// What `sacct` is asked to print; [`parse_accounting`] reads it.
pub(super) const ACCOUNTING_FORMAT: &str =
    "--format=JobID,State,NodeList,Submit,Cluster,JobName,Comment";

/// Reads what `squeue --array --noheader` prints in [`FORMAT`]: one line a task.
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
    let fields: Vec<&str> = line.trim().splitn(7, '|').collect();
    let [id, state, reason, node, submitted, name, comment] = fields.try_into().ok()?;
    let (job, task) = job_and_task(id)?;
    let text = |text: &str| text.trim().to_owned();
    let (reason, node, comment, name) = (text(reason), text(node), text(comment), text(name));
    let (state, submitted, cluster) = (JobState::named(state), moment(submitted), None);
    Some(Queued { job, task, state, reason, node, comment, name, submitted, cluster })
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
        let fields: Vec<&str> = line.trim().splitn(7, '|').collect();
        let [id, state, node, submitted, cluster, name, comment] = fields.try_into().ok()?;
        let (job, task) = job_and_task(id)?;
        let node = if node == "None assigned" { String::new() } else { node.to_owned() };
        let (state, submitted) = (JobState::named(state), moment(submitted));
        let cluster = Some(cluster.to_owned()).filter(|cluster| !cluster.is_empty());
        let (name, comment, reason) = (name.to_owned(), comment.to_owned(), String::new());
        Some(Queued { job, task, state, reason, node, comment, name, submitted, cluster })
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
        let text = "12_0|COMPLETED|n1|1970-01-01T00:01:00|one|otfhpc|\n\
                    12_1|CANCELLED by 1000|None assigned|Unknown||otfhpc|\n\
                    12_[2-5]|PENDING||Unknown||otfhpc|\n12_6|OUT_OF_MEMORY|n2|Unknown||otfhpc|\n\
                    12_6.batch|FAILED|n2|Unknown||batch|\nnonsense\n";
        let first = &parse_accounting(text)[0];
        assert_eq!((first.submitted, first.cluster.as_deref()), (Some(60), Some("one")));
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
}
