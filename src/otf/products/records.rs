//! `records.csv`: what became of every record of the data sets.

use std::io;
use std::ops::Range;

use crate::foundations::FileError;
use crate::foundations::files::FilesTogether;
use crate::otf::study::{RealisationId, Study};
use crate::runner::store::RunDir;
use crate::science::data::{Campaign, DataError, Draw, Realisation, Reason, Resampling};
use crate::science::fit::{Constraint, Problem, VarianceScale, add_squared_residuals};

use crate::otf::report::{Evidence, correlated_bins, reference_of};
use crate::otf::study::Estimator;

use super::arrays::Arrays;
use super::grid::DataSetGrid;
use super::table::io_error;

/// What is known of the records of one data set.
#[derive(Debug)]
pub(super) struct RecordTable {
    /// Why each record of the channel is left out, if it is, in the order of the file.
    reasons: Vec<Option<Reason>>,
    /// Number of the plateau of each record that is used.
    plateaus: Vec<usize>,
    /// Noise of a sample of each record that is used, counts per gain and sweep, if it is known.
    sigma: Option<Vec<f64>>,
    /// Mean over bins of the square of the residual over its variance, `[method][used record]`; none
    /// where the noise is not known.
    chi2: Option<Vec<Vec<f64>>>,
    /// What figures show of the records.
    pub(super) evidence: Evidence,
}

impl RecordTable {
    /// Of a data set, from the solutions of its first realisation. In a study with resampling, records
    /// that were held out are among them.
    ///
    /// # Errors
    /// If interferograms cannot be read.
    pub(super) fn new(
        campaign: &Campaign,
        study: &Study,
        set: usize,
        (grid, arrays): (&DataSetGrid, &Arrays),
    ) -> Result<Self, DataError> {
        let id = RealisationId { set, noise: 0, trial: 1 };
        let draw = Draw { resampling: Resampling::None, ..study.draw(id) };
        let bins = bins_of_band(grid, study);
        let first = study.configuration_index(id, 0);
        let reference = &study.methods[reference_of(study)];
        let configurations = first as usize..first as usize + study.methods.len();
        let mut account = Account {
            campaign,
            bins: &bins,
            arrays,
            shown: first as usize + reference_of(study),
            sums: vec![vec![0.0; campaign.records()]; configurations.len()],
            counts: vec![0; configurations.len()],
            configurations,
            correlated: correlated_bins(&bins, study).into_iter().map(WholeBin::new).collect(),
        };
        let needs_more = matches!(reference.estimator, Estimator::Joint(..));
        let (mut sigma, mut evidence, mut last) = (Some(Vec::new()), None, None);
        for window in campaign.windows(&draw) {
            let realisation = campaign.realise_window(&draw, &bins, window.clone(), last.take())?;
            let own = realisation.record_sigma();
            let new = || Evidence::new(campaign, &bins, own.is_some() && !needs_more);
            let evidence = evidence.get_or_insert_with(new);
            sigma = sigma.zip(own).map(|(mut all, own)| {
                all.extend(own);
                all
            });
            if sigma.is_some() {
                account.add(&realisation, window, evidence);
            }
            last = Some(realisation);
        }
        let mut evidence = evidence.unwrap_or_else(|| Evidence::new(campaign, &bins, false));
        for bin in &account.correlated {
            bin.correlate(reference.constraint, &mut evidence);
        }
        let chi2 = sigma.is_some().then(|| account.chi2());
        let (reasons, plateaus) = (campaign.reasons().to_vec(), campaign.plateaus().to_vec());
        Ok(Self { reasons, plateaus, sigma, chi2, evidence })
    }
}

/// The bins of the study in which the channel sees light; all of them, if there are none.
fn bins_of_band(grid: &DataSetGrid, study: &Study) -> Vec<usize> {
    let in_band = |bin: &usize| grid.in_band[*bin] != 0;
    let chosen: Vec<usize> = study.bins.iter().copied().filter(in_band).collect();
    if chosen.is_empty() { study.bins.clone() } else { chosen }
}

/// What is summed over the bins for each record.
struct Account<'a> {
    campaign: &'a Campaign,
    bins: &'a [usize],
    arrays: &'a Arrays,
    /// The configurations of the realisation.
    configurations: Range<usize>,
    /// The one that stands for the run in figures.
    shown: usize,
    /// Squares of residuals over their variances, `[configuration][record]`; a bin counts for a
    /// configuration where it has a value.
    sums: Vec<Vec<f64>>,
    /// Bins that count.
    counts: Vec<u32>,
    /// Where the correlation of emitters is wanted.
    correlated: Vec<WholeBin>,
}

impl Account<'_> {
    /// Adds some records that follow each other.
    fn add(&mut self, realisation: &Realisation, window: Range<usize>, evidence: &mut Evidence) {
        for (position, &bin) in self.bins.iter().enumerate() {
            let gathered = self.campaign.bin_data(realisation, position);
            let columns = gathered.columns();
            let problem = realisation.problem(&gathered, &columns, Constraint::None);
            let problem = Problem { scale: VarianceScale::Absolute, ..problem };
            let shown = self.arrays.emissivity_at(self.shown, bin);
            evidence.add((bin, window.start), &problem, shown);
            let wanted = self.correlated.iter_mut().find(|wanted| wanted.bin == bin);
            wanted.into_iter().for_each(|wanted| wanted.extend(&problem));
            for (place, configuration) in self.configurations.clone().enumerate() {
                let emissivity = self.arrays.emissivity_at(configuration, bin);
                if emissivity.iter().all(|e| e.re.is_finite()) {
                    let sums = &mut self.sums[place][window.clone()];
                    add_squared_residuals(&problem, emissivity, sums);
                    self.counts[place] += u32::from(window.start == 0);
                }
            }
        }
    }

    /// Means over the bins.
    fn chi2(mut self) -> Vec<Vec<f64>> {
        for (sums, count) in self.sums.iter_mut().zip(self.counts) {
            sums.iter_mut().for_each(|sum| *sum /= f64::from(count));
        }
        self.sums
    }
}

/// The Planck functions of all records at one bin, and the variances of their spectra.
struct WholeBin {
    bin: usize,
    columns: Vec<Vec<f64>>,
    variance: Vec<f64>,
}

impl WholeBin {
    fn new(bin: usize) -> Self {
        Self { bin, columns: Vec::new(), variance: Vec::new() }
    }

    /// Adds records.
    fn extend(&mut self, problem: &Problem) {
        self.columns.resize_with(problem.design.len(), Vec::new);
        for (all, column) in self.columns.iter_mut().zip(problem.design) {
            all.extend_from_slice(column);
        }
        self.variance.extend_from_slice(problem.variance);
    }

    /// Adds the correlations of its emitters to what figures show.
    fn correlate(&self, constraint: Constraint, evidence: &mut Evidence) {
        let columns: Vec<&[f64]> = self.columns.iter().map(|column| &column[..]).collect();
        evidence.correlate(self.bin, (&columns, &self.variance), constraint);
    }
}

/// Adds `records.csv`: one row a record of each data set.
///
/// # Errors
/// If the file cannot be written.
pub(super) fn add_records(
    files: &mut FilesTogether,
    run: &RunDir,
    study: &Study,
    tables: &[RecordTable],
) -> Result<(), FileError> {
    files.add(&run.product("records.csv"), |w| {
        let mut csv = csv::Writer::from_writer(w);
        let fixed = ["data_set", "record", "used", "reason", "plateau", "sigma"];
        let chi2 = study.methods.iter().map(|method| format!("chi2_{}", method.label));
        let header = fixed.into_iter().map(str::to_owned).chain(chi2);
        csv.write_record(header).map_err(io_error)?;
        for (set, table) in study.sets.iter().zip(tables) {
            write_set(&mut csv, &set.to_string(), study.methods.len(), table)?;
        }
        csv.flush()
    })
}

fn write_set<W: io::Write>(
    csv: &mut csv::Writer<W>,
    set: &str,
    methods: usize,
    table: &RecordTable,
) -> io::Result<()> {
    let mut used = 0;
    for (record, reason) in table.reasons.iter().enumerate() {
        let mut row = vec![set.to_owned(), record.to_string()];
        match reason {
            Some(Reason::OtherScanMode) => continue,
            Some(reason) => {
                row.extend(["false".into(), reason.to_string()]);
                row.resize(6 + methods, String::new());
            }
            None => {
                row.extend(["true".into(), String::new(), table.plateaus[used].to_string()]);
                row.push(table.sigma.as_ref().map_or(String::new(), |s| number(s[used])));
                let chi2 = |method: usize| table.chi2.as_ref().map(|chi2| chi2[method][used]);
                row.extend((0..methods).map(|m| chi2(m).map_or(String::new(), number)));
                used += 1;
            }
        }
        csv.write_record(&row).map_err(io_error)?;
    }
    Ok(())
}

/// A number, or nothing where there is none.
fn number(value: f64) -> String {
    if value.is_finite() { value.to_string() } else { String::new() }
}
