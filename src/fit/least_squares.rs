//! The direct solution: Householder QR of the scaled system.

use num_complex::Complex64;

use super::problem::Problem;
use super::reflections::{Reduced, reduce};
use super::singular_values::singular_values;
use super::system::{System, Unusable};
use super::vector::dot;
use crate::foundations::spare::Spare;

/// A direct least-squares solution and what it says of its own quality.
#[derive(Debug, Clone)]
pub(super) struct DirectFit {
    /// One per emitter.
    pub(super) emissivity: Vec<Complex64>,
    /// One per emitter: `sqrt(E|dE|^2)` for data of unit variance.
    pub(super) unit_sigma: Vec<f64>,
    /// Weighted sum of squared residual moduli.
    pub(super) rss: f64,
    /// Condition number of the scaled design.
    pub(super) condition: f64,
    /// Records minus free unknowns.
    pub(super) degrees_of_freedom: usize,
}

impl DirectFit {
    /// Error bars when the noise is known only through the residual.
    pub(super) fn sigma_from_residual(&self) -> Vec<f64> {
        // With no degrees of freedom the residual says nothing: 0/0, so NaN.
        let variance = self.rss / self.degrees_of_freedom as f64;
        self.unit_sigma.iter().map(|s| s * variance.sqrt()).collect()
    }
}

/// Solves a problem with the given square roots of weights (`None`: all one).
pub(super) fn solve(problem: &Problem, root_weight: Option<&[f64]>) -> Result<DirectFit, Unusable> {
    solve_system(System::new(problem, root_weight)?)
}

/// Solves a system that stands ready.
pub(super) fn solve_system(system: System) -> Result<DirectFit, Unusable> {
    Ok(Factored::new(system)?.fit())
}

/// A system of full rank, reduced to its triangle R; its data are turned with it.
#[derive(Debug)]
pub(super) struct Factored {
    system: System,
    reduced: Reduced,
    condition: f64,
}

impl Factored {
    pub(super) fn new(mut system: System) -> Result<Self, Unusable> {
        let reduced = reduce_system(&mut system);
        let condition = check_rank(&reduced.r, system.unknowns(), system.rows)?;
        Ok(Self { system, reduced, condition })
    }

    /// The least-squares solution.
    pub(super) fn fit(&self) -> DirectFit {
        let Self { system, reduced, condition } = self;
        let (unknowns, (re, im)) = (system.unknowns(), self.explained());
        DirectFit {
            emissivity: self.emissivities(re, im),
            unit_sigma: system.unit_sigmas(|b| solve_upper_transposed(&reduced.r, unknowns, b)),
            rss: dot(&system.re, &system.re) + dot(&system.im, &system.im),
            condition: *condition,
            degrees_of_freedom: system.rows - unknowns,
        }
    }

    /// The triangle R, its columns one after another.
    pub(super) fn triangle(&self) -> &[f64] {
        &self.reduced.r
    }

    /// An orthonormal basis of the columns, as they were: its vectors one after another. R turns
    /// scaled unknowns into its coordinates.
    pub(super) fn orthonormal(&self) -> Spare {
        self.reduced.basis(&self.system.columns, self.system.rows)
    }

    /// The system, its columns and data used up.
    pub(super) fn system(&self) -> &System {
        &self.system
    }

    /// Real and imaginary part of the data that the columns explain, turned: `Q^T b`, one element
    /// per unknown. The objective is its distance from `R x`, squared, plus a constant.
    pub(super) fn explained(&self) -> (&[f64], &[f64]) {
        let [re, im] = &self.reduced.explained;
        (re, im)
    }

    /// The emissivities at a point `R x`, given by its real and imaginary part.
    pub(super) fn emissivities(&self, re: &[f64], im: &[f64]) -> Vec<Complex64> {
        let solve = |y: &[f64]| solve_upper(self.triangle(), self.system.unknowns(), y);
        self.system.emissivities(&complex(&solve(re), &solve(im)))
    }

    /// `C slope`, C the covariance of all emissivities for data of unit variance: by how much a
    /// linear term `-2 Re sum_i conj(slope_i) E_i` in the objective moves its minimum.
    pub(super) fn unit_covariance_times(&self, slope: &[Complex64]) -> Vec<Complex64> {
        let n = self.system.unknowns();
        let slope = self.system.scaled_slope(slope);
        let solve = |part: fn(&Complex64) -> f64| {
            let b = solve_upper_transposed(self.triangle(), n, slope.iter().map(part).collect());
            solve_upper(self.triangle(), n, &b)
        };
        self.system.emissivities(&complex(&solve(|z| z.re), &solve(|z| z.im)))
    }
}

/// Complex numbers from their parts.
pub(super) fn complex(re: &[f64], im: &[f64]) -> Vec<Complex64> {
    re.iter().zip(im).map(|(&re, &im)| Complex64::new(re, im)).collect()
}

/// Reduces the columns of a system to a triangle. Its data then are what no column explains.
pub(super) fn reduce_system(system: &mut System) -> Reduced {
    reduce(&mut system.columns, system.rows, [&mut system.re, &mut system.im])
}

/// The condition number, or how the rank falls short.
pub(super) fn check_rank(r: &[f64], unknowns: usize, rows: usize) -> Result<f64, Unusable> {
    let values = singular_values(r.to_vec(), unknowns);
    let (largest, smallest) = (values[0], values[unknowns - 1]);
    let condition = largest / smallest;
    let rounding = f64::EPSILON * rows as f64 * largest;
    let rank = values.iter().filter(|&&value| value > rounding).count();
    if rank < unknowns {
        return Err(Unusable::RankDeficient { rank, unknowns });
    }
    Ok(condition)
}

/// Solves `R x = b`, the n columns of R one after another; of `b` the first n are read.
pub(super) fn solve_upper(r: &[f64], n: usize, b: &[f64]) -> Vec<f64> {
    let mut x = b[..n].to_vec();
    for i in (0..n).rev() {
        x[i] /= r[i * n + i];
        let known = x[i];
        for k in 0..i {
            x[k] -= r[i * n + k] * known;
        }
    }
    x
}

/// Solves `R^T y = b`.
pub(super) fn solve_upper_transposed(r: &[f64], n: usize, mut b: Vec<f64>) -> Vec<f64> {
    for i in 0..n {
        let column = &r[i * n..i * n + i];
        b[i] = (b[i] - dot(column, &b[..i])) / r[i * n + i];
    }
    b
}
