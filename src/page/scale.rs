//! From values to places on a figure, and the ticks between.

use crate::foundations::numerics::math::{log10, pow};

use super::number::minus;

/// An axis: values from the one end to the other.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scale {
    low: f64,
    high: f64,
    is_logarithmic: bool,
}

impl Scale {
    /// Even steps for even differences. Ends that cannot be used are replaced.
    #[must_use]
    pub fn linear(low: f64, high: f64) -> Self {
        match low.is_finite() && high.is_finite() && high > low {
            true => Self { low, high, is_logarithmic: false },
            false if low.is_finite() && low == high => {
                let half = if low == 0.0 { 1.0 } else { 0.1 * low.abs() };
                Self { low: low - half, high: high + half, is_logarithmic: false }
            }
            false => Self { low: 0.0, high: 1.0, is_logarithmic: false },
        }
    }

    /// Even steps for even ratios. Ends that cannot be used are replaced.
    #[must_use]
    pub fn logarithmic(low: f64, high: f64) -> Self {
        let is_sound = low > 0.0 && high.is_finite() && high > low;
        let (low, high) = if is_sound { (low, high) } else { (0.1, 10.0) };
        Self { low, high, is_logarithmic: true }
    }

    /// A linear scale about all these values, with a margin.
    #[must_use]
    pub fn about(values: impl Iterator<Item = f64>) -> Self {
        let (low, high) = ends(values.filter(|value| value.is_finite()));
        let margin = 0.06 * (high - low);
        Self::linear(low - margin, high + margin)
    }

    /// A logarithmic scale about all positive ones of these values, from one power of ten to another.
    #[must_use]
    pub fn powers_about(values: impl Iterator<Item = f64>) -> Self {
        let (low, high) = ends(values.filter(|value| *value > 0.0 && value.is_finite()));
        if low > high {
            return Self::logarithmic(f64::NAN, f64::NAN);
        }
        let (first, last) = (log10(low).floor(), log10(high).ceil());
        Self::logarithmic(pow(10.0, first), pow(10.0, last.max(first + 1.0)))
    }

    /// Where a value lies: 0 at the low end, 1 at the high one.
    #[must_use]
    pub fn place(&self, value: f64) -> f64 {
        let of = |value: f64| if self.is_logarithmic { log10(value) } else { value };
        (of(value) - of(self.low)) / (of(self.high) - of(self.low))
    }

    /// For the script: the kind and both ends.
    pub(super) fn described(&self) -> String {
        let kind = if self.is_logarithmic { "log" } else { "lin" };
        format!("{kind},{},{}", self.low, self.high)
    }

    /// Values to mark, with what is written there; about `wanted` of them.
    pub(super) fn ticks(&self, wanted: usize) -> Vec<(f64, String)> {
        if self.is_logarithmic { self.powers(wanted) } else { self.steps(wanted) }
    }

    fn powers(&self, wanted: usize) -> Vec<(f64, String)> {
        let (first, last) = (log10(self.low).ceil() as i32, log10(self.high).floor() as i32);
        let stride = ((last - first) as usize).div_ceil(wanted.max(1)).max(1);
        let label = |exponent: i32| match exponent {
            -2..=2 => format!("{}", pow(10.0, f64::from(exponent))),
            _ => minus(format!("1e{exponent}")),
        };
        if last - first < 2 {
            return self.within_powers(first - 1, last);
        }
        let all = (first..=last).step_by(stride);
        all.map(|exponent| (pow(10.0, f64::from(exponent)), label(exponent))).collect()
    }

    /// Once, twice and five times each power of ten.
    fn within_powers(&self, first: i32, last: i32) -> Vec<(f64, String)> {
        let of_power = |exponent: i32| {
            [1, 2, 5]
                .map(|times| (times, exponent, f64::from(times) * pow(10.0, f64::from(exponent))))
        };
        let label = |times: i32, exponent: i32, value: f64| match exponent {
            0..=3 => format!("{value:.0}"),
            -3..=-1 => format!("{value}"),
            _ => minus(format!("{times}e{exponent}")),
        };
        let all = (first..=last).flat_map(of_power);
        let inside = all.filter(|(_, _, value)| (0.0..=1.0).contains(&self.place(*value)));
        inside.map(|(times, exponent, value)| (value, label(times, exponent, value))).collect()
    }

    fn steps(&self, wanted: usize) -> Vec<(f64, String)> {
        let raw = (self.high - self.low) / wanted.max(1) as f64;
        let exponent = log10(raw).floor();
        let unit = pow(10.0, exponent);
        let step =
            unit * [1.0, 2.0, 5.0, 10.0].into_iter().find(|s| s * unit >= raw).unwrap_or(10.0);
        let (first, last) =
            ((self.low / step - 1e-9).ceil() as i64, (self.high / step + 1e-9).floor() as i64);
        let largest = self.low.abs().max(self.high.abs());
        let label = |value: f64| match value {
            0.0 => "0".to_owned(),
            _ if !(1e-2..1e5).contains(&largest) => {
                let text = format!("{:.2}", value / pow(10.0, log10(largest).floor()));
                let text = text.trim_end_matches('0').trim_end_matches('.');
                minus(format!("{text}e{}", log10(largest).floor()))
            }
            _ => {
                let digits = (-log10(step).floor()).max(0.0) as usize;
                minus(format!("{value:.digits$}"))
            }
        };
        (first..=last).map(|i| i as f64 * step).map(|value| (value, label(value))).collect()
    }
}

fn ends(values: impl Iterator<Item = f64>) -> (f64, f64) {
    values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(v), high.max(v)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(scale: Scale, wanted: usize) -> Vec<String> {
        scale.ticks(wanted).into_iter().map(|(_, label)| label).collect()
    }

    #[test]
    fn places_are_parts_of_the_axis() {
        let linear = Scale::linear(-1.0, 3.0);
        assert_eq!([linear.place(-1.0), linear.place(0.0), linear.place(3.0)], [0.0, 0.25, 1.0]);
        let log = Scale::logarithmic(1e-2, 1e2);
        assert!((log.place(1.0) - 0.5).abs() < 1e-15);
        assert!(log.place(-1.0).is_nan() && log.place(0.0).is_infinite());
    }

    #[test]
    fn ticks_are_round() {
        assert_eq!(labels(Scale::linear(68.0, 640.0), 4), ["200", "400", "600"]);
        assert_eq!(
            labels(Scale::linear(-0.07, 0.06), 4),
            ["−0.05", "0.00", "0.05"].map(|t| if t == "0.00" { "0" } else { t })
        );
        assert_eq!(labels(Scale::linear(-2.4e-5, 2.4e-5), 3), ["−2e−5", "0", "2e−5"]);
        assert_eq!(labels(Scale::logarithmic(1.3, 22.0), 4), ["2", "5", "10", "20"]);
        assert_eq!(labels(Scale::logarithmic(1e-6, 1e2), 4), ["1e−6", "1e−4", "0.01", "1", "100"]);
    }

    #[test]
    fn ends_that_cannot_be_used_make_an_axis_all_the_same() {
        for scale in [
            Scale::about([].into_iter()),
            Scale::about([f64::NAN].into_iter()),
            Scale::about([3.0].into_iter()),
            Scale::powers_about([0.0, -1.0].into_iter()),
            Scale::powers_about([1e-7].into_iter()),
        ] {
            assert!(!scale.ticks(4).is_empty(), "{scale:?}");
        }
    }
}
