//! What is made of the results of a study: arrays, tables, and a few lines for people.

mod arrays;
mod chi2;
mod determined;
mod failures;
mod grid;
mod names;
mod parameters_summary;
mod quality;
mod records;
mod report;
mod shared;
mod summary;
mod table;
mod truths;
mod write;

use std::collections::TryReserveError;
use std::io::Write as _;
use std::path::PathBuf;

use thiserror::Error;

use crate::foundations::files::FilesTogether;
use crate::foundations::{FileError, Shown};
use crate::runner::merge::{AnyError, Collector, Ledger, Report, TakeError};
use crate::runner::plan::BoundPlan;
use crate::runner::store::{Envelope, RunDir};
use crate::science::data::DataError;
use crate::science::data::settings::Source;

pub(super) use arrays::Arrays;
pub(super) use determined::is_determined;
pub(super) use failures::FailureRow;
pub(super) use grid::DataSetGrid;
pub(super) use names::configuration_name;
pub(super) use quality::judged_bins;
pub(super) use report::chi2_doubts;
pub(super) use shared::ParameterRow;
pub use summary::Row;
pub(super) use summary::{ErrorRow, Judged};

use super::report::{self as report_page, Evidence, Facts, Ranking};
use super::{Otf, UnitResult};
use failures::Failures;
use records::RecordTable;
use shared::SharedResults;
use table::add_csv;
use truths::TrueValues;

/// OtfProducts that cannot be made.
#[derive(Debug, Error)]
pub enum ProductError {
    /// A file that cannot be written.
    #[error(transparent)]
    File(#[from] FileError),
    /// The truth or the axis of a data set, or its records.
    #[error(transparent)]
    Data(#[from] DataError),
    /// The products do not fit in memory.
    #[error(
        "the products of {configurations} configurations do not fit in memory ({source}); \
         merge on a machine with more, or reduce the study"
    )]
    Memory {
        /// How many configurations.
        configurations: u64,
        /// What the allocator said.
        source: TryReserveError,
    },
}

/// Takes all results of a study, and writes its products.
#[derive(Debug)]
pub(super) struct OtfProducts<'a> {
    otf: &'a Otf,
    run: &'a RunDir,
    plan: &'a BoundPlan,
    /// The fitted values.
    arrays: Arrays,
    /// What joint fits found besides.
    shared: SharedResults,
    /// Which methods fail, and why.
    failures: Failures,
    /// Whether nothing but the page is written.
    is_page_alone: bool,
}

impl<'a> OtfProducts<'a> {
    /// Nothing taken yet.
    ///
    /// # Errors
    /// If there is no memory for all of it.
    pub(super) fn new(
        otf: &'a Otf,
        run: &'a RunDir,
        plan: &'a BoundPlan,
    ) -> Result<Self, ProductError> {
        let configurations = otf.study.configurations();
        let memory = |source| ProductError::Memory { configurations, source };
        let emitters = otf.study.emitters.len();
        let arrays =
            Arrays::new(configurations as usize, &otf.study.bins, emitters).map_err(memory)?;
        Ok(Self {
            otf,
            run,
            plan,
            arrays,
            shared: SharedResults::default(),
            failures: Failures::default(),
            is_page_alone: false,
        })
    }

    /// Writes nothing but the page.
    pub(super) fn page_alone(self) -> Self {
        Self { is_page_alone: true, ..self }
    }

    fn write_all(self, ledger: &Ledger, files: &mut FilesTogether) -> Result<Report, ProductError> {
        let (otf, study) = (self.otf, &self.otf.study);
        let grids = DataSetGrid::all(&otf.config, study)?;
        let judged = Judged::new(otf, &grids, &self.arrays);
        let rows = judged.over_trials(otf);
        let (records, absent) = self.records(&grids)?;
        let is_simulated = otf.config.data.source == Source::Simulate;
        let truths = self.truths();
        let parameters = shared::rows(study, is_simulated, &self.shared, &truths);
        let ranking = Ranking::new(study, &grids, &self.arrays);
        let failures = self.failures.rows(study);
        let evidence: Option<Vec<&Evidence>> =
            records.as_ref().map(|tables| tables.iter().map(|table| &table.evidence).collect());
        let facts = Facts {
            otf,
            plan: self.plan,
            ledger,
            grids: &grids,
            arrays: &self.arrays,
            judged: &judged,
            rows: &rows,
            failures: &failures,
            parameters: &parameters,
            ranking: ranking.as_ref(),
            evidence: evidence.as_deref(),
            absent: absent.as_deref(),
            published: &report_page::published(otf, &grids),
        };
        let page = report_page::render(&facts);
        if !self.is_page_alone {
            let tables = write::Tables {
                judged: &judged,
                rows: &rows,
                records: records.as_deref(),
                failures: &failures,
            };
            let place = write::Destination { run: self.run, plan: self.plan, otf };
            let solution = write::Fitted { arrays: &self.arrays, shared: &self.shared };
            write::add_products(files, &place, &grids, (&solution, ledger), &tables)?;
            self.add_parameters(files, &grids, &truths, &parameters)?;
        }
        files.add(&self.run.product("report.html"), |w| w.write_all(page.as_bytes()))?;
        Ok(self.report(&rows, ranking.as_ref(), absent))
    }

    /// The true values of shared parameters, where there are any and they are known.
    fn truths(&self) -> TrueValues {
        let (otf, mut truths) = (self.otf, TrueValues::default());
        if self.shared.is_empty() || otf.config.data.source != Source::Simulate {
            return truths;
        }
        for set in 0..otf.study.sets.len() {
            if let Ok(campaign) = otf.campaigns().get(&otf.config, &otf.study, set) {
                truths.add(&campaign);
            }
        }
        truths
    }

    /// `parameters.csv` and `parameters_summary.csv`, if a method has shared parameters.
    fn add_parameters(
        &self,
        files: &mut FilesTogether,
        grids: &[DataSetGrid],
        truths: &TrueValues,
        rows: &[ParameterRow],
    ) -> Result<(), FileError> {
        if self.shared.is_empty() {
            return Ok(());
        }
        let study = &self.otf.study;
        add_csv(files, &self.run.product("parameters.csv"), &[], rows)?;
        let of_fits = (grids, &self.arrays);
        let summary = parameters_summary::rows(study, rows, (&self.shared, truths), of_fits);
        add_csv(files, &self.run.product("parameters_summary.csv"), &[], &summary)
    }

    /// What became of the records of every data set; where their file is not there, which that is.
    fn records(
        &self,
        grids: &[DataSetGrid],
    ) -> Result<(Option<Vec<RecordTable>>, Option<PathBuf>), DataError> {
        let (otf, study) = (self.otf, &self.otf.study);
        let table = |set| {
            let campaign = otf.campaigns().get(&otf.config, study, set)?;
            RecordTable::new(&campaign, study, set, (&grids[set], &self.arrays))
        };
        match (0..study.sets.len()).map(table).collect::<Result<Vec<_>, DataError>>() {
            Ok(records) => Ok((Some(records), None)),
            // Solutions can be merged where the data are not.
            Err(error) => match otf.absent_data() {
                Some(absent) => Ok((None, Some(absent))),
                None => Err(error),
            },
        }
    }

    fn report(&self, rows: &[Row], ranking: Option<&Ranking>, absent: Option<PathBuf>) -> Report {
        let absent = absent.map(|path| {
            format!(
                "otfhpc: warning: {} is not there, so {} was not written; merge again where the \
                 data are",
                Shown(&path),
                Shown(&self.run.product("records.csv"))
            )
        });
        let warnings = absent.into_iter().chain(report::chi2_warnings(rows)).collect();
        Report { text: report::text(self.run, rows, ranking), warnings, has_failures: false }
    }
}

impl Collector for OtfProducts<'_> {
    fn take(&mut self, unit: u64, result: &Envelope) -> Result<(), TakeError> {
        let study = &self.otf.study;
        let result = UnitResult::open(result).map_err(TakeError::Body)?;
        let emitters = study.emitters.len();
        if let Some(solution) = result.outcome.solution()
            && (solution.emissivity.len() != emitters || solution.sigma.len() != emitters)
        {
            return Err(TakeError::Body(format!("a solution does not have {emitters} emitters")));
        }
        let unit = study.unit(unit);
        let (configuration, bin) = (study.configuration_of(unit), study.bins[unit.position]);
        self.arrays.put(configuration as usize, bin, &result);
        self.failures.count(study, unit, &result.outcome);
        self.shared.put(configuration, bin, result);
        Ok(())
    }

    fn write(
        self: Box<Self>,
        ledger: &Ledger,
        files: &mut FilesTogether,
    ) -> Result<Report, AnyError> {
        Ok(self.write_all(ledger, files)?)
    }
}
