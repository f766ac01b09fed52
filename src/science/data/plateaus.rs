//! Divides records into plateaus: runs taken at one setting of the temperatures.

/// A body whose temperature changes by more than this part of itself between two records was set
/// to another: within a plateau bodies settle and scatter by less.
const STEP: f64 = 0.03;

/// The number of the plateau of each record, ascending from 0; `temperatures` are K,
/// `[emitter][record]`.
pub(super) fn plateaus(temperatures: &[Vec<f64>]) -> Vec<usize> {
    let records = temperatures.first().map_or(0, Vec::len);
    let steps = |record: usize| {
        temperatures.iter().any(|t| (t[record] - t[record - 1]).abs() > STEP * t[record - 1])
    };
    let mut plateau = 0;
    (0..records)
        .map(|record| {
            plateau += usize::from(record > 0 && steps(record));
            plateau
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_of_any_body_begins_a_plateau() {
        let xcal = vec![2.73, 2.731, 2.729, 5.0, 5.01, 4.99, 2.73];
        let ical = vec![2.73, 2.73, 2.73, 2.73, 2.73, 9.0, 9.0];
        assert_eq!(plateaus(&[xcal, ical]), [0, 0, 0, 1, 1, 2, 3]);
        assert_eq!(plateaus(&[]), [0; 0]);
    }
}
