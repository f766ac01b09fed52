//! `otfhpc resume --failed`: takes failed units back, so that they count as missing.

use anyhow::{Result, bail};

use crate::runner::carry::{Failed, failed_units, survey, take_back};
use crate::runner::engine::{Mapping, Words, Workload};
use crate::runner::plan::{BoundPlan, Mended};
use crate::runner::store::{Owned, Partial, RunDir};

use super::args::ResumeArgs;
use super::display::say;
use super::exit::Volume;
use super::extend::{hand_over, settle};
use super::session::Session;
use super::{frozen, tried};

/// Takes failed units of the chosen methods back; with `--dry-run`, says what it would do. If files
/// of their programs changed, the plan is made anew with these. Programs are tried before; says
/// whether they were.
pub(super) fn take_failed_back(run: &RunDir, args: &ResumeArgs, volume: Volume) -> Result<bool> {
    let _owned = Owned::take(run)?;
    settle(run)?;
    let session = Session::open(run.clone())?;
    let Session { plan, workload, .. } = &session;
    frozen::check(run, plan, &args.binary, volume)?;
    let chosen = Chosen::new(&**workload, &args.methods)?;
    let failed = failed_units(run, plan, |column| chosen.has(column))?;
    let mended = with_files_of_now(&session)?;
    if let Some(mended) = &mended {
        chosen.check(&changed(&session, mended))?;
    }
    let is_open = |shard: &u32| Partial::check(run, plan, *shard).is_err();
    let tell = |text: &str| {
        if volume > Volume::Quiet || args.dry_run {
            say(text);
        }
    };
    tell(&told(workload.words(), &chosen.labels, &failed));
    if args.dry_run {
        return Ok(false);
    }
    let is_tried = failed.sum() > 0 && !args.untried;
    if is_tried {
        tried::try_all(&session, workload.words().verb.done, volume)?;
    }
    match mended {
        // Results of a program that changed, and none that failed: there is nothing to be mended.
        Some(new) if failed.sum() > 0 || plan.shards.live().iter().any(is_open) => {
            let mapping = Mapping::to_same(chosen.labels.clone(), |column| chosen.has(column));
            let kept = survey(run, plan, &mapping)?.kept;
            let (new, text) = with_record(&session, new, &kept);
            hand_over(run, (plan, &new), &mapping, workload.words())?;
            tell(&text);
        }
        None if failed.sum() > 0 => {
            plan.check_inputs()?;
            take_back(run, plan, &failed, |column| chosen.has(column))?;
        }
        _ => {}
    }
    Ok(is_tried)
}

/// The same plan, with the files of its programs as they are now; none if they are what they were.
fn with_files_of_now(session: &Session) -> Result<Option<BoundPlan>> {
    let Session { plan, workload, .. } = session;
    let now = workload.replanned()?;
    let programs = workload.programs();
    let is_of_one = |path| programs.iter().any(|program| program.files.contains(path));
    let is_changed = |input: &_| !now.inputs.contains(input);
    if plan.plan.inputs.iter().any(|input| is_changed(input) && !is_of_one(&input.path)) {
        plan.check_inputs()?;
    }
    Ok(plan.with(now.config, now.inputs))
}

/// A program whose files changed.
struct Changed {
    name: String,
    columns: Vec<usize>,
}

fn changed(session: &Session, new: &BoundPlan) -> Vec<Changed> {
    let old = &session.plan.plan;
    let programs = session.workload.programs().into_iter();
    let is_changed = programs.filter(|program| {
        old.inputs_among(&program.files) != new.plan.inputs_among(&program.files)
    });
    is_changed.map(|program| Changed { name: program.name, columns: program.columns }).collect()
}

/// The new plan, with what is kept of results of programs before they were mended; and the same in
/// words.
fn with_record(session: &Session, new: BoundPlan, kept: &[u64]) -> (BoundPlan, String) {
    let old = &session.plan.plan;
    let (mut record, mut text) = (old.mended.clone(), String::new());
    for program in session.workload.programs() {
        let before = old.inputs_among(&program.files);
        let kept_units = program.columns.iter().map(|column| kept[*column]).sum();
        if before != new.plan.inputs_among(&program.files) && kept_units > 0 {
            text += &format!(
                "{:<11}the program of {} changed: {kept_units} units that it had {} before are \
                 kept; provenance.json will tell\n",
                "mended",
                program.name,
                session.workload.words().verb.done
            );
            record.push(Mended { program: program.name, before, kept_units });
        }
    }
    (new.with_mended(record), text)
}

/// The methods whose failed units are fitted again.
struct Chosen<'a> {
    labels: Vec<String>,
    /// As typed; none means all.
    names: &'a [String],
}

impl<'a> Chosen<'a> {
    fn new(workload: &dyn Workload, names: &'a [String]) -> Result<Self> {
        let labels = workload.column_labels();
        let is_known = |name: &String| labels.iter().any(|label| named(label, name));
        if let Some(name) = names.iter().find(|name| !is_known(name)) {
            let all = labels.join(", ");
            bail!("--method {name}: this study has no such method; it has {all}");
        }
        Ok(Self { labels, names })
    }

    fn has(&self, column: usize) -> bool {
        let label = &self.labels[column];
        self.names.is_empty() || self.names.iter().any(|name| named(label, name))
    }

    /// Refuses a program that changed, of a method that was not named.
    fn check(&self, changed: &[Changed]) -> Result<()> {
        for Changed { name, columns } in changed {
            if columns.iter().any(|column| !self.has(*column)) {
                bail!(
                    "the program of {name} changed since the plan was made, and --method does not \
                     name it; put the old one back, or add --method {name} if it was mended"
                );
            }
        }
        Ok(())
    }
}

/// Whether a column is meant: by its label, or by that without what follows a plus.
fn named(label: &str, name: &str) -> bool {
    label == name || label.split_once('+').is_some_and(|(before, _)| before == name)
}

fn told(words: &Words, labels: &[String], failed: &Failed) -> String {
    if failed.sum() == 0 {
        let plain = words.verb.plain;
        return format!("{:<11}no unit failed: there is nothing to {plain} again\n", "failed");
    }
    let (mut text, done) = (String::new(), words.verb.done);
    for (label, (count, again)) in labels.iter().zip(failed.failed.iter().zip(&failed.again)) {
        if *again == 0 {
            continue;
        }
        let with = match again - count {
            0 => String::new(),
            more => format!(", with {more} others that are {done} together with them"),
        };
        let of = words.of_column(label);
        text += &format!("{:<11}{count} units{of} are {done} again{with}\n", "failed");
    }
    text
}
