//! `otfhpc run`: fits one shard, or some.

use std::sync::Arc;

use anyhow::{Result, bail};
use rayon::ThreadPool;

use crate::otf::study::MOST_THREADS;
use crate::runner::engine::{
    Profile, ShardEnd, TaskError, ThreadCount, Worker, Workload, allow_open_files,
};
use crate::runner::plan::{BoundPlan, Build, MemoryError};
use crate::runner::slurm::{Environment, ranges};
use crate::runner::store::RunDir;
use crate::runner::store::{Origin, Partial, Why};

use super::args::{RunArgs, ThreadArgs, count};
use super::display::{Display, complain, folder, program, say};
use super::exit::{Exit, Volume};
use super::profile_table::profile_table;
use super::report::{Totalled, elsewhere, exit_of, stopped, summary};
use super::session::Session;
use super::signals::{Signals, preempted, wait_for_the_end};
use super::task_log::TaskLog;
use super::{frozen, message, needs, requeue};

pub(super) fn command(args: &RunArgs, volume: Volume) -> Result<Exit> {
    let log = TaskLog::begin();
    let ended = work(args, volume, log);
    if let Err(error) = &ended {
        let message = message(error);
        log.end(&if error.is::<MemoryError>() {
            Why::Memory { message }
        } else {
            Why::Error { message }
        });
    }
    ended
}

fn work(args: &RunArgs, volume: Volume, log: TaskLog) -> Result<Exit> {
    Build::look_ahead();
    let profile = Arc::new(Profile::new(args.profile));
    let (signals, requeued) = (Signals::obey()?, requeue::is_wanted()?);
    let slurm = environment()?;
    let session = Session::open(RunDir::new(&args.folder))?;
    let Session { run, plan, workload } = &session;
    let shards = chosen_shards(args, &slurm, plan, run)?;
    frozen::check(run, plan, &args.binary, volume)?;
    session.check_room(&shards)?;
    if shards.iter().any(|shard| !run.partial(*shard).exists()) {
        let threads = thread_count(&args.threads, &slurm)?.threads;
        needs::check_task(&workload.needs(plan), threads, &slurm)?;
    }
    let pool = thread_pool(&args.threads, &slurm, volume)?;
    let at_once = external_jobs(&args.threads, &pool)?;
    allow_files(&pool, at_once, volume);
    let started = (at_once, origin(&slurm));
    let worker = Worker::checked(run, plan, &**workload, &pool, started)?;
    if volume > Volume::Quiet {
        say(&workload.source_line());
    }
    let mut worker = worker.obeying(signals.stop.clone()).telling(profile.clone());
    let fitted = fit_shards(&mut worker, &shards, volume)?;
    tell(&**workload, &fitted, pool.current_num_threads(), volume)?;
    tell_profile(&profile, &**workload, &pool, volume);
    if !fitted.left.is_empty() {
        let (program, folder, left) = (program(), folder(run), ranges(&fitted.left));
        let go_on = format!("{program} run {folder} --shard {left}");
        complain(&stopped(run, &fitted, signals.name(), &go_on));
        let why = signals.stop.why();
        log.end(&why);
        // Not after scancel or Ctrl-C: whoever sends those does not want it to start again.
        if requeued && signals.is_warning() {
            requeue::requeue(&slurm);
        } else if let Some(left) = preempted(&why) {
            complain("otfhpc: a more important job is to have this place: waiting for Slurm");
            wait_for_the_end(left);
        }
    } else if !fitted.elsewhere.is_empty() {
        log.end(&Why::Elsewhere);
    }
    Ok(exit_of(&fitted))
}

/// Tells what was fitted.
pub(super) fn tell(
    workload: &dyn Workload,
    fitted: &Totalled,
    threads: usize,
    volume: Volume,
) -> Result<()> {
    if volume > Volume::Quiet {
        for trouble in &fitted.journal_trouble {
            complain(&format!("otfhpc: warning: the journal is not whole: {trouble}"));
        }
        for changed in &fitted.changed {
            complain(&format!("otfhpc: warning: {changed}"));
        }
        say(&summary(workload, fitted, threads)?);
    }
    Ok(())
}

/// Tells where the time went, if anybody asked.
pub(super) fn tell_profile(
    profile: &Profile,
    workload: &dyn Workload,
    pool: &ThreadPool,
    volume: Volume,
) {
    if profile.is_wanted() && volume > Volume::Quiet {
        say(&profile_table(profile, workload, pool.current_num_threads()));
    }
}

/// Slurm's variables.
pub(super) fn environment() -> Result<Environment> {
    Ok(Environment::read(|name| std::env::var(name).ok())?)
}

/// Where Slurm started this process, if it did.
pub(super) fn origin(slurm: &Environment) -> Origin {
    Origin { job: slurm.job.clone(), node: slurm.node.clone() }
}

/// How many worker threads there are to be.
pub(super) fn thread_count(args: &ThreadArgs, slurm: &Environment) -> Result<ThreadCount> {
    let count = ThreadCount::choose(&[
        (args.threads.map(|n| n as usize), "--threads"),
        (count_variable("OTFHPC_THREADS")?, "OTFHPC_THREADS"),
        (slurm.cpus_per_task, "SLURM_CPUS_PER_TASK"),
        (slurm.share_of_node, "SLURM_CPUS_ON_NODE"),
    ]);
    if count.threads > MOST_THREADS as usize {
        let ThreadCount { threads, source, .. } = count;
        bail!("{threads} threads ({source}): expected 1 to {MOST_THREADS}; set --threads");
    }
    Ok(count)
}

/// The worker threads, with a warning where they are more than the processors.
pub(super) fn thread_pool(
    args: &ThreadArgs,
    slurm: &Environment,
    volume: Volume,
) -> Result<ThreadPool> {
    let count = thread_count(args, slurm)?;
    if let Some(warning) = count.warning().filter(|_| volume > Volume::Quiet) {
        complain(&format!("otfhpc: warning: {warning}"));
    }
    Ok(count.pool()?)
}

/// How many programs run at once.
pub(super) fn external_jobs(args: &ThreadArgs, pool: &ThreadPool) -> Result<usize> {
    let given = args.external_jobs.map(|n| n as usize);
    let given = given.or(count_variable("OTFHPC_EXTERNAL_JOBS")?);
    Ok(given.unwrap_or(pool.current_num_threads()))
}

/// Allows as many open files as may be needed, with a warning where that is not allowed.
pub(super) fn allow_files(pool: &ThreadPool, programs_at_once: usize, volume: Volume) {
    let warning = allow_open_files(pool.current_num_threads(), programs_at_once);
    if let Some(warning) = warning.filter(|_| volume > Volume::Quiet) {
        complain(&format!("otfhpc: warning: {warning}"));
    }
}

fn count_variable(name: &str) -> Result<Option<usize>> {
    let Ok(text) = std::env::var(name) else { return Ok(None) };
    match count(&text, MOST_THREADS) {
        Ok(threads) => Ok(Some(threads as usize)),
        Err(expected) => bail!("{name} is `{text}`: {expected}, or unset it"),
    }
}

fn chosen_shards(
    args: &RunArgs,
    slurm: &Environment,
    plan: &BoundPlan,
    run: &RunDir,
) -> Result<Vec<u32>> {
    let shards = plan.shards.numbers();
    let (given, chosen) = match (&args.shard, slurm.array_task) {
        (Some(list), _) => ("--shard", list.0.clone()),
        (None, Some(task)) => ("SLURM_ARRAY_TASK_ID", vec![slurm.shard(task, shards, run.root())?]),
        (None, None) => bail!(
            "which shard? give --shard K, from 0 to {}, or start an array with \
             `otfhpc submit`, which sets SLURM_ARRAY_TASK_ID",
            shards - 1
        ),
    };
    match chosen.iter().find(|shard| **shard >= shards) {
        None => Ok(chosen.into_iter().flat_map(|shard| plan.shards.in_place_of(shard)).collect()),
        Some(&shard) => {
            let root = run.root().to_path_buf();
            Err(TaskError::NoSuchShard { given, shard, shards, root }.into())
        }
    }
}

/// Fits shards one after another, each on all threads, with progress shown, until it is to stop.
pub(super) fn fit_shards(worker: &mut Worker, shards: &[u32], volume: Volume) -> Result<Totalled> {
    worker.profile.begun();
    let display = Display::start(worker.run, worker.plan, shards, volume)?;
    let mut totalled = Totalled::default();
    for (place, &shard) in shards.iter().enumerate() {
        if worker.stop.asked() {
            totalled.left = shards[place..].to_vec();
            break;
        }
        let workload = worker.workload;
        let announce = |done| display.announce(workload, done);
        let ending = worker.run_shard(shard, display.progress(), &announce)?;
        if let ShardEnd::AlreadyDone = ending {
            display.skip(shard);
        }
        if let ShardEnd::Stopped(_) = ending {
            totalled.left = shards[place..].to_vec();
        }
        if let ShardEnd::Elsewhere(last) = &ending {
            display.say(&elsewhere(workload.words(), shard, last.as_ref()));
            totalled.elsewhere.push(shard);
        }
        totalled.add(ending);
        if !totalled.left.is_empty() {
            break;
        }
    }
    display.finish();
    // Others may have finished theirs in the meantime.
    totalled.elsewhere.retain(|shard| Partial::check(worker.run, worker.plan, *shard).is_err());
    Ok(totalled)
}
