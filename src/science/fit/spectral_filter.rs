//! Spectral filters: solutions that damp what the data determine badly. Each singular direction of the
//! weighted, column-scaled design gets a factor from 0 to 1.

use std::sync::Arc;

use num_complex::Complex64;

use super::outcome::Solution;
use super::problem::{Problem, VarianceScale};
use crate::science::fit::linear::singular_values::{Svd, svd_of};
use crate::science::fit::linear::system::{System, Unusable};
use crate::science::fit::linear::vector::short_dot;
use crate::science::fit::linear::weighted::WeightedSystem;

/// A problem in the basis of its singular vectors.
#[derive(Debug)]
pub(super) struct SingularBasis {
    weighted: Arc<WeightedSystem>,
    svd: Svd,
    /// `U^T Q^T b`: the data along the left singular vectors.
    along: Vec<Complex64>,
    /// Weighted residual of the unfiltered fit.
    least_rss: f64,
}

impl SingularBasis {
    pub(super) fn new(problem: &Problem) -> Result<Self, Unusable> {
        let weighted = problem.weighted_of_any_rank()?;
        let factored = &weighted.factored;
        let (n, (re, im)) = (factored.system().unknowns(), factored.qt_b());
        let svd = svd_of(factored.r().to_vec(), n);
        let part = |data: &[f64], k: usize| short_dot(&svd.u[k * n..(k + 1) * n], data);
        let along = (0..n).map(|k| Complex64::new(part(re, k), part(im, k))).collect();
        let least_rss = factored.rss();
        Ok(Self { weighted, svd, along, least_rss })
    }

    fn system(&self) -> &System {
        self.weighted.factored.system()
    }

    /// Singular values of the column-scaled design, largest first.
    pub(super) fn values(&self) -> &[f64] {
        &self.svd.values
    }

    /// Singular values below this are rounding errors.
    pub(super) fn rounding(&self) -> f64 {
        f64::EPSILON * self.system().rows as f64 * self.svd.values[0]
    }

    /// Weighted sum of squared residuals of a filtered fit. `removed` is one minus the filter factor of
    /// each direction: a factor close to one then loses no digits.
    pub(super) fn rss(&self, removed: &[f64]) -> f64 {
        let lost = |(along, removed): (&Complex64, &f64)| along.norm_sqr() * removed * removed;
        self.least_rss + self.along.iter().zip(removed).map(lost).sum::<f64>()
    }

    /// Generalised cross-validation: the mean squared error in predicting a record from the
    /// others, `N rss / (N - sum of factors)^2`, but for a constant.
    pub(super) fn cross_validation(&self, removed: &[f64]) -> f64 {
        let spare = (self.system().rows - removed.len()) as f64 + removed.iter().sum::<f64>();
        self.system().rows as f64 * self.rss(removed) / (spare * spare)
    }

    /// The fit with the filter factors `1 - removed`. Its error bars are those of the noise alone.
    pub(super) fn solution(&self, problem: &Problem, removed: &[f64]) -> Solution {
        let n = removed.len();
        let mut scaled = vec![Complex64::ZERO; n];
        for k in 0..n {
            let amount = self.along[k] * self.inverse(removed, k);
            let direction = &self.svd.v[k * n..(k + 1) * n];
            scaled.iter_mut().zip(direction).for_each(|(x, v)| *x += amount * v);
        }
        let root = |b: Vec<f64>| self.filtered(removed, &b);
        let noise = self.noise(problem.scale);
        Solution {
            emissivity: self.system().emissivities(&scaled),
            sigma: self.system().unit_sigmas(root).iter().map(|sigma| sigma * noise).collect(),
            rss: self.rss(removed),
            condition: self.svd.values[0] / self.svd.values[n - 1],
        }
    }

    /// The covariance of [`Self::solution`], `[emitter][emitter]`: of the noise alone.
    pub(super) fn covariance(&self, problem: &Problem, removed: &[f64]) -> Vec<f64> {
        let noise = self.noise(problem.scale);
        let covariance = self.system().unit_covariance(|b| self.filtered(removed, &b));
        covariance.iter().map(|value| value * noise * noise).collect()
    }

    /// A row of unknowns along each direction, times the filter factor over its singular value.
    fn filtered(&self, removed: &[f64], b: &[f64]) -> Vec<f64> {
        let n = removed.len();
        let along =
            |k: usize| self.inverse(removed, k) * short_dot(&self.svd.v[k * n..(k + 1) * n], b);
        (0..n).map(along).collect()
    }

    /// Filter factor over singular value, which may be zero where all is removed.
    fn inverse(&self, removed: &[f64], k: usize) -> f64 {
        if removed[k] < 1.0 { (1.0 - removed[k]) / self.svd.values[k] } else { 0.0 }
    }

    /// Standard deviation of the weighted data: known, or from the residual of the unfiltered
    /// fit, which no filter has biased.
    fn noise(&self, scale: VarianceScale) -> f64 {
        let spare = (self.system().rows - self.system().unknowns()) as f64;
        match scale {
            VarianceScale::Absolute => 1.0,
            VarianceScale::Relative => (self.least_rss / spare).sqrt(),
        }
    }
}
