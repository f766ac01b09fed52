//! Whether the residuals are as large as the noise is said to be.

use serde::Serialize;

use super::summary::Row;

/// What chi2 per degree of freedom is where the noise is known and the model right, give or take.
const EXPECTED: std::ops::RangeInclusive<f64> = 0.9..=1.1;

/// Chi2 per degree of freedom of one method at one data set and noise level.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Chi2 {
    /// Channel and scan mode.
    pub data_set: String,
    /// The method, as written in `fit.methods`.
    pub method: String,
    /// In units of the median null RMS; none for measured data.
    pub noise_level: Option<f64>,
    /// Median over the bins of the band, mean over the trials; none for methods that do not weight,
    /// and where only the ratios of the variances are known.
    pub chi2_per_degree: Option<f64>,
}

/// What is strange about chi2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Doubt {
    /// The residuals are larger than the noise.
    TooLarge,
    /// They are smaller.
    TooSmall,
}

impl Chi2 {
    /// One for each data set, noise level and method of `summary.csv`, in its order.
    #[must_use]
    pub(super) fn all(rows: &[Row]) -> Vec<Self> {
        let same = |a: &Row, b: &Row| {
            (&a.data_set, &a.method, a.noise_level) == (&b.data_set, &b.method, b.noise_level)
        };
        let of = |row: &Row| Self {
            data_set: row.data_set.clone(),
            method: row.method.clone(),
            noise_level: row.noise_level,
            chi2_per_degree: row.chi2_per_degree,
        };
        rows.chunk_by(same).map(|group| of(&group[0])).collect()
    }

    /// Whether it is far from one.
    #[must_use]
    pub(super) fn doubt(&self) -> Option<Doubt> {
        match self.chi2_per_degree? {
            value if value > *EXPECTED.end() => Some(Doubt::TooLarge),
            value if value < *EXPECTED.start() => Some(Doubt::TooSmall),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn far_from_one_is_strange() {
        for (chi2_per_degree, doubt) in [
            (None, None),
            (Some(1.0), None),
            (Some(1.1), None),
            (Some(0.9), None),
            (Some(1.11), Some(Doubt::TooLarge)),
            (Some(0.89), Some(Doubt::TooSmall)),
        ] {
            let (data_set, method) = ("llss".into(), "wls".into());
            let chi2 = Chi2 { data_set, method, noise_level: None, chi2_per_degree };
            assert_eq!(chi2.doubt(), doubt, "{chi2_per_degree:?}");
        }
    }
}
