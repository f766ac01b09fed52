//! Double precision for a model that was written in single precision: where the two agree to that.

use num_complex::Complex64;

use super::details::ModelDetails;
use super::{PublishedModel, layout};
use crate::science::instrument::BolometerParameters;

/// Takes values in double precision where they are those of the layout, rounded: a value that was edited
/// in the layout stays. Offsets of thermometers, which the layout does not have, are added.
pub(super) fn refine(model: &mut PublishedModel, details: &ModelDetails) {
    let mut bolometer = layout::bolometer_values(model);
    let mut corrections = layout::correction_values(model);
    for parameter in &details.parameters {
        let place = |layout: &[(&str, &str, &str, &str)]| {
            layout.iter().position(|column| column.0 == parameter.column)
        };
        if let Some(place) = place(&layout::BOLOMETER) {
            sharpen(&mut bolometer[place], parameter.value);
        } else if let Some(place) = place(&layout::CORRECTIONS) {
            sharpen(&mut corrections[place], parameter.value);
        } else if let Some(emitter) = offset_of(&parameter.name)
            && parameter.value.is_finite()
            && parameter.value != 0.0
        {
            model.corrections.offsets_k.insert(emitter.to_owned(), parameter.value);
        }
    }
    let [r0_ohm, t0_k, g1, beta, rho_k_per_v, c1, c3, j0_v, jg, rl_ohm] = bolometer;
    model.bolometer =
        BolometerParameters { r0_ohm, t0_k, g1, beta, rho_k_per_v, c1, c3, j0_v, jg, rl_ohm };
    layout::set_corrections(model, corrections);
    refine_emissivities(model, details);
}

/// The emitter of whose thermometer a parameter is the offset, if the layout has no column for it. That of
/// ical is the offset of its drift.
fn offset_of(name: &str) -> Option<&str> {
    name.strip_suffix("_offset").filter(|emitter| !["xcal", "ical", "ical_drift"].contains(emitter))
}

fn sharpen(value: &mut f64, double: f64) {
    if (double as f32).to_bits() == (*value as f32).to_bits() {
        *value = double;
    }
}

fn refine_emissivities(model: &mut PublishedModel, details: &ModelDetails) {
    for (column, values) in model.columns.iter().zip(&mut model.emissivity) {
        let Some(emitter) = details.columns.iter().position(|known| known == column) else {
            continue;
        };
        for (value, point) in values.iter_mut().zip(&details.points) {
            let Some(double) = point.emissivity.get(emitter) else { continue };
            let Complex64 { re, im } = value;
            sharpen(re, double.re);
            sharpen(im, double.im);
        }
    }
}
