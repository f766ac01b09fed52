//! One temperature from several thermometers of a body, and back.

use super::Reading;

/// Neighbouring thermometers of a simulated body differ by this part of its temperature.
const GRADIENT: f64 = 0.01;

/// The weighted mean of readings, and in how many records one was left out.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::science::data) struct CombinedReading {
    /// K, one a record; NaN where no reading is usable.
    pub(in crate::science::data) temperatures_k: Vec<f64>,
    /// Whether a record's mean lacks a reading.
    pub(in crate::science::data) incomplete: Vec<bool>,
}

/// Whether a temperature can be one: a number above zero, and not above a limit, K.
pub(in crate::science::data) fn is_temperature(kelvin: f64, limit_k: f64) -> bool {
    kelvin > 0.0 && kelvin <= limit_k
}

/// The mean of readings (K, each with its weight, above zero), record by record. A reading that is
/// missing or cannot be a temperature is left out, and the others' weights count for it. A single
/// reading is taken as it stands.
pub(in crate::science::data) fn combine_readings(
    readings: Vec<(Vec<f64>, f64)>,
    limit_k: f64,
) -> CombinedReading {
    let records = readings.first().map_or(0, |(values, _)| values.len());
    match <[_; 1]>::try_from(readings) {
        Ok([(temperatures_k, _)]) => {
            CombinedReading { temperatures_k, incomplete: vec![false; records] }
        }
        Err(readings) => {
            let mean = |record: usize| mean(&readings, record, limit_k);
            let (temperatures_k, incomplete) = (0..records).map(mean).unzip();
            CombinedReading { temperatures_k, incomplete }
        }
    }
}

/// The mean at one record, and whether a reading but not all were left out.
fn mean(readings: &[(Vec<f64>, f64)], record: usize, limit_k: f64) -> (f64, bool) {
    let (mut sum, mut weights, mut used) = (0.0, 0.0, 0);
    for (values, weight) in readings {
        if is_temperature(values[record], limit_k) {
            sum += weight * values[record];
            weights += weight;
            used += 1;
        }
    }
    match used {
        0 => (f64::NAN, false),
        _ => (sum / weights, used < readings.len()),
    }
}

/// What the thermometers of a simulated body read, each by its name, K: they differ, and their weighted
/// mean is the temperature.
pub(in crate::science::data) fn split_reading<'a>(
    reading: &'a Reading,
    temperatures_k: &[f64],
) -> Vec<(&'a str, Vec<f64>)> {
    let weights: f64 = reading.parts.iter().map(|(_, weight)| weight).sum();
    let places = reading.parts.iter().enumerate();
    let mean = places.map(|(i, (_, weight))| i as f64 * weight).sum::<f64>() / weights;
    let read = |(i, (name, _)): (usize, &'a (String, f64))| {
        let factor = 1.0 + GRADIENT * (i as f64 - mean);
        (name.as_str(), temperatures_k.iter().map(|t| t * factor).collect())
    };
    reading.parts.iter().enumerate().map(read).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_reading_leaves_its_weight_to_the_others() {
        let a = vec![2.0, f64::NAN, 2.0, f64::NAN, 2.0];
        let b = vec![4.0, 4.0, -1.0, f64::INFINITY, 1e20];
        let combined = combine_readings(vec![(a, 0.1), (b, 0.3)], 1000.0);
        let expected = [3.5, 4.0, 2.0, f64::NAN, 2.0];
        for (found, expected) in combined.temperatures_k.iter().zip(expected) {
            assert!((found - expected).abs() < 1e-15 || (found.is_nan() && expected.is_nan()));
        }
        assert_eq!(combined.incomplete, [false, true, true, false, true]);
    }

    #[test]
    fn thermometers_of_a_simulated_body_differ_and_their_mean_is_right() {
        let parts = vec![("a".to_owned(), 0.1), ("b".to_owned(), 0.9)];
        let reading = Reading { parts, channel: None };
        let [(_, a), (_, b)] = &split_reading(&reading, &[2.0, 20.0])[..] else {
            panic!("two parts")
        };
        assert!((b[1] - a[1] - 0.2).abs() < 1e-12);
        let mean = combine_readings(vec![(a.clone(), 0.1), (b.clone(), 0.9)], 1000.0);
        assert!((mean.temperatures_k[1] - 20.0).abs() < 1e-13);
        let alone = Reading { parts: vec![("a".to_owned(), 1.0)], channel: None };
        assert_eq!(split_reading(&alone, &[2.7]), [("a", vec![2.7])]);
    }

    #[test]
    fn a_single_reading_is_taken_as_it_stands() {
        let combined = combine_readings(vec![(vec![1e20, 2.7], 0.1)], 1000.0);
        assert_eq!(combined.temperatures_k, [1e20, 2.7]);
        assert_eq!(combined.incomplete, [false, false]);
    }
}
