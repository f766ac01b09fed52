//! The jobs of a run: what is in the queue, what is submitted, and the merge after it. What
//! `submit` and `resume` have in common.

use std::collections::BTreeSet;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};

use crate::foundations::Shown;
use crate::runner::engine::Words;
use crate::runner::plan::BoundPlan;
use crate::runner::plan::LaunchSettings;
use crate::runner::slurm::{
    Chunk, JobOptions, Launcher, NotKnown, Outlook, Owner, Rehearsal, SettleError, SlurmError,
    SubmissionLog, Submissions, Submitter, Token, Told, chunks, max_array_size, queue, ranges,
    settle, settle_id,
};
use crate::runner::store::{RunDir, Settled};

use super::display::{complain, counted, folder, program, say};
use super::exit::Volume;

/// `MaxArraySize` where Slurm's settings do not say otherwise.
const USUAL_MAX_ARRAY_SIZE: u32 = 1001;

/// The least that makes sense as the most jobs in the queue: a task, the merge that submits the
/// next, and the merge after that.
pub(super) const LEAST_AT_MOST: u32 = 3;

/// How jobs are made.
pub(super) struct Maker<'a> {
    run: &'a RunDir,
    launch: &'a LaunchSettings,
    program: PathBuf,
    /// The user's options, for every job.
    given: &'a [String],
    /// Whether tasks may be of another build than planned.
    any_binary: bool,
}

impl<'a> Maker<'a> {
    /// Checks the user's options.
    pub(super) fn new(
        run: &'a RunDir,
        plan: &'a BoundPlan,
        given: &'a [String],
        any_binary: bool,
    ) -> Result<Self> {
        let program = std::env::current_exe().context("cannot find the path of this program")?;
        let maker = Self { run, launch: &plan.launch, program, given, any_binary };
        maker.launcher(given)?;
        Ok(maker)
    }

    fn launcher<'b>(&'b self, options: &'b [String]) -> Result<Launcher<'b>> {
        let options = JobOptions::new(self.launch, options)?.in_these_surroundings();
        Ok(Launcher::new(self.run, self.program.clone(), self.any_binary, options)?)
    }

    /// Writes what the jobs need.
    pub(super) fn prepare(&self) -> Result<()> {
        Ok(self.launcher(self.given)?.prepare()?)
    }
}

/// Array jobs with the same options.
#[derive(Debug)]
pub(super) struct Group {
    /// Their options, the user's included.
    pub(super) options: Vec<String>,
    /// One a job.
    pub(super) chunks: Vec<Chunk>,
}

/// What is submitted.
#[derive(Debug)]
pub(super) struct Jobs {
    /// The array jobs.
    pub(super) groups: Vec<Group>,
    /// What waits or runs.
    pub(super) outlook: Outlook,
    /// A merge that is in the queue and waits for all of it.
    pub(super) merge: Option<String>,
    /// All is done, and merged.
    pub(super) merged: bool,
    /// What is not submitted now.
    pub(super) later: Later,
}

/// Shards that are not submitted now, because only so many jobs may be in the queue.
#[derive(Debug, Default)]
pub(super) struct Later {
    /// The shards.
    pub(super) shards: Vec<u32>,
    /// Most jobs in the queue, if the user says so.
    pub(super) at_most: Option<u32>,
    /// The arguments with which the merge submits the rest; none if it cannot.
    pub(super) arguments: Option<Vec<String>>,
}

impl Later {
    /// The arguments of a merge that goes on with what is left, with so many jobs at once.
    fn of_merge(&self, left: &[u32], at_once: usize) -> Vec<String> {
        let Some(arguments) = self.arguments.as_ref().filter(|_| !left.is_empty()) else {
            return Vec::new();
        };
        let at_most = self.at_most.map_or(at_once, |n| n as usize).max(LEAST_AT_MOST as usize);
        let own = ["--rest".to_owned(), format!("--at-most={at_most}")];
        own.into_iter().chain(arguments.iter().cloned()).collect()
    }
}

/// What came of submitting jobs.
#[derive(Debug, Default)]
pub(super) struct SubmitOutcome {
    /// Shards that are left for later.
    pub(super) left: Vec<u32>,
    /// What sbatch said when it refused more jobs.
    pub(super) refusal: Option<String>,
    /// Whether there is a merge that goes on with them.
    pub(super) goes_on: bool,
    /// Whether the merge was refused.
    pub(super) lacks_merge: bool,
}

impl Jobs {
    /// Whether there is anything to submit: whatever it is, a merge comes after it.
    pub(super) fn needs_merge(&self) -> bool {
        !self.merged && (self.merge.is_none() || !self.groups.is_empty())
    }

    /// How many shards are submitted.
    pub(super) fn shards(&self) -> usize {
        let chunks = self.groups.iter().flat_map(|group| &group.chunks);
        chunks.map(|chunk| chunk.shards.len()).sum()
    }

    /// Submits the arrays, and then the merge: it must wait for all of them. Where there may be no
    /// more jobs, what was accepted stands, and the rest is left.
    pub(super) fn submit(
        &self,
        maker: &Maker,
        submitter: &mut impl Submitter,
        volume: Volume,
    ) -> Result<SubmitOutcome> {
        let mut outcome = SubmitOutcome::default();
        let mut after: Vec<String> = self.outlook.arrays.iter().cloned().collect();
        let mut at_once = self.outlook.shards.len();
        for group in &self.groups {
            let launcher = maker.launcher(&group.options)?;
            for chunk in &group.chunks {
                let taken = outcome.refusal.is_none().then(|| part(submitter, &launcher, chunk));
                let (taken, refusal) = taken.transpose()?.unwrap_or_default();
                let count = taken.as_ref().map_or(0, |(_, taken)| taken.shards.len());
                if let Some((job, taken)) = taken {
                    if volume > Volume::Quiet {
                        say(&submitted(&job, &taken));
                    }
                    after.push(job);
                }
                at_once += count;
                outcome.left.extend(&chunk.shards[count..]);
                outcome.refusal = outcome.refusal.or(refusal);
            }
        }
        outcome.left.extend(&self.later.shards);
        self.submit_merge(maker, submitter, (after, at_once), outcome, volume)
    }

    /// Submits the merge, which goes on with what is left.
    fn submit_merge(
        &self,
        maker: &Maker,
        submitter: &mut impl Submitter,
        (after, at_once): (Vec<String>, usize),
        mut outcome: SubmitOutcome,
        volume: Volume,
    ) -> Result<SubmitOutcome> {
        if let (Some(refusal), [], true) = (&outcome.refusal, &after[..], self.shards() > 0) {
            bail!("no job was accepted: {refusal}");
        }
        if !self.needs_merge() {
            outcome.goes_on = !outcome.left.is_empty() && self.later.arguments.is_some();
            return Ok(outcome);
        }
        let rest = self.later.of_merge(&outcome.left, at_once + 1);
        match submitter.merge(&maker.launcher(maker.given)?, &after, &rest) {
            Ok(job) => {
                outcome.goes_on = !rest.is_empty();
                let when = match after.as_slice() {
                    [] => "at once, since all shards are done".into(),
                    jobs => format!("after {}", jobs.join(", ")),
                };
                let then = if rest.is_empty() {
                    String::new()
                } else {
                    format!("; it first submits {}", counted(outcome.left.len(), "shard"))
                };
                if volume > Volume::Quiet {
                    say(&format!("{:<11}{job}: {when}{then}\n", "merge"));
                }
            }
            Err(error) if error.is_limit() => {
                outcome.lacks_merge = true;
                outcome.refusal.get_or_insert(error.to_string());
            }
            Err(error) => return Err(error.into()),
        }
        Ok(outcome)
    }

    /// Prints the commands that would be run, ready to be typed; and before them the scripts, for
    /// who wants to know more.
    pub(super) fn rehearse(
        &self,
        maker: &Maker,
        owner: &Owner,
        number: u64,
        volume: Volume,
    ) -> Result<()> {
        let mut rehearsal = Rehearsal { owner, number, lines: Vec::new() };
        self.submit(maker, &mut rehearsal, Volume::Quiet)?;
        let mut text = String::new();
        if !rehearsal.lines.is_empty() && volume == Volume::Verbose {
            for (path, script) in maker.launcher(maker.given)?.scripts() {
                text += &format!("### {}\n{script}\n", Shown(&path));
            }
        }
        for line in rehearsal.lines {
            text += &(line + "\n");
        }
        say(&text);
        Ok(())
    }
}

/// A job that was accepted, with its shards; and what sbatch said when it refused more.
type Taken = (Option<(String, Chunk)>, Option<String>);

/// Submits an array job; if there may not be so many jobs, the first half of it, or half of that.
/// There is to be room for the merge.
fn part(submitter: &mut impl Submitter, launcher: &Launcher, chunk: &Chunk) -> Result<Taken> {
    let (mut count, mut refusal) = (chunk.shards.len(), None);
    while count > 0 {
        let taken = Chunk { offset: chunk.offset, shards: chunk.shards[..count].to_vec() };
        match submitter.array(launcher, &taken) {
            Ok(job) => return Ok((Some((job, taken)), refusal)),
            Err(error) if error.is_limit() => {
                refusal.get_or_insert(error.to_string());
            }
            Err(error) => return Err(error.into()),
        }
        count = if count > 2 { (count - 1) / 2 } else { count / 2 };
    }
    Ok((None, refusal))
}

/// Tells what sbatch says, and, if so much is wanted, how it is called.
pub(super) fn tell_submission(told: Told, volume: Volume) {
    match told {
        Told::Call(line) if volume == Volume::Verbose => say(&format!("{line}\n")),
        Told::Sbatch(line) if volume > Volume::Quiet => {
            let prefix = if line.starts_with("sbatch: ") { "" } else { "sbatch: " };
            complain(&format!("{prefix}{line}"));
        }
        _ => {}
    }
}

/// Gives a run an id of its own, and finds out what became of submissions that sbatch did not answer
/// for.
pub(super) fn settle_all(
    recorder: &mut SubmissionLog,
    owner: &Owner,
    force: bool,
    volume: Volume,
) -> Result<()> {
    let mut tell = |line: &str| {
        if volume > Volume::Quiet {
            complain(&format!("otfhpc: {line}"));
        }
    };
    match settle(recorder, owner, &mut tell) {
        // It is told again, and refused, when the queue is asked for all jobs.
        Err(SettleError::Slurm(_)) => Ok(()),
        Err(error) if force => {
            complain(&format!("otfhpc: warning: {error}"));
            Ok(())
        }
        settled => Ok(settled?),
    }
}

/// The jobs of a run, by the id of its folder.
pub(super) fn owner_of(run: &RunDir, plan: &BoundPlan) -> Result<Owner> {
    tell_copy(&settle_id(run)?);
    Ok(Owner::new(&plan.hash, run)?)
}

/// Says that a folder was a copy of another.
pub(super) fn tell_copy(settled: &Settled) {
    if let Some(original) = &settled.copy_of {
        complain(&format!(
            "otfhpc: this folder is a copy of {}: from now on it has jobs of its own; those of the \
             other are not counted here",
            original.display()
        ));
    }
}

/// What a person should know of the submissions of a run, besides the state of its shards.
#[derive(Debug, Default)]
pub(super) struct Notes {
    /// In lines.
    pub(super) text: String,
    /// Whether a merge in the queue submits the shards that no job has had.
    pub(super) goes_on: bool,
}

/// Looks for what is not known of submissions, or is still to come.
pub(super) fn notes(run: &RunDir, plan: &BoundPlan) -> Result<Notes> {
    let (submissions, owner) = (Submissions::read(run)?, Owner::new(&plan.hash, run)?);
    let mut open = submissions.not_known(&owner);
    if open.is_empty() && !submissions.has_parts(&owner) {
        return Ok(Notes::default());
    }
    let queue = queue().unwrap_or_default();
    let is_there = |token: &Token| queue.iter().any(|q| q.comment.parse().as_ref() == Ok(token));
    open.retain(|open| !is_there(&open.token));
    let being_made = Submissions::are_being_made(run);
    let mut text: String = open.iter().map(|open| not_known(run, open, being_made)).collect();
    let merges = Outlook::new(&queue, &submissions, &owner).merges;
    let next = merges.iter().find(|(_, token)| submissions.goes_on(token));
    if let Some((job, _)) = next {
        text += &format!("the merge, {job}, first submits the shards that no job has had\n");
    }
    Ok(Notes { text, goes_on: next.is_some() })
}

fn not_known(run: &RunDir, open: &NotKnown, being_made: bool) -> String {
    let what = match open.shards.as_str() {
        "" => "the merge".into(),
        shards => format!("an array of shards {shards}"),
    };
    if being_made {
        return format!("{what} is being submitted: sbatch has not answered yet\n");
    }
    let reason = open.reason.as_deref().unwrap_or("`submit` was ended before sbatch answered");
    format!(
        "it is not known whether {what} was submitted: {reason}; {} submit {} looks in the queue \
         before it submits anything\n",
        program(),
        folder(run)
    )
}

/// Asks the queue what of a run waits or runs.
pub(super) fn ask_queue(
    owner: &Owner,
    known: &Submissions,
    (force, words): (bool, &Words),
) -> Result<Outlook> {
    let queue = queue().map(|queue| Outlook::new(&queue, known, owner));
    let done = words.verb.done;
    let question = format!("which shards are queued, without which some might be {done} twice");
    or_forced(queue, force, &question, ("that nothing is", Outlook::default()))
}

/// The array jobs that reach some shards.
pub(super) fn cut(run: &RunDir, missing: &BTreeSet<u32>, force: bool) -> Result<Vec<Chunk>> {
    let missing: Vec<u32> = missing.iter().copied().collect();
    if missing.is_empty() {
        return Ok(Vec::new());
    }
    let question = "how large an array may be (MaxArraySize)";
    let usual = ("Slurm's default, 1001", USUAL_MAX_ARRAY_SIZE);
    let limit = or_forced(max_array_size(), force, question, usual)?;
    if limit == 0 {
        let folder = folder(run);
        bail!(
            "MaxArraySize is 0: this cluster takes no array jobs; next, in a job of your own: \
             {} run {folder} --shard {}",
            program(),
            ranges(&missing)
        );
    }
    Ok(chunks(&missing, limit))
}

/// An answer of Slurm's; with --force, what is assumed where there is none.
fn or_forced<T>(
    answer: Result<T, SlurmError>,
    force: bool,
    question: &str,
    assumed: (&str, T),
) -> Result<T> {
    match answer {
        Ok(answer) => Ok(answer),
        Err(error) if force => {
            complain(&format!("otfhpc: warning: {error}; --force: assuming {}", assumed.0));
            Ok(assumed.1)
        }
        Err(error @ SlurmError::NotFound { .. }) => bail!("{error}"),
        Err(error) => {
            bail!("cannot ask {question}: {error}; try again when Slurm answers, or add --force")
        }
    }
}

fn submitted(job: &str, chunk: &Chunk) -> String {
    let offset = match chunk.offset {
        0 => String::new(),
        offset => format!(" (tasks {}, each plus {offset})", chunk.tasks()),
    };
    format!("{:<11}{job}: shards {}{offset}\n", "array", ranges(&chunk.shards))
}
