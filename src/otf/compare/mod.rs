//! By how many error bars two calibration models differ.

mod side;
mod table;

use num_complex::Complex64;
use serde::Serialize;

pub use side::Side;
use side::{SideParameter, SidePoint};
pub use table::table;

/// Two frequencies are the same within this part of one: published axes are rounded to eight digits.
const SAME_FREQUENCY: f64 = 1e-6;
/// How many of the worst bins are told.
const WORST: usize = 3;

/// What two models differ by.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Comparison {
    /// The first.
    pub a: String,
    /// The second.
    pub b: String,
    /// Channel and scan mode of the first.
    pub data_set: String,
    /// Points of the first in the band, for which the second has values.
    pub bins: usize,
    /// Those of them between points of the second, whose values there are interpolated.
    pub interpolated: usize,
    /// Which sides have error bars: `both`, `a`, `b` or `none`.
    pub error_bars: &'static str,
    /// One an emitter that both have.
    pub emitters: Vec<EmitterDifference>,
    /// The shared parameters that both have.
    pub parameters: Vec<ParameterDifference>,
}

/// What two models differ by in one emitter.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EmitterDifference {
    /// Which.
    pub emitter: String,
    /// Points with an error bar.
    pub bins: usize,
    /// Root mean square of the difference over its error bar: one, where two independent measurements agree;
    /// none without error bars.
    pub rms_sigma: Option<f64>,
    /// The largest of these.
    pub worst_sigma: Option<f64>,
    /// The same of the emissivity times the bolometer's response, which the data determine whatever the
    /// responsivity.
    pub product_rms_sigma: Option<f64>,
    /// Root mean square of the difference over that of the second's values.
    pub relative: Option<f64>,
    /// The bins that differ most, in error bars, or else in value.
    pub worst: Vec<WorstBin>,
}

/// A bin that differs much.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct WorstBin {
    /// Bin of the first, if it is of a run.
    pub bin: Option<usize>,
    /// Its frequency, GHz.
    pub frequency_ghz: f64,
    /// The modulus of the difference.
    pub difference: f64,
    /// That over its error bar, if there is one.
    pub sigma: Option<f64>,
}

/// What two models differ by in a shared parameter.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ParameterDifference {
    /// Which.
    pub parameter: String,
    /// Its unit.
    pub unit: String,
    /// By the first.
    pub a: f64,
    /// By the second.
    pub b: f64,
    /// The difference over its error bar; none where both assumed their value.
    pub sigma: Option<f64>,
}

/// Compares two models at the points of the first.
#[must_use]
pub fn compare(a: &Side, b: &Side) -> Comparison {
    let (low, high) = a.band_ghz();
    let in_band = |point: &&SidePoint| (low..=high).contains(&point.frequency_ghz);
    let pairs: Vec<Pair> = a.points.iter().filter(in_band).filter_map(|p| pair(p, b)).collect();
    let common = |name: &String| b.emitters.iter().position(|other| other == name);
    let places = a.emitters.iter().enumerate().filter_map(|(i, name)| Some((i, common(name)?)));
    let has_bars = |side: &Side| {
        let known = |point: &SidePoint| point.sigma.iter().any(|sigma| !sigma.is_nan());
        side.points.iter().any(known)
    };
    Comparison {
        a: a.name.clone(),
        b: b.name.clone(),
        data_set: a.set.clone(),
        bins: pairs.len(),
        interpolated: pairs.iter().filter(|pair| pair.is_interpolated).count(),
        error_bars: match (has_bars(a), has_bars(b)) {
            (true, true) => "both",
            (true, false) => "a",
            (false, true) => "b",
            (false, false) => "none",
        },
        emitters: places.map(|places| emitter(&a.emitters[places.0], places, &pairs)).collect(),
        parameters: a.parameters.iter().filter_map(|p| parameter(p, b)).collect(),
    }
}

/// A point of the first, and the second's values there.
struct Pair<'a> {
    a: &'a SidePoint,
    b: SidePoint,
    is_interpolated: bool,
}

/// The second's values at a point of the first, if it has any.
fn pair<'a>(a: &'a SidePoint, b: &Side) -> Option<Pair<'a>> {
    let wanted = a.frequency_ghz;
    let is_same =
        |point: &&SidePoint| (point.frequency_ghz - wanted).abs() <= SAME_FREQUENCY * wanted;
    if let Some(same) = b.points.iter().find(is_same) {
        return Some(Pair { a, b: same.clone(), is_interpolated: false });
    }
    let above = b.points.iter().position(|point| point.frequency_ghz > wanted)?;
    let (low, high) = (&b.points[above.checked_sub(1)?], &b.points[above]);
    let part = (wanted - low.frequency_ghz) / (high.frequency_ghz - low.frequency_ghz);
    let complex = |low: &[Complex64], high: &[Complex64]| {
        low.iter().zip(high).map(|(l, h)| l + (h - l) * part).collect::<Vec<_>>()
    };
    let real = |low: &[f64], high: &[f64]| {
        low.iter().zip(high).map(|(l, h)| l + (h - l) * part).collect::<Vec<_>>()
    };
    let between = SidePoint {
        bin: None,
        frequency_ghz: wanted,
        emissivity: complex(&low.emissivity, &high.emissivity),
        sigma: real(&low.sigma, &high.sigma),
        product: complex(&low.product, &high.product),
        product_sigma: real(&low.product_sigma, &high.product_sigma),
    };
    Some(Pair { a, b: between, is_interpolated: true })
}

/// The error bar of a difference: of what is known of the two; none if nothing is.
fn bar(a: f64, b: f64) -> Option<f64> {
    let square = |sigma: f64| if sigma.is_nan() { 0.0 } else { sigma * sigma };
    let both = square(a) + square(b);
    (!(a.is_nan() && b.is_nan()) && both > 0.0 && both.is_finite()).then(|| both.sqrt())
}

fn modulus(value: Complex64) -> f64 {
    value.norm_sqr().sqrt()
}

fn emitter(name: &str, (i, k): (usize, usize), pairs: &[Pair]) -> EmitterDifference {
    let mut worst = Vec::new();
    let (mut sums, mut squares) = ([0.0; 2], Vec::new());
    let mut products = Vec::new();
    for pair in pairs {
        let difference = modulus(pair.a.emissivity[i] - pair.b.emissivity[k]);
        if !difference.is_finite() {
            continue;
        }
        sums[0] += difference * difference;
        sums[1] += pair.b.emissivity[k].norm_sqr();
        let sigma = bar(pair.a.sigma[i], pair.b.sigma[k]).map(|bar| difference / bar);
        squares.extend(sigma.map(|sigma| sigma * sigma));
        let product = modulus(pair.a.product[i] - pair.b.product[k]);
        let of_product = bar(pair.a.product_sigma[i], pair.b.product_sigma[k]);
        products
            .extend(of_product.map(|bar| product / bar).filter(|z| z.is_finite()).map(|z| z * z));
        let (bin, frequency_ghz) = (pair.a.bin, pair.a.frequency_ghz);
        worst.push(WorstBin { bin, frequency_ghz, difference, sigma });
    }
    let by = |bin: &WorstBin| (bin.sigma.unwrap_or(0.0), bin.difference);
    worst.sort_by(|x, y| {
        let ((x, dx), (y, dy)) = (by(x), by(y));
        y.total_cmp(&x).then(dy.total_cmp(&dx))
    });
    let rms = |squares: &[f64]| {
        let mean = squares.iter().sum::<f64>() / squares.len() as f64;
        (!squares.is_empty()).then(|| mean.sqrt())
    };
    worst.truncate(WORST);
    EmitterDifference {
        emitter: name.to_owned(),
        bins: squares.len(),
        rms_sigma: rms(&squares),
        worst_sigma: worst.first().and_then(|bin| bin.sigma),
        product_rms_sigma: rms(&products),
        relative: (sums[1] > 0.0).then(|| (sums[0] / sums[1]).sqrt()),
        worst,
    }
}

fn parameter(a: &SideParameter, b: &Side) -> Option<ParameterDifference> {
    let other = b.parameters.iter().find(|other| other.name == a.name)?;
    Some(ParameterDifference {
        parameter: a.name.clone(),
        unit: a.unit.clone(),
        a: a.value,
        b: other.value,
        sigma: bar(a.sigma, other.sigma).map(|bar| (a.value - other.value) / bar),
    })
}

#[cfg(test)]
mod tests;
