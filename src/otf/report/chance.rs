//! How a method compares with the reference, and whether chance alone could make the difference.

use crate::foundations::numerics::math::{exp, ln};

/// The natural logarithm of an error ratio, with its standard error over trials.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::otf) struct Difference {
    /// NaN where nothing could be compared.
    pub(in crate::otf) log_ratio: f64,
    /// NaN where there is only one trial.
    pub(in crate::otf) standard_error: f64,
    /// Degrees of freedom of the standard error.
    pub(in crate::otf) degrees: f64,
}

/// What may be said of a difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::otf) enum Standing {
    /// Smaller errors than the reference has.
    Better,
    /// Not a difference that matters: less than is shown.
    Same,
    /// The trials cannot tell them apart.
    Chance,
    /// One trial: nothing may be said.
    Untold,
    /// Larger errors.
    Worse,
    /// There is no value to compare.
    Absent,
}

impl Difference {
    pub(super) const NONE: Self =
        Self { log_ratio: f64::NAN, standard_error: f64::NAN, degrees: 0.0 };

    /// Of some cells (each a data set at one noise level), given the values of the trials of each.
    /// Cells are independent draws, and count equally; one without a value does not count.
    pub(super) fn of_cells(cells: &[Vec<f64>]) -> Self {
        let cells: Vec<&Vec<f64>> = cells.iter().filter(|trials| !trials.is_empty()).collect();
        let count = cells.len() as f64;
        if cells.is_empty() {
            return Self::NONE;
        }
        let log_ratio = cells.iter().map(|trials| mean(trials)).sum::<f64>() / count;
        let variances: Vec<(f64, f64)> =
            cells.iter().map(|trials| variance_of_mean(trials)).collect();
        let sum: f64 = variances.iter().map(|(variance, _)| variance).sum();
        let parts = variances.iter().map(|(variance, degrees)| variance * variance / degrees);
        // Welch and Satterthwaite.
        let degrees = if sum > 0.0 { sum * sum / parts.sum::<f64>() } else { 1.0 };
        Self { log_ratio, standard_error: sum.sqrt() / count, degrees }
    }

    /// Two standard errors, and more where few trials say how large these are: the part of Student's
    /// distribution is that of two standard deviations of a normal one, 95.4 %.
    pub(in crate::otf) fn margin(&self) -> f64 {
        student(self.degrees) * self.standard_error
    }

    /// What may be said; differences below `least` do not matter.
    pub(in crate::otf) fn standing(&self, least: f64) -> Standing {
        match self.log_ratio {
            ratio if ratio.is_nan() => Standing::Absent,
            ratio if ratio.abs() < least => Standing::Same,
            _ if self.standard_error.is_nan() => Standing::Untold,
            ratio if ratio.abs() < self.margin() => Standing::Chance,
            ratio if ratio < 0.0 => Standing::Better,
            _ => Standing::Worse,
        }
    }

    /// The error over that of the reference.
    pub(in crate::otf) fn ratio(&self) -> f64 {
        exp(self.log_ratio)
    }
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// The variance of a mean, and its degrees of freedom; NaN for one value.
fn variance_of_mean(values: &[f64]) -> (f64, f64) {
    let (mean, count) = (mean(values), values.len() as f64);
    let squares: f64 = values.iter().map(|value| (value - mean) * (value - mean)).sum();
    (squares / (count - 1.0) / count, count - 1.0)
}

/// How many standard errors hold 95.45 % of Student's distribution.
fn student(degrees: f64) -> f64 {
    // Broken degrees of freedom are rounded down: that is the careful side.
    match degrees.floor() {
        n if n < 2.0 => 13.968,
        2.0 => 4.527,
        // The expansion in 1/n about the normal distribution at two standard deviations.
        n => 2.0 + 2.5 / n + 3.0625 / (n * n) + 2.859_375 / (n * n * n),
    }
}

/// The logarithm of the ratio of two errors; none if one of them alone is zero, or is no number.
pub(super) fn log_ratio(error: f64, reference: f64) -> Option<f64> {
    if error == reference {
        return Some(0.0).filter(|_| error.is_finite());
    }
    Some(ln(error / reference)).filter(|ratio| ratio.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_worked_by_hand() {
        // Means 2 and 4; variances of the means 1 (of 1 and 3) and 4/3/... (of 2, 4 and 6).
        let d = Difference::of_cells(&[vec![1.0, 3.0], vec![], vec![2.0, 4.0, 6.0]]);
        assert_eq!(d.log_ratio, 3.0);
        assert!((d.standard_error - (1.0f64 + 4.0 / 3.0).sqrt() / 2.0).abs() < 1e-15);
        let sum = 1.0 + 4.0 / 3.0;
        assert!((d.degrees - sum * sum / (1.0 + 16.0 / 9.0 / 2.0)).abs() < 1e-12);
    }

    #[test]
    fn one_trial_says_nothing() {
        let one = Difference::of_cells(&[vec![-0.7]]);
        assert_eq!(one.standing(1e-3), Standing::Untold);
        assert_eq!(Difference::of_cells(&[]).standing(1e-3), Standing::Absent);
        assert_eq!(Difference::of_cells(&[vec![1e-4]]).standing(1e-3), Standing::Same);
    }

    #[test]
    fn what_is_within_two_standard_errors_is_chance() {
        let of = |log_ratio| Difference { log_ratio, standard_error: 0.1, degrees: 1e9 };
        assert_eq!(of(0.199).standing(1e-3), Standing::Chance);
        assert_eq!(of(-0.199).standing(1e-3), Standing::Chance);
        assert_eq!(of(0.201).standing(1e-3), Standing::Worse);
        assert_eq!(of(-0.201).standing(1e-3), Standing::Better);
        // Two trials know their own scatter badly.
        let two = Difference { degrees: 1.0, ..of(-1.0) };
        assert_eq!(two.standing(1e-3), Standing::Chance);
    }

    #[test]
    fn students_limits_are_those_of_tables() {
        for (degrees, limit) in
            [(1.0, 13.968), (2.9, 4.527), (3.0, 3.307), (5.0, 2.649), (10.0, 2.284)]
        {
            assert!((student(degrees) / limit - 1.0).abs() < 0.01, "{degrees}");
        }
        assert!((student(1e6) - 2.0).abs() < 1e-5);
    }

    #[test]
    fn ratios_that_cannot_be_told() {
        assert_eq!(log_ratio(0.0, 0.0), Some(0.0));
        assert_eq!(log_ratio(2.0, 0.0), None);
        assert_eq!(log_ratio(0.0, 2.0), None);
        assert_eq!(log_ratio(f64::NAN, 1.0), None);
        assert_eq!(log_ratio(f64::INFINITY, f64::INFINITY), None);
    }
}
