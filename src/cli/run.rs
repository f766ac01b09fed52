//! `otfhpc run`: fits one shard, or some.

use anyhow::{Result, bail};
use rayon::ThreadPool;

use crate::foundations::RunDir;
use crate::plan::BoundPlan;
use crate::shard::{Ending, TaskError, ThreadCount, Worker};
use crate::slurm::Environment;

use super::args::{RunArgs, ThreadArgs};
use super::display::{Display, complain, say};
use super::report::{Totalled, exit_of, summary};
use super::{Exit, Volume};

pub(super) fn command(args: &RunArgs, volume: Volume) -> Result<Exit> {
    let slurm = environment()?;
    let run = RunDir::new(&args.folder);
    let plan = BoundPlan::read(&run)?;
    let shards = chosen_shards(args, &slurm, &plan, &run)?;
    let pool = thread_pool(&args.threads, &slurm, volume)?;
    let at_once = external_jobs(&args.threads, &pool)?;
    let worker = Worker::new(&run, &plan, &pool, at_once, slurm.job)?;
    let fitted = fit_shards(worker, &shards, volume)?;
    if volume > Volume::Quiet {
        say(&summary(&plan, &fitted, pool.current_num_threads())?);
    }
    Ok(exit_of(&fitted))
}

/// Slurm's variables.
pub(super) fn environment() -> Result<Environment> {
    Ok(Environment::read(|name| std::env::var(name).ok())?)
}

/// The worker threads, with a warning where they are more than the processors.
pub(super) fn thread_pool(
    args: &ThreadArgs,
    slurm: &Environment,
    volume: Volume,
) -> Result<ThreadPool> {
    let count = ThreadCount::choose(&[
        (args.threads.map(|n| n as usize), "--threads"),
        (count_variable("OTFHPC_THREADS")?, "OTFHPC_THREADS"),
        (slurm.cpus_per_task, "SLURM_CPUS_PER_TASK"),
    ]);
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

fn count_variable(name: &str) -> Result<Option<usize>> {
    let Ok(text) = std::env::var(name) else { return Ok(None) };
    match text.parse() {
        Ok(count) if count > 0 => Ok(Some(count)),
        _ => bail!("{name} is `{text}`: expected a whole number, 1 or more, or unset it"),
    }
}

fn chosen_shards(
    args: &RunArgs,
    slurm: &Environment,
    plan: &BoundPlan,
    run: &RunDir,
) -> Result<Vec<u32>> {
    let shards = plan.plan.shards.len();
    let (given, chosen) = match (&args.shard, slurm.array_task) {
        (Some(list), _) => ("--shard", list.0.clone()),
        (None, Some(task)) => ("SLURM_ARRAY_TASK_ID", vec![slurm.shard(task, shards, run.root())?]),
        (None, None) => bail!(
            "which shard? give --shard K, from 0 to {}, or start an array with \
             `sbatch slurm/otf_array.sh`, which sets SLURM_ARRAY_TASK_ID",
            shards - 1
        ),
    };
    match chosen.iter().find(|shard| **shard >= shards) {
        None => Ok(chosen),
        Some(&shard) => {
            let root = run.root().to_path_buf();
            Err(TaskError::NoSuchShard { given, shard, shards, root }.into())
        }
    }
}

/// Fits shards one after another, each on all threads, with progress shown.
pub(super) fn fit_shards(mut worker: Worker, shards: &[u32], volume: Volume) -> Result<Totalled> {
    let display = Display::start(worker.run, worker.plan, shards, volume)?;
    let mut totalled = Totalled::default();
    for &shard in shards {
        let ending = worker.run_shard(shard, display.progress(), &|done| display.announce(done))?;
        if let Ending::AlreadyDone = ending {
            display.skip(shard);
        }
        totalled.add(ending);
    }
    display.finish();
    Ok(totalled)
}
