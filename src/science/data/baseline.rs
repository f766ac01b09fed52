//! What is subtracted from an interferogram before the transform.

use crate::foundations::numerics::math::median;
use crate::science::instrument::IFG_LENGTH;

use super::settings::Baseline;

/// Degree of the polynomial baseline.
const DEGREE: usize = 4;

/// Subtracts baselines; keeps the polynomials that it needs.
#[derive(Debug, Clone)]
pub(super) enum BaselineRemover {
    Nothing,
    Median,
    /// Polynomials of degree 0 to 4, orthonormal over the samples.
    Polynomials(Vec<Vec<f64>>),
}

impl BaselineRemover {
    pub(super) fn new(baseline: Baseline) -> Self {
        match baseline {
            Baseline::None => Self::Nothing,
            Baseline::Median => Self::Median,
            Baseline::Legendre => Self::Polynomials(orthonormal_polynomials()),
        }
    }

    /// Whether it asks for the two samples in the middle.
    pub(super) fn wants_middle(&self) -> bool {
        matches!(self, Self::Median)
    }

    /// Subtracts the baseline in place; `middle` are the two samples in the middle of their order, if these
    /// are known.
    pub(super) fn remove(&self, samples: &mut [f64], middle: Option<[f64; 2]>) {
        match self {
            Self::Nothing => {}
            Self::Median => {
                let level = middle.map_or_else(|| median(samples), |[a, b]| 0.5 * (a + b));
                samples.iter_mut().for_each(|sample| *sample -= level);
            }
            Self::Polynomials(polynomials) => {
                for polynomial in polynomials {
                    let part: f64 = polynomial.iter().zip(&*samples).map(|(p, s)| p * s).sum();
                    samples.iter_mut().zip(polynomial).for_each(|(s, p)| *s -= part * p);
                }
            }
        }
    }
}

/// The Legendre polynomials made orthonormal over the samples (Gram-Schmidt, twice for accuracy).
///
/// Least squares over the samples needs polynomials that are orthogonal over the samples, which
/// Legendre's are only over the interval; both span the same space, so the baseline is the same.
fn orthonormal_polynomials() -> Vec<Vec<f64>> {
    let mut done: Vec<Vec<f64>> = Vec::with_capacity(DEGREE + 1);
    let x = |sample: usize| 2.0 * sample as f64 / (IFG_LENGTH - 1) as f64 - 1.0;
    let mut power = vec![1.0; IFG_LENGTH];
    for _ in 0..=DEGREE {
        let mut next = power.clone();
        for _ in 0..2 {
            for earlier in &done {
                let part: f64 = earlier.iter().zip(&next).map(|(a, b)| a * b).sum();
                next.iter_mut().zip(earlier).for_each(|(n, e)| *n -= part * e);
            }
        }
        let length = next.iter().map(|v| v * v).sum::<f64>().sqrt();
        done.push(next.into_iter().map(|v| v / length).collect());
        power.iter_mut().enumerate().for_each(|(sample, p)| *p *= x(sample));
    }
    done
}

#[cfg(test)]
mod tests {
    use super::*;

    fn samples(f: impl Fn(f64) -> f64) -> Vec<f64> {
        (0..IFG_LENGTH).map(|i| f(i as f64 / 100.0)).collect()
    }

    #[test]
    fn a_constant_goes_with_the_median_and_stays_with_none() {
        let mut ifg = samples(|_| 7.5);
        BaselineRemover::new(Baseline::None).remove(&mut ifg, None);
        assert_eq!(ifg, samples(|_| 7.5));
        BaselineRemover::new(Baseline::Median).remove(&mut ifg, None);
        assert_eq!(ifg, samples(|_| 0.0));
    }

    #[test]
    fn a_quartic_goes_with_legendre_and_a_quintic_does_not() {
        let remover = BaselineRemover::new(Baseline::Legendre);
        let size = |ifg: &[f64]| ifg.iter().map(|v| v.abs()).fold(0.0, f64::max);
        let mut quartic = samples(|x| 1.0 - 3.0 * x + 0.5 * x * x * x + 2.0 * x * x * x * x);
        let before = size(&quartic);
        remover.remove(&mut quartic, None);
        assert!(size(&quartic) < 1e-13 * before, "{}", size(&quartic));
        let mut quintic = samples(|x| x * x * x * x * x);
        remover.remove(&mut quintic, None);
        assert!(size(&quintic) > 1.0);
    }

    #[test]
    fn removing_a_baseline_twice_changes_nothing() {
        let remover = BaselineRemover::new(Baseline::Legendre);
        let mut once = samples(|x| (x - 2.0).abs());
        remover.remove(&mut once, None);
        let mut twice = once.clone();
        remover.remove(&mut twice, None);
        let change = once.iter().zip(&twice).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        assert!(change < 1e-14, "{change}");
    }
}
