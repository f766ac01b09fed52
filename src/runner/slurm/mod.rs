//! The only place that knows Slurm: its variables, its commands, and how jobs are submitted.

mod answer;
mod chunks;
mod client;
mod clock;
mod commands;
mod environment;
mod history;
mod memory;
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
pub use client::{SlurmError, accounting_of, is_here, max_array_size, queue, queue_of};
pub use clock::time_left;
pub use commands::{
    all_of, parse_ranges, quoted, quoted_path, ranges, requeue_command, submit_all, tasks_of,
};
pub use environment::{Environment, EnvironmentError};
pub use history::{History, Submitted};
pub use memory::{TaskMemory, megabytes};
pub use options::{JobOptions, OptionError, warned_before};
pub use outlook::Outlook;
pub use queue::{Hold, JobEnd, JobState, ProcessEnd, Queued};
pub use sbatch::{LaunchError, Launcher, Sbatch, check_folder, write_scripts};
pub use script::{array_script, merge_script};
pub use settle::{SettleError, settle};
pub use submissions::{Entry, NotKnown, SubmissionLog, Submissions, SubmissionsError};
pub use submitter::{Real, Rehearsal, SubmitError, Submitter, Told};
pub use times::seconds as seconds_of_limit;
pub use token::{Owner, Purpose, Token, settle_id};
pub use words::{Begun, LastWords, Word, begin_line, end_line, last_words};
