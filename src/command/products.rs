//! The products of a study of a command, as a merge asks for them.

use serde::Serialize;

use crate::foundations::files::FilesTogether;
use crate::foundations::files::listing::TemporaryFolder;
use crate::foundations::{FileError, counted, files};
use crate::runner::merge::{AnyError, Collector, Ledger, Report, TakeError, Totals};
use crate::runner::store::{Envelope, RunDir, UnitStatus};

use super::collect::{
    CollectError, Previewer, ReduceContext, Reduced, TableCount, UnitCollector, reduce,
};
use super::study::CommandStudy;

/// Makes a private folder in that of the results, which goes when this is dropped.
fn private(run: &RunDir) -> Result<TemporaryFolder, FileError> {
    let mut named = tempfile::Builder::new();
    let made = TemporaryFolder::make(named.prefix(".merge.").suffix(".tmp"), Some(run.root()));
    made.map_err(|e| FileError::new("make a folder in", run.root(), e))
}

/// An error of a body is the partial's; any other is the merge's.
fn taken(result: Result<(), CollectError>) -> Result<(), TakeError> {
    result.map_err(|error| match error {
        CollectError::Damaged { .. } => TakeError::Body(error.to_string()),
        error => TakeError::Other(error.into()),
    })
}

/// Takes all results of a study, and writes its products.
pub(super) struct CommandProducts<'a> {
    study: &'a CommandStudy,
    run: &'a RunDir,
    collecting: UnitCollector<'a>,
    private: TemporaryFolder,
}

impl<'a> CommandProducts<'a> {
    /// Nothing taken yet.
    ///
    /// # Errors
    /// If no files can be made in the folder of results.
    pub(super) fn new(study: &'a CommandStudy, run: &'a RunDir) -> Result<Self, CollectError> {
        let private = private(run)?;
        let made = private.path().join("made");
        files::make_folder(&made)?;
        Ok(Self { study, run, collecting: UnitCollector::new(study, &made)?, private })
    }
}

impl Collector for CommandProducts<'_> {
    fn take(&mut self, unit: u64, result: &Envelope) -> Result<(), TakeError> {
        taken(self.collecting.take(unit, result))
    }

    fn write(
        self: Box<Self>,
        ledger: &Ledger,
        _files: &mut FilesTogether,
    ) -> Result<Report, AnyError> {
        let Self { study, run, collecting, private } = *self;
        let products = collecting.finish()?;
        products.publish(run.root())?;
        write_ledger(run, study, ledger)?;
        // The program runs in the folder of the study: no path that it is given may be relative.
        let results = std::path::absolute(run.root())?;
        let reducing = std::path::absolute(private.path())?.join("reduce");
        files::make_folder(&reducing)?;
        let logs = run.program_logs();
        let context =
            ReduceContext { results: &results, private: &reducing, logs: &logs, stop: &|| false };
        let reduced = reduce(study, &context)?;
        let mut report = report(&products.tables, reduced);
        if products.files > 0 {
            report.text =
                format!("{:<11}{}\n", "outputs", counted(products.files, "file")) + &report.text;
        }
        Ok(report)
    }
}

/// What the tables have, and how the reduction ended, for people.
fn report(tables: &[TableCount], reduced: Option<Reduced>) -> Report {
    let mut report = Report::default();
    for table in tables {
        report.text += &format!("{:<11}{}: {}\n", "table", table.name, counted(table.rows, "row"));
        if table.missing_rows > 0 {
            report.warnings.push(format!(
                "otfhpc: warning: {}: units lack {} that others have: missing_rows.csv names them",
                table.name,
                counted(table.missing_rows, "row")
            ));
        }
        if table.problems > 0 {
            report.has_failures = true;
            report.warnings.push(format!(
                "otfhpc: warning: {}: the tables of {} cannot be used: table_problems.csv says why",
                table.name,
                counted(table.problems, "unit")
            ));
        }
    }
    match reduced {
        None | Some(Reduced::Stopped) => {}
        Some(Reduced::Done { files }) => {
            report.text += &format!("{:<11}reduced/: {}\n", "reduced", counted(files, "file"));
        }
        Some(Reduced::Failed { reason }) => {
            report.has_failures = true;
            report.warnings.push(format!(
                "otfhpc: reduce.run failed: {reason}\nall other products are in place; mend it and \
                 merge again"
            ));
        }
    }
    report
}

/// `ledger.json`: the account of every unit.
#[derive(Serialize)]
struct LedgerFile<'a> {
    totals: TotalsFile,
    reasons: Vec<ReasonFile<'a>>,
}

#[derive(Serialize)]
struct TotalsFile {
    done: u64,
    failed: u64,
    not_run: u64,
    missing: u64,
    corrupt: u64,
}

#[derive(Serialize)]
struct ReasonFile<'a> {
    status: &'static str,
    reason: &'a str,
    units: u64,
    first: String,
}

fn write_ledger(run: &RunDir, study: &CommandStudy, ledger: &Ledger) -> Result<(), FileError> {
    let Totals { missing, corrupt, .. } = ledger.totals;
    let of = |status| ledger.totals.of(status);
    let totals = TotalsFile {
        done: of(UnitStatus::Done),
        failed: of(UnitStatus::Failed),
        not_run: of(UnitStatus::Nothing),
        missing,
        corrupt,
    };
    let reasons = ledger.reasons.iter().map(|count| ReasonFile {
        status: if count.status == UnitStatus::Failed { "failed" } else { "not run" },
        reason: &count.reason,
        units: count.units,
        first: study.label_of(count.first),
    });
    let file = LedgerFile { totals, reasons: reasons.collect() };
    files::write_json(&run.product("ledger.json"), &file)
}

/// Takes the results that there are, and writes what they would be in tables.
pub(super) struct CommandPreview<'a> {
    run: &'a RunDir,
    previewer: Previewer<'a>,
    _private: TemporaryFolder,
}

impl<'a> CommandPreview<'a> {
    /// Nothing taken yet.
    ///
    /// # Errors
    /// If no files can be made in the folder of results.
    pub(super) fn new(study: &'a CommandStudy, run: &'a RunDir) -> Result<Self, CollectError> {
        let private = private(run)?;
        Ok(Self { run, previewer: Previewer::new(study, private.path())?, _private: private })
    }
}

impl Collector for CommandPreview<'_> {
    fn take(&mut self, unit: u64, result: &Envelope) -> Result<(), TakeError> {
        taken(self.previewer.take(unit, result))
    }

    fn write(
        self: Box<Self>,
        _ledger: &Ledger,
        _files: &mut FilesTogether,
    ) -> Result<Report, AnyError> {
        let preview = self.previewer.finish(self.run.root())?;
        let mut report = report(&preview.tables, None);
        let files = preview.files.iter().map(|path| format!("{:<11}{}\n", "", path.display()));
        report.text += &files.collect::<String>();
        Ok(report)
    }
}
