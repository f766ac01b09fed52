//! `otfhpc plan --extend`: a larger study takes over the results of a smaller one.

use anyhow::{Result, bail};

use crate::foundations::threads;
use crate::runner::carry::{CarryError, Taken, complete, take_over, tidy};
use crate::runner::engine::{KeptColumn, Mapping, Words, Workload};
use crate::runner::plan::BoundPlan;
use crate::runner::slurm::{Owner, Submissions, ranges};
use crate::runner::store::RunDir;

use crate::workloads;

use super::args::SettingsArgs;
use super::display::{complain, program, say};
use super::exit::Volume;
use super::frozen;
use super::jobs::ask_queue;

/// Puts a plan in the place of the smaller one in a folder, with its results.
pub(super) fn extend(
    run: &RunDir,
    plan: &BoundPlan,
    workload: &dyn Workload,
    settings: &SettingsArgs,
    volume: Volume,
) -> Result<()> {
    settle(run)?;
    let (old, _) = workloads::open(run)?;
    frozen::check(run, &old, &settings.binary, volume)?;
    if old.hash == plan.hash {
        // The same once more, perhaps because it was killed.
        tidy(run, plan)?;
        return finish(run, &plan.clone().revised(run)?, workload).map(|_| ());
    }
    let grows = workload.words().grows;
    let mapping = workload.extension(&old, plan).map_err(|differences| {
        CarryError::NotAnExtension { root: run.root().into(), differences, grows }
    })?;
    let taken = hand_over(run, (&old, plan), &mapping, workload.words())?;
    if volume > Volume::Quiet {
        say(&told((&old, plan), workload.words(), &mapping, &taken));
    }
    Ok(())
}

/// Puts a plan in the place of another, with what is kept of its results.
pub(super) fn hand_over(
    run: &RunDir,
    (old, new): (&BoundPlan, &BoundPlan),
    mapping: &Mapping,
    words: &Words,
) -> Result<Taken> {
    refuse_queued(run, old, words)?;
    let taken = take_over(run, old, new, mapping)?;
    let (plan, workload) = workloads::open(run)?;
    finish(run, &plan, &*workload)?;
    Ok(taken)
}

/// Leaves the partials of shards of which nothing is left to be fitted.
fn finish(run: &RunDir, plan: &BoundPlan, workload: &dyn Workload) -> Result<u32> {
    let pool = threads::pool(1)?;
    Ok(complete(run, plan, workload, &pool)?)
}

/// Revisions of an earlier plan are what is left where this was killed in between.
pub(super) fn settle(run: &RunDir) -> Result<(), CarryError> {
    if BoundPlan::has_foreign_revisions(run)? {
        crate::runner::store::set_aside(run, &run.revisions())?;
    }
    Ok(())
}

/// Tasks of the earlier plan that wait would do shards of the new one without anybody's asking.
fn refuse_queued(run: &RunDir, old: &BoundPlan, words: &Words) -> Result<()> {
    let submissions = Submissions::read(run)?;
    if !run.submissions().exists() {
        return Ok(());
    }
    match ask_queue(&Owner::new(&old.hash, run)?, &submissions, (false, words)) {
        Err(error) => complain(&format!("otfhpc: warning: {error:#}; what waits is not known")),
        Ok(outlook) if outlook.shards.is_empty() => {}
        Ok(outlook) => {
            let shards: Vec<u32> = outlook.shards.iter().copied().collect();
            let jobs: Vec<String> = outlook.arrays.iter().cloned().collect();
            bail!(
                "shards {} of the earlier plan wait or run; end them with `scancel {}`, or wait \
                 until they are done (`{} status --watch`), and try again",
                ranges(&shards),
                jobs.join(" "),
                program()
            );
        }
    }
    Ok(())
}

/// What was taken over, and why some was not.
fn told(
    (old, new): (&BoundPlan, &BoundPlan),
    words: &Words,
    mapping: &Mapping,
    taken: &Taken,
) -> String {
    let mut text = format!(
        "{:<11}{} units of the earlier plan ({}) are kept, {} are to be {}\n",
        "extended",
        taken.sum(),
        old.hash.short(),
        new.plan.units - taken.sum(),
        words.verb.done
    );
    for (column, again) in mapping.columns.iter().zip(&taken.again).filter(|(_, n)| **n > 0) {
        let KeptColumn { label, why, .. } = column;
        let (of, done) = (words.of_column(label), words.verb.done);
        text += &format!("{:<11}{again} units{of} are {done} again: {why}\n", "");
    }
    text
}
