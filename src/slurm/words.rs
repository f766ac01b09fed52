//! The last words in the log of a task: why it ended, where nobody else remembers.

use crate::plan::MEMORY_REFUSED;

use super::queue::JobEnd;

/// So many lines at the end of a log are looked at: an attempt's last words are no more.
const LINES: usize = 12;

/// Why a task ended, by its log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Word {
    /// Slurm ended it.
    Slurm(JobEnd),
    /// This signal stopped it.
    Stopped(String),
    /// It could not go on, and said this.
    Error(String),
}

/// The last words of a task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastWords {
    /// Why it ended.
    pub word: Word,
    /// Where it ran, if they say so.
    pub node: Option<String>,
}

/// Reads the end of a log. What Slurm says counts more than what the program said when it was told
/// to stop; what is older than the last lines may be from an earlier attempt, and does not count.
#[must_use]
pub fn last_words(log: &str) -> Option<LastWords> {
    let lines: Vec<&str> = log.lines().rev().take(LINES).collect();
    let slurm = || lines.iter().find_map(|line| of_slurm(line));
    slurm().or_else(|| lines.iter().find_map(|line| of_program(line)))
}

/// What slurmstepd writes into the log of a job that it ends.
fn of_slurm(line: &str) -> Option<LastWords> {
    let said = line.split_once("slurmstepd: ")?.1;
    let said_any = |words: &[&str]| words.iter().any(|word| said.contains(word));
    let end = match () {
        () if said_any(&["DUE TO TIME LIMIT"]) => JobEnd::TimeLimit,
        () if said_any(&["DUE TO NODE FAILURE"]) => JobEnd::NodeLost,
        () if said_any(&["DUE TO PREEMPTION"]) => JobEnd::Preempted,
        () if said_any(&["oom_kill", "oom-kill", "OOM Killed", "exceeded memory limit"]) => {
            JobEnd::OutOfMemory
        }
        () if said_any(&["Exceeded job memory limit", "Exceeded step memory limit"]) => {
            JobEnd::OutOfMemory
        }
        () if said_any(&["CANCELLED AT"]) => JobEnd::Cancelled,
        () => return None,
    };
    let node = said.split_once(" ON ").and_then(|(_, rest)| rest.split_whitespace().next());
    Some(LastWords { word: Word::Slurm(end), node: node.map(str::to_owned) })
}

/// What this program writes when it ends before its shard is done.
fn of_program(line: &str) -> Option<LastWords> {
    let said = line.strip_prefix("otfhpc: ")?;
    let word = match said.strip_prefix("stopped by ") {
        Some(signal) => Word::Stopped(signal.split(':').next().unwrap_or_default().into()),
        None if ["warning: ", "requeued: "].iter().any(|word| said.starts_with(word)) => {
            return None;
        }
        // It said so before it was ended for it.
        None if said.starts_with(MEMORY_REFUSED) => Word::Slurm(JobEnd::OutOfMemory),
        None => Word::Error(said.into()),
    };
    Some(LastWords { word, node: None })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn word(log: &str) -> Option<Word> {
        last_words(log).map(|words| words.word)
    }

    #[test]
    fn slurm_says_why_it_ended_a_job_and_where() {
        for (said, end) in [
            (
                "*** JOB 3 ON n1 CANCELLED AT 2026-11-21T06:00:00 DUE TO TIME LIMIT ***",
                JobEnd::TimeLimit,
            ),
            (
                "*** JOB 3 ON n1 CANCELLED AT 2026-11-21T06:00:00 DUE TO PREEMPTION ***",
                JobEnd::Preempted,
            ),
            (
                "*** JOB 3 ON n1 CANCELLED AT 2026-11-21T06:00:00 DUE TO NODE FAILURE, SEE SLURMCTLD LOG FOR DETAILS ***",
                JobEnd::NodeLost,
            ),
            ("*** JOB 3 ON n1 CANCELLED AT 2026-11-21T06:00:00 ***", JobEnd::Cancelled),
        ] {
            let log = format!(
                "12 of 40 units\nslurmstepd: error: {said}\notfhpc: stopped by SIGTERM: 12 of 40\n\
                 to go on here:   otfhpc run\n"
            );
            let expected = LastWords { word: Word::Slurm(end), node: Some("n1".into()) };
            assert_eq!(last_words(&log), Some(expected));
        }
        let oom = "slurmstepd: error: Detected 1 oom_kill event in StepId=3.batch. Some of the step \
                   tasks have been OOM Killed.\n";
        assert_eq!(word(oom), Some(Word::Slurm(JobEnd::OutOfMemory)));
    }

    #[test]
    fn the_program_says_why_it_ended() {
        let stopped = "otfhpc: stopped by SIGUSR1: 12 of 40 units are done\nto go on here: x\n";
        assert_eq!(word(stopped), Some(Word::Stopped("SIGUSR1".into())));
        let error = "otfhpc: warning: 4 threads\notfhpc: cal.npz: this input changed\n";
        assert_eq!(word(error), Some(Word::Error("cal.npz: this input changed".into())));
        let refused = format!("otfhpc: {MEMORY_REFUSED}the fit on 2 threads needs about 9 MB\n");
        assert_eq!(word(&refused), Some(Word::Slurm(JobEnd::OutOfMemory)));
        assert_eq!(word("otfhpc: warning: 4 threads\n3 of 40 units\n"), None);
        assert_eq!(word(""), None);
        let long_ago = format!("otfhpc: no space\n{}", "3 of 40 units\n".repeat(LINES));
        assert_eq!(word(&long_ago), None);
    }
}
