//! Every published figure of the LLSS calibration model that this program must reproduce.
//!
//! Those that are single figures are also in the unit tests of `src/science/instrument`, which need no
//! file: bolometer (temperature, S0, tau), both axes, normalisation, and the 43 values of the ETF.

use std::fs::File;

use crate::support::{Trial, required, trial};
use libtest_mimic::Failed;
use ndarray::Array1;
use ndarray_npy::NpzReader;
use num_complex::Complex64;
use otfhpc::foundations::numerics::constants::MJY_SR_PER_ERG;
use otfhpc::foundations::numerics::math::modulus;
use otfhpc::science::data::model::PublishedModel;
use otfhpc::science::data::published_columns;
use otfhpc::science::instrument::{
    Axis, BolometerState, Channel, DEFAULT_CORRECTION, Electronics, Gain, PADDED_LENGTH,
    PLAIN_LENGTH, Peak, SPECTRUM_BINS,
};

const MODEL: &str = "FIRAS_CALIBRATION_MODEL_LLSS.FITS";
/// The bin of the published model's first point, on the 640-point grid.
const FIRST_BIN: usize = 5;
/// The agreement that is asked for. The file holds single precision: 6e-8 of rounding.
const TOLERANCE: f64 = 1e-6;

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("bolometer_temperature", &[MODEL], || {
            bolometer(|state| state.temperature_k, |model| model.state.temperature_k, 1.8121065)
        }),
        trial("bolometer_responsivity", &[MODEL], || {
            bolometer(|state| state.responsivity, |model| model.state.responsivity, -1.9348202)
        }),
        trial("bolometer_time_constant", &[MODEL], || {
            bolometer(|state| state.time_constant_s, |model| model.state.time_constant_s, 0.0446905)
        }),
        trial("electronics_transfer_function", &[MODEL], electronics_transfer_function),
        trial("frequency_axis", &[MODEL], frequency_axis),
        trial("audio_axis", &[MODEL], audio_axis),
        trial("normalisation", &[MODEL], normalisation),
        trial("emissivities_sum_to_zero", &[MODEL], emissivities_sum_to_zero),
        trial("axis_of_the_noisy_reference", &["cal_expected.npz"], || {
            reference_axis("cal_expected.npz")
        }),
        trial("axis_of_the_clean_reference", &["cal_clean_expected.npz"], || {
            reference_axis("cal_clean_expected.npz")
        }),
    ]
}

fn model() -> Result<PublishedModel, Failed> {
    Ok(PublishedModel::read(&required(MODEL)?, &published_columns())?)
}

fn axis(length: usize) -> Result<Axis, Failed> {
    Ok(Axis::new("llss".parse()?, length, DEFAULT_CORRECTION)?)
}

/// Fails unless `found` is `published` to a relative [`TOLERANCE`].
fn check(what: &str, found: f64, published: f64) -> Result<(), Failed> {
    let error = (found - published).abs() / published.abs();
    if error <= TOLERANCE {
        return Ok(());
    }
    Err(format!("{what}: {found} is not the published {published}: off by {error:.1e}").into())
}

/// One figure of the bolometer's state, at the inputs of the table and at those of the file.
fn bolometer(
    figure: fn(&BolometerState) -> f64,
    published: fn(&PublishedModel) -> f64,
    printed: f64,
) -> Result<(), Failed> {
    let model = model()?;
    check("the table against the file", published(&model), printed)?;
    let at_file = (model.state.bias_v, model.state.volt_v, model.state.bath_k);
    for (bias_v, volt_v, bath_k) in [(1.372549, 2.065718, 1.5309418), at_file] {
        let state = model.bolometer.state(bias_v, volt_v, bath_k)?;
        let what = format!("at {bias_v} V, {volt_v} V, {bath_k} K");
        check(&what, figure(&state), published(&model))?;
    }
    Ok(())
}

fn electronics_transfer_function() -> Result<(), Failed> {
    let (model, axis) = (model()?, axis(PADDED_LENGTH)?);
    let electronics = Electronics::new(Channel::Ll, axis.channel_scan().adds_per_group());
    assert_eq!(axis.channel_scan().adds_per_group(), 3);
    assert_eq!(model.electronics_gain.len(), 43, "bins 5 to 47");
    for (bin, &published) in (FIRST_BIN..).zip(&model.electronics_gain) {
        let found = electronics.etf(axis.audio_hz(bin));
        let error = modulus(found - published) / modulus(published);
        if error.is_nan() || error > TOLERANCE {
            return Err(format!("bin {bin}: {found} is not {published}: off by {error:.1e}").into());
        }
    }
    Ok(())
}

fn frequency_axis() -> Result<(), Failed> {
    let (model, axis) = (model()?, axis(PADDED_LENGTH)?);
    check("NU_ZERO", axis.frequency_ghz(FIRST_BIN), model.nu_zero_ghz)?;
    check("DELTA_NU", axis.step_ghz(), model.delta_nu_ghz)?;
    for (bin, published) in (FIRST_BIN..).zip(model.frequencies_ghz()) {
        check(&format!("bin {bin}"), axis.frequency_ghz(bin), published)?;
    }
    Ok(())
}

fn audio_axis() -> Result<(), Failed> {
    let (model, axis) = (model()?, axis(PADDED_LENGTH)?);
    check("OM_ZERO", axis.omega(FIRST_BIN), model.omega_zero)?;
    check("DELTA_OM", axis.omega(FIRST_BIN + 1) - axis.omega(FIRST_BIN), model.delta_omega)
}

fn normalisation() -> Result<(), Failed> {
    let found = MJY_SR_PER_ERG
        / Gain::new(&axis(PADDED_LENGTH)?, Peak::at(359.0).ok_or("no peak")?).normalization();
    check("NORMALIZ times ten", found, 10.0 * model()?.normalization)
}

fn emissivities_sum_to_zero() -> Result<(), Failed> {
    let model = model()?;
    for point in 0..model.bins {
        let sum: Complex64 = model.emissivity.iter().map(|column| column[point]).sum();
        let ratio = modulus(sum / model.emissivity[0][point]);
        if ratio.is_nan() || ratio > TOLERANCE {
            return Err(format!("point {point}: the sum is {ratio:.1e} of the OTF").into());
        }
    }
    Ok(())
}

fn reference_axis(file: &str) -> Result<(), Failed> {
    let mut archive = NpzReader::new(File::open(required(file)?)?)?;
    let frequency_ghz: Array1<f64> = archive.by_name("frequency_ghz")?;
    assert_eq!(frequency_ghz.len(), SPECTRUM_BINS);
    let axis = axis(PLAIN_LENGTH)?;
    for (bin, &expected) in frequency_ghz.iter().enumerate() {
        let found = axis.frequency_ghz(bin);
        // The same formula, so to the rounding of a few operations.
        if (found - expected).abs() > 1e-14 * expected {
            return Err(format!("bin {bin}: {found} GHz is not {expected} GHz").into());
        }
    }
    Ok(())
}
