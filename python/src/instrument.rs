//! The instrument, on arrays: Planck functions, frequency axis, electronics, bolometer.

use num_complex::Complex64;
use numpy::ndarray::{ArrayD, Zip};
use numpy::{IntoPyArray, PyArray1, PyArrayDyn, PyReadonlyArray1, PyReadonlyArrayDyn};
use otfhpc::science::instrument::{
    Axis, BolometerParameters, BolometerState, ChannelScan, Electronics, PUBLISHED_LL,
    SPECTRUM_BINS, planck_mjy_sr,
};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

/// The frequency axis of a data set.
#[derive(IntoPyObject)]
pub(crate) struct AxisArrays<'py> {
    frequency_ghz: Bound<'py, PyArray1<f64>>,
    audio_hz: Bound<'py, PyArray1<f64>>,
    in_band: Bound<'py, PyArray1<bool>>,
}

/// The states of a bolometer: K, V/(erg/s), s.
type States<'py> =
    (Bound<'py, PyArray1<f64>>, Bound<'py, PyArray1<f64>>, Bound<'py, PyArray1<f64>>);

fn invalid(error: impl std::fmt::Display) -> PyErr {
    PyValueError::new_err(error.to_string())
}

fn data_set(name: &str) -> PyResult<ChannelScan> {
    name.parse().map_err(invalid)
}

/// Brightness, MJy/sr, of two arrays of one shape: Hz and K.
#[pyfunction]
pub(crate) fn planck<'py>(
    py: Python<'py>,
    frequency_hz: PyReadonlyArrayDyn<'py, f64>,
    temperature_k: PyReadonlyArrayDyn<'py, f64>,
) -> Bound<'py, PyArrayDyn<f64>> {
    let (frequency, temperature) = (frequency_hz.as_array(), temperature_k.as_array());
    let bright = |f: &f64, t: &f64| planck_mjy_sr(*f, *t);
    let brightness: ArrayD<f64> =
        py.detach(|| Zip::from(&frequency).and(&temperature).map_collect(bright));
    brightness.into_pyarray(py)
}

/// The bins of a data set.
#[pyfunction]
pub(crate) fn axis<'py>(
    py: Python<'py>,
    set: &str,
    transform_length: usize,
    correction: f64,
) -> PyResult<AxisArrays<'py>> {
    let axis = Axis::new(data_set(set)?, transform_length, correction).map_err(invalid)?;
    let audio: Vec<f64> = (0..SPECTRUM_BINS).map(|bin| axis.audio_hz(bin)).collect();
    let in_band: Vec<bool> = (0..SPECTRUM_BINS).map(|bin| axis.is_in_band(bin)).collect();
    Ok(AxisArrays {
        frequency_ghz: axis.frequencies_ghz().into_pyarray(py),
        audio_hz: audio.into_pyarray(py),
        in_band: in_band.into_pyarray(py),
    })
}

/// Transfer function of a data set's electronics, V/V, at audio frequencies, Hz.
#[pyfunction]
pub(crate) fn electronics<'py>(
    py: Python<'py>,
    set: &str,
    audio_hz: PyReadonlyArrayDyn<'py, f64>,
) -> PyResult<Bound<'py, PyArrayDyn<Complex64>>> {
    let set = data_set(set)?;
    let electronics = Electronics::new(set.channel, set.adds_per_group());
    Ok(audio_hz.as_array().mapv(|hz| electronics.etf(hz)).into_pyarray(py))
}

/// The published bolometer of the channel ll: name and value of each parameter.
#[pyfunction]
pub(crate) fn published_bolometer() -> [(&'static str, f64); 10] {
    let p = PUBLISHED_LL;
    [
        ("r0_ohm", p.r0_ohm),
        ("t0_k", p.t0_k),
        ("g1", p.g1),
        ("beta", p.beta),
        ("rho_k_per_v", p.rho_k_per_v),
        ("c1", p.c1),
        ("c3", p.c3),
        ("j0_v", p.j0_v),
        ("jg", p.jg),
        ("rl_ohm", p.rl_ohm),
    ]
}

/// States at biases, V, voltages that were read, V, and temperatures of the bath, K; of one length.
/// `parameters` are in the order of [`published_bolometer`].
#[pyfunction]
pub(crate) fn bolometer_states<'py>(
    py: Python<'py>,
    parameters: [f64; 10],
    bias_v: PyReadonlyArray1<'py, f64>,
    volt_v: PyReadonlyArray1<'py, f64>,
    bath_k: PyReadonlyArray1<'py, f64>,
) -> PyResult<States<'py>> {
    let [r0_ohm, t0_k, g1, beta, rho_k_per_v, c1, c3, j0_v, jg, rl_ohm] = parameters;
    let bolometer =
        BolometerParameters { r0_ohm, t0_k, g1, beta, rho_k_per_v, c1, c3, j0_v, jg, rl_ohm };
    let (bias, volt, bath) = (bias_v.as_array(), volt_v.as_array(), bath_k.as_array());
    let mut states: Vec<BolometerState> = Vec::with_capacity(bias.len());
    for (index, ((bias, volt), bath)) in bias.iter().zip(volt).zip(bath).enumerate() {
        let state = bolometer.state(*bias, *volt, *bath);
        states.push(state.map_err(|why| PyValueError::new_err(format!("element {index}: {why}")))?);
    }
    let array = |part: fn(&BolometerState) -> f64| {
        states.iter().map(part).collect::<Vec<_>>().into_pyarray(py)
    };
    Ok((array(|s| s.temperature_k), array(|s| s.responsivity), array(|s| s.time_constant_s)))
}

/// Response, V/(erg/s), at an angular audio frequency, rad/s; arrays of one shape.
#[pyfunction]
pub(crate) fn bolometer_response<'py>(
    py: Python<'py>,
    responsivity: PyReadonlyArrayDyn<'py, f64>,
    time_constant_s: PyReadonlyArrayDyn<'py, f64>,
    omega: PyReadonlyArrayDyn<'py, f64>,
) -> Bound<'py, PyArrayDyn<Complex64>> {
    let (responsivity, time, omega) =
        (responsivity.as_array(), time_constant_s.as_array(), omega.as_array());
    let response = |responsivity: &f64, time: &f64, omega: &f64| {
        let state = BolometerState {
            temperature_k: f64::NAN,
            responsivity: *responsivity,
            time_constant_s: *time,
        };
        state.response(*omega)
    };
    let all: ArrayD<Complex64> =
        Zip::from(&responsivity).and(&time).and(&omega).map_collect(response);
    all.into_pyarray(py)
}
