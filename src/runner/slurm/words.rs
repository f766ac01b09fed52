//! The log of a task: what is written into it for whoever asks later why the task ended, and how
//! that is read.
//!
//! The program writes a line when an attempt begins and one when it ends before its shard is done;
//! both are data behind a tag, and no other word of its own is understood. What Slurm and the shell
//! say can only be read as they say it.

use serde::{Deserialize, Serialize};

use crate::runner::store::Why;

use super::memory::TaskMemory;
use super::queue::JobEnd;

const BEGIN: &str = "otfhpc: begin ";
const END: &str = "otfhpc: end ";

/// What an attempt says of itself when it begins.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Begun {
    /// Slurm's name of the machine.
    #[serde(default)]
    pub node: Option<String>,
    /// What it was given, where Slurm says so.
    #[serde(default)]
    pub memory: Option<TaskMemory>,
}

/// The line with which an attempt begins.
#[must_use]
pub fn begin_line(begun: &Begun) -> String {
    // Numbers and text cannot fail to be JSON.
    format!("{BEGIN}{}", serde_json::to_string(begun).unwrap_or_default())
}

/// The line with which an attempt ends before its shard is done.
#[must_use]
pub fn end_line(why: &Why) -> String {
    format!("{END}{}", why.encode())
}

/// Why a task ended, by its log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Word {
    /// Slurm ended it.
    Slurm(JobEnd),
    /// It ended of its own accord.
    Ended(Why),
    /// The program could not be started, as whoever tried says.
    NotStarted(String),
}

/// The last words of a task.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LastWords {
    /// Why it ended, if anybody says so.
    pub word: Option<Word>,
    /// Where it ran, if they say so.
    pub node: Option<String>,
    /// What it was given.
    pub memory: Option<TaskMemory>,
    /// Whether the last attempt is known to have begun.
    pub begun: bool,
    /// The last line that is none of these, whoever wrote it; empty if there is none.
    pub said: String,
}

/// Reads the end of a log. What is older than the last attempt does not count, however little that
/// left; what others append after its end does not hide it.
#[must_use]
pub fn last_words(log: &str) -> LastWords {
    let lines: Vec<&str> = log.lines().collect();
    let begin = lines.iter().rposition(|line| line.starts_with(BEGIN));
    let begun = begin.and_then(|at| serde_json::from_str::<Begun>(&lines[at][BEGIN.len()..]).ok());
    let attempt = &lines[begin.map_or(0, |at| at + 1)..];
    let end = attempt.iter().rposition(|line| line.starts_with(END));
    // A start that failed after that was the next attempt's.
    let after_end = &attempt[end.map_or(0, |at| at + 1)..];
    let not_started = after_end.iter().rev().find(|line| is_failed_start(line));
    let said = attempt.iter().rev().find(|line| is_of_others(line));
    let known = LastWords {
        memory: begun.as_ref().and_then(|begun| begun.memory),
        node: begun.as_ref().and_then(|begun| begun.node.clone()),
        begun: begin.is_some(),
        said: said.map_or(String::new(), |line| line.trim().into()),
        ..LastWords::default()
    };
    if let Some(line) = not_started {
        let word = Some(Word::NotStarted(line.trim().into()));
        return LastWords { word, node: None, memory: None, begun: false, ..known };
    }
    let own = end.and_then(|at| Why::decode(&attempt[at][END.len()..]));
    let slurm = of_slurm(attempt);
    let node = slurm.as_ref().and_then(|(_, node)| node.clone()).or(known.node.clone());
    let word = match (slurm, own) {
        // It says so of every signal that ends something: which it was is known better here.
        (Some((JobEnd::Cancelled, _)), Some(why @ Why::Asked { .. })) => Some(Word::Ended(why)),
        (Some((end, _)), _) => Some(Word::Slurm(end)),
        (None, own) => own.map(Word::Ended),
    };
    LastWords { word, node, ..known }
}

/// A line that is neither the program's data nor Slurm's word on the end of the job.
fn is_of_others(line: &str) -> bool {
    let of_ours = line.starts_with(BEGIN) || line.starts_with(END);
    !line.trim().is_empty() && !of_ours && of_daemon(line).is_none()
}

/// Why Slurm ended a job. That it was cancelled is what it says of any; a reason beside it counts
/// more.
fn of_slurm(attempt: &[&str]) -> Option<(JobEnd, Option<String>)> {
    let said = || attempt.iter().rev().filter_map(|line| job_end(of_daemon(line)?));
    let reason = said().find(|(end, _)| *end != JobEnd::Cancelled);
    let (end, node) = reason.or_else(|| said().next())?;
    let node = node.or_else(|| said().find_map(|(_, node)| node));
    Some((end, node.map(str::to_owned)))
}

/// What Slurm's own programs write into the log of a job, without who does: `slurmstepd`, with the
/// name of the node where several run on one machine, or `srun`.
fn of_daemon(line: &str) -> Option<&str> {
    let (who, said) = line.split_once(": ")?;
    let who = who.split_whitespace().next_back().unwrap_or_default();
    let is_slurm = ["slurmstepd", "slurmd", "srun"].iter().any(|name| {
        who.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
    });
    is_slurm.then_some(said)
}

/// What Slurm says when it ends a job, and what that is.
const ENDS: [(&[&str], Option<JobEnd>); 7] = [
    (&["due to time limit"], Some(JobEnd::TimeLimit)),
    (&["due to node failure"], Some(JobEnd::NodeLost)),
    (&["due to preemption"], Some(JobEnd::Preempted)),
    (&["oom_kill", "oom-kill", "oom killed"], Some(JobEnd::OutOfMemory)),
    (&["out of memory", "out-of-memory", "memory limit"], Some(JobEnd::OutOfMemory)),
    // Such a task begins again, and says so then.
    (&["due to job requeue"], None),
    (&["cancelled at"], Some(JobEnd::Cancelled)),
];

fn job_end(said: &str) -> Option<(JobEnd, Option<&str>)> {
    let lower = said.to_ascii_lowercase();
    let is_said = |words: &&(&[&str], _)| words.0.iter().any(|word| lower.contains(word));
    let end = ENDS.iter().find(is_said).and_then(|(_, end)| *end)?;
    let node = said.split_once(" ON ").and_then(|(_, rest)| rest.split_whitespace().next());
    Some((end, node))
}

/// Whether a line says that the program, or the script before it, could not be started: as Slurm
/// says it, the shell of the script, the loader of the system, or the script itself.
fn is_failed_start(line: &str) -> bool {
    let said_any = |words: &[&str]| words.iter().any(|word| line.contains(word));
    let of_slurm = || of_daemon(line).is_some_and(|said| said.contains("execve"));
    let of_shell = || {
        line.contains("slurm_script: ")
            && said_any(&[
                "No such file",
                "not found",
                "ermission denied",
                "annot execute",
                "Exec format error",
            ])
    };
    let of_loader =
        || line.contains(": error while loading shared libraries: ") || is_old_system(line);
    of_slurm() || of_shell() || of_loader() || line.starts_with("otfhpc not found in ")
}

/// The loader, where the system's library is older than that of the machine of the build.
fn is_old_system(line: &str) -> bool {
    line.contains(": version `") && line.contains("' not found (required by ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runner::store::Left;

    fn word(log: &str) -> Option<Word> {
        last_words(log).word
    }

    fn begin() -> String {
        let begun = Begun { node: Some("n7".into()), memory: Some(TaskMemory::PerCpu(100)) };
        begin_line(&begun) + "\n"
    }

    fn error(message: &str) -> Why {
        Why::Error { message: message.into() }
    }

    #[test]
    fn slurm_says_why_it_ended_a_job_and_where() {
        let at = "*** JOB 3 ON n1 CANCELLED AT 2026-11-21T06:00:00";
        for (said, end) in [
            (format!("{at} DUE TO TIME LIMIT ***"), JobEnd::TimeLimit),
            (format!("{at} DUE TO PREEMPTION ***"), JobEnd::Preempted),
            (
                format!("{at} DUE TO NODE FAILURE, SEE SLURMCTLD LOG FOR DETAILS ***"),
                JobEnd::NodeLost,
            ),
        ] {
            for daemon in ["slurmstepd", "slurmstepd-n2", "[2026-11-21T06:00:00] slurmstepd"] {
                let log = format!(
                    "{}12 of 40 units\n{daemon}: error: {said}\notfhpc: stopped by SIGTERM\n{}\n",
                    begin(),
                    end_line(&Why::Asked { signal: 15, left: None }),
                );
                let words = last_words(&log);
                assert_eq!(words.word, Some(Word::Slurm(end)), "{log}");
                assert_eq!(words.node.as_deref(), Some("n1"));
                assert_eq!(words.memory, Some(TaskMemory::PerCpu(100)));
            }
        }
        let cancelled = format!("{}slurmstepd: error: {at} ***\n", begin());
        assert_eq!(word(&cancelled), Some(Word::Slurm(JobEnd::Cancelled)));
        // Which signal it was the program knows, if it lived to say so.
        let asked = Why::Asked { signal: 15, left: None };
        let log = format!("{cancelled}{}\n", end_line(&asked));
        assert_eq!(word(&log), Some(Word::Ended(asked)));
        let log = format!("{cancelled}{}\n", end_line(&error("no space")));
        assert_eq!(word(&log), Some(Word::Slurm(JobEnd::Cancelled)));
    }

    #[test]
    fn memory_counts_more_than_the_cancellation_that_follows_from_it() {
        for said in [
            "slurmstepd: error: Detected 1 oom_kill event in StepId=3.batch. Some of the step tasks have been OOM Killed.",
            "slurmstepd-n1: error: Exceeded job memory limit",
            "slurmstepd: error: StepId=9.batch exceeded memory limit (642756608 > 209715200), being killed",
            "srun: error: n1: task 0: Out Of Memory",
            "slurmstepd: error: Detected 1 oom-kill event(s) in StepId=3.batch. Some of your processes may have been killed by the cgroup out-of-memory handler.",
        ] {
            let log = format!(
                "{said}\nslurmstepd-n1: error: *** JOB 9 ON n1 CANCELLED AT 2026-11-25T09:49:36 ***\n"
            );
            let words = last_words(&log);
            assert_eq!(words.word, Some(Word::Slurm(JobEnd::OutOfMemory)), "{said}");
            assert_eq!(words.node.as_deref(), Some("n1"));
        }
    }

    #[test]
    fn the_program_says_why_it_ended_and_nobody_hides_it() {
        let left = Some(Left { seconds: 80, limit: 3600, preempted: false });
        for why in [Why::Asked { signal: 10, left }, Why::Elsewhere, error("cal.npz: changed\nx")] {
            let epilog = "site epilog: a line of statistics\n".repeat(40);
            let log = format!(
                "{}3 of 40 units\n{}\notfhpc: asking for a requeue: scontrol requeue 3_1\notfhpc: \
                 warning: not requeued: slurm_requeue error: not allowed\n{epilog}",
                begin(),
                end_line(&why)
            );
            let words = last_words(&log);
            assert_eq!(words.word, Some(Word::Ended(why)));
            assert_eq!((words.node.as_deref(), words.begun), (Some("n7"), true));
            assert_eq!(words.said, "site epilog: a line of statistics");
        }
    }

    #[test]
    fn an_earlier_attempt_does_not_count() {
        let earlier = format!("{}{}\n", begin(), end_line(&error("no space")));
        let killed = format!("{earlier}{}3 of 40 units\n", begin());
        assert_eq!(word(&killed), None);
        let requeued = format!(
            "{earlier}slurmstepd: error: *** JOB 3 ON n1 CANCELLED AT 2026-11-21T06:00:00 DUE TO JOB \
             REQUEUE ***\n"
        );
        assert_eq!(word(&requeued), Some(Word::Ended(error("no space"))));
        let gone = "/spool/job00006/slurm_script: line 40: /x/otfhpc: No such file or directory";
        assert_eq!(word(&format!("{requeued}{gone}\n")), Some(Word::NotStarted(gone.into())));
        // What the script says before the program has begun is no failure if it began.
        let module = "/spool/job00006/slurm_script: line 3: module: command not found";
        assert_eq!(word(&format!("{module}\n{}", begin())), None);
    }

    #[test]
    fn whoever_cannot_start_the_program_is_understood() {
        for said in [
            "/spool/n1/job00006/slurm_script: line 3: /no/such/otfhpc: No such file or directory",
            "/spool/slurm_script: line 40: /x/otfhpc: Permission denied",
            "/spool/slurm_script: line 40: /x/otfhpc: cannot execute binary file: Exec format error",
            "/spool/slurm_script: line 40: exec: otfhpc: not found",
            "slurmstepd-n1: error: execve(): bad interpreter(/no/such/shell): No such file or directory",
            "slurmstepd: error: execve(): /x/otfhpc: Permission denied",
            "/x/otfhpc: error while loading shared libraries: libm.so.6: cannot open shared object file",
            "/x/otfhpc: /lib/libc.so.6: version `GLIBC_2.38' not found (required by /x/otfhpc)",
            "otfhpc not found in /home/me/target/release or on PATH; next: cargo build --release",
        ] {
            assert_eq!(word(&format!("{said}\n")), Some(Word::NotStarted(said.into())), "{said}");
        }
        for other in ["cal.npz: No such file or directory", "3 of 40 units", "not found", ""] {
            let words = last_words(other);
            assert_eq!((words.word, words.said.as_str()), (None, other));
        }
    }
}
