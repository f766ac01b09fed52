//! Why a shard is not done although somebody worked on it.

use std::fmt;

use crate::runner::slurm::JobEnd;
use crate::runner::store::Left;

/// Why a shard is not done although somebody worked on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cause {
    /// Its task was ended by Slurm at its time limit, or stopped when Slurm warned of it.
    TimeLimit,
    /// Its deadline was over before it was.
    Deadline,
    /// Its task used more memory than it was given.
    OutOfMemory,
    /// Its node went down.
    NodeLost,
    /// A more important job took its place.
    Preempted,
    /// Somebody cancelled its job.
    Cancelled,
    /// This signal stopped it.
    Asked(String),
    /// The program could not be started on its node, as whoever tried says.
    NotStarted(String),
    /// The program could not go on, and said this.
    Error(String),
}

/// The signal that the array script asks for some time before the time limit.
const WARNING: u32 = 10;
/// Seconds before the time limit that the script asks for it.
const USUAL_WARNING: u64 = 90;
/// Slurm may send it so many seconds earlier than asked for.
const EARLIER: u64 = 60;

impl Cause {
    /// What a signal means. To a task, the warning means its time limit if not much time is left,
    /// or if nobody knows how much; Slurm sends it also to a task whose place a more important job
    /// takes, and anybody may. `warning` says how many seconds before the limit it was asked for.
    #[must_use]
    pub fn signal(number: u32, is_task: bool, left: Option<Left>, warning: Option<u64>) -> Self {
        match left {
            _ if number != WARNING || !is_task => Self::Asked(signal_name(number)),
            Some(left) if left.preempted => Self::Preempted,
            Some(left) if left.seconds > latest(left.limit, warning) => {
                Self::Asked(signal_name(number))
            }
            _ => Self::TimeLimit,
        }
    }

    /// What Slurm's word means; none if it tells nothing of why.
    #[must_use]
    pub fn of_job(end: JobEnd) -> Option<Self> {
        match end {
            JobEnd::TimeLimit => Some(Self::TimeLimit),
            JobEnd::Deadline => Some(Self::Deadline),
            JobEnd::OutOfMemory => Some(Self::OutOfMemory),
            JobEnd::NodeLost => Some(Self::NodeLost),
            JobEnd::Preempted => Some(Self::Preempted),
            JobEnd::Cancelled => Some(Self::Cancelled),
            JobEnd::Completed | JobEnd::Failed => None,
        }
    }

    /// Whether nothing went wrong: it was ended, and may go on.
    #[must_use]
    pub fn is_stop(&self) -> bool {
        matches!(self, Self::Preempted | Self::Cancelled | Self::Asked(_))
    }

    /// Its name for machines.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::TimeLimit => "time limit",
            Self::Deadline => "deadline",
            Self::OutOfMemory => "out of memory",
            Self::NodeLost => "node lost",
            Self::Preempted => "preempted",
            Self::Cancelled => "cancelled",
            Self::Asked(_) => "signal",
            Self::NotStarted(_) => "not started",
            Self::Error(_) => "error",
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Asked(signal) => write!(f, "by {signal}"),
            Self::NotStarted(said) => write!(f, "the program could not be started: {said}"),
            Self::Error(message) => f.write_str(message),
            _ => f.write_str(self.name()),
        }
    }
}

/// Up to so many seconds before the end a warning is one of the time limit. Where there are only
/// minutes, Slurm's leeway is most of them.
fn latest(limit: u64, warning: Option<u64>) -> u64 {
    let warning = warning.unwrap_or(USUAL_WARNING);
    (warning + EARLIER).min(limit.saturating_mul(7) / 10).max(warning)
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

    #[test]
    fn a_warning_is_the_time_limit_only_near_the_end() {
        let left = |seconds, limit, preempted| Some(Left { seconds, limit, preempted });
        let asked = Cause::Asked("SIGUSR1".into());
        for (left, warning, expected) in [
            (None, None, &Cause::TimeLimit),
            (left(85, 3600, false), None, &Cause::TimeLimit),
            (left(149, 3600, false), None, &Cause::TimeLimit),
            (left(3000, 3600, false), None, &asked),
            (left(3000, 3600, true), None, &Cause::Preempted),
            (left(85, 3600, true), None, &Cause::Preempted),
            // A minute, of which six seconds were asked for.
            (left(36, 60, false), Some(6), &Cause::TimeLimit),
            (left(50, 60, false), Some(6), &asked),
            // Ten minutes were asked for.
            (left(640, 3600, false), Some(600), &Cause::TimeLimit),
            (left(u64::MAX - 3, u64::MAX, false), None, &asked),
        ] {
            assert_eq!(Cause::signal(10, true, left, warning), *expected, "{left:?} {warning:?}");
        }
        // Nobody warns who works without Slurm; SIGTERM is no warning.
        assert_eq!(Cause::signal(10, false, None, None), asked);
        let told = Cause::Asked("SIGTERM".into());
        assert_eq!(Cause::signal(15, true, left(5, 3600, false), None), told);
    }
}
