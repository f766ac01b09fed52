//! The jobs of a run: what is in the queue, what is submitted, and the merge after it. What
//! `submit` and `resume` have in common.

use std::collections::BTreeSet;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};

use crate::foundations::RunDir;
use crate::plan::BoundPlan;
use crate::slurm::{
    Chunk, JobOptions, Launcher, Outlook, Owner, Rehearsal, SlurmError, Submissions, Submitter,
    chunks, max_array_size, queue, ranges,
};
use crate::study::LaunchSettings;

use super::Volume;
use super::display::{complain, folder, program, say};

/// `MaxArraySize` where Slurm's settings do not say otherwise.
const USUAL_MAX_ARRAY_SIZE: u32 = 1001;

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
        let options = JobOptions::new(self.launch, options)?;
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

    /// Submits the arrays, and then the merge: it must wait for all of them.
    pub(super) fn submit(
        &self,
        maker: &Maker,
        submitter: &mut impl Submitter,
        volume: Volume,
    ) -> Result<()> {
        let mut after: Vec<String> = self.outlook.arrays.iter().cloned().collect();
        for group in &self.groups {
            let launcher = maker.launcher(&group.options)?;
            for chunk in &group.chunks {
                let job = submitter.array(&launcher, chunk)?;
                if volume > Volume::Quiet {
                    say(&submitted(&job, chunk));
                }
                after.push(job);
            }
        }
        if self.needs_merge() {
            let job = submitter.merge(&maker.launcher(maker.given)?, &after)?;
            if volume > Volume::Quiet {
                let when = match after.as_slice() {
                    [] => "at once, since all shards are done".into(),
                    jobs => format!("after {}", jobs.join(", ")),
                };
                say(&format!("{:<11}{job}: {when}\n", "merge"));
            }
        }
        Ok(())
    }

    /// Prints what would be submitted, ready to be typed.
    pub(super) fn rehearse(&self, maker: &Maker, owner: &Owner, number: u64) -> Result<()> {
        let mut rehearsal = Rehearsal { owner, number, lines: Vec::new() };
        self.submit(maker, &mut rehearsal, Volume::Quiet)?;
        let mut text = String::new();
        if !rehearsal.lines.is_empty() {
            for (path, script) in maker.launcher(maker.given)?.scripts() {
                text += &format!("### {}\n{script}\n", path.display());
            }
        }
        for line in rehearsal.lines {
            text += &(line + "\n");
        }
        say(&text);
        Ok(())
    }
}

/// Asks the queue what of a run waits or runs.
pub(super) fn ask_queue(owner: &Owner, known: &Submissions, force: bool) -> Result<Outlook> {
    let queue = queue().map(|queue| Outlook::new(&queue, known, owner));
    let question = "which shards are queued, without which some might be fitted twice";
    or_forced(queue, force, question, ("that nothing is", Outlook::default()))
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
