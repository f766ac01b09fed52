//! The files that a complete run leaves.
//!
//! Their bytes follow from the study and its data alone, whatever the shards, threads, machines
//! and times; all that varies stands in `provenance.json`, which is the engine's.

use num_complex::Complex64;
use serde::Serialize;

use crate::foundations::FileError;
use crate::foundations::files::FilesTogether;
use crate::foundations::npz::add_npz;
use crate::otf::study::Study;
use crate::otf::{DataSet, Otf, fitted_as, kept_as};
use crate::runner::merge::{Ledger, ReasonCount, Totals};
use crate::runner::plan::{BoundPlan, Input};
use crate::runner::store::RunDir;
use crate::science::data::settings::Source;
use crate::science::data::{Resampling, noise_key};
use crate::science::fit::Status;
use crate::science::instrument::SPECTRUM_BINS;

use super::arrays::Arrays;
use super::chi2::Chi2;
use super::failures::FailureRow;
use super::grid::DataSetGrid;
use super::names;
use super::records::{RecordTable, add_records};
use super::shared::SharedResults;
use super::summary::{Judged, Row};
use super::table::add_csv;

/// The tables that are written.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tables<'a> {
    /// How well each configuration did, emitter by emitter.
    pub(super) judged: &'a Judged,
    /// One row a data set, method, noise level and emitter.
    pub(super) rows: &'a [Row],
    /// One a data set; none where the data are not.
    pub(super) records: Option<&'a [RecordTable]>,
    /// One row a data set, method, noise level and reason.
    pub(super) failures: &'a [FailureRow],
}

/// What stands in `solution.npz`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fitted<'a> {
    pub(super) arrays: &'a Arrays,
    pub(super) shared: &'a SharedResults,
}

/// Where products are written, and of what.
#[derive(Debug, Clone, Copy)]
pub(super) struct Destination<'a> {
    pub(super) run: &'a RunDir,
    pub(super) plan: &'a BoundPlan,
    pub(super) otf: &'a Otf,
}

/// Adds the products of a complete run.
///
/// # Errors
/// If a file cannot be written.
pub(super) fn add_products(
    files: &mut FilesTogether,
    place: &Destination,
    grids: &[DataSetGrid],
    (fitted, ledger): (&Fitted, &Ledger),
    tables: &Tables,
) -> Result<(), FileError> {
    let (run, study) = (place.run, &place.otf.study);
    add_solution(files, run, study, grids, fitted)?;
    add_configurations(files, place, fitted.arrays)?;
    if let Some(records) = tables.records {
        add_records(files, run, study, records)?;
    }
    add_csv(files, &run.product("errors.csv"), &[], tables.judged.rows(place.otf))?;
    add_csv(files, &run.product("summary.csv"), &[], tables.rows)?;
    add_csv(files, &run.product("failures.csv"), &FailureRow::COLUMNS, tables.failures)?;
    files.add_json(&run.product("ledger.json"), &LedgerFile::new(study, ledger))?;
    files.add_json(&run.product("summary.json"), &RunSummary::new(place, ledger, tables.rows))
}

fn add_solution(
    files: &mut FilesTogether,
    run: &RunDir,
    study: &Study,
    grids: &[DataSetGrid],
    fitted: &Fitted,
) -> Result<(), FileError> {
    let arrays = fitted.arrays;
    add_npz(files, &run.product("solution.npz"), |npz| {
        let (c, b, e) = (arrays.configurations, SPECTRUM_BINS, arrays.emitters);
        npz.add_parts("emissivity", (c, b, e), arrays.with_all_bins(&arrays.emissivity))?;
        npz.add_parts("sigma", (c, b, e), arrays.with_all_bins(&arrays.sigma))?;
        npz.add_parts("rss", (c, b), arrays.with_all_bins(&arrays.rss))?;
        npz.add_parts("condition", (c, b), arrays.with_all_bins(&arrays.condition))?;
        npz.add_parts("status", (c, b), arrays.with_all_bins(&arrays.status))?;
        npz.add_parts("determined", (c, b, e), arrays.with_all_bins(&arrays.determined))?;
        if study.resampling != Resampling::None {
            npz.add_parts(
                "prediction_error",
                (c, b),
                arrays.with_all_bins(&arrays.prediction_error),
            )?;
        }
        let ghz: Vec<f64> = grids.iter().flat_map(|grid| grid.frequency_ghz.clone()).collect();
        match study.sets.len() {
            1 => npz.add("frequency_ghz", b, &ghz)?,
            sets => npz.add("frequency_ghz", (sets, b), &ghz)?,
        }
        let in_band: Vec<u8> = grids.iter().flat_map(|grid| grid.in_band.clone()).collect();
        match study.sets.len() {
            1 => npz.add("in_band", b, &in_band)?,
            sets => npz.add("in_band", (sets, b), &in_band)?,
        }
        let truths: Option<Vec<Complex64>> = grids
            .iter()
            .map(|grid| grid.truth.as_ref())
            .collect::<Option<Vec<_>>>()
            .map(|truths| truths.into_iter().flatten().flatten().copied().collect());
        if let Some(truth) = truths {
            npz.add("truth", (study.sets.len(), b, e), &truth)?;
        }
        fitted.shared.add_to(npz, e)?;
        names::add_to(npz, study)
    })
}

/// One row of `configurations.csv`.
#[derive(Serialize)]
struct ConfigurationRow<'a> {
    configuration: u64,
    data_set: String,
    method: &'a str,
    constraint: String,
    noise_level: Option<f64>,
    trial: u64,
    noise_key: Option<String>,
    converged: usize,
    not_converged: usize,
    failed: usize,
    no_signal: usize,
}

fn add_configurations(
    files: &mut FilesTogether,
    place: &Destination,
    arrays: &Arrays,
) -> Result<(), FileError> {
    let study = &place.otf.study;
    let simulated = place.otf.config.data.source == Source::Simulate;
    let row = |configuration| {
        let (realisation, method) = study.configuration(configuration);
        let set = study.sets[realisation.set];
        let (level, trial) = (study.noise_levels[realisation.noise], realisation.trial);
        let count = |status| arrays.count(configuration as usize, status);
        ConfigurationRow {
            configuration,
            data_set: set.to_string(),
            method: &study.methods[method].label,
            constraint: study.methods[method].constraint.to_string(),
            noise_level: simulated.then_some(level),
            trial,
            noise_key: simulated.then(|| noise_key(study.seed, set, level, trial)),
            converged: count(Status::Converged),
            not_converged: count(Status::NotConverged),
            failed: count(Status::Failed),
            no_signal: count(Status::NoSignal),
        }
    };
    let rows = (0..study.configurations()).map(row);
    add_csv(files, &place.run.product("configurations.csv"), &[], rows)
}

/// `summary.json`: the run in one page.
#[derive(Serialize)]
struct RunSummary<'a> {
    version: &'a str,
    /// Where the records come from: `simulate` or `npz`.
    source: Source,
    configurations: u64,
    units: u64,
    totals: TotalsFile,
    methods: Vec<String>,
    emitters: Vec<String>,
    data_sets: Vec<DataSet>,
    inputs: &'a [Input],
    chi2_per_degree: Vec<Chi2>,
    status_codes: Vec<StatusCode>,
}

#[derive(Serialize)]
struct StatusCode {
    code: u8,
    name: &'static str,
    meaning: &'static str,
}

impl<'a> RunSummary<'a> {
    fn new(place: &Destination<'a>, ledger: &Ledger, rows: &[Row]) -> Self {
        let (study, plan) = (&place.otf.study, &place.plan.plan);
        let codes = Status::codes().map(|(code, name, meaning)| StatusCode { code, name, meaning });
        Self {
            version: &plan.version,
            source: place.otf.config.data.source,
            configurations: study.configurations(),
            units: study.units(),
            totals: TotalsFile::new(&ledger.totals),
            methods: study.methods.iter().map(|m| m.label.clone()).collect(),
            emitters: study.emitters.iter().map(|e| e.name().to_owned()).collect(),
            data_sets: place.otf.data_sets(),
            inputs: &plan.inputs,
            chi2_per_degree: Chi2::all(rows),
            status_codes: codes.collect(),
        }
    }
}

/// `ledger.json`: the account of every unit.
#[derive(Serialize)]
struct LedgerFile<'a> {
    totals: TotalsFile,
    reasons: Vec<ReasonFile<'a>>,
}

/// How many units ended how.
#[derive(Serialize)]
struct TotalsFile {
    converged: u64,
    not_converged: u64,
    failed: u64,
    no_signal: u64,
    missing: u64,
    corrupt: u64,
}

#[derive(Serialize)]
struct ReasonFile<'a> {
    status: Status,
    reason: &'a str,
    units: u64,
    first_configuration: u64,
    first_bin: usize,
}

impl<'a> LedgerFile<'a> {
    fn new(study: &Study, ledger: &'a Ledger) -> Self {
        let reason = |count: &'a ReasonCount| {
            let first = study.unit(count.first);
            ReasonFile {
                status: fitted_as(count.status),
                reason: &count.reason,
                units: count.units,
                first_configuration: study.configuration_of(first),
                first_bin: study.bins[first.position],
            }
        };
        let reasons = ledger.reasons.iter().map(reason).collect();
        Self { totals: TotalsFile::new(&ledger.totals), reasons }
    }
}

impl TotalsFile {
    fn new(totals: &Totals) -> Self {
        let of = |status: Status| totals.of(kept_as(status));
        Self {
            converged: of(Status::Converged),
            not_converged: of(Status::NotConverged),
            failed: of(Status::Failed),
            no_signal: of(Status::NoSignal),
            missing: totals.missing,
            corrupt: totals.corrupt,
        }
    }
}
