//! `otfhpc resume`: submits what is missing again, each as its cause asks for; or finishes here.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Error, Result, bail};

use crate::foundations::Shown;
use crate::runner::life::{Life, Remedy, ShardState, Slurm, State, look, next_options};
use crate::runner::plan::{BoundPlan, Split};
use crate::runner::slurm::{Owner, Real, SlurmError, SubmissionLog, Submissions, ranges};
use crate::runner::store::RunDir;
use crate::runner::store::{Claim, claim, results_so_far};

use super::args::ResumeArgs;
use super::display::{complain, folder, program, say};
use super::exit::{Exit, Volume};
use super::jobs::{
    Group, Jobs, Later, Maker, ask_queue, cut, owner_of, settle_all, tell_submission,
};
use super::prospects::Bounds;
use super::session::Session;
use super::{frozen, here, refit, tried};

pub(super) fn command(args: &ResumeArgs, volume: Volume) -> Result<Exit> {
    let run = RunDir::new(&args.folder);
    let was_tried = args.failed && refit::take_failed_back(&run, args, volume)?;
    if args.failed && args.dry_run {
        return Ok(Exit::Done);
    }
    if args.local {
        return here::finish(&run, args, volume);
    }
    let session = Session::open(run)?;
    let Session { run, plan, .. } = &session;
    plan.check_inputs()?;
    let any_binary = frozen::check(run, plan, &args.binary, volume)?;
    session.check_room(&plan.shards.live())?;
    if args.dry_run {
        let (submissions, owner) = (Submissions::read(run)?, Owner::new(&plan.hash, run)?);
        let mended = Remedied::find(&session, &owner, &submissions, args)?;
        let maker = Maker::new(run, &mended.plan, &args.sbatch_args, any_binary)?;
        say(&mended.told);
        if mended.is_worth_it() {
            mended.jobs.rehearse(&maker, &owner, submissions.next_number(), volume)?;
        }
        say(&next(&session, &mended, true));
        return Ok(mended.exit);
    }
    let owner = owner_of(run, plan)?;
    let mut recorder = SubmissionLog::open(run)?;
    settle_all(&mut recorder, &owner, args.force, volume)?;
    let mended = Remedied::find(&session, &owner, recorder.submissions(), args)?;
    let maker = Maker::new(run, &mended.plan, &args.sbatch_args, any_binary)?;
    if volume > Volume::Quiet {
        say(&mended.told);
    }
    if mended.jobs.shards() > 0 && !args.untried && !was_tried {
        tried::try_all(&session, "submitted", volume)?;
    }
    if mended.is_worth_it() {
        maker.prepare()?;
        mended.plan.check_stands(run)?;
        mended.plan.write_revisions(run)?;
        let mut tell = |told: crate::runner::slurm::Told| tell_submission(told, volume);
        let mut real = Real { owner: &owner, recorder: &mut recorder, tell: &mut tell };
        let outcome =
            mended.jobs.submit(&maker, &mut real, volume).with_context(|| unfinished(run))?;
        if let Some(refusal) = outcome.refusal {
            complain(&format!("otfhpc: there may be no more jobs: {refusal}\n{}", unfinished(run)));
            return Ok(Exit::Incomplete);
        }
    }
    if volume > Volume::Quiet {
        say(&next(&session, &mended, false));
    }
    Ok(mended.exit)
}

/// What would mend a run.
struct Remedied {
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

impl Remedied {
    fn find(
        session: &Session,
        owner: &Owner,
        submissions: &Submissions,
        args: &ResumeArgs,
    ) -> Result<Self> {
        let Session { run, plan, .. } = session;
        // The queue before the files: see `submit`.
        let outlook = ask_queue(owner, submissions, (args.force, session.workload.words()))?;
        let mut life = look(run, plan)?;
        match &life.slurm {
            Slurm::Silent(error @ SlurmError::NotFound { .. }) if !args.force => bail!("{error}"),
            Slurm::Silent(error) if !args.force => {
                bail!("cannot ask what became of the tasks: {error}; try again, or add --force");
            }
            _ => {}
        }
        // A merge that is to submit the shards that no job has had will do so.
        let goes_on = outlook.merges.iter().any(|(_, token)| submissions.goes_on(token));
        for shard in &mut life.shards {
            let is_to_come = goes_on && shard.state == State::NotStarted && shard.submitted == 0;
            let is_queued = outlook.shards.contains(&shard.shard) && shard.state != State::Done;
            if is_to_come || is_queued {
                shard.state = State::Waiting;
            }
        }
        let mut remedies = Remedies::new(session, &life, args);
        remedies.sort_all()?;
        let Remedies { plan, groups, told, held, claims, .. } = remedies;
        let cut = |(options, shards): (Vec<String>, BTreeSet<u32>)| {
            Ok(Group { options, chunks: cut(run, &shards, args.force)? })
        };
        let groups = groups.into_iter().map(cut).collect::<Result<_>>()?;
        let is_complete = life.shards.iter().all(|shard| shard.state == State::Done);
        let merge = outlook.merge_of_all(submissions).map(str::to_owned);
        let merged = is_complete && session.is_merged();
        let later = Later::default();
        let jobs = Jobs { groups, outlook, merge, merged, later };
        let told = session.workload.source_line() + &summary(&life, jobs.shards(), held) + &told;
        let exit = if held > 0 { Exit::Incomplete } else { Exit::Done };
        Ok(Self { plan, jobs, told, is_complete, exit, _claims: claims })
    }
}

impl Remedied {
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
    bounds: Bounds<'a>,
    plan: BoundPlan,
    /// Shards by the options that they are submitted with.
    groups: BTreeMap<Vec<String>, BTreeSet<u32>>,
    told: String,
    held: usize,
    claims: Vec<Claim>,
}

impl<'a> Remedies<'a> {
    fn new(session: &'a Session, life: &'a Life, args: &'a ResumeArgs) -> Self {
        Self {
            run: &session.run,
            life,
            args,
            bounds: Bounds::new(session, life, args.attempts, &args.sbatch_args),
            plan: session.plan.clone(),
            groups: BTreeMap::new(),
            told: String::new(),
            held: 0,
            claims: Vec::new(),
        }
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
        let remedy = self.bounds.remedy(shard);
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
            Remedy::Split(parts) => return self.split(shard, *parts).map(Some),
            Remedy::Again => format!("{cause}: once more"),
            Remedy::Memory(memory) => format!("{cause}: with {}", memory.option()),
            Remedy::Without(node) => format!("{cause}: without {node}"),
        };
        let options = self.options(shard.shard, &remedy);
        self.groups.entry(options).or_default().insert(shard.shard);
        Ok(Some(line))
    }

    /// The options that a shard is submitted with.
    fn options(&self, shard: u32, remedy: &Remedy) -> Vec<String> {
        let Bounds { settings, .. } = &self.bounds;
        let (given, last) = (&self.args.sbatch_args, self.bounds.last_options(shard));
        next_options(settings, self.bounds.cpus(), given, last, remedy)
    }

    /// Cuts a shard, if it can be cut and nobody works on it.
    fn split(&mut self, shard: &ShardState, parts: u32) -> Result<String> {
        let number = shard.shard;
        let Some(claim) = claim(self.run, number)? else {
            return Ok("another process is at work on it".into());
        };
        let done = results_so_far(self.run, &self.plan, number)?;
        let plan = &self.plan;
        let cuts = plan.shards.cut(&plan.layout, number, |unit| done.has(unit), parts);
        let options = self.options(number, &Remedy::Again);
        let Some(cuts) = cuts else {
            return Ok(self.give_time(number, options));
        };
        let first = self.plan.shards.numbers();
        let split = Split { shard: number, reason: "time limit".into(), first, cuts };
        let parts: Vec<u32> = split.parts().collect();
        self.plan.cut(vec![split]).map_err(Error::msg)?;
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

/// What to do next; after a rehearsal, the same without it.
fn next(session: &Session, mended: &Remedied, is_rehearsal: bool) -> String {
    let (program, folder) = (program(), folder(&session.run));
    if mended.jobs.merged {
        return format!("nothing to resume: {} and beside it\n", Shown(&session.main_product()));
    }
    let mut text = String::new();
    if is_rehearsal && mended.is_worth_it() {
        text += &format!("next, which does it:\n  {program} resume {folder}\n");
    } else if mended.is_worth_it() || !mended.jobs.outlook.is_empty() {
        text += &format!("next:\n  {program} status {folder}\n");
    }
    if mended.exit == Exit::Incomplete {
        let done = session.workload.words().verb.done;
        text += &format!(
            "what is not retried is {done} when its cause is mended, by\n  {program} submit {folder}\n\
             or here, by\n  {program} resume {folder} --local\n"
        );
    }
    text
}
