//! Mean and spread of numbers that come one by one.

use crate::command::value::Value;

/// Of the finite numbers so far. The sum is that of their order, with what rounding takes from it
/// carried along (Neumaier), so that the mean is as good as exact; the spread is Welford's.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Statistics {
    count: u64,
    sum: f64,
    lost: f64,
    running_mean: f64,
    squares: f64,
    min: f64,
    max: f64,
}

impl Statistics {
    /// The names of [`Self::fields`].
    pub(super) const COLUMNS: [&'static str; 5] = ["count", "mean", "std", "min", "max"];

    /// Takes a number; one that is not finite counts for nothing.
    pub(super) fn take(&mut self, number: f64) {
        if !number.is_finite() {
            return;
        }
        let is_first = self.count == 0;
        self.min = if is_first { number } else { self.min.min(number) };
        self.max = if is_first { number } else { self.max.max(number) };
        self.count += 1;

        let sum = self.sum + number;
        let (large, small) =
            if self.sum.abs() >= number.abs() { (self.sum, number) } else { (number, self.sum) };
        self.lost += (large - sum) + small;
        self.sum = sum;

        let step = number - self.running_mean;
        self.running_mean += step / self.count as f64;
        self.squares += step * (number - self.running_mean);
    }

    /// Count, mean, standard deviation (n - 1), least and greatest; empty where there is none.
    pub(super) fn fields(&self) -> [String; 5] {
        let n = self.count as f64;
        let of = |least: u64, number: f64| {
            if self.count >= least { Value::Number(number).to_string() } else { String::new() }
        };
        [
            self.count.to_string(),
            of(1, (self.sum + self.lost) / n),
            of(2, (self.squares / (n - 1.0)).sqrt()),
            of(1, self.min),
            of(1, self.max),
        ]
    }
}

/// The number that a field holds, if it is one.
pub(super) fn number_in(field: &[u8]) -> Option<f64> {
    std::str::from_utf8(field).ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(numbers: &[f64]) -> [String; 5] {
        let mut statistics = Statistics::default();
        numbers.iter().for_each(|&number| statistics.take(number));
        statistics.fields()
    }

    #[test]
    fn a_few_numbers_by_hand() {
        assert_eq!(of(&[2.0, 4.0, 9.0]), ["3", "5", "3.605551275463989", "2", "9"]);
        assert_eq!(of(&[-1e-9]), ["1", "-1e-9", "", "-1e-9", "-1e-9"]);
        assert_eq!(of(&[]), ["0", "", "", "", ""]);
        assert_eq!(of(&[f64::NAN, 3.0, f64::INFINITY]), ["1", "3", "", "3", "3"]);
    }

    #[test]
    fn what_rounding_takes_is_not_lost() {
        // (1e16 + 1 + 1 - 1e16) / 4; a plain sum gives 0.
        assert_eq!(of(&[1e16, 1.0, 1.0, -1e16])[1], "0.5");
        // A small spread on a large mean: squares of the numbers themselves would give nonsense.
        let shifted: Vec<f64> = [4.0, 7.0, 13.0, 16.0].map(|x| x + 1e9).to_vec();
        assert_eq!(of(&shifted)[2], of(&[4.0, 7.0, 13.0, 16.0])[2]);
    }

    #[test]
    fn numbers_are_told_from_words() {
        assert_eq!(number_in(b" 1e-8 "), Some(1e-8));
        assert!(number_in(b"nan").is_some_and(f64::is_nan));
        for word in [&b"gp"[..], b"", b"True", b"1,5", b"\xff"] {
            assert_eq!(number_in(word), None);
        }
    }
}
