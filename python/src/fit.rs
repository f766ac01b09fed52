//! `fit_bins`: all bins of some arrays, with one method.

use std::collections::BTreeMap;
use std::time::Duration;

use num_complex::Complex64;
use numpy::ndarray::{Array1, Array2, Array3, ArrayViewMut2};
use numpy::{IntoPyArray, PyArray1, PyArray2, PyArray3, PyReadonlyArray2, PyReadonlyArray3};
use otfhpc::foundations::text::did_you_mean;
use otfhpc::science::fit::{
    Constraint, Deadline, Method, OptionValues, Outcome, Problem, Registered, SharedFactors,
    VarianceScale, fit_bin, fit_bins as fit_together, joint, method, methods,
};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use rayon::prelude::*;

use crate::interrupt::{Stop, on_threads};
use crate::views::{Spare, Tile, Views};

/// What is asked for, as the package hands it in: it has checked lengths and shapes.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub(crate) struct Asked {
    method: String,
    constraint: String,
    options: BTreeMap<String, f64>,
    emitters: Vec<String>,
    is_relative: bool,
    bins: Vec<usize>,
    frequency_hz: Vec<f64>,
    blocked: Vec<bool>,
    plateaus: Vec<usize>,
    with_covariance: bool,
    unit_seconds: Option<f64>,
    threads: Option<usize>,
}

/// What every bin of a fit has in common.
#[derive(Debug)]
pub(crate) struct Request {
    native: Box<dyn Method>,
    couples_bins: bool,
    pub(crate) constraint: Constraint,
    is_relative: bool,
    pub(crate) bins: Vec<usize>,
    pub(crate) frequency_hz: Vec<f64>,
    pub(crate) blocked: Vec<bool>,
    /// K, `[emitter][record]`; empty where they are not known.
    pub(crate) temperatures: Vec<Vec<f64>>,
    pub(crate) plateaus: Vec<usize>,
    with_covariance: bool,
    limit: Option<Duration>,
}

/// What a fit leaves: a dictionary of arrays.
#[derive(IntoPyObject)]
pub(crate) struct Fitted<'py> {
    emissivity: Bound<'py, PyArray2<Complex64>>,
    sigma: Bound<'py, PyArray2<f64>>,
    status: Bound<'py, PyArray1<u8>>,
    reason: Vec<String>,
    condition: Bound<'py, PyArray1<f64>>,
    rss: Bound<'py, PyArray1<f64>>,
    covariance: Option<Bound<'py, PyArray3<f64>>>,
}

/// One bin, fitted.
struct BinFit {
    outcome: Outcome,
    covariance: Option<Vec<f64>>,
}

/// Fits every bin. Shapes are those of `otfhpc.fit`, which checks them.
#[pyfunction]
pub(crate) fn fit_bins<'py>(
    py: Python<'py>,
    spectrum: PyReadonlyArray2<'py, Complex64>,
    planck: PyReadonlyArray3<'py, f64>,
    variance: PyReadonlyArray2<'py, f64>,
    temperatures: Option<PyReadonlyArray2<'py, f64>>,
    model: Option<PyReadonlyArray2<'py, Complex64>>,
    asked: Asked,
) -> PyResult<Fitted<'py>> {
    let emitters = planck.as_array().dim().2;
    let threads = asked.threads;
    let mut request = Request::new(asked)?;
    if let Some(temperatures) = &temperatures {
        let columns = temperatures.as_array();
        request.temperatures = columns.columns().into_iter().map(|c| c.to_vec()).collect();
    }
    let views = Views {
        spectrum: spectrum.as_array(),
        planck: planck.as_array(),
        variance: variance.as_array(),
        model: model.as_ref().map(|model| model.as_array()),
    };
    let fits = on_threads(py, threads, |stop| request.fit(&views, stop))?;
    Ok(Fitted::new(py, &fits, emitters, request.with_covariance))
}

impl Request {
    fn new(asked: Asked) -> PyResult<Self> {
        let registered = registered(&asked.method)?;
        let names: Vec<&str> = asked.emitters.iter().map(String::as_str).collect();
        let mut values = OptionValues::of_emitters(&registered.info, &names);
        for (name, value) in &asked.options {
            values.set(&registered.info, name, *value).map_err(|why| {
                PyValueError::new_err(format!("options of method `{}`: {why}", asked.method))
            })?;
        }
        let limit = asked.unit_seconds.map(Duration::try_from_secs_f64).transpose();
        Ok(Self {
            native: (registered.build)(&values),
            couples_bins: registered.info.couples_bins,
            constraint: asked.constraint.parse().map_err(PyValueError::new_err)?,
            is_relative: asked.is_relative,
            bins: asked.bins,
            frequency_hz: asked.frequency_hz,
            blocked: asked.blocked,
            temperatures: Vec::new(),
            plateaus: asked.plateaus,
            with_covariance: asked.with_covariance,
            limit: limit.map_err(|why| PyValueError::new_err(format!("unit_seconds: {why}")))?,
        })
    }

    /// What is known of the scale of the variances.
    pub(crate) fn scale(&self) -> VarianceScale {
        if self.is_relative { VarianceScale::Relative } else { VarianceScale::Absolute }
    }

    /// When an iteration that begins now gives up.
    pub(crate) fn deadline(&self) -> Deadline {
        Deadline::after(self.limit)
    }

    fn fit(&self, views: &Views, stop: &Stop) -> Vec<BinFit> {
        if self.couples_bins {
            return self.fit_coupled(views);
        }
        let fit = |spare: &mut Spare, bins| {
            let tile = views.tile(bins, std::mem::take(spare));
            let fits = self.fit_tile(&tile, stop);
            *spare = tile.into_spare();
            fits
        };
        let tiles = views.tiles().into_par_iter().map_init(Spare::default, fit);
        tiles.collect::<Vec<_>>().into_iter().flatten().collect()
    }

    fn fit_tile(&self, tile: &Tile, stop: &Stop) -> Vec<BinFit> {
        let fit = |place| match stop.asked() {
            true => BinFit { outcome: Outcome::Failed("stopped".into()), covariance: None },
            false => self.fit_alone(tile, place),
        };
        tile.places().map(fit).collect()
    }

    fn fit_alone(&self, tile: &Tile, place: usize) -> BinFit {
        let design = tile.design(place);
        let problem = tile.problem(place, &design, self);
        // The covariance rests on the factors that the fit has made.
        let shared = SharedFactors::new(problem.design, problem.data, problem.variance);
        let problem = Problem { shared: Some(&shared), ..problem };
        self.concluded(&problem, fit_bin(self.native.as_ref(), &problem))
    }

    /// All bins together: their vectors are all there at once, copied where they are not in one piece.
    fn fit_coupled(&self, views: &Views) -> Vec<BinFit> {
        let all = views.tile(0..views.bins(), Spare::default());
        let designs: Vec<_> = all.places().map(|place| all.design(place)).collect();
        let placed = all.places().zip(&designs);
        let problems: Vec<Problem> =
            placed.map(|(place, design)| all.problem(place, design, self)).collect();
        let outcomes = fit_together(&problems, |bright| self.native.fit_coupled(bright));
        problems.iter().zip(outcomes).map(|(p, outcome)| self.concluded(p, outcome)).collect()
    }

    fn concluded(&self, problem: &Problem, outcome: Outcome) -> BinFit {
        let outcome = outcome.finite();
        let wanted = self.with_covariance && outcome.solution().is_some();
        let covariance = wanted.then(|| self.native.covariance(problem)).flatten();
        BinFit { outcome, covariance }
    }
}

/// The method of that name, if it is one that bins alone are enough for.
fn registered(name: &str) -> PyResult<&'static Registered> {
    if name == joint::NAME {
        return Err(PyValueError::new_err(format!(
            "method `{name}` fits interferograms with their housekeeping, not spectra: \
             otfhpc.local(..., fit={{\"methods\": [\"{name}\"]}})"
        )));
    }
    method(name).ok_or_else(|| {
        let names = methods().iter().map(|method| method.info.name).filter(|n| *n != joint::NAME);
        let meant = did_you_mean(name, names.clone());
        let valid = names.collect::<Vec<_>>().join(", ");
        PyValueError::new_err(format!(
            "there is no method `{name}`{meant}; otfhpc.fit has {valid}. A program of your own is a \
             method of a run: otfhpc.local"
        ))
    })
}

impl<'py> Fitted<'py> {
    fn new(py: Python<'py>, fits: &[BinFit], emitters: usize, with_covariance: bool) -> Self {
        let (bins, nan) = (fits.len(), f64::NAN);
        let mut emissivity = Array2::from_elem((bins, emitters), Complex64::new(nan, nan));
        let mut sigma = Array2::from_elem((bins, emitters), nan);
        let mut condition = Array1::from_elem(bins, nan);
        let mut rss = Array1::from_elem(bins, nan);
        let kept = if with_covariance { bins } else { 0 };
        let mut covariance = Array3::from_elem((kept, emitters, emitters), nan);
        for (bin, fit) in fits.iter().enumerate() {
            if let Some(solution) = fit.outcome.solution() {
                fill_row(emissivity.view_mut(), bin, &solution.emissivity);
                fill_row(sigma.view_mut(), bin, &solution.sigma);
                condition[bin] = solution.condition;
                rss[bin] = solution.rss;
            }
            if let Some(values) = &fit.covariance {
                covariance
                    .index_axis_mut(numpy::ndarray::Axis(0), bin)
                    .iter_mut()
                    .zip(values)
                    .for_each(|(to, from)| *to = *from);
            }
        }
        let reason = |fit: &BinFit| fit.outcome.reason().unwrap_or_default().to_owned();
        let status = fits.iter().map(|fit| fit.outcome.status().code()).collect::<Vec<_>>();
        Self {
            emissivity: emissivity.into_pyarray(py),
            sigma: sigma.into_pyarray(py),
            status: status.into_pyarray(py),
            reason: fits.iter().map(reason).collect(),
            condition: condition.into_pyarray(py),
            rss: rss.into_pyarray(py),
            covariance: with_covariance.then(|| covariance.into_pyarray(py)),
        }
    }
}

fn fill_row<T: Copy>(mut array: ArrayViewMut2<T>, row: usize, values: &[T]) {
    array.row_mut(row).iter_mut().zip(values).for_each(|(to, from)| *to = *from);
}
