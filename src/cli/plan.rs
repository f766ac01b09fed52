//! `otfhpc plan`: decides what will run, and says how to submit it.

use anyhow::Result;

use crate::foundations::files::{self, plain};
use crate::foundations::{Shown, threads};
use crate::runner::engine::{Phase, Profile};
use crate::runner::plan::{BoundPlan, Build, Plan};
use crate::runner::slurm::{
    JobOptions, all_of, check_folder, quoted_path, seconds_of_limit, settle_id, submit_all,
    warned_before, write_scripts,
};
use crate::runner::store::{
    Owned, Partial, PartialError, PlanError, RoomError, RunDir, journals, set_aside,
    shard_of_partial,
};
use crate::workloads::{self, OpenError};

use super::args::{PlanArgs, SettingsArgs, shards_of};
use super::display::{complain, counted, program, say};
use super::exit::{Exit, Volume};
use super::extend::extend;
use super::jobs::tell_copy;
use super::session::Session;
use super::{foretell, frozen, needs, sources};

pub(super) fn command(args: &PlanArgs, volume: Volume) -> Result<Exit> {
    let run = RunDir::new(&args.settings.out);
    check_folder(&run)?;
    let off = Profile::off();
    let session = make(&args.settings, args.shards, run, (&off, volume), look_for_room)?;
    let Session { run, plan, workload } = &session;
    write_scripts(run)?;
    if volume > Volume::Quiet {
        say(&describe(&session));
        let lines = if args.no_probe { Vec::new() } else { foretell::time(plan, &**workload)? };
        if !lines.is_empty() {
            say(&format!("{:<11}{}\n", "time", lines.join(&format!("\n{:<11}", ""))));
        }
        let shards = plan.shards.numbers();
        let by_hand = submit_all(run, shards).replace('\n', "\n  ");
        say(&format!(
            "next:\n  {} submit {}\nor by hand:\n  {by_hand}\nor here:\n  {}\n",
            program(),
            quoted_path(run.root()),
            run_here(run, shards)
        ));
    }
    Ok(Exit::Done)
}

/// That there is too little room is no reason not to plan: it is told, and nothing is submitted.
fn look_for_room(session: &Session) -> Result<()> {
    match session.check_room(&session.plan.shards.live()) {
        Err(problem @ RoomError::Space { .. }) => {
            complain(&format!("otfhpc: warning: {problem}"));
            Ok(())
        }
        checked => Ok(checked?),
    }
}

/// The commands that do without Slurm.
fn run_here(run: &RunDir, shards: u32) -> String {
    let folder = quoted_path(run.root());
    let (program, all) = (program(), all_of(shards));
    format!("{program} run {folder} --shard {all} && {program} merge {folder}")
}

/// Makes the plan that the settings ask for and writes it, unless that would lose results.
///
/// `room` looks at the plan before anything is written.
pub(super) fn make(
    settings: &SettingsArgs,
    shards: Option<u32>,
    run: RunDir,
    (profile, volume): (&Profile, Volume),
    room: impl FnOnce(&Session) -> Result<()>,
) -> Result<Session> {
    run.check_kinds()?;
    let given = sources::given(&settings.source)?;
    let workload = sources::placed(&given, workloads::load(&given))?;
    let planned = profile.phase(Phase::Read, || workload.planned());
    let planned = sources::placed(&given, planned)?;
    JobOptions::new(&planned.launch, &[])?;
    let shards = shards_of(shards, planned.layout.pieces());
    let plan = Plan::make(planned, shards, Build::running()?).map_err(PlanError::from)?;
    let plan = BoundPlan { settings_from: sources::settings_from(&given), ..plan };
    let plan = plan.as_it_stands(&run)?;
    let session = Session { run, plan, workload };
    room(&session)?;
    let Session { run, plan, workload } = session;
    files::make_folder(run.root())?;
    let owned = Owned::take(&run)?;
    owned.remove_leftovers(&run)?;
    if settings.extend {
        extend(&run, &plan, &*workload, settings, volume)?;
    } else {
        make_way(&run, &plan, settings, (&owned, volume))?;
    }
    let plan = plan.as_it_stands(&run)?;
    if plan.disowns_revisions(&run) {
        set_aside(&run, &run.revisions())?;
    }
    if BoundPlan::hash_in(&run)?.is_some_and(|there| there != plan.hash) {
        owned.refuse_tasks(&run)?;
    }
    // Each waits for the disk.
    let (written, id) = threads::both(|| plan.write(&run), || settle_id(&run));
    written?;
    tell_copy(&id?);
    let plan = plan.revised(&run)?;
    // Array tasks log here, and Slurm makes no folders.
    plain::make_folder(&run.logs())?;
    Ok(Session { run, plan, workload })
}

/// Results of the same plan and build stay and are used; those of another are in the way.
fn make_way(
    run: &RunDir,
    plan: &BoundPlan,
    settings: &SettingsArgs,
    (owned, volume): (&Owned, Volume),
) -> Result<()> {
    let replace = settings.replace;
    let old = match workloads::open(run) {
        Ok((old, _)) => Some(old).filter(|old| old.hash == plan.hash),
        Err(OpenError::Plan(PlanError::File(error))) => return Err(error.into()),
        // It is damaged, or of another version.
        Err(_) => None,
    };
    let partials = partials(run)?;
    let same_plan = old.is_some() || all_of_plan(run, plan, &partials);
    let builds = (&settings.binary, replace);
    if same_plan && !frozen::is_in_the_way(run, plan, old.as_ref(), &partials, builds)? {
        return Ok(());
    }
    let products: Vec<_> = run.all_products().into_iter().filter(|p| p.exists()).collect();
    if partials.len() + products.len() > 0 && !replace {
        let (partials, products) = (partials.len(), products.len());
        return Err(PlanError::InTheWay { root: run.root().into(), partials, products }.into());
    }
    owned.refuse_tasks(run)?;
    let begun = journals(run)?.len();
    let moved = [(partials.len(), "partial"), (begun, "journal"), (products.len(), "product")];
    let moved = moved.iter().filter(|(count, _)| *count > 0);
    let moved: Vec<String> = moved.map(|(count, thing)| counted(*count, thing)).collect();
    let folders = [(partials.len(), run.partials()), (begun, run.journals())];
    let folders = folders.into_iter().filter(|(count, _)| *count > 0).map(|(_, folder)| folder);
    for path in folders.chain(products) {
        set_aside(run, &path)?;
    }
    if !moved.is_empty() && volume > Volume::Quiet {
        let aside = run.set_aside();
        let moved = moved.join(", ");
        complain(&format!("otfhpc: moved {moved} of another plan or build to {}", Shown(&aside)));
    }
    Ok(())
}

/// The shards that have something in the place of a partial.
fn partials(run: &RunDir) -> Result<Vec<u32>> {
    let names = plain::read_folder(&run.partials())?.into_iter().flatten();
    Ok(names.filter_map(|name| shard_of_partial(&name.to_string_lossy())).collect())
}

/// Whether sound results of this plan are there and none of another: only `plan.json` is lost or
/// damaged, and comes back.
fn all_of_plan(run: &RunDir, plan: &BoundPlan, shards: &[u32]) -> bool {
    let read: Vec<_> = shards.iter().map(|shard| Partial::check(run, plan, *shard)).collect();
    let foreign = |r: &Result<_, _>| matches!(r, Err(PartialError::OtherPlan { .. }));
    read.iter().any(Result::is_ok) && !read.iter().any(foreign)
}

/// That one unit may take longer than a task has before it is told to end: it would begin anew each
/// time.
fn too_long(session: &Session) -> Option<String> {
    let limit = seconds_of_limit(session.plan.launch.time.as_deref()?)?;
    let before_warning = limit.saturating_sub(warned_before(limit));
    let longest = session.workload.longest_unit()?.as_secs();
    (longest > before_warning).then(|| {
        format!(
            "warning: one unit may take {longest} s, and a task has {before_warning} s before it is \
             told to end (slurm.time): such a unit would begin anew each time"
        )
    })
}

/// A table of what will run.
pub(super) fn describe(session: &Session) -> String {
    let Session { run, plan, workload } = session;
    let mut text = workload.source_line();
    let mut line = |name: &str, value: &str| text += &format!("{name:<11}{value}\n");
    line("plan", &format!("{} ({})", Shown(&run.plan()), plan.hash.short()));
    if let Some(files) = sources::in_a_line(&plan.settings_from) {
        line("settings", &files);
    }
    for (name, value) in workload.description() {
        line(name, &value);
    }
    let live = plan.shards.live();
    let sizes: Vec<u64> = live.iter().map(|shard| plan.units_of(*shard)).collect();
    let (least, most) = (sizes.iter().min().unwrap_or(&0), sizes.iter().max().unwrap_or(&0));
    let each =
        if least == most { counted(*most, "unit") } else { format!("{least} to {most} units") };
    line("shards", &format!("{}, {each} each", sizes.len()));
    if let Some(warning) = too_long(session) {
        line("", &warning);
    }
    let has_programs = !workload.programs().is_empty();
    let not_counted = has_programs.then_some(workload.words().not_counted);
    let memory = needs::memory(plan, &workload.needs(plan), not_counted);
    for (place, needed) in memory.iter().enumerate() {
        line(if place == 0 { "memory" } else { "" }, needed);
    }
    text
}
