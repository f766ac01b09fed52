//! `otfhpc resume`: submits what is missing again, each as its cause asks for; or finishes here.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, bail};

use crate::foundations::RunDir;
use crate::life::{
    Life, Limits, Remedy, ShardState, Slurm, State, failing_nodes, look, megabytes, memory_of,
    next_options, remedy,
};
use crate::plan::{BoundPlan, Memory, Split, check_room};
use crate::shard::{Claim, Partial, claim, results_so_far};
use crate::slurm::{Owner, Real, Recorder, Submissions, ranges};

use super::args::ResumeArgs;
use super::display::{folder, program, say};
use super::jobs::{Group, Jobs, Maker, ask_queue, cut};
use super::needs::USUAL_THREADS;
use super::source::source_line;
use super::{Exit, Volume, frozen, here, refit, tried};

pub(super) fn command(args: &ResumeArgs, volume: Volume) -> Result<Exit> {
    let run = RunDir::new(&args.folder);
    let was_tried = args.failed && refit::take_failed_back(&run, args, volume)?;
    if args.failed && args.dry_run {
        return Ok(Exit::Done);
    }
    if args.local {
        return here::finish(&run, args, volume);
    }
    let plan = BoundPlan::read(&run)?;
    plan.check_inputs()?;
    let any_binary = frozen::check(&run, &plan, &args.binary, volume)?;
    check_room(&run, &plan, &plan.study()?, &plan.shards.live())?;
    let owner = Owner::new(&plan.hash, &run);
    if args.dry_run {
        let submissions = Submissions::read(&run)?;
        let mended = Mended::find(&run, &plan, &owner, &submissions, args)?;
        let maker = Maker::new(&run, &mended.plan, &args.sbatch_args, any_binary)?;
        mended.jobs.rehearse(&maker, &owner, submissions.next_number())?;
        say(&mended.told);
        return Ok(mended.exit);
    }
    let mut recorder = Recorder::open(&run)?;
    let mended = Mended::find(&run, &plan, &owner, recorder.submissions(), args)?;
    let maker = Maker::new(&run, &mended.plan, &args.sbatch_args, any_binary)?;
    if volume > Volume::Quiet {
        say(&mended.told);
    }
    if mended.jobs.shards() > 0 && !args.untried && !was_tried {
        tried::try_all(&run, &plan, "submitted", volume)?;
    }
    if mended.is_worth_it() {
        maker.prepare()?;
        mended.plan.write_revisions(&run)?;
        let mut real = Real { owner: &owner, recorder: &mut recorder };
        mended.jobs.submit(&maker, &mut real, volume).with_context(|| unfinished(&run))?;
    }
    if volume > Volume::Quiet {
        say(&next(&run, &mended));
    }
    Ok(mended.exit)
}

/// What would mend a run.
struct Mended {
    /// The plan, with shards cut into more.
    plan: BoundPlan,
    jobs: Jobs,
    /// What is done about what, in lines.
    told: String,
    /// Whether all shards are done.
    is_complete: bool,
    exit: Exit,
    /// Nobody else works on the shards that are cut while this is there.
    _claims: Vec<Claim>,
}

impl Mended {
    fn find(
        run: &RunDir,
        plan: &BoundPlan,
        owner: &Owner,
        submissions: &Submissions,
        args: &ResumeArgs,
    ) -> Result<Self> {
        // The queue before the files: see `submit`.
        let outlook = ask_queue(owner, submissions, args.force)?;
        let mut life = look(run, plan)?;
        if let (Slurm::Silent(error), false) = (&life.slurm, args.force) {
            bail!("cannot ask what became of the tasks: {error}; try again, or add --force");
        }
        for shard in &mut life.shards {
            if outlook.shards.contains(&shard.shard) && shard.state != State::Done {
                shard.state = State::Waiting;
            }
        }
        let mut remedies = Remedies::new(run, plan, &life, args)?;
        remedies.sort_all()?;
        let Remedies { plan, groups, told, held, claims, .. } = remedies;
        let cut = |(options, shards): (Vec<String>, BTreeSet<u32>)| {
            Ok(Group { options, chunks: cut(run, &shards, args.force)? })
        };
        let groups = groups.into_iter().map(cut).collect::<Result<_>>()?;
        let is_complete = life.shards.iter().all(|shard| shard.state == State::Done);
        let merge = outlook.merge_of_all(submissions).map(str::to_owned);
        let merged = is_complete && run.products().iter().all(|product| product.exists());
        let jobs = Jobs { groups, outlook, merge, merged };
        let told = source_line(&plan) + &summary(&life, jobs.shards(), held) + &told;
        let exit = if held > 0 { Exit::Incomplete } else { Exit::Done };
        Ok(Self { plan, jobs, told, is_complete, exit, _claims: claims })
    }
}

impl Mended {
    /// Whether a merge would have anything new to look at.
    fn is_worth_it(&self) -> bool {
        let live = !self.jobs.outlook.arrays.is_empty();
        self.jobs.needs_merge() && (self.is_complete || live || self.jobs.shards() > 0)
    }
}

/// The remedies of all shards, as they are found.
struct Remedies<'a> {
    run: &'a RunDir,
    life: &'a Life,
    args: &'a ResumeArgs,
    limits: Limits,
    plan: BoundPlan,
    /// Shards by the options that they are submitted with.
    groups: BTreeMap<Vec<String>, BTreeSet<u32>>,
    told: String,
    held: usize,
    claims: Vec<Claim>,
}

impl<'a> Remedies<'a> {
    fn new(
        run: &'a RunDir,
        plan: &BoundPlan,
        life: &'a Life,
        args: &'a ResumeArgs,
    ) -> Result<Self> {
        let failing = failing_nodes(&life.shards, &hosts(run, plan, life));
        let launched = plan.launch.memory.as_deref().and_then(megabytes);
        let threads = plan.launch.cpus_per_task.map_or(USUAL_THREADS, |n| u64::from(n.get()));
        let estimate = Memory::of(&plan.plan, &plan.study()?).of_task(threads).div_ceil(1 << 20);
        let limits = Limits { attempts: args.attempts, memory: launched, estimate, failing };
        let (plan, groups, claims) = (plan.clone(), BTreeMap::new(), Vec::new());
        Ok(Self { run, life, args, limits, plan, groups, told: String::new(), held: 0, claims })
    }

    /// Finds a remedy for every shard; those with the same one are told together.
    fn sort_all(&mut self) -> Result<()> {
        let mut alike: BTreeMap<String, Vec<u32>> = BTreeMap::new();
        let mut by_number: Vec<&ShardState> = self.life.shards.iter().collect();
        by_number.sort_by_key(|shard| shard.shard);
        for shard in by_number {
            if let Some(line) = self.sort(shard)? {
                alike.entry(line).or_default().push(shard.shard);
            }
        }
        let mut alike: Vec<(Vec<u32>, String)> = alike.into_iter().map(|(l, s)| (s, l)).collect();
        alike.sort_unstable();
        for (shards, line) in alike {
            let word = if shards.len() == 1 { "shard" } else { "shards" };
            self.told += &format!("{word} {}: {line}\n", ranges(&shards));
        }
        Ok(())
    }

    /// Finds a remedy for one shard, and says what it is.
    fn sort(&mut self, shard: &ShardState) -> Result<Option<String>> {
        let last = self.life.history.of(shard.shard).map(|had| had.options.clone());
        let last = last.unwrap_or_default();
        let memory = memory_of(&last).or(self.limits.memory);
        let remedy = remedy(shard, &Limits { memory, ..self.limits.clone() });
        let cause = match &shard.cause {
            Some(cause) => format!("{}, {cause}", shard.state),
            None => shard.state.to_string(),
        };
        let line = match &remedy {
            Remedy::Nothing => return Ok(None),
            Remedy::Hold(reason) => {
                self.held += 1;
                return Ok(Some(format!("not retried: {reason}")));
            }
            Remedy::Split(parts) => return self.split(shard, *parts, &last).map(Some),
            Remedy::Again => format!("{cause}: once more"),
            Remedy::Memory(megabytes) => format!("{cause}: with {megabytes}M of memory"),
            Remedy::Without(node) => format!("{cause}: without {node}"),
        };
        let options = next_options(&self.args.sbatch_args, &last, &remedy);
        self.groups.entry(options).or_default().insert(shard.shard);
        Ok(Some(line))
    }

    /// Cuts a shard, if it can be cut and nobody works on it.
    fn split(&mut self, shard: &ShardState, parts: u32, last: &[String]) -> Result<String> {
        let number = shard.shard;
        let Some(claim) = claim(self.run, number)? else {
            return Ok("is being fitted by another process".into());
        };
        let done = results_so_far(self.run, &self.plan, number)?;
        let study = self.plan.study()?;
        let cuts = self.plan.shards.cut(&study, number, |unit| done.has(unit), parts);
        let options = next_options(&self.args.sbatch_args, last, &Remedy::Again);
        let Some(cuts) = cuts else {
            return Ok(self.give_time(number, options));
        };
        let first = self.plan.shards.numbers();
        let split = Split { shard: number, reason: "time limit".into(), first, cuts };
        let parts: Vec<u32> = split.parts().collect();
        self.plan.cut(vec![split])?;
        self.claims.push(claim);
        let told = format!("time limit: cut into shards {}", ranges(&parts));
        self.groups.entry(options).or_default().extend(parts);
        Ok(told)
    }

    /// What is left is one piece: only more time would help.
    fn give_time(&mut self, shard: u32, options: Vec<String>) -> String {
        let has_time = |word: &String| word.starts_with("--time=") || word.starts_with("-t");
        if self.args.sbatch_args.iter().any(has_time) {
            self.groups.entry(options).or_default().insert(shard);
            return "time limit: once more with the time that you give".into();
        }
        self.held += 1;
        "not retried: one piece of work takes longer than the time limit; give more with \
         --sbatch-arg=--time=TIME"
            .into()
    }
}

/// The machines that finished shards; looked up only if there are failures to judge.
fn hosts(run: &RunDir, plan: &BoundPlan, life: &Life) -> BTreeSet<String> {
    let failed = |shard: &&ShardState| matches!(shard.state, State::Failed | State::Unknown);
    if life.shards.iter().find(failed).is_none() {
        return BTreeSet::new();
    }
    let done = life.shards.iter().filter(|shard| shard.state == State::Done);
    let host =
        |shard: &ShardState| Some(Partial::read(run, plan, shard.shard).ok()?.provenance.host);
    done.filter_map(host).collect()
}

fn summary(life: &Life, submitted: usize, held: usize) -> String {
    let count =
        |states: &[State]| life.shards.iter().filter(|shard| states.contains(&shard.state)).count();
    let (done, queued) = (count(&[State::Done]), count(&[State::Waiting, State::Running]));
    let held = if held > 0 { format!(", {held} not retried") } else { String::new() };
    format!(
        "{:<11}{}: {done} done, {queued} in the queue or running, {submitted} to submit{held}\n",
        "shards",
        life.shards.len()
    )
}

/// What to do after an error between two jobs.
fn unfinished(run: &RunDir) -> String {
    let (program, folder) = (program(), folder(run));
    format!(
        "not everything was submitted; next, when the cause is mended: {program} resume {folder}"
    )
}

fn next(run: &RunDir, mended: &Mended) -> String {
    let (program, folder) = (program(), folder(run));
    if mended.jobs.merged {
        return format!("nothing to resume: {} and beside it\n", run.solution().display());
    }
    let mut text = format!("next:\n  {program} status {folder}\n");
    if mended.exit == Exit::Incomplete {
        text += &format!(
            "what is not retried is fitted when its cause is mended, by\n  {program} submit {folder}\n\
             or here, by\n  {program} resume {folder} --local\n"
        );
    }
    text
}
