//! `otfhpc plan`: decides what will run, and says how to submit it.

use std::fmt::Write as _;

use anyhow::Result;

use crate::data::{Resampling, survey};
use crate::foundations::run_dir::shard_of_partial;
use crate::foundations::{RunDir, Shown, files};
use crate::plan::{BoundPlan, DataSet, Plan, PlanError, RoomError, check_room};
use crate::shard::{Campaigns, Partial, PartialError, Phase, Profile, journals, set_aside};
use crate::slurm::{
    JobOptions, all_of, check_folder, quoted_path, settle_id, submit_all, write_scripts,
};
use crate::study::{Config, ProgramSettings, Study};

use super::args::{PlanArgs, SettingsArgs};
use super::display::{complain, counted, program, say};
use super::extend::extend;
use super::jobs::tell_copy;
use super::source::source_line;
use super::{Exit, Volume, foretell, frozen, needs};

pub(super) fn command(args: &PlanArgs, volume: Volume) -> Result<Exit> {
    let run = RunDir::new(&args.settings.out);
    check_folder(&run)?;
    let room = |plan: &_, study: &_| look_for_room(&run, plan, study);
    let (plan, mut campaigns) =
        make(&args.settings, args.shards, &run, (&Profile::off(), volume), room)?;
    write_scripts(&run)?;
    if volume > Volume::Quiet {
        say(&describe(&plan, &run)?);
        if !args.no_probe {
            let lines = foretell::time(&plan, &plan.study()?, &mut campaigns)?;
            say(&format!("{:<11}{}\n", "time", lines.join(&format!("\n{:<11}", ""))));
        }
        let shards = plan.shards.numbers();
        let by_hand = submit_all(&run, shards).replace('\n', "\n  ");
        say(&format!(
            "next:\n  {} submit {}\nor by hand:\n  {by_hand}\nor here:\n  {}\n",
            program(),
            quoted_path(run.root()),
            run_here(&run, shards)
        ));
    }
    Ok(Exit::Done)
}

/// That there is too little room is no reason not to plan: it is told, and nothing is submitted.
fn look_for_room(run: &RunDir, plan: &BoundPlan, study: &Study) -> Result<()> {
    match check_room(run, plan, study, &plan.shards.live()) {
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
/// `room` looks at the plan before anything is written. Data sets that had to be read come with it.
pub(super) fn make(
    settings: &SettingsArgs,
    shards: u32,
    run: &RunDir,
    (profile, volume): (&Profile, Volume),
    room: impl FnOnce(&BoundPlan, &Study) -> Result<()>,
) -> Result<(BoundPlan, Campaigns)> {
    let config = Config::load(settings.config.as_deref(), &settings.assignments)?;
    let study = Study::new(&config)?;
    JobOptions::new(&config.slurm, &[])?;
    let (data_sets, campaigns) = profile.phase(Phase::Read, || survey_all(&config, &study))?;
    let plan = Plan::make(config, data_sets, shards)?.as_it_stands(run);
    room(&plan, &study)?;
    match settings.extend {
        true => extend(run, &plan, settings, volume)?,
        false => make_way(run, &plan, settings, volume)?,
    }
    let plan = plan.as_it_stands(run);
    if plan.disowns_revisions(run) {
        set_aside(run, &run.revisions())?;
    }
    plan.write(run)?;
    tell_copy(&settle_id(run)?);
    let plan = plan.revised(run)?;
    // Array tasks log here, and Slurm makes no folders.
    files::make_folder(&run.logs())?;
    Ok((plan, campaigns))
}

fn is_used(program: &ProgramSettings, labels: &[String]) -> bool {
    let name =
        |label: &String| label.split_once('+').map_or(label.clone(), |(name, _)| name.into());
    labels.iter().any(|label| label == "all" || name(label) == program.name)
}

fn survey_all(config: &Config, study: &Study) -> Result<(Vec<DataSet>, Campaigns)> {
    let (mut data_sets, mut campaigns) = (Vec::new(), Campaigns::default());
    for (index, &set) in study.sets.iter().enumerate() {
        let trials = (study.resampling, study.trials);
        let surveyed = survey(set, &study.recipe(config), trials)?;
        data_sets.push(DataSet { set, screening: surveyed.screening });
        if let Some(campaign) = surveyed.campaign {
            campaigns.put(study, index, campaign);
        }
    }
    Ok((data_sets, campaigns))
}

/// Results of the same plan and build stay and are used; those of another are in the way.
fn make_way(run: &RunDir, plan: &BoundPlan, settings: &SettingsArgs, volume: Volume) -> Result<()> {
    let replace = settings.replace;
    let old = BoundPlan::read(run).ok().filter(|old| old.hash == plan.hash);
    let partials = partials(run);
    let same_plan = old.is_some() || all_of_plan(run, plan, &partials);
    let builds = (&settings.binary, replace);
    if same_plan && !frozen::is_in_the_way(run, plan, old.as_ref(), &partials, builds)? {
        return Ok(());
    }
    let products: Vec<_> = run.products().into_iter().filter(|p| p.exists()).collect();
    if partials.len() + products.len() > 0 && !replace {
        let (partials, products) = (partials.len(), products.len());
        return Err(PlanError::InTheWay { root: run.root().into(), partials, products }.into());
    }
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
fn partials(run: &RunDir) -> Vec<u32> {
    let Ok(entries) = std::fs::read_dir(run.partials()) else { return Vec::new() };
    let names = entries.flatten().map(|e| e.file_name().to_string_lossy().into_owned());
    names.filter_map(|name| shard_of_partial(&name)).collect()
}

/// Whether sound results of this plan are there and none of another: only `plan.json` is lost or
/// damaged, and comes back.
fn all_of_plan(run: &RunDir, plan: &BoundPlan, shards: &[u32]) -> bool {
    let read: Vec<_> = shards.iter().map(|shard| Partial::read(run, plan, *shard)).collect();
    let foreign = |r: &Result<_, _>| matches!(r, Err(PartialError::OtherPlan { .. }));
    read.iter().any(Result::is_ok) && !read.iter().any(foreign)
}

/// A table of what will run.
pub(super) fn describe(plan: &BoundPlan, run: &RunDir) -> Result<String> {
    let study = plan.study()?;
    let config = &plan.plan.config;
    let mut text = source_line(plan);
    let mut line = |name: &str, value: String| writeln!(text, "{name:<11}{value}");
    line("plan", format!("{} ({})", Shown(&run.plan()), plan.hash.short()))?;
    for data_set in &plan.plan.data_sets {
        line("data set", format!("{}: {}", data_set.set, data_set.screening))?;
    }
    let methods: Vec<_> = study.methods.iter().map(|m| m.label.as_str()).collect();
    line("methods", format!("{}; constraint {}", methods.join(", "), config.fit.constraint))?;
    let unused = config.method.iter().filter(|program| !is_used(program, &config.fit.methods));
    let unused: Vec<_> = unused.map(|program| program.name.as_str()).collect();
    if !unused.is_empty() {
        line("not used", format!("{}: not in fit.methods", unused.join(", ")))?;
    }
    if study.resampling != Resampling::None {
        let word = if study.resampling == Resampling::Bootstrap { "bootstrap" } else { "folds" };
        line("trials", format!("{} ({word})", study.trials))?;
    }
    if config.data.source == crate::data::settings::Source::Simulate {
        let levels: Vec<_> = study.noise_levels.iter().map(|level| format!("{level:e}")).collect();
        line("noise", format!("{}; trials {}", levels.join(", "), study.trials))?;
    }
    let (configurations, bins) = (study.configurations(), study.bins.len());
    let (grid, fitted) = (counted(configurations, "configuration"), counted(bins, "bin"));
    line("units", format!("{} = {grid} x {fitted}", study.units()))?;
    let live = plan.shards.live();
    let sizes = live.iter().filter_map(|shard| plan.shards.units(*shard));
    let sizes: Vec<u64> = sizes.map(|units| units.end - units.start).collect();
    let (least, most) = (sizes.iter().min().unwrap_or(&0), sizes.iter().max().unwrap_or(&0));
    let each = match least == most {
        true => counted(*most, "unit"),
        false => format!("{least} to {most} units"),
    };
    line("shards", format!("{}, {each} each", sizes.len()))?;
    for (first, needed) in needs::memory(plan, &study).into_iter().enumerate() {
        line(if first == 0 { "memory" } else { "" }, needed)?;
    }
    Ok(text)
}
