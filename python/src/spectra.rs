//! `spectra`: what a fit is given, of a data set that is named by settings.

use std::path::PathBuf;

use num_complex::Complex64;
use numpy::ndarray::{Array2, Array3};
use numpy::{IntoPyArray, PyArray1, PyArray2, PyArray3};
use otfhpc::otf::study::{Config, RealisationId, Study};
use otfhpc::science::data::{BinData, Campaign, Draw, Realisation, Resampling};
use otfhpc::science::fit::VarianceScale;
use otfhpc::science::instrument::ChannelScan;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use rayon::prelude::*;

use crate::interrupt::{Stop, on_threads};

/// Which spectra: settings as the command takes them, and which of its data sets, levels and trials.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub(crate) struct Wanted {
    config: Option<PathBuf>,
    assignments: Vec<String>,
    set: Option<String>,
    noise: usize,
    trial: u64,
    threads: Option<usize>,
}

/// What stands along the axes, and what stands there, bin after bin, emitter after emitter.
struct Arrays {
    set: ChannelScan,
    records: usize,
    bins: Vec<usize>,
    emitters: Vec<String>,
    frequency_ghz: Vec<f64>,
    blocked: Vec<bool>,
    is_relative: bool,
    spectrum: Vec<Complex64>,
    variance: Vec<f64>,
    planck: Vec<f64>,
    model: Option<Vec<Complex64>>,
    temperatures: Vec<f64>,
    record: Vec<i64>,
    plateau: Vec<i64>,
}

/// A dictionary of arrays: their memory is that of a fit, which so copies nothing.
#[derive(IntoPyObject)]
pub(crate) struct SpectraArrays<'py> {
    set: String,
    emitters: Vec<String>,
    is_relative: bool,
    spectrum: Bound<'py, PyArray2<Complex64>>,
    variance: Bound<'py, PyArray2<f64>>,
    planck: Bound<'py, PyArray3<f64>>,
    temperatures: Bound<'py, PyArray2<f64>>,
    model: Option<Bound<'py, PyArray2<Complex64>>>,
    frequency_ghz: Bound<'py, PyArray1<f64>>,
    bins: Bound<'py, PyArray1<i64>>,
    blocked: Bound<'py, PyArray1<bool>>,
    record: Bound<'py, PyArray1<i64>>,
    plateau: Bound<'py, PyArray1<i64>>,
}

fn invalid(error: impl std::fmt::Display) -> PyErr {
    PyValueError::new_err(error.to_string())
}

/// Spectra, variances, Planck functions and temperatures of the records that are used.
#[pyfunction]
pub(crate) fn spectra<'py>(py: Python<'py>, wanted: Wanted) -> PyResult<SpectraArrays<'py>> {
    let config = Config::load(wanted.config.as_deref(), &wanted.assignments).map_err(invalid)?;
    let study = Study::new(&config).map_err(invalid)?;
    let id = wanted.realisation(&study)?;
    let make = |stop: &Stop| {
        let campaign = Campaign::prepare(study.sets[id.set], &study.recipe(&config))?;
        // All records, as `otfhpc spectra` has them: a trial chooses among them later.
        let draw = Draw { resampling: Resampling::None, ..study.draw(id) };
        let realisation = campaign.realise(&draw, &study.bins);
        Ok(Arrays::new(&study, &campaign, &realisation, stop))
    };
    let made: Result<Arrays, otfhpc::science::data::DataError> =
        on_threads(py, wanted.threads, make)?;
    made.map_err(invalid)?.into_python(py)
}

impl Wanted {
    /// The data set, noise level and trial that are meant.
    fn realisation(&self, study: &Study) -> PyResult<RealisationId> {
        let names: Vec<String> = study.sets.iter().map(ToString::to_string).collect();
        let set = match &self.set {
            None if names.len() == 1 => Some(0),
            None => None,
            Some(wanted) => names.iter().position(|name| name.eq_ignore_ascii_case(wanted)),
        };
        let set = set.ok_or_else(|| {
            let given = self.set.as_deref().map_or("not given".into(), |set| format!("`{set}`"));
            let valid = names.join(", ");
            PyValueError::new_err(format!("data_set is {given}: expected one of {valid}"))
        })?;
        let levels = study.noise_levels.len();
        if self.noise >= levels {
            let noise = self.noise;
            return Err(invalid(format!(
                "noise is {noise}: expected 0 to {}, an index of the noise levels",
                levels - 1
            )));
        }
        if !(1..=study.trials).contains(&self.trial) {
            let (trial, trials) = (self.trial, study.trials);
            return Err(invalid(format!("trial is {trial}: expected 1 to {trials}")));
        }
        Ok(RealisationId { set, noise: self.noise, trial: self.trial })
    }
}

impl Arrays {
    fn new(study: &Study, campaign: &Campaign, realisation: &Realisation, stop: &Stop) -> Self {
        let (records, bins) = (campaign.records(), study.bins.clone());
        let emitters: Vec<String> = study.emitters.iter().map(|e| e.name().to_owned()).collect();
        let mut arrays = Self {
            set: campaign.axis().channel_scan(),
            records,
            frequency_ghz: bins.iter().map(|bin| campaign.axis().frequency_ghz(*bin)).collect(),
            blocked: vec![false; bins.len()],
            is_relative: false,
            spectrum: vec![Complex64::ZERO; bins.len() * records],
            variance: vec![0.0; bins.len() * records],
            planck: vec![0.0; bins.len() * records * emitters.len()],
            model: None,
            temperatures: Vec::new(),
            record: used(campaign),
            plateau: campaign.plateaus().iter().map(|number| *number as i64).collect(),
            bins,
            emitters,
        };
        let models = arrays.fill(campaign, realisation, stop);
        arrays.model = models.into_iter().collect::<Option<Vec<_>>>().map(|rows| rows.concat());
        if let Some(bin) = (!arrays.bins.is_empty()).then(|| campaign.bin_data(realisation, 0)) {
            arrays.is_relative = bin.scale == VarianceScale::Relative;
            arrays.temperatures = realisation.context(&bin).temperatures.concat();
        }
        arrays
    }

    /// Fills the large arrays, bins side by side; returns what is known of the emissivities.
    fn fill(
        &mut self,
        campaign: &Campaign,
        realisation: &Realisation,
        stop: &Stop,
    ) -> Vec<Option<Vec<Complex64>>> {
        let (records, emitters) = (self.records.max(1), self.emitters.len());
        let spectra = self.spectrum.par_chunks_mut(records);
        let places = spectra
            .zip(self.variance.par_chunks_mut(records))
            .zip(self.planck.par_chunks_mut(records * emitters.max(1)))
            .zip(&mut self.blocked);
        let fill = |(position, (((spectrum, variance), planck), blocked)): (usize, _)| {
            if stop.asked() {
                return None;
            }
            let BinData { is_blocked, design, data, variance: own, model, .. } =
                campaign.bin_data(realisation, position);
            let spectrum: &mut [Complex64] = spectrum;
            let variance: &mut [f64] = variance;
            let planck: &mut [f64] = planck;
            let blocked: &mut bool = blocked;
            spectrum.copy_from_slice(&data);
            variance.copy_from_slice(&own);
            for (to, from) in planck.chunks_exact_mut(records).zip(design.iter()) {
                to.copy_from_slice(from);
            }
            *blocked = is_blocked;
            model
        };
        places.enumerate().map(fill).collect()
    }

    fn into_python(self, py: Python<'_>) -> PyResult<SpectraArrays<'_>> {
        let (n, b, e) = (self.records, self.bins.len(), self.emitters.len());
        let planck = Array3::from_shape_vec((b, e, n), self.planck).map_err(invalid)?;
        let by_record = |values| Array2::from_shape_vec((b, n), values).map_err(invalid);
        let spectrum = Array2::from_shape_vec((b, n), self.spectrum).map_err(invalid)?;
        let temperatures = Array2::from_shape_vec((e, n), self.temperatures).map_err(invalid)?;
        let model = self.model.map(|rows| Array2::from_shape_vec((b, e), rows)).transpose();
        let bins: Vec<i64> = self.bins.iter().map(|bin| *bin as i64).collect();
        Ok(SpectraArrays {
            set: self.set.to_string(),
            emitters: self.emitters,
            is_relative: self.is_relative,
            spectrum: spectrum.reversed_axes().into_pyarray(py),
            variance: by_record(self.variance)?.reversed_axes().into_pyarray(py),
            planck: planck.permuted_axes([2, 0, 1]).into_pyarray(py),
            temperatures: temperatures.reversed_axes().into_pyarray(py),
            model: model.map_err(invalid)?.map(|model| model.into_pyarray(py)),
            frequency_ghz: self.frequency_ghz.into_pyarray(py),
            bins: bins.into_pyarray(py),
            blocked: self.blocked.into_pyarray(py),
            record: self.record.into_pyarray(py),
            plateau: self.plateau.into_pyarray(py),
        })
    }
}

/// The places of the records that are used, in the order of the file.
fn used(campaign: &Campaign) -> Vec<i64> {
    let reasons = campaign.reasons().iter().enumerate();
    reasons.filter(|(_, reason)| reason.is_none()).map(|(record, _)| record as i64).collect()
}
