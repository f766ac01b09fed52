//! `spectra`: what a fit is given, of a data set that is named by settings.

use std::path::PathBuf;

use num_complex::Complex64;
use numpy::ndarray::{Array2, ArrayView1, ArrayViewMut1, ArrayViewMut2, Axis};
use numpy::{IntoPyArray, PyArray1, PyArray2, PyArray3, PyArrayMethods};
use otfhpc::otf::study::{Config, RealisationId, Study};
use otfhpc::science::data::{Campaign, DataError, Draw, Realisation, Resampling};
use otfhpc::science::fit::VarianceScale;
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

/// A data set in one realisation, of which spectra can be made.
struct Prepared {
    campaign: Campaign,
    realisation: Realisation,
}

/// The large arrays, bin after bin, emitter after emitter: in the order in which a fit reads them.
struct Large<'py> {
    spectrum: Bound<'py, PyArray2<Complex64>>,
    variance: Bound<'py, PyArray2<f64>>,
    planck: Bound<'py, PyArray3<f64>>,
}

/// Where one bin of them stands.
type BinPlace<'a> =
    ((ArrayViewMut1<'a, Complex64>, ArrayViewMut1<'a, f64>), ArrayViewMut2<'a, f64>);

/// What is known of a bin besides.
struct BinFacts {
    is_blocked: bool,
    model: Option<Vec<Complex64>>,
}

/// A dictionary of arrays.
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
    let prepare = |_: &Stop| Prepared::new(&study, &config, id);
    let prepared = on_threads(py, wanted.threads, prepare)?.map_err(invalid)?;
    let shape = (study.bins.len(), study.emitters.len(), prepared.campaign.records());
    let large = Large::new(py, shape)?;
    let facts = large.fill(py, &prepared, wanted.threads)?;
    prepared.described(py, &study, large, facts)
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

impl Prepared {
    fn new(study: &Study, config: &Config, id: RealisationId) -> Result<Self, DataError> {
        let campaign = Campaign::prepare(study.sets[id.set], &study.recipe(config))?;
        // All records, as `otfhpc spectra` has them: a trial chooses among them later.
        let draw = Draw { resampling: Resampling::None, ..study.draw(id) };
        let realisation = campaign.realise(&draw, &study.bins)?;
        Ok(Self { campaign, realisation })
    }

    /// All of it, with what stands along the axes.
    fn described<'py>(
        &self,
        py: Python<'py>,
        study: &Study,
        large: Large<'py>,
        facts: Vec<BinFacts>,
    ) -> PyResult<SpectraArrays<'py>> {
        let (campaign, realisation) = (&self.campaign, &self.realisation);
        let (axis, emitters) = (campaign.axis(), study.emitters.len());
        let first = campaign.bin_data(realisation, 0);
        let temperatures = realisation.context(&first).temperatures;
        let shape = (emitters, campaign.records());
        let by_emitter = Array2::from_shape_vec(shape, temperatures.concat()).map_err(invalid)?;
        let blocked: Vec<bool> = facts.iter().map(|facts| facts.is_blocked).collect();
        let rows: Option<Vec<_>> = facts.into_iter().map(|facts| facts.model).collect();
        let model = |rows: Vec<Vec<Complex64>>| {
            Array2::from_shape_vec((rows.len(), emitters), rows.concat()).map_err(invalid)
        };
        let ghz: Vec<f64> = study.bins.iter().map(|bin| axis.frequency_ghz(*bin)).collect();
        let bins: Vec<i64> = study.bins.iter().map(|bin| *bin as i64).collect();
        let plateau: Vec<i64> = campaign.plateaus().iter().map(|number| *number as i64).collect();
        let Large { spectrum, variance, planck } = large;
        Ok(SpectraArrays {
            set: axis.channel_scan().to_string(),
            emitters: study.emitters.iter().map(|emitter| emitter.name().to_owned()).collect(),
            is_relative: first.scale == VarianceScale::Relative,
            spectrum: spectrum.permute(Some([1, 0]))?,
            variance: variance.permute(Some([1, 0]))?,
            planck: planck.permute(Some([2, 0, 1]))?,
            temperatures: by_emitter.reversed_axes().into_pyarray(py),
            model: rows.map(model).transpose()?.map(|model| model.into_pyarray(py)),
            frequency_ghz: ghz.into_pyarray(py),
            bins: bins.into_pyarray(py),
            blocked: blocked.into_pyarray(py),
            record: used(campaign).into_pyarray(py),
            plateau: plateau.into_pyarray(py),
        })
    }
}

impl<'py> Large<'py> {
    /// NumPy makes them, which asks the system for large pages and says so where there is no memory.
    fn new(py: Python<'py>, (bins, emitters, records): (usize, usize, usize)) -> PyResult<Self> {
        let empty = py.import("numpy")?.getattr("empty")?;
        let plane = (bins, records);
        Ok(Self {
            spectrum: empty.call1((plane, "complex128"))?.cast_into()?,
            variance: empty.call1((plane, "float64"))?.cast_into()?,
            planck: empty.call1(((bins, emitters, records), "float64"))?.cast_into()?,
        })
    }

    /// Fills them, bins side by side.
    fn fill(
        &self,
        py: Python<'py>,
        prepared: &Prepared,
        threads: Option<usize>,
    ) -> PyResult<Vec<BinFacts>> {
        let (mut spectrum, mut variance, mut planck) =
            (self.spectrum.readwrite(), self.variance.readwrite(), self.planck.readwrite());
        let (mut spectrum, mut variance, mut planck) =
            (spectrum.as_array_mut(), variance.as_array_mut(), planck.as_array_mut());
        let fill = |stop: &Stop| {
            let bins = spectrum.axis_iter_mut(Axis(0)).zip(variance.axis_iter_mut(Axis(0)));
            let bins: Vec<_> = bins.zip(planck.axis_iter_mut(Axis(0))).enumerate().collect();
            let one =
                |(position, ((mut spectrum, mut variance), mut planck)): (usize, BinPlace)| {
                    if stop.asked() {
                        return BinFacts { is_blocked: false, model: None };
                    }
                    let bin = prepared.campaign.bin_data(&prepared.realisation, position);
                    spectrum.assign(&ArrayView1::from(&bin.data));
                    variance.assign(&ArrayView1::from(&bin.variance[..]));
                    for (mut to, from) in planck.outer_iter_mut().zip(bin.design.iter()) {
                        to.assign(&ArrayView1::from(&from[..]));
                    }
                    BinFacts { is_blocked: bin.is_blocked, model: bin.model }
                };
            bins.into_par_iter().map(one).collect()
        };
        on_threads(py, threads, fill)
    }
}

/// The places of the records that are used, in the order of the file.
fn used(campaign: &Campaign) -> Vec<i64> {
    let reasons = campaign.reasons().iter().enumerate();
    reasons.filter(|(_, reason)| reason.is_none()).map(|(record, _)| record as i64).collect()
}
