//! `otfhpc submit`: submits what is left of a plan to Slurm, and the merge after it.

use std::collections::BTreeSet;

use anyhow::{Context, Result};

use crate::foundations::RunDir;
use crate::plan::{BoundPlan, check_room};
use crate::shard::Partial;
use crate::slurm::{Owner, Real, Recorder, Submissions};

use super::args::SubmitArgs;
use super::display::{folder, program, say};
use super::jobs::{Group, Jobs, Maker, ask_queue, cut};
use super::{Exit, Volume, frozen, tried};

pub(super) fn command(args: &SubmitArgs, volume: Volume) -> Result<Exit> {
    let run = RunDir::new(&args.folder);
    let plan = BoundPlan::read(&run)?;
    plan.check_inputs()?;
    let owner = Owner::new(&plan.hash, &run);
    let any_binary = frozen::check(&run, &plan, &args.binary, volume)?;
    check_room(&run, &plan, &plan.study()?, &plan.shards.live())?;
    let maker = Maker::new(&run, &plan, &args.sbatch_args, any_binary)?;
    if args.dry_run {
        let submissions = Submissions::read(&run)?;
        let left = Left::find(&run, &plan, &owner, &submissions, args)?;
        left.jobs.rehearse(&maker, &owner, submissions.next_number())?;
        say(&left.summary());
        return Ok(Exit::Done);
    }
    let mut recorder = Recorder::open(&run)?;
    let left = Left::find(&run, &plan, &owner, recorder.submissions(), args)?;
    if left.jobs.shards() > 0 && !args.untried {
        tried::try_all(&run, &plan, "submitted", volume)?;
    }
    if left.jobs.needs_merge() {
        maker.prepare()?;
    }
    if volume > Volume::Quiet {
        say(&left.summary());
    }
    let mut real = Real { owner: &owner, recorder: &mut recorder };
    left.jobs.submit(&maker, &mut real, volume).with_context(|| unfinished(&run))?;
    if volume > Volume::Quiet {
        say(&next(&run, &left.jobs));
    }
    Ok(Exit::Done)
}

/// What is left to do.
struct Left {
    jobs: Jobs,
    /// Shards in the plan.
    shards: usize,
    /// Shards with a sound partial.
    done: usize,
}

impl Left {
    /// The queue is asked before the partials are read: a shard whose task ends in between is
    /// then known twice, and not, the other way round, not at all.
    fn find(
        run: &RunDir,
        plan: &BoundPlan,
        owner: &Owner,
        submissions: &Submissions,
        args: &SubmitArgs,
    ) -> Result<Self> {
        let outlook = ask_queue(owner, submissions, args.force)?;
        let live = plan.shards.live();
        let shards = live.len();
        let is_done = |shard: &u32| Partial::read(run, plan, *shard).is_ok();
        let left: BTreeSet<u32> = live.into_iter().filter(|shard| !is_done(shard)).collect();
        let missing: BTreeSet<u32> = left.difference(&outlook.shards).copied().collect();
        let (options, chunks) = (args.sbatch_args.clone(), cut(run, &missing, args.force)?);
        let group = Some(Group { options, chunks }).filter(|group| !group.chunks.is_empty());
        let merge = outlook.merge_of_all(submissions).map(str::to_owned);
        let merged = left.is_empty() && run.products().iter().all(|product| product.exists());
        let jobs = Jobs { groups: group.into_iter().collect(), outlook, merge, merged };
        Ok(Self { jobs, shards, done: shards - left.len() })
    }

    /// One line on the shards; one on the merge, if it is there.
    fn summary(&self) -> String {
        let missing = self.jobs.shards();
        let queued = (self.shards - self.done).saturating_sub(missing);
        let mut text = format!(
            "{:<11}{}: {} done, {queued} in the queue, {missing} to submit\n",
            "shards", self.shards, self.done
        );
        if let Some(job) = self.jobs.merge.as_ref().filter(|_| !self.jobs.needs_merge()) {
            text += &format!("{:<11}{job} is in the queue: nothing to submit\n", "merge");
        }
        text
    }
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

fn next(run: &RunDir, jobs: &Jobs) -> String {
    let (program, folder) = (program(), folder(run));
    match jobs.merged {
        true => format!("nothing to submit: {} and beside it\n", run.solution().display()),
        false => format!(
            "next:\n  {program} status {folder}\nand if the merge says that something is missing:\n  \
             {program} resume {folder}\n"
        ),
    }
}
