//! `otfhpc audit`: recomputes a random sample of the results, and names machines that differ.

use std::collections::BTreeMap;

use anyhow::{Result, bail};

use crate::foundations::Shown;
use crate::foundations::text::tabular;
use crate::runner::audit::{Auditor, Sample, Sampled, Samples, sample};
use crate::runner::engine::{Programs, Words, Workload};
use crate::runner::slurm::{quoted, quoted_path, ranges};
use crate::runner::store::RunDir;
use crate::runner::store::manifest::{Standing, standing};

use super::args::AuditArgs;
use super::display::{complain, counted, folder, program, say};
use super::exit::{Exit, Volume};
use super::run::{allow_files, environment, external_jobs, thread_count, thread_pool};
use super::session::Session;
use super::signals::Signals;
use super::{frozen, needs};

/// Units that are named of a shard; there may be millions.
const MOST_UNITS: usize = 10;

pub(super) fn command(args: &AuditArgs, volume: Volume) -> Result<Exit> {
    let (signals, slurm) = (Signals::obey()?, environment()?);
    let session = Session::open(RunDir::new(&args.folder))?;
    let Session { run, plan, workload } = &session;
    frozen::check(run, plan, &args.binary, volume)?;
    plan.check_inputs()?;
    let threads = thread_count(&args.threads, &slurm)?.threads;
    needs::check_task(&workload.needs(plan), threads, &slurm)?;
    let pool = thread_pool(&args.threads, &slurm, volume)?;
    let at_once = external_jobs(&args.threads, &pool)?;
    allow_files(&pool, at_once, volume);
    let how = Sample { fraction: args.fraction, seed: args.seed, programs: args.programs };
    let samples = sample(run, plan, &**workload, &how)?;
    tell_gaps(run, &**workload, &samples, volume);
    if samples.sampled.is_empty() && samples.damaged.is_empty() {
        bail!("there is no partial to audit in {}", Shown(&run.partials()));
    }
    let programs = Programs { at_once, logs: run.audit_logs() };
    let stop = signals.stop.clone();
    let auditor = Auditor { run, plan, workload: &**workload, pool: &pool, programs, stop };
    let audit = Audit::of(auditor, &samples.sampled)?;
    let is_mixed = tell_products(&session);
    if volume > Volume::Quiet {
        say(&audit.table());
    }
    if !audit.differing.is_empty() {
        complain(audit.differences(run, workload.words()).trim_end());
    }
    if signals.stop.asked() {
        complain(&format!("otfhpc: stopped by {}: not all was audited", signals.name()));
    }
    let is_clean = audit.differing.is_empty() && samples.damaged.is_empty() && !is_mixed;
    Ok(match (is_clean, signals.stop.asked()) {
        (false, _) => Exit::Incomplete,
        (true, true) => Exit::Stopped,
        (true, false) => Exit::Done,
    })
}

/// Says what is wrong with the products, if there are any; and whether something is.
fn tell_products(session: &Session) -> bool {
    let (run, mend) = (&session.run, format!("{} merge {}", program(), folder(&session.run)));
    let problem = match standing(run, &session.plan, true) {
        Standing::Unfinished | Standing::Whole => return false,
        Standing::OfAnotherPlan(other) => format!("of another plan ({})", other.short()),
        Standing::Changed(names) => {
            format!("changed since they were written: {}", names.join(", "))
        }
    };
    complain(&format!("otfhpc: the products in {} are {problem}\n  mend: {mend}", folder(run)));
    true
}

/// What is not audited, and why.
fn tell_gaps(run: &RunDir, workload: &dyn Workload, samples: &Samples, volume: Volume) {
    for (shard, problem) in &samples.damaged {
        complain(&format!(
            "{}: {problem}\n  mend: {} run {} --shard {shard}",
            Shown(&run.partial(*shard)),
            program(),
            folder(run)
        ));
    }
    if volume == Volume::Quiet {
        return;
    }
    if !samples.missing.is_empty() {
        let (count, list) = (samples.missing.len(), ranges(&samples.missing));
        say(&format!("{:<11}no partial of {}: {list}\n", "missing", counted(count, "shard")));
    }
    if samples.skipped > 0 {
        say(&format!(
            "{:<11}{} of external programs; --programs audits them\n",
            "skipped",
            counted(samples.skipped, "unit")
        ));
    }
    if let Some(caveat) = workload.audit_caveat() {
        complain(&format!("otfhpc: warning: {caveat}"));
    }
}

/// What an audit found.
#[derive(Default)]
struct Audit {
    by_host: BTreeMap<String, Figures>,
    /// Shards that differ, with their machine and the units.
    differing: Vec<(u32, String, Vec<u64>)>,
}

#[derive(Default)]
struct Figures {
    shards: u64,
    units: u64,
    differing: u64,
}

impl Audit {
    fn of(auditor: Auditor, sampled: &[Sampled]) -> Result<Self> {
        let mut audit = Self::default();
        for shard in sampled {
            let figures = audit.by_host.entry(shard.host.clone()).or_default();
            figures.shards += 1;
            if shard.pieces.is_empty() || auditor.stop.asked() {
                continue;
            }
            let compared = auditor.compare(shard)?;
            figures.units += compared.units;
            figures.differing += compared.differing.len() as u64;
            if !compared.differing.is_empty() {
                audit.differing.push((shard.shard, shard.host.clone(), compared.differing));
            }
        }
        Ok(audit)
    }

    fn table(&self) -> String {
        let mut lines = vec![
            ["host", "shards", "units audited", "units that differ"].map(String::from).to_vec(),
        ];
        lines.extend(self.by_host.iter().map(|(host, figures)| {
            let Figures { shards, units, differing } = figures;
            vec![host.clone(), shards.to_string(), units.to_string(), differing.to_string()]
        }));
        tabular(1, &lines)
    }

    /// The shards that differ, and the commands that mend them.
    fn differences(&self, run: &RunDir, words: &Words) -> String {
        let mut text = "otfhpc: results differ from what this machine computes\n".to_owned();
        let (aside, done) = (quoted_path(&run.set_aside()), words.verb.done);
        for (shard, host, units) in &self.differing {
            let named: Vec<String> = units.iter().take(MOST_UNITS).map(u64::to_string).collect();
            let more = if units.len() > MOST_UNITS { ", ..." } else { "" };
            let path = run.partial(*shard);
            let partial = quoted_path(&path);
            text += &format!(
                "{}: shard {shard}, {done} on {host}: these units differ: {}{more}\n  \
                 mend: mkdir -p {aside} && mv --backup=numbered {partial} {aside}/\n",
                Shown(&path),
                named.join(", ")
            );
        }
        let shards: Vec<u32> = self.differing.iter().map(|(shard, ..)| *shard).collect();
        let (program, folder, list) = (program(), folder(run), ranges(&shards));
        text + &format!("then here:   {program} run {folder} --shard {list}\n")
            + &format!(
                "then, Slurm: {program} submit {folder} --sbatch-arg=--exclude={}\n",
                self.hosts()
            )
            + &format!("at the end:  {program} merge {folder}\n")
    }

    /// The machines whose results differ.
    fn hosts(&self) -> String {
        let hosts = self.by_host.iter().filter(|(_, figures)| figures.differing > 0);
        quoted(&hosts.map(|(host, _)| host.as_str()).collect::<Vec<_>>().join(","))
    }
}
