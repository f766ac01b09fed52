//! `otfhpc merge`: combines the partials, or says what is missing and how to mend it.

use anyhow::Result;

use crate::foundations::{Shown, files};
use crate::runner::engine::remove_outlived;
use crate::runner::merge::{Fault, Ledger, Merged, Report, merge};
use crate::runner::slurm::{quoted_path, ranges};
use crate::runner::store::{Owned, RunDir};

use super::args::FolderArgs;
use super::display::{complain, counted, folder, program, say};
use super::exit::{Exit, Volume};
use super::late;
use super::session::Session;

/// Reasons that are shown; the ledger has all.
const MOST_REASONS: usize = 8;

pub(super) fn command(args: &FolderArgs, volume: Volume) -> Result<Exit> {
    let session = Session::open(RunDir::new(&args.folder))?;
    late::wait(&session.run, &session.plan, volume);
    merge_and_report(&session, volume)
}

/// Merges and tells the result.
pub(super) fn merge_and_report(session: &Session, volume: Volume) -> Result<Exit> {
    let Session { run, plan, workload } = session;
    files::check_writable(run.root())?;
    let owned = Owned::take(run)?;
    owned.remove_leftovers(run)?;
    plan.check_stands(run)?;
    plan.check_unchanged()?;
    let collector = || Ok(workload.collector(run, plan)?);
    match merge(run, plan, collector)? {
        Merged::Incomplete { totals, faults } => {
            let totals = totals.describe(&workload.words().statuses);
            complain(incomplete(run, &totals, &faults).trim_end());
            Ok(Exit::Incomplete)
        }
        Merged::Complete { ledger, report, other_binaries } => {
            if let Some(changed) = owned.check_kept().err().filter(|_| volume > Volume::Quiet) {
                complain(&format!("otfhpc: warning: {changed}"));
            }
            remove_outlived(run, plan)?;
            if volume > Volume::Quiet {
                provenance_warnings(session, other_binaries).iter().for_each(|w| complain(w));
                say(&(workload.source_line() + &complete(session, &ledger, &report)));
                report.warnings.iter().for_each(|warning| complain(warning));
            }
            let has_failures = ledger.totals.has_failures() || report.has_failures;
            Ok(if has_failures { Exit::Failures } else { Exit::Done })
        }
    }
}

/// What a person should know of where results came from.
fn provenance_warnings(session: &Session, other_binaries: usize) -> Vec<String> {
    let Session { run, plan, .. } = session;
    let mended = plan.plan.mended.iter().map(|mended| {
        format!(
            "otfhpc: warning: {} units of {} are of its program before it was mended",
            mended.kept_units, mended.program
        )
    });
    let others = (other_binaries > 0).then(|| {
        format!(
            "otfhpc: warning: another build of otfhpc than the one that planned worked on \
             {other_binaries} of {}: {} tells which",
            counted(plan.shards.live().len(), "shard"),
            Shown(&run.provenance())
        )
    });
    others.into_iter().chain(mended).collect()
}

fn complete(session: &Session, ledger: &Ledger, report: &Report) -> String {
    let Session { run, workload, .. } = session;
    let totals = ledger.totals.describe(&workload.words().statuses);
    let mut text = format!("{:<11}{totals}\n", "ledger");
    for reason in ledger.reasons.iter().take(MOST_REASONS) {
        text += &format!(
            "{:<11}{}: {} (first: {})\n",
            "",
            counted(reason.units, "unit"),
            reason.reason,
            workload.place_of(reason.first)
        );
    }
    if ledger.reasons.len() > MOST_REASONS {
        let more = ledger.reasons.len() - MOST_REASONS;
        let more = counted(more, "more reason");
        text += &format!("{:<11}and {more}: {}\n", "", Shown(&run.product("ledger.json")));
    }
    let main = session.main_product();
    text + &report.text + &format!("{:<11}{} and beside it\n", "products", Shown(&main))
}

/// What is at fault, and the command that mends each.
fn incomplete(run: &RunDir, totals: &str, faults: &[Fault]) -> String {
    let mut text = format!("otfhpc: incomplete: nothing was written\n{:<11}{totals}\n", "ledger");
    // Neighbours with the same problem take one line: a whole array may be missing.
    let together = |a: &Fault, b: &Fault| match (a.shard, b.shard) {
        (Some(a_shard), Some(b_shard)) => a_shard + 1 == b_shard && a.problem == b.problem,
        _ => false,
    };
    for group in faults.chunk_by(together) {
        text += &fault_lines(run, group);
    }
    let shards: Vec<u32> = faults.iter().filter_map(|fault| fault.shard).collect();
    if shards.len() > 1 {
        let (folder, list) = (folder(run), ranges(&shards));
        text += &format!("all at once here:   {} run {folder} --shard {list}\n", program());
    }
    if !shards.is_empty() {
        text += &format!("all at once, Slurm: {} resume {}\n", program(), folder(run));
    }
    text + &format!("then:               {} merge {}\n", program(), folder(run))
}

fn fault_lines(run: &RunDir, group: &[Fault]) -> String {
    let (first, last) = (&group[0], &group[group.len() - 1]);
    let mut lines = match group.len() {
        1 => format!("{}: {}\n", Shown(&first.path), first.problem),
        n => format!(
            "{} to {} ({n} shards): {}\n",
            Shown(&first.path),
            last.path.file_name().unwrap_or_default().to_string_lossy(),
            first.problem
        ),
    };
    let shards: Vec<u32> = group.iter().filter_map(|fault| fault.shard).collect();
    lines += &if shards.is_empty() {
        let aside = quoted_path(&run.set_aside());
        let path = quoted_path(&first.path);
        format!("  mend: mkdir -p {aside} && mv --backup=numbered {path} {aside}/\n")
    } else {
        let list = ranges(&shards);
        format!("  mend: {} run {} --shard {list}\n", program(), folder(run))
    };
    lines
}
