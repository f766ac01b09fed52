//! The only place that knows Slurm: its variables, its commands, and how jobs are submitted.

mod chunks;
mod client;
mod commands;
mod environment;
mod options;
mod outlook;
mod queue;
mod sbatch;
mod script;
mod submissions;
mod submitter;
mod token;

pub use chunks::{Chunk, chunks};
pub use client::{SlurmError, max_array_size, queue};
pub use commands::{quoted, ranges, requeue_command, submit_all};
pub use environment::{Environment, EnvironmentError};
pub use options::{JobOptions, OptionError};
pub use outlook::Outlook;
pub use queue::Queued;
pub use sbatch::{Launcher, ProgramError, Sbatch};
pub use script::{array_script, merge_script};
pub use submissions::{Entry, Recorder, Submissions, SubmissionsError};
pub use submitter::{Real, Rehearsal, SubmitError, Submitter};
pub use token::{Owner, Purpose, Token};
