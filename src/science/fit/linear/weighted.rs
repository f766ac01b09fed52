//! The weighted system of one bin, factored once for all methods that start from it.

use std::sync::{Arc, OnceLock};

use num_complex::Complex64;

use super::least_squares::Factorization;
use super::system::{Equations, Unusable};
use crate::foundations::numerics::{ScratchVec, with_widest_simd};
use crate::science::fit::clock::factoring;
use crate::science::fit::constraint::Constraint;

/// The factorisations that the methods of one bin share: each is computed by the first that needs it.
#[derive(Debug)]
pub struct SharedFactors<'a> {
    design: &'a [&'a [f64]],
    data: &'a [Complex64],
    variance: &'a [f64],
    free: Cell,
    constrained: Cell,
}

type Cell = OnceLock<Result<Arc<WeightedSystem>, Unusable>>;

impl<'a> SharedFactors<'a> {
    /// For problems with this design, these data and these variances; others get nothing from it.
    #[must_use]
    pub fn new(design: &'a [&'a [f64]], data: &'a [Complex64], variance: &'a [f64]) -> Self {
        Self { design, data, variance, free: Cell::new(), constrained: Cell::new() }
    }

    /// The weighted system of these equations, if they and the variances are the very vectors that this
    /// borrows (compared by address: while they are borrowed no others can take their place).
    pub(crate) fn of(
        &self,
        equations: &Equations,
        variance: &[f64],
    ) -> Option<Result<Arc<WeightedSystem>, Unusable>> {
        let is_same = std::ptr::eq(self.design, equations.design)
            && std::ptr::eq(self.data, equations.data)
            && std::ptr::eq(self.variance, variance);
        let new = || WeightedSystem::new(equations, variance).map(Arc::new);
        is_same.then(|| self.cell(equations.constraint).get_or_init(new).clone())
    }

    fn cell(&self, constraint: Constraint) -> &Cell {
        match constraint {
            Constraint::None => &self.free,
            Constraint::Kirchhoff => &self.constrained,
        }
    }
}

/// A factored system in which every record is divided by the standard deviation of its noise.
#[derive(Debug)]
pub(crate) struct WeightedSystem {
    /// One over the standard deviation of each record.
    pub(crate) root: ScratchVec,
    pub(crate) factored: Factorization,
    q: OnceLock<ScratchVec>,
}

impl WeightedSystem {
    /// Weights and factors equations of any rank.
    pub(crate) fn new(equations: &Equations, variance: &[f64]) -> Result<Self, Unusable> {
        let root = root_weights(variance)?;
        let factored = Factorization::of_any_rank(equations, Some(&root))?;
        Ok(Self { root, factored, q: OnceLock::new() })
    }

    /// Q of the factorisation, column by column; formed when first asked for.
    pub(crate) fn q(&self) -> &[f64] {
        self.q.get_or_init(|| factoring(|| self.factored.form_q()))
    }
}

/// Square roots of the weights: one over the standard deviation of each record.
pub(crate) fn root_weights(variance: &[f64]) -> Result<ScratchVec, Unusable> {
    let is_usable = |variance: &f64| *variance > 0.0 && *variance < f64::INFINITY;
    let mut root = ScratchVec::with_len(variance.len());
    let usable = with_widest_simd(
        #[inline(always)]
        || {
            root.iter_mut().zip(variance).for_each(|(root, v)| *root = 1.0 / v.sqrt());
            // Counted, not sought: a loop without an exit is vectorised.
            variance.iter().filter(|variance| is_usable(variance)).count()
        },
    );
    if usable == variance.len() {
        return Ok(root);
    }
    let record = variance.iter().position(|variance| !is_usable(variance)).unwrap_or(0);
    Err(Unusable::Variance { record, variance: variance[record] })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::science::fit::Problem;
    use crate::science::fit::tests::Owned;

    #[test]
    fn problems_of_the_same_vectors_share_and_those_made_of_them_do_not() {
        let owned = Owned::new(3, 60, 0.1, 0.0);
        owned.with(Constraint::None, |problem| {
            let shared = SharedFactors::new(problem.design, problem.data, problem.variance);
            let problem = Problem { shared: Some(&shared), ..*problem };
            let first = problem.weighted().unwrap();
            assert!(Arc::ptr_eq(&first, &problem.weighted().unwrap()));
            let constrained = Problem { constraint: Constraint::Kirchhoff, ..problem };
            let other = constrained.weighted().unwrap();
            assert_eq!(other.factored.qt_b().0.len(), 6);
            assert!(Arc::ptr_eq(&other, &constrained.weighted().unwrap()));
            let variance = problem.variance.to_vec();
            let changed = Problem { variance: &variance, ..problem };
            assert!(!Arc::ptr_eq(&first, &changed.weighted().unwrap()));
            let data = problem.data.to_vec();
            let changed = Problem { data: &data, ..problem };
            assert!(!Arc::ptr_eq(&first, &changed.weighted().unwrap()));
        });
    }
}
