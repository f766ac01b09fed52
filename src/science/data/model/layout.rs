//! The columns of the published layout: their names, units and order, and what each holds.

use num_complex::Complex64;

use super::{COLUMN_LENGTH, PublishedModel, SharedValue};
use crate::science::instrument::IcalDrift;

/// A column of the published layout.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct LayoutColumn {
    /// Its name, cut to eight characters in the published file.
    pub(super) name: String,
    /// Its whole name.
    pub(super) entire: String,
    /// Its unit; empty if it has none.
    pub(super) unit: &'static str,
    /// What it is.
    pub(super) meaning: String,
    pub(super) values: Vec<f64>,
}

/// Parameters of the bolometer: column, whole name, unit, meaning.
pub(super) const BOLOMETER: [(&str, &str, &str, &str); 10] = [
    ("BOLPARM_", "BOLPARM_R0", "ohm", "Characteristic resistance, in ohms"),
    ("BOLPARM2", "BOLPARM_T0", "K", "Characteristic temperature, in K"),
    (
        "BOLPARM3",
        "BOLPARM_G1",
        "W/K^(bolparm_beta+1)",
        "Coefficient of thermal conductance, in W/K^(bolparm_beta+1)",
    ),
    ("BOLPARM4", "BOLPARM_BETA", "", "Index of thermal conductance (dimensionless)"),
    ("BOLPARM5", "BOLPARM_RHO", "K/V", "Resistance due to electric field, in K/V"),
    ("BOLPARM6", "BOLPARM_C1", "J/K^2", "Heat capacity coefficient, linear term, in J/K^2"),
    ("BOLPARM7", "BOLPARM_C3", "J/K^4", "Heat capacity coefficient, cubic term, in J/K^4"),
    ("BOLPARM8", "BOLPARM_JO", "V", "Readout JFET offset, in V"),
    ("BOLPARM9", "BOLPARM_JG", "", "Readout JFET gain (dimensionless)"),
    ("BOLPARM10", "BOLPARM_RL", "ohm", "Load resistance, in ohms"),
];

/// Corrections that all bins share: column, whole name, unit, meaning.
pub(super) const CORRECTIONS: [(&str, &str, &str, &str); 12] = [
    ("OPTPARM_", "OPTPARM_2H", "", "2nd harmonic correction coefficient (dimensionless)"),
    ("OPTPARM2", "OPTPARM_3H", "", "3rd harmonic correction coefficient (dimensionless)"),
    ("OPTPARM3", "OPTPARM_VP0", "", "Primary vibration correction offset (dimensionless)"),
    ("OPTPARM4", "OPTPARM_VP1", "yr^(-1)", "Primary vibration, linear coefficient, in yr^(-1)"),
    ("OPTPARM5", "OPTPARM_VP2", "yr^(-2)", "Primary vibration, quadratic, in yr^(-2)"),
    ("OPTPARM6", "OPTPARM_VP3", "yr^(-3)", "Primary vibration, cubic, in yr^(-3)"),
    ("OPTPARM7", "OPTPARM_VP4", "yr^(-4)", "Primary vibration, quartic, in yr^(-4)"),
    ("OPTPARM8", "OPTPARM_VS", "", "Secondary vibration coefficient (dimensionless)"),
    ("DRIFT_AM", "DRIFT_AMP", "K", "Ical drift amplitude, in K"),
    ("DRIFT_TC", "DRIFT_TC", "yr", "Ical drift time constant, in yr"),
    ("DRIFT_OF", "DRIFT_OFFSET", "K", "Ical drift offset, in K"),
    ("XCAL_COR", "XCAL_CORRECTION", "K", "Xcal temperature correction, in K"),
];

/// The emitters but the first, which is the transfer function: column, whole name, what it is.
const OPTICS: [(&str, &str, &str); 6] = [
    ("ICAL", "ICAL", "internal calibrator"),
    ("SKYHORN", "SKYHORN", "sky horn"),
    ("REFHORN", "REFHORN", "reference horn"),
    ("DIHEDRA", "DIHEDRAL", "dihedral"),
    ("STRUCTU", "STRUCTURE", "structure"),
    ("BOLOMET", "BOLOMETER", "bolometer"),
];

/// The published columns in their order, and then two for each further emitter that has columns.
pub(super) fn columns(model: &PublishedModel) -> Vec<LayoutColumn> {
    let mut all = Vec::new();
    let gain = &model.electronics_gain;
    all.extend(pair("ELEX_GA", "ELEX_GAIN", "electronics gain function", gain));
    let what = "optical transfer function";
    all.extend(pair("TRANSFE", "TRANSFER", what, &emissivity(model, "TRANSFE")));
    let state = &model.state;
    let scalar = |name: &str, entire: &str, unit, meaning: &str, value| LayoutColumn {
        name: name.into(),
        entire: entire.into(),
        unit,
        meaning: meaning.into(),
        values: vec![value],
    };
    let time = state.time_constant_s;
    all.push(scalar("TIME_CON", "TIME_CONSTANT", "s", "Bolometer time constant, in s", time));
    let response = state.responsivity;
    all.push(scalar("DC_RESPO", "DC_RESPONSE", "V/W", "Bolometer DC response, in V/W", response));
    all.push(LayoutColumn {
        values: model.apodization.clone(),
        ..scalar("APODIZAT", "APODIZATION", "", "Apodization function (dimensionless)", 0.0)
    });
    let values = bolometer_values(model);
    let of_bolometer = BOLOMETER.iter().zip(values);
    all.extend(
        of_bolometer.map(|(&(name, entire, unit, what), v)| scalar(name, entire, unit, what, v)),
    );
    for (name, entire, unit, meaning, value) in [
        ("BOLOM_BI", "BOLOM_BIAS", "V", "Commanded bolometer bias, in V", state.bias_v),
        ("BOLOM_VO", "BOLOM_VOLTAGE", "V", "Bolometer readout voltage, in V", state.volt_v),
        (
            "BOLOM_TE",
            "BOLOM_TEMPERATURE",
            "K",
            "Bolometer operating temperature, in K",
            state.temperature_k,
        ),
        ("BOLOM_B2", "BOLOM_BATHTEMP", "K", "Bolometer bath temperature, in K", state.bath_k),
    ] {
        all.push(scalar(name, entire, unit, meaning, value));
    }
    for (name, entire, what) in OPTICS {
        all.extend(pair(name, entire, &format!("{what} emissivity"), &emissivity(model, name)));
    }
    let corrections = CORRECTIONS.iter().zip(correction_values(model));
    all.extend(
        corrections.map(|(&(name, entire, unit, what), v)| scalar(name, entire, unit, what, v)),
    );
    let published = |column: &str| column == "TRANSFE" || OPTICS.iter().any(|o| o.0 == column);
    for (column, values) in model.columns.iter().zip(&model.emissivity) {
        if !published(column) {
            all.extend(pair(column, column, &format!("{column} emissivity"), values));
        }
    }
    all
}

/// In the order of [`BOLOMETER`].
pub(super) fn bolometer_values(model: &PublishedModel) -> [f64; 10] {
    let [r0, t0, g1, beta, rho, c1, c3, j0, jg] = model.bolometer.fitted();
    [r0, t0, g1, beta, rho, c1, c3, j0, jg, model.bolometer.rl_ohm]
}

/// In the order of [`CORRECTIONS`].
pub(super) fn correction_values(model: &PublishedModel) -> [f64; 12] {
    let c = &model.corrections;
    let [vp0, vp1, vp2, vp3, vp4] = c.primary_vibration;
    let drift = c.ical_drift;
    [
        c.h2,
        c.h3,
        vp0,
        vp1,
        vp2,
        vp3,
        vp4,
        c.secondary_vibration,
        drift.amplitude_k,
        drift.time_yr,
        drift.offset_k,
        c.xcal_offset_k,
    ]
}

/// The names of the parameters in the order of [`BOLOMETER`], and then of [`CORRECTIONS`].
const NAMES: [&str; 22] = [
    "bolometer_r0",
    "bolometer_t0",
    "bolometer_g1",
    "bolometer_beta",
    "bolometer_rho",
    "bolometer_c1",
    "bolometer_c3",
    "bolometer_j0",
    "bolometer_jg",
    "bolometer_rl",
    "h2",
    "h3",
    "vp0",
    "vp1",
    "vp2",
    "vp3",
    "vp4",
    "vs",
    "ical_drift_amplitude",
    "ical_drift_time",
    "ical_drift_offset",
    "xcal_offset",
];

/// All parameters that the points of a model share.
pub(super) fn shared_values(model: &PublishedModel) -> Vec<SharedValue> {
    let values = bolometer_values(model).into_iter().chain(correction_values(model));
    let columns = BOLOMETER.iter().chain(&CORRECTIONS);
    let named = NAMES.iter().zip(columns).zip(values);
    named
        .map(|((name, column), value)| SharedValue {
            name,
            column: column.0,
            unit: if column.2.is_empty() { "1" } else { column.2 },
            value,
        })
        .collect()
}

/// Sets the corrections, in the order of [`CORRECTIONS`].
pub(super) fn set_corrections(model: &mut PublishedModel, values: [f64; 12]) {
    let [h2, h3, vp0, vp1, vp2, vp3, vp4, vs, amplitude_k, time_yr, offset_k, xcal] = values;
    let corrections = &mut model.corrections;
    (corrections.h2, corrections.h3) = (h2, h3);
    corrections.primary_vibration = [vp0, vp1, vp2, vp3, vp4];
    corrections.secondary_vibration = vs;
    corrections.ical_drift = IcalDrift { amplitude_k, time_yr, offset_k };
    corrections.xcal_offset_k = xcal;
}

/// What the model has in a column; NaN if it does not have it.
fn emissivity(model: &PublishedModel, column: &str) -> Vec<Complex64> {
    let place = model.columns.iter().position(|known| known == column);
    let none = || vec![Complex64::new(f64::NAN, f64::NAN); model.bins];
    place.and_then(|place| model.emissivity.get(place).cloned()).unwrap_or_else(none)
}

/// The real and the imaginary part of a spectrum, with zeros after its end, as published.
fn pair(name: &str, entire: &str, what: &str, values: &[Complex64]) -> [LayoutColumn; 2] {
    let column = |letter: char, part: &str, of: fn(&Complex64) -> f64| {
        let mut values: Vec<f64> = values.iter().map(of).collect();
        values.resize(COLUMN_LENGTH, 0.0);
        LayoutColumn {
            name: format!("{letter}{name}"),
            entire: format!("{letter}{entire}"),
            unit: "",
            meaning: format!("{part} part of {what} (dimensionless)"),
            values,
        }
    };
    [column('R', "Real", |z| z.re), column('I', "Imaginary", |z| z.im)]
}
