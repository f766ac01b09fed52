//! The only place that knows Slurm: its variables, its commands, and how jobs are submitted.

mod chunks;
mod client;
mod commands;
mod environment;
mod history;
mod options;
mod outlook;
mod queue;
mod sbatch;
mod script;
mod submissions;
mod submitter;
mod token;
mod words;

pub use chunks::{Chunk, chunks};
pub use client::{SlurmError, accounting_of, max_array_size, queue, queue_of};
pub use commands::{parse_ranges, quoted, quoted_path, ranges, requeue_command, submit_all};
pub use environment::{Environment, EnvironmentError};
pub use history::{History, Submitted};
pub use options::{JobOptions, OptionError};
pub use outlook::Outlook;
pub use queue::{JobEnd, JobState, Queued};
pub use sbatch::{Launcher, ProgramError, Sbatch};
pub use script::{array_script, merge_script};
pub use submissions::{Entry, Recorder, Submissions, SubmissionsError};
pub use submitter::{Real, Rehearsal, SubmitError, Submitter};
pub use token::{Owner, Purpose, Token};
pub use words::{LastWords, Word, last_words};
