//! The only place that knows Slurm: its variables, its commands, and how jobs are submitted.

mod chunks;
mod client;
mod clock;
mod commands;
mod environment;
mod history;
mod memory;
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
pub use client::{SlurmError, accounting_of, is_here, max_array_size, queue, queue_of};
pub use clock::time_left;
pub use commands::{parse_ranges, quoted, ranges, requeue_command, submit_all, tasks_of};
pub use environment::{Environment, EnvironmentError};
pub use history::{History, Submitted};
pub use memory::{TaskMemory, megabytes};
pub use options::{JobOptions, OptionError};
pub use outlook::Outlook;
pub use queue::{Hold, JobEnd, JobState, ProcessEnd, Queued};
pub use sbatch::{Launcher, ProgramError, Sbatch};
pub use script::{array_script, merge_script};
pub use submissions::{Entry, Recorder, Submissions, SubmissionsError};
pub use submitter::{Real, Rehearsal, SubmitError, Submitter};
pub use token::{Owner, Purpose, Token};
pub use words::{Begun, LastWords, Word, begin_line, end_line, last_words};
