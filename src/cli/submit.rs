//! `otfhpc submit`: submits what is left of a plan to Slurm, and the merge after it.

use anyhow::{Context, Result, bail};

use crate::foundations::RunDir;
use crate::plan::BoundPlan;
use crate::shard::Partial;
use crate::slurm::{
    Chunk, JobOptions, Launcher, Outlook, Owner, Real, Recorder, Rehearsal, SlurmError,
    Submissions, Submitter, chunks, max_array_size, queue, ranges,
};

use super::args::SubmitArgs;
use super::display::{complain, folder, program, say};
use super::{Exit, Volume};

/// `MaxArraySize` where Slurm's settings do not say otherwise.
const USUAL_MAX_ARRAY_SIZE: u32 = 1001;

pub(super) fn command(args: &SubmitArgs, volume: Volume) -> Result<Exit> {
    let run = RunDir::new(&args.folder);
    let plan = BoundPlan::read(&run)?;
    plan.check_inputs()?;
    let owner = Owner::new(&plan.hash, &run);
    let options = JobOptions::new(&plan.launch, &args.sbatch_args)?;
    let executable = std::env::current_exe().context("cannot find the path of this program")?;
    let launcher = Launcher::new(&run, executable, options)?;
    if args.dry_run {
        let submissions = Submissions::read(&run)?;
        let left = Left::find(&run, &plan, &owner, &submissions, args.force)?;
        rehearse(&launcher, &owner, &left, submissions.next_number())?;
        return Ok(Exit::Done);
    }
    let mut recorder = Recorder::open(&run)?;
    let left = Left::find(&run, &plan, &owner, recorder.submissions(), args.force)?;
    if left.needs_merge() {
        launcher.prepare()?;
    }
    let mut real = Real { owner: &owner, launcher: &launcher, recorder: &mut recorder };
    if volume > Volume::Quiet {
        say(&left.summary());
    }
    submit(&mut real, &left, volume).with_context(|| unfinished(&run))?;
    if volume > Volume::Quiet {
        say(&next(&run, &left));
    }
    Ok(Exit::Done)
}

/// What is left to do.
struct Left {
    /// The array jobs to submit.
    chunks: Vec<Chunk>,
    /// What waits or runs.
    outlook: Outlook,
    /// A merge that is in the queue and waits for all of it.
    merge: Option<String>,
    /// Shards in the plan.
    shards: u32,
    /// Shards with a sound partial.
    done: u32,
    /// All are done, and merged.
    merged: bool,
}

impl Left {
    /// The queue is asked before the partials are read: a shard whose task ends in between is
    /// then known twice, and not, the other way round, not at all.
    fn find(
        run: &RunDir,
        plan: &BoundPlan,
        owner: &Owner,
        submissions: &Submissions,
        force: bool,
    ) -> Result<Self> {
        let queue = queue().map(|queue| Outlook::new(&queue, submissions, owner));
        let question = "which shards are queued, without which some might be fitted twice";
        let nothing = ("that nothing is", Outlook::default());
        let outlook = or_forced(queue, force, question, nothing)?;
        let live = plan.shards.live();
        let shards = live.len() as u32;
        let (done, left): (Vec<u32>, Vec<u32>) =
            live.into_iter().partition(|shard| Partial::read(run, plan, *shard).is_ok());
        let mut missing: Vec<u32> =
            left.iter().copied().filter(|shard| !outlook.shards.contains(shard)).collect();
        missing.sort_unstable();
        let chunks = if missing.is_empty() { Vec::new() } else { cut(run, &missing, force)? };
        let merge = outlook.merge_of_all(submissions).map(str::to_owned);
        let merged = left.is_empty() && run.products().iter().all(|product| product.exists());
        Ok(Self { chunks, outlook, merge, shards, done: done.len() as u32, merged })
    }

    /// One line on the shards; one on the merge, if it is there.
    fn summary(&self) -> String {
        let missing: usize = self.chunks.iter().map(|chunk| chunk.shards.len()).sum();
        let queued = u64::from(self.shards - self.done).saturating_sub(missing as u64);
        let mut text = format!(
            "{:<11}{}: {} done, {queued} in the queue, {missing} to submit\n",
            "shards", self.shards, self.done
        );
        if let Some(job) = self.merge.as_ref().filter(|_| !self.needs_merge()) {
            text += &format!("{:<11}{job} is in the queue: nothing to submit\n", "merge");
        }
        text
    }

    /// Whether there is anything to submit: whatever it is, a merge comes after it.
    fn needs_merge(&self) -> bool {
        !self.merged && (self.merge.is_none() || !self.chunks.is_empty())
    }
}

/// The array jobs that reach the missing shards.
fn cut(run: &RunDir, missing: &[u32], force: bool) -> Result<Vec<Chunk>> {
    let question = "how large an array may be (MaxArraySize)";
    let usual = ("Slurm's default, 1001", USUAL_MAX_ARRAY_SIZE);
    let limit = or_forced(max_array_size(), force, question, usual)?;
    if limit == 0 {
        let folder = folder(run);
        bail!(
            "MaxArraySize is 0: this cluster takes no array jobs; next, in a job of your own: \
             {} run {folder} --shard {}",
            program(),
            ranges(missing)
        );
    }
    Ok(chunks(missing, limit))
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
        Err(error) => {
            bail!("cannot ask {question}: {error}; try again when Slurm answers, or add --force")
        }
    }
}

/// Submits the arrays, and then the merge: it must wait for all of them.
fn submit(submitter: &mut impl Submitter, left: &Left, volume: Volume) -> Result<()> {
    let mut after: Vec<String> = left.outlook.arrays.iter().cloned().collect();
    for chunk in &left.chunks {
        let job = submitter.array(chunk)?;
        if volume > Volume::Quiet {
            say(&submitted(&job, chunk));
        }
        after.push(job);
    }
    if left.needs_merge() {
        let job = submitter.merge(&after)?;
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

/// What to do after an error between two jobs.
fn unfinished(run: &RunDir) -> String {
    format!(
        "not everything was submitted; next, when the cause is mended: {} submit {}, which submits \
         only what is left",
        program(),
        folder(run)
    )
}

fn submitted(job: &str, chunk: &Chunk) -> String {
    let offset = match chunk.offset {
        0 => String::new(),
        offset => format!(" (tasks {}, each plus {offset})", chunk.tasks()),
    };
    format!("{:<11}{job}: shards {}{offset}\n", "array", ranges(&chunk.shards))
}

/// Prints what would be submitted, ready to be typed.
fn rehearse(launcher: &Launcher, owner: &Owner, left: &Left, number: u64) -> Result<()> {
    let mut rehearsal = Rehearsal { owner, launcher, number, lines: Vec::new() };
    submit(&mut rehearsal, left, Volume::Quiet)?;
    let mut text = String::new();
    if !rehearsal.lines.is_empty() {
        for (path, script) in launcher.scripts() {
            text += &format!("### {}\n{script}\n", path.display());
        }
    }
    for line in rehearsal.lines {
        text += &(line + "\n");
    }
    say(&(text + &left.summary()));
    Ok(())
}

fn next(run: &RunDir, left: &Left) -> String {
    let (program, folder) = (program(), folder(run));
    match left.merged {
        true => format!("nothing to submit: {} and beside it\n", run.solution().display()),
        false => format!(
            "next:\n  {program} status {folder}\nand if the merge says that something is missing:\n  \
             {program} submit {folder}\n"
        ),
    }
}
