//! Submits the jobs of a run one after another, each recorded before and after.

use thiserror::Error;

use crate::foundations::FileError;

use super::chunks::Chunk;
use super::client::{SlurmError, submit};
use super::commands::ranges;
use super::sbatch::{Launcher, Sbatch};
use super::submissions::{Entry, Recorder};
use super::token::{Owner, Purpose, Token};

/// A job that was not submitted, as far as is known.
#[derive(Debug, Error)]
pub enum SubmitError {
    /// The record.
    #[error(transparent)]
    File(#[from] FileError),
    /// sbatch.
    #[error(transparent)]
    Slurm(#[from] SlurmError),
}

/// Where jobs go.
pub trait Submitter {
    /// Submits an array job and returns its number.
    ///
    /// # Errors
    /// If it is not submitted.
    fn array(&mut self, launcher: &Launcher, chunk: &Chunk) -> Result<String, SubmitError>;

    /// Submits the merge after some jobs and returns its number.
    ///
    /// # Errors
    /// If it is not submitted.
    fn merge(&mut self, launcher: &Launcher, after: &[String]) -> Result<String, SubmitError>;
}

/// Submits to Slurm.
#[derive(Debug)]
pub struct Real<'a> {
    /// Whose jobs.
    pub owner: &'a Owner,
    /// Where they are recorded.
    pub recorder: &'a mut Recorder,
}

impl Real<'_> {
    fn token(&self, purpose: Purpose) -> Token {
        self.owner.token(self.recorder.submissions().next_number(), purpose)
    }

    /// The order matters: an intent on disk, then the job, then its number.
    fn submit(
        &mut self,
        intent: Entry,
        token: Token,
        call: &Sbatch,
    ) -> Result<String, SubmitError> {
        self.recorder.add(intent)?;
        match submit(call, self.recorder.handle()?) {
            Ok(job) => {
                self.recorder.add(Entry::Submitted { token, job: job.clone() })?;
                Ok(job)
            }
            Err(error) => {
                self.recorder.add(Entry::Refused { token, reason: error.to_string() })?;
                Err(error.into())
            }
        }
    }
}

impl Submitter for Real<'_> {
    fn array(&mut self, launcher: &Launcher, chunk: &Chunk) -> Result<String, SubmitError> {
        let token = self.token(Purpose::Shards { offset: chunk.offset });
        let intent = Entry::intent(token.clone(), ranges(&chunk.shards), Vec::new())
            .with_options(&launcher.array_options());
        let call = launcher.array(&token, chunk);
        self.submit(intent, token, &call)
    }

    fn merge(&mut self, launcher: &Launcher, after: &[String]) -> Result<String, SubmitError> {
        let token = self.token(Purpose::Merge);
        let intent = Entry::intent(token.clone(), String::new(), after.to_vec());
        let call = launcher.merge(&token, after);
        self.submit(intent, token, &call)
    }
}

/// Submits nothing, and collects the lines that would: their jobs are shell variables.
#[derive(Debug)]
pub struct Rehearsal<'a> {
    /// Whose jobs.
    pub owner: &'a Owner,
    /// The number of the next submission.
    pub number: u64,
    /// What would be typed.
    pub lines: Vec<String>,
}

impl Rehearsal<'_> {
    fn note(&mut self, call: &Sbatch) -> String {
        self.number += 1;
        let variable = format!("job{}", self.lines.len() + 1);
        self.lines.push(format!("{variable}=$({})", call.line()));
        format!("${{{variable}%%;*}}")
    }
}

impl Submitter for Rehearsal<'_> {
    fn array(&mut self, launcher: &Launcher, chunk: &Chunk) -> Result<String, SubmitError> {
        let token = self.owner.token(self.number, Purpose::Shards { offset: chunk.offset });
        Ok(self.note(&launcher.array(&token, chunk)))
    }

    fn merge(&mut self, launcher: &Launcher, after: &[String]) -> Result<String, SubmitError> {
        let token = self.owner.token(self.number, Purpose::Merge);
        Ok(self.note(&launcher.merge(&token, after)))
    }
}
