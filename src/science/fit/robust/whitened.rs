//! What the robust estimators share: residuals in units of the noise, reweighted solutions, and
//! error bars by the sandwich formula.

use std::sync::Arc;

use num_complex::Complex64;

use crate::foundations::numerics::{ScratchVec, with_widest_simd};
use crate::science::fit::linear::iterate::Iterate;
use crate::science::fit::linear::least_squares::DirectFit;
use crate::science::fit::linear::symmetric::Symmetric2;
use crate::science::fit::linear::system::Unusable;
use crate::science::fit::linear::vector::{norm, short_norm};
use crate::science::fit::linear::weighted::WeightedSystem;
use crate::science::fit::outcome::{Outcome, Solution};
use crate::science::fit::problem::Problem;
use crate::science::fit::residual::residuals;
use crate::science::fit::weighted_fit::sigma;

/// A problem with every record divided by the standard deviation of its noise, and its weighted
/// least-squares solution.
#[derive(Debug)]
pub(crate) struct Whitened<'a> {
    problem: &'a Problem<'a>,
    weighted: Arc<WeightedSystem>,
    /// The whitened data: real and imaginary part.
    data: [ScratchVec; 2],
    /// The solution of `wls`: where every robust fit starts.
    pub(crate) plain: DirectFit,
    /// Residuals shorter than this (over all records) are rounding errors.
    pub(crate) rounding: f64,
}

impl<'a> Whitened<'a> {
    pub(crate) fn new(problem: &'a Problem<'a>) -> Result<Self, Unusable> {
        let weighted = problem.weighted()?;
        let root = &weighted.root;
        let plain = weighted.factored.fit();
        let part = |of: fn(&Complex64) -> f64| {
            let mut part = ScratchVec::with_len(root.len());
            let values = problem.data.iter().zip(&root[..]);
            part.iter_mut().zip(values).for_each(|(part, (z, root))| *part = of(z) * root);
            part
        };
        let data = [part(|z| z.re), part(|z| z.im)];
        // A few operations per record and emitter, each of half a unit in the last place.
        let length = with_widest_simd(
            #[inline(always)]
            || short_norm(&[norm(&data[0]), norm(&data[1])]),
        );
        let rounding = 16.0 * f64::EPSILON * length;
        Ok(Self { problem, weighted, data, plain, rounding })
    }

    /// The problem as it was given.
    pub(crate) fn problem(&self) -> &Problem<'a> {
        self.problem
    }

    /// Whether least squares leaves only rounding errors: then there is nothing to be robust against.
    pub(crate) fn is_exact(&self) -> bool {
        self.plain.rss.sqrt() <= self.rounding
    }

    /// The solution of `wls`, from which reweighting starts.
    pub(crate) fn starting_iterate(&self) -> Iterate {
        Iterate::new(self.weighted.clone(), self.data.clone())
    }

    /// The emissivities of a fitted spectrum.
    pub(crate) fn emissivities(&self, iterate: &Iterate) -> Vec<Complex64> {
        let (re, im) = iterate.point();
        self.weighted.factored.emissivities(re, im)
    }

    /// Residual of every record in units of its standard deviation.
    pub(crate) fn residuals(&self, emissivity: &[Complex64]) -> Vec<Complex64> {
        let mut residuals = residuals(self.problem, emissivity);
        residuals.iter_mut().zip(&self.weighted.root[..]).for_each(|(r, root)| *r *= root);
        residuals
    }

    /// The outcome of a fit that leaves only rounding errors: that of `wls`.
    pub(crate) fn exact(self) -> Outcome {
        Outcome::Converged(Solution {
            sigma: sigma(self.problem, &self.plain),
            emissivity: self.plain.emissivity,
            rss: self.plain.rss,
            condition: self.plain.condition,
        })
    }

    /// The solution. Its residual has the weights of `wls`, so that methods can be compared.
    pub(crate) fn solution(
        &self,
        emissivity: Vec<Complex64>,
        influences: &[Influence],
    ) -> Solution {
        let residuals = self.residuals(&emissivity);
        Solution {
            emissivity,
            sigma: self.sandwich(influences),
            rss: residuals.iter().map(Complex64::norm_sqr).sum(),
            condition: self.plain.condition,
        }
    }

    /// Error bars of an M-estimator, for residuals whose distribution, in units of `variance`, is
    /// the same for every record (outliers may fall on any).
    ///
    /// With real rows `a_j` of the weighted design the estimate solves `sum_j a_j psi(r_j) = 0`.
    /// To first order `dE = (A^T A)^-1 sum_j a_j C^-1 psi(n_j)`, C the mean of the derivative of
    /// `psi` in the plane, `(w + u w') I + u w' (2 n n^T / |n|^2 - I)`. With B the mean of
    /// `psi psi^T`, `E|dE_i|^2 = (A^T A)^-1_ii tr(C^-1 B C^-1)`: the error bars of `wls` times one
    /// factor. For a round distribution C is `c = E[w + u w']`, and the factor `E|psi|^2 / c^2`.
    /// It need not be round: at the last bin, where the transform is real, all noise lies on a
    /// line, across which no error comes in and C is another.
    ///
    /// For the finite sample Huber (1981, section 7.6) divides the sum of `psi psi^T` by the degrees
    /// of freedom and multiplies by `K = 1 + p/n var(psi') / c^2`; in the plane the variance is that
    /// of `C^-1 psi'`, in the directions in which the error comes in.
    fn sandwich(&self, influences: &[Influence]) -> Vec<f64> {
        let (mut squares, mut slopes) = (Symmetric2::ZERO, Symmetric2::ZERO);
        for influence in influences {
            squares += Symmetric2::square_of(influence.psi);
            slopes += influence.slope;
        }
        let records = self.weighted.root.len() as f64;
        let unknowns = self.problem.unknowns() as f64;
        let inverse = (slopes * (1.0 / records)).inverse();
        // With no degrees of freedom the residual says nothing: 0/0, so NaN.
        let mean_square = squares * (1.0 / self.plain.degrees_of_freedom as f64);
        let error = mean_square.between(inverse);
        let twice = Symmetric2::ONE.between(inverse);
        let spread =
            influences.iter().fold(Symmetric2::ZERO, |sum, r| sum + twice.between(r.slope));
        let relative_variance = error.trace_with(spread) / records / error.trace() - 1.0;
        let correction = 1.0 + unknowns / records * relative_variance;
        let factor = correction * error.trace().sqrt();
        self.plain.unit_sigma.iter().map(|sigma| sigma * factor).collect()
    }
}

/// The influence function of one record, at its residual.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Influence {
    /// `psi(r) = w(u) r`.
    pub(crate) psi: Complex64,
    /// Its derivative: `w + u w'` whatever the direction, and `u w'` more along the residual and
    /// less across it.
    pub(crate) slope: Symmetric2,
}

/// Why an iteration stopped.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Termination {
    /// The change, or the gap, fell below the tolerance.
    Converged,
    /// It reached the limit of iterations first.
    IterationLimit(u32),
    /// It reached the user's time limit first; in words.
    Deadline(String),
}

impl Termination {
    /// The outcome of a fit that stopped for this reason.
    pub(crate) fn outcome(self, solution: Solution) -> Outcome {
        match self {
            Self::Converged => Outcome::Converged(solution),
            // No figure of this fit alone: units that stopped alike are counted together.
            Self::IterationLimit(iterations) => {
                Outcome::NotConverged(solution, format!("stopped after {iterations} iterations"))
            }
            Self::Deadline(why) => Outcome::NotConverged(solution, why),
        }
    }
}

/// When an iteration is to stop.
#[derive(Debug, Clone, Copy)]
pub(crate) struct StoppingCriteria {
    /// Iterations after which it gives up.
    pub(crate) iterations: u32,
    /// Change or gap at which it has converged.
    pub(crate) tolerance: f64,
}
