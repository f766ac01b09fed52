//! The only place that knows Slurm: its variables, its commands, and how jobs are submitted.

mod answer;
mod chunks;
mod client;
mod commands;
mod environment;
mod history;
mod options;
mod outlook;
mod partitions;
mod queue;
mod sbatch;
mod script;
mod settle;
mod submissions;
mod submitter;
mod surroundings;
mod times;
mod token;
mod words;

pub use chunks::{Chunk, chunks};
pub use client::{SlurmError, accounting_of, max_array_size, queue, queue_of};
pub use commands::{all_of, parse_ranges, quoted, ranges, requeue_command, submit_all};
pub use environment::{Environment, EnvironmentError};
pub use history::{History, Submitted};
pub use options::{JobOptions, OptionError};
pub use outlook::Outlook;
pub use queue::{JobEnd, JobState, Queued};
pub use sbatch::{LaunchError, Launcher, Sbatch, check_folder, write_scripts};
pub use script::{array_script, merge_script};
pub use settle::{SettleError, settle};
pub use submissions::{Entry, NotKnown, Recorder, Submissions, SubmissionsError};
pub use submitter::{Real, Rehearsal, SubmitError, Submitter, Told};
pub use token::{Owner, Purpose, Token, settle_id};
pub use words::{LastWords, Word, last_words};
