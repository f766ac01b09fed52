//! Submits the jobs of a run one after another, each recorded before and after.

use thiserror::Error;

use crate::foundations::FileError;

use super::answer::{Answer, is_limit};
use super::chunks::Chunk;
use super::client::{SlurmError, submit};
use super::commands::ranges;
use super::sbatch::{Launcher, Sbatch};
use super::settle::{SettleError, look_for};
use super::submissions::{Entry, SubmissionLog};
use super::token::{Owner, Purpose, Token};

/// A job that was not submitted, as far as is known.
#[derive(Debug, Error)]
pub enum SubmitError {
    /// The record.
    #[error(transparent)]
    File(#[from] FileError),
    /// sbatch could not be run.
    #[error(transparent)]
    Slurm(#[from] SlurmError),
    /// sbatch said no.
    #[error("`sbatch` failed: {0}")]
    Refused(String),
    /// Nobody knows.
    #[error(
        "it is not known whether a job was submitted: `sbatch` failed: {reason}; {looked}; submit \
         again a little later: it looks in the queue before it submits anything"
    )]
    NotKnown {
        /// What sbatch said.
        reason: String,
        /// What a look into the queue gave.
        looked: String,
    },
}

impl SubmitError {
    /// Whether there are more jobs than there may be: fewer may be accepted.
    #[must_use]
    pub fn is_limit(&self) -> bool {
        matches!(self, Self::Refused(reason) if is_limit(reason))
    }
}

/// Where jobs go.
pub trait Submitter {
    /// Submits an array job and returns its number.
    ///
    /// # Errors
    /// If it is not submitted.
    fn array(&mut self, launcher: &Launcher, chunk: &Chunk) -> Result<String, SubmitError>;

    /// Submits the merge after some jobs and returns its number. With arguments it is to submit with
    /// them what is left.
    ///
    /// # Errors
    /// If it is not submitted.
    fn merge(
        &mut self,
        launcher: &Launcher,
        after: &[String],
        rest: &[String],
    ) -> Result<String, SubmitError>;
}

/// Submits to Slurm.
pub struct Real<'a> {
    /// Whose jobs.
    pub owner: &'a Owner,
    /// Where they are recorded.
    pub recorder: &'a mut SubmissionLog,
    /// Who is told what sbatch says, and the command lines.
    pub tell: &'a mut dyn FnMut(Told),
}

/// What is told while jobs are submitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told<'a> {
    /// The command line that is run.
    Call(&'a str),
    /// A line that sbatch wrote.
    Sbatch(&'a str),
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
        (self.tell)(Told::Call(&call.line()));
        self.recorder.add(intent)?;
        let answer = submit(call, self.recorder.handle()?, &mut |line| {
            (self.tell)(Told::Sbatch(line));
        });
        match answer {
            Ok(Answer::Submitted { job, cluster }) => {
                self.recorder.add(Entry::submitted(token, job.clone(), cluster))?;
                Ok(job)
            }
            Ok(Answer::Refused(reason)) => {
                self.recorder.add(Entry::Refused { token, reason: reason.clone() })?;
                Err(SubmitError::Refused(reason))
            }
            Ok(Answer::NotKnown(reason)) => {
                self.recorder.add(Entry::not_known(token.clone(), reason.clone()))?;
                self.look_for(&token, reason)
            }
            Err(error) => {
                self.recorder.add(Entry::Refused { token, reason: error.to_string() })?;
                Err(error.into())
            }
        }
    }

    /// Looks into the queue for a job that sbatch did not answer for.
    fn look_for(&mut self, token: &Token, reason: String) -> Result<String, SubmitError> {
        let looked = match look_for(token) {
            Ok(Some(found)) => {
                let job = found.job.clone();
                (self.tell)(Told::Sbatch(&format!("{reason}: but {job} is in the queue")));
                self.recorder.add(found.entry())?;
                return Ok(job);
            }
            Ok(None) => "it is not in the queue yet".into(),
            Err(SettleError::File(error)) => return Err(error.into()),
            Err(error) => error.to_string(),
        };
        Err(SubmitError::NotKnown { reason, looked })
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

    fn merge(
        &mut self,
        launcher: &Launcher,
        after: &[String],
        rest: &[String],
    ) -> Result<String, SubmitError> {
        let token = self.token(Purpose::Merge);
        let intent = Entry::intent(token.clone(), String::new(), after.to_vec()).with_options(rest);
        let call = launcher.merge(&token, after, rest);
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

    fn merge(
        &mut self,
        launcher: &Launcher,
        after: &[String],
        rest: &[String],
    ) -> Result<String, SubmitError> {
        let token = self.owner.token(self.number, Purpose::Merge);
        Ok(self.note(&launcher.merge(&token, after, rest)))
    }
}
