//! `otfhpc resume --failed`: takes failed units back, so that they count as missing.

use anyhow::{Result, bail};

use crate::carry::{Failed, Mapping, failed_units, survey, take_back};
use crate::foundations::RunDir;
use crate::plan::{BoundPlan, Mended};
use crate::shard::Partial;
use crate::study::{MethodChoice, Study};

use super::args::ResumeArgs;
use super::display::say;
use super::extend::{hand_over, settle};
use super::{Volume, frozen, tried};

/// Takes failed units of the chosen methods back; with `--dry-run`, says what it would do. If files
/// of their programs changed, the plan is made anew with these. Programs are tried before; says
/// whether they were.
pub(super) fn take_failed_back(run: &RunDir, args: &ResumeArgs, volume: Volume) -> Result<bool> {
    settle(run)?;
    let plan = BoundPlan::read(run)?;
    frozen::check(run, &plan, &args.binary, volume)?;
    let study = plan.study()?;
    let chosen = Chosen::new(&study, &args.methods)?;
    let failed = failed_units(run, &plan, |method| chosen.has(&study.methods[method]))?;
    let mended = plan.with_files_of_now()?;
    if let Some(mended) = &mended {
        chosen.check(&plan, mended)?;
    }
    let is_open = |shard: &u32| Partial::check(run, &plan, *shard).is_err();
    let tell = |text: &str| {
        if volume > Volume::Quiet || args.dry_run {
            say(text);
        }
    };
    tell(&told(&study, &failed));
    if args.dry_run {
        return Ok(false);
    }
    let is_tried = failed.sum() > 0 && !args.untried;
    if is_tried {
        tried::try_all(run, &plan, "fitted", volume)?;
    }
    match mended {
        // Results of a program that changed, and none that failed: there is nothing to be mended.
        Some(new) if failed.sum() > 0 || plan.shards.live().iter().any(is_open) => {
            let mapping = Mapping::to_mended(&plan, |method| chosen.has(method))?;
            let kept = survey(run, &plan, &mapping)?.kept;
            let (new, text) = with_record(&plan, new, &study, &kept);
            hand_over(run, &plan, &new, &mapping)?;
            tell(&text);
        }
        None if failed.sum() > 0 => {
            plan.check_inputs()?;
            take_back(run, &plan, &failed, |method| chosen.has(&study.methods[method]))?;
        }
        _ => {}
    }
    Ok(is_tried)
}

/// The new plan, with what is kept of results of programs before they were mended; and the same in
/// words.
fn with_record(
    old: &BoundPlan,
    new: BoundPlan,
    study: &Study,
    kept: &[u64],
) -> (BoundPlan, String) {
    let (mut record, mut text) = (old.plan.mended.clone(), String::new());
    for (was, is) in old.plan.config.method.iter().zip(&new.plan.config.method) {
        let before = old.plan.files_of(is);
        let methods = study.methods.iter().zip(kept);
        let of_it = methods.filter(|(method, _)| method.name() == was.name);
        let kept_units = of_it.map(|(_, kept)| kept).sum();
        if before != new.plan.files_of(is) && kept_units > 0 {
            text += &format!(
                "{:<11}the program of {} changed: {kept_units} units that it had fitted before are \
                 kept; provenance.json will tell\n",
                "mended", was.name
            );
            record.push(Mended { method: was.name.clone(), before, kept_units });
        }
    }
    (new.with_mended(record), text)
}

/// The methods whose failed units are fitted again.
struct Chosen<'a> {
    /// As typed; none means all.
    names: &'a [String],
}

impl<'a> Chosen<'a> {
    fn new(study: &Study, names: &'a [String]) -> Result<Self> {
        let is_known = |name: &String| study.methods.iter().any(|method| named(method, name));
        if let Some(name) = names.iter().find(|name| !is_known(name)) {
            let all: Vec<&str> = study.methods.iter().map(|m| m.label.as_str()).collect();
            bail!("--method {name}: this study has no such method; it has {}", all.join(", "));
        }
        Ok(Self { names })
    }

    fn has(&self, method: &MethodChoice) -> bool {
        self.names.is_empty() || self.names.iter().any(|name| named(method, name))
    }

    /// Refuses a program that changed, of a method that was not named.
    fn check(&self, old: &BoundPlan, new: &BoundPlan) -> Result<()> {
        for method in &new.study()?.methods {
            let settings =
                new.plan.config.method.iter().find(|program| program.name == method.name());
            let changed = settings.is_some_and(|p| old.plan.files_of(p) != new.plan.files_of(p));
            if changed && !self.has(method) {
                bail!(
                    "the program of {0} changed since the plan was made, and --method does not name \
                     it; put the old one back, or add --method {0} if it was mended",
                    method.name()
                );
            }
        }
        Ok(())
    }
}

fn named(method: &MethodChoice, name: &str) -> bool {
    method.label == name || method.name() == name
}

fn told(study: &Study, failed: &Failed) -> String {
    if failed.sum() == 0 {
        return format!("{:<11}no unit failed: there is nothing to fit again\n", "failed");
    }
    let mut text = String::new();
    for (index, method) in study.methods.iter().enumerate().filter(|(i, _)| failed.again[*i] > 0) {
        let (count, again) = (failed.failed[index], failed.again[index]);
        let with = match again - count {
            0 => String::new(),
            more => format!(", with {more} others that are fitted together with them"),
        };
        text +=
            &format!("{:<11}{count} units of {} are fitted again{with}\n", "failed", method.label);
    }
    text
}
