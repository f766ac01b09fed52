//! `otfhpc submit`: submits what is left of a plan to Slurm, and the merge after it.

use std::collections::BTreeSet;

use anyhow::{Context, Result, bail};

use crate::foundations::Shown;
use crate::runner::slurm::{
    History, Outlook, Owner, Real, SubmissionLog, Submissions, Token, ranges,
};
use crate::runner::store::Partial;
use crate::runner::store::RunDir;

use super::args::SubmitArgs;
use super::display::{complain, counted, folder, program, say};
use super::exit::{Exit, Volume};
use super::jobs::{
    Group, Jobs, LEAST_AT_MOST, Later, Maker, SubmitOutcome, ask_queue, cut, owner_of, settle_all,
    tell_submission,
};
use super::merge::merge_and_report;
use super::run::environment;
use super::session::Session;
use super::{frozen, needs, tried};

pub(super) fn command(args: &SubmitArgs, volume: Volume) -> Result<Exit> {
    let session = Session::open(RunDir::new(&args.folder))?;
    let Session { run, plan, workload } = &session;
    plan.check_inputs()?;
    let any_binary = frozen::check(run, plan, &args.binary, volume)?;
    session.check_room(&plan.shards.live())?;
    needs::check_asked(plan, &workload.needs(plan), &args.sbatch_args)?;
    let maker = Maker::new(run, plan, &args.sbatch_args, any_binary)?;
    if args.dry_run {
        let (submissions, owner) = (Submissions::read(run)?, Owner::new(&plan.hash, run)?);
        let left = Left::find(&session, &owner, &submissions, args)?;
        say(&left.summary());
        left.jobs.rehearse(&maker, &owner, submissions.next_number(), volume)?;
        return Ok(Exit::Done);
    }
    let owner = owner_of(run, plan)?;
    let mut recorder = SubmissionLog::open(run)?;
    settle_all(&mut recorder, &owner, args.force, volume)?;
    let left = Left::find(&session, &owner, recorder.submissions(), args)?;
    if args.rest && left.is_over() {
        // This is the merge: all that was to be submitted has been.
        drop(recorder);
        return merge_and_report(&session, volume);
    }
    if left.jobs.shards() > 0 && !args.untried {
        tried::try_all(&session, "submitted", volume)?;
    }
    if left.jobs.needs_merge() {
        maker.prepare()?;
    }
    if volume > Volume::Quiet {
        say(&left.summary());
    }
    let mut tell = |told: crate::runner::slurm::Told| tell_submission(told, volume);
    let mut real = Real { owner: &owner, recorder: &mut recorder, tell: &mut tell };
    let outcome = left.jobs.submit(&maker, &mut real, volume).with_context(|| unfinished(run))?;
    if let Some(refusal) = &outcome.refusal {
        complain(&refused(run, &outcome, refusal));
    }
    if volume > Volume::Quiet {
        say(&next(&session, &left.jobs));
    }
    let is_stuck = outcome.lacks_merge || (!outcome.left.is_empty() && !outcome.goes_on);
    Ok(if is_stuck { Exit::Incomplete } else { Exit::Done })
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
        session: &Session,
        owner: &Owner,
        submissions: &Submissions,
        args: &SubmitArgs,
    ) -> Result<Self> {
        let Session { run, plan, .. } = session;
        let mut outlook = ask_queue(owner, submissions, (args.force, session.workload.words()))?;
        // The job that this process is does not wait for what it submits.
        let own = environment()?.job;
        let others = outlook.merges.len();
        outlook.merges.retain(|(job, _)| Some(job) != own.as_ref());
        let is_merge = outlook.merges.len() < others;
        let live = plan.shards.live();
        let shards = live.len();
        let mut left = BTreeSet::new();
        for shard in live {
            if !Partial::is_sound(run, plan, shard)? {
                left.insert(shard);
            }
        }
        let mut missing: BTreeSet<u32> = left.difference(&outlook.shards).copied().collect();
        if args.rest {
            let history = History::new(submissions, owner);
            missing.retain(|shard| history.of(*shard).is_none());
        }
        let later = later(args, &mut missing, &outlook, is_merge)?;
        let (options, chunks) = (args.sbatch_args.clone(), cut(run, &missing, args.force)?);
        let group = Some(Group { options, chunks }).filter(|group| !group.chunks.is_empty());
        let merge = merge_of_all(&outlook, submissions, !later.shards.is_empty());
        let merged = left.is_empty() && session.is_merged();
        let jobs = Jobs { groups: group.into_iter().collect(), outlook, merge, merged, later };
        Ok(Self { jobs, shards, done: shards - left.len() })
    }

    /// Whether nothing waits, runs, or is to be submitted.
    fn is_over(&self) -> bool {
        let Jobs { groups, outlook, later, .. } = &self.jobs;
        groups.is_empty() && later.shards.is_empty() && outlook.arrays.is_empty()
    }

    /// One line on the shards; one on the merge, if it is there.
    fn summary(&self) -> String {
        let (missing, later) = (self.jobs.shards(), self.jobs.later.shards.len());
        let queued = (self.shards - self.done).saturating_sub(missing + later);
        let then = if later > 0 { format!(" now, {later} later") } else { String::new() };
        let mut text = format!(
            "{:<11}{}: {} done, {queued} in the queue, {missing} to submit{then}\n",
            "shards", self.shards, self.done
        );
        if let Some(job) = self.jobs.merge.as_ref().filter(|_| !self.jobs.needs_merge()) {
            text += &format!("{:<11}{job} is in the queue: nothing to submit\n", "merge");
        }
        text
    }
}

/// Takes from what is missing the shards for which there is no room in the queue now.
fn later(
    args: &SubmitArgs,
    missing: &mut BTreeSet<u32>,
    outlook: &Outlook,
    is_merge: bool,
) -> Result<Later> {
    let words = args.sbatch_args.iter().map(|word| format!("--sbatch-arg={word}"));
    let any = args.binary.any_binary.then(|| "--any-binary".to_owned());
    let arguments = Some(words.chain(any).collect());
    let mut later = Later { shards: Vec::new(), at_most: args.at_most, arguments };
    let Some(most) = args.at_most else { return Ok(later) };
    if most < LEAST_AT_MOST {
        bail!(
            "--at-most {most} is too little: expected {LEAST_AT_MOST} or more, since the merge that \
             goes on, and the one after it, are jobs too"
        );
    }
    // The merge after them, and this one.
    let taken = 1 + usize::from(is_merge) + outlook.shards.len();
    let room = (most as usize).saturating_sub(taken);
    if let Some(first) = missing.iter().nth(room).copied() {
        later.shards = missing.split_off(&first).into_iter().collect();
    }
    Ok(later)
}

/// A merge in the queue that waits for all array jobs that are there; and, if shards are left, one
/// that goes on with them.
fn merge_of_all(outlook: &Outlook, submissions: &Submissions, goes_on: bool) -> Option<String> {
    let waits_for_all = |token: &Token| {
        let after = submissions.waits_for(token).unwrap_or_default();
        outlook.arrays.iter().all(|job| after.contains(job))
    };
    let does = |token: &Token| waits_for_all(token) && (!goes_on || submissions.goes_on(token));
    outlook.merges.iter().find(|(_, token)| does(token)).map(|(job, _)| job.clone())
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

/// What was not accepted, because there may be no more jobs, and who goes on.
fn refused(run: &RunDir, outcome: &SubmitOutcome, refusal: &str) -> String {
    let (left, program, folder) = (&outcome.left, program(), folder(run));
    let mut text = format!("otfhpc: there may be no more jobs: {refusal}");
    if !left.is_empty() {
        text += &format!("\nleft for later: {} ({})", counted(left.len(), "shard"), ranges(left));
    }
    if outcome.goes_on {
        return text + ": the merge submits them when the others have ended";
    }
    if outcome.lacks_merge {
        text += "\nthe merge was not accepted either";
    }
    text + &format!("\nnext, when some jobs have ended: {program} submit {folder}")
}

fn next(session: &Session, jobs: &Jobs) -> String {
    let (program, folder) = (program(), folder(&session.run));
    if jobs.merged {
        return format!("nothing to submit: {} and beside it\n", Shown(&session.main_product()));
    }
    format!(
        "next:\n  {program} status {folder}\nand if the merge says that something is missing:\n  \
         {program} resume {folder}\n"
    )
}
