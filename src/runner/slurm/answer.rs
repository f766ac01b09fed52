//! What sbatch's answer means: submitted, refused, or not known.

use super::queue::is_number;

/// What became of a job that sbatch was asked to submit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Answer {
    /// It is in the queue.
    Submitted {
        /// Its number.
        job: String,
        /// The cluster, where sbatch names one.
        cluster: Option<String>,
    },
    /// It is not, and sbatch says why.
    Refused(String),
    /// It may be: sbatch was killed, did not hear from the controller, or printed no number.
    NotKnown(String),
}

/// What sbatch left when it ended.
#[derive(Debug, Clone, Default)]
pub(super) struct Ended {
    /// Whether it ended with exit code 0.
    pub(super) success: bool,
    /// Its exit code or the signal that ended it, in words.
    pub(super) status: String,
    /// Whether it ended by itself.
    pub(super) exited: bool,
    /// Its standard output.
    pub(super) stdout: String,
    /// Its standard error.
    pub(super) stderr: String,
}

/// Words of sbatch, in lower case, after which the controller may or may not have the job.
const UNSURE: [&str; 10] = [
    "timed out",
    "timeout",
    "zero bytes",
    "receive failure",
    "transport endpoint",
    "connection",
    "unable to contact",
    "communication",
    "unexpected message",
    "broken pipe",
];

/// Words of sbatch, in lower case, for more jobs than a user, an account or the cluster may have.
const LIMITS: [&str; 8] = [
    "maxsubmit",
    "maxjobcount",
    "job submit limit",
    "grpsubmit",
    "queue full",
    "temporarily unable to accept job",
    "temporarily unavailable",
    "too many jobs",
];

/// Understands how sbatch ended. The number is in the only line that is one: a site's greetings may
/// stand before it and after it.
pub(super) fn answer(ended: &Ended) -> Answer {
    let numbers: Vec<_> = ended.stdout.lines().filter_map(number).collect();
    let said = || match ended.stderr.trim() {
        "" => format!("it printed `{}` ({})", ended.stdout.trim(), ended.status),
        said => format!("{said} ({})", ended.status),
    };
    match (ended.success, numbers.as_slice()) {
        (true, [(job, cluster)]) => {
            Answer::Submitted { job: job.clone(), cluster: cluster.clone() }
        }
        (false, []) if ended.exited && is_refusal(&ended.stderr) => Answer::Refused(said()),
        _ => Answer::NotKnown(said()),
    }
}

/// Whether a refusal is for more jobs than may be in the queue: fewer may be accepted.
pub(super) fn is_limit(reason: &str) -> bool {
    says(reason, &LIMITS)
}

/// What sbatch printed besides the number.
pub(super) fn remarks(stdout: &str) -> impl Iterator<Item = &str> {
    stdout.lines().filter(|line| !line.trim().is_empty() && number(line).is_none())
}

/// Reads N or N;cluster.
fn number(line: &str) -> Option<(String, Option<String>)> {
    let line = line.trim();
    let (job, cluster) = match line.split_once(';') {
        Some((job, cluster)) => (job, Some(cluster)),
        None => (line, None),
    };
    let is_name = |name: &str| !name.is_empty() && !name.contains(char::is_whitespace);
    let holds = is_number(job) && cluster.is_none_or(is_name);
    holds.then(|| (job.to_owned(), cluster.map(str::to_owned)))
}

fn is_refusal(stderr: &str) -> bool {
    let of_sbatch = |line: &str| {
        ["sbatch: error:", "sbatch: fatal:"].iter().any(|start| line.trim().starts_with(start))
    };
    let last = stderr.lines().rfind(|line| of_sbatch(line));
    last.is_some_and(|line| !says(line, &UNSURE))
}

fn says(text: &str, words: &[&str]) -> bool {
    let text = text.to_lowercase();
    words.iter().any(|word| text.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ended(success: bool, stdout: &str, stderr: &str) -> Answer {
        let status = if success { "exit status: 0" } else { "exit status: 1" };
        let (stdout, stderr) = (stdout.to_owned(), stderr.to_owned());
        answer(&Ended { success, status: status.into(), exited: true, stdout, stderr })
    }

    #[test]
    fn the_number_is_the_only_line_that_is_one() {
        let submitted = |job: &str, cluster: Option<&str>| Answer::Submitted {
            job: job.into(),
            cluster: cluster.map(Into::into),
        };
        assert_eq!(ended(true, "123\n", ""), submitted("123", None));
        assert_eq!(ended(true, "Hello\n 123;east \nbye 7\n", ""), submitted("123", Some("east")));
        for bad in ["", "Submitted batch job 7\n", "12x\n", ";east\n", "12;\n", "1\n2\n"] {
            assert!(matches!(ended(true, bad, ""), Answer::NotKnown(_)), "{bad}");
        }
        let greeting: Vec<_> = remarks("Hello\n123;east\n\nbye\n").collect();
        assert_eq!(greeting, ["Hello", "bye"]);
    }

    #[test]
    fn what_sbatch_says_of_itself_is_a_refusal_unless_it_did_not_hear_from_the_controller() {
        let failed = "sbatch: error: Batch job submission failed: ";
        for refusal in ["Invalid partition name specified", "Requested node configuration is not"] {
            let answer = ended(false, "", &format!("{failed}{refusal}\n"));
            assert!(matches!(answer, Answer::Refused(reason) if reason.contains(refusal)));
        }
        assert!(matches!(ended(false, "", "sbatch: fatal: no file\n"), Answer::Refused(_)));
        // It came through at last, and was refused.
        let late = format!("sbatch: error: Socket timed out, retrying\n{failed}Invalid account\n");
        assert!(matches!(ended(false, "", &late), Answer::Refused(_)));
        for unsure in ["Socket timed out on send/recv operation", "Zero Bytes were transmitted"] {
            let answer = ended(false, "", &format!("{failed}{unsure}\n"));
            assert!(matches!(answer, Answer::NotKnown(reason) if reason.contains(unsure)));
        }
        assert!(matches!(ended(false, "", "wrapper: went wrong\n"), Answer::NotKnown(_)));
        assert!(matches!(ended(false, "12\n", "sbatch: error: x\n"), Answer::NotKnown(_)));
        let killed = Ended { stderr: format!("{failed}Invalid account\n"), ..Ended::default() };
        assert!(matches!(answer(&killed), Answer::NotKnown(_)));
    }

    #[test]
    fn limits_are_known_by_their_words() {
        for limit in [
            "sbatch: error: QOSMaxSubmitJobPerUserLimit\nsbatch: error: Batch job submission \
             failed: Job violates accounting/QOS policy (job submit limit, user's size and/or \
             time limits)",
            "sbatch: error: AssocMaxSubmitJobLimit",
            "Batch job submission failed: Resource temporarily unavailable",
        ] {
            assert!(is_limit(limit), "{limit}");
        }
        assert!(!is_limit("sbatch: error: Batch job submission failed: Invalid partition"));
    }
}
