//! `otfhpc merge`: combines the partials, or says what is missing and how to mend it.

use anyhow::Result;

use crate::foundations::{RunDir, Shown, files};
use crate::merge::{Fault, Ledger, Merged, Row, Totals, merge};
use crate::plan::BoundPlan;
use crate::shard::{Campaigns, remove_outlived};
use crate::slurm::{quoted_path, ranges};

use super::args::FolderArgs;
use super::display::{complain, counted, folder, program, say};
use super::late;
use super::report::{chi2_warnings, quality_table, ranking};
use super::source::source_line;
use super::{Exit, Volume};

/// A table of more lines than this is left to `summary.csv`.
const LONGEST_TABLE: usize = 60;
/// Reasons that are shown; the ledger has all.
const MOST_REASONS: usize = 8;

pub(super) fn command(args: &FolderArgs, volume: Volume) -> Result<Exit> {
    let run = RunDir::new(&args.folder);
    let plan = BoundPlan::read(&run)?;
    late::wait(&run, &plan, volume);
    merge_and_report(&run, &plan, &mut Campaigns::default(), volume)
}

/// Merges and tells the result.
pub(super) fn merge_and_report(
    run: &RunDir,
    plan: &BoundPlan,
    campaigns: &mut Campaigns,
    volume: Volume,
) -> Result<Exit> {
    files::check_writable(run.root())?;
    plan.check_unchanged()?;
    match merge(run, plan, campaigns)? {
        Merged::Incomplete { totals, faults } => {
            complain(incomplete(run, &totals, &faults).trim_end());
            Ok(Exit::Incomplete)
        }
        Merged::Complete { ledger, rows, other_binaries, absent } => {
            remove_outlived(run, plan)?;
            if let Some(path) = absent.filter(|_| volume > Volume::Quiet) {
                complain(&format!(
                    "otfhpc: warning: {} is not there, so {} was not written; merge again where \
                     the data are",
                    Shown(&path),
                    Shown(&run.records())
                ));
            }
            if other_binaries > 0 && volume > Volume::Quiet {
                complain(&format!(
                    "otfhpc: warning: another build of otfhpc than the one that planned worked on \
                     {other_binaries} of {}: {} tells which",
                    counted(plan.shards.live().len(), "shard"),
                    Shown(&run.provenance())
                ));
            }
            for mended in plan.plan.mended.iter().filter(|_| volume > Volume::Quiet) {
                complain(&format!(
                    "otfhpc: warning: {} units of {} are of its program before it was mended",
                    mended.kept_units, mended.method
                ));
            }
            if volume > Volume::Quiet {
                say(&(source_line(plan) + &complete(run, &ledger, &rows)));
                chi2_warnings(&rows).iter().for_each(|warning| complain(warning));
            }
            Ok(if ledger.totals.has_failures() { Exit::Failures } else { Exit::Done })
        }
    }
}

fn complete(run: &RunDir, ledger: &Ledger, rows: &[Row]) -> String {
    let mut text = format!("{:<11}{}\n", "ledger", ledger.totals);
    for reason in ledger.reasons.iter().take(MOST_REASONS) {
        text += &format!(
            "{:<11}{}: {} (first: configuration {}, bin {})\n",
            "",
            counted(reason.units, "unit"),
            reason.reason,
            reason.first_configuration,
            reason.first_bin
        );
    }
    if ledger.reasons.len() > MOST_REASONS {
        let more = ledger.reasons.len() - MOST_REASONS;
        let more = counted(more, "more reason");
        text += &format!("{:<11}and {more}: {}\n", "", Shown(&run.ledger()));
    }
    let lines = rows.chunk_by(|a, b| a.method == b.method && a.noise_level == b.noise_level);
    match lines.count() <= LONGEST_TABLE {
        true => text += &format!("\n{}\n", quality_table(rows)),
        false => text += &format!("{:<11}{}\n", "errors", Shown(&run.summary_csv())),
    }
    let ranking = ranking(rows);
    if !ranking.is_empty() {
        text += &format!("{ranking}\n");
    }
    text + &format!("{:<11}{} and beside it\n", "products", Shown(&run.solution()))
}

/// What is at fault, and the command that mends each.
fn incomplete(run: &RunDir, totals: &Totals, faults: &[Fault]) -> String {
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
    lines += &match shards.is_empty() {
        false => {
            let list = ranges(&shards);
            format!("  mend: {} run {} --shard {list}\n", program(), folder(run))
        }
        true => {
            let aside = quoted_path(&run.set_aside());
            let path = quoted_path(&first.path);
            format!("  mend: mkdir -p {aside} && mv --backup=numbered {path} {aside}/\n")
        }
    };
    lines
}
