//! Why a shard is not done although somebody worked on it.

use std::fmt;

use crate::slurm::JobEnd;

/// Why a shard is not done although somebody worked on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cause {
    /// Its task was ended by Slurm at its time limit, or stopped when Slurm warned of it.
    TimeLimit,
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
    /// The program could not go on, and said this.
    Error(String),
}

/// The signal that the array script asks for some time before the time limit.
const WARNING: &str = "SIGUSR1";

impl Cause {
    /// What a signal means to a task: Slurm's warning is the time limit.
    #[must_use]
    pub fn signal(name: &str, is_task: bool) -> Self {
        match name == WARNING && is_task {
            true => Self::TimeLimit,
            false => Self::Asked(name.into()),
        }
    }

    /// What Slurm's word means; none if it tells nothing of why.
    #[must_use]
    pub fn of_job(end: JobEnd) -> Option<Self> {
        match end {
            JobEnd::TimeLimit => Some(Self::TimeLimit),
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
            Self::OutOfMemory => "out of memory",
            Self::NodeLost => "node lost",
            Self::Preempted => "preempted",
            Self::Cancelled => "cancelled",
            Self::Asked(_) => "signal",
            Self::Error(_) => "error",
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Asked(signal) => write!(f, "by {signal}"),
            Self::Error(message) => f.write_str(message),
            _ => f.write_str(self.name()),
        }
    }
}
