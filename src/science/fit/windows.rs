//! A direct fit whose records come in portions, so that there need never be all of them.
//!
//! The triangle of the rows so far is all that is kept between portions (sequential TSQR: Demmel et al.
//! 2012, SIAM J. Sci. Comput. 34, A206). Portions of whole blocks give the bits of all records at once.

use super::constraint::Constraint;
use super::linear::householder::{BLOCK, Triangle};
use super::linear::least_squares::{DirectFit, Factorization};
use super::linear::system::{Equations, System};
use super::linear::weighted::root_weights;
use super::outcome::{Outcome, Solution};
use super::problem::{Problem, VarianceScale};

/// All portions but the last are multiples of so many records: whole blocks of the factorisation.
pub const WINDOW_STEP: usize = BLOCK;
/// Most records of a portion: few enough for the caches.
pub const WINDOW: usize = 4 * WINDOW_STEP;

/// How the records of a method count that can be given them in portions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Windowed {
    /// Each the same, with error bars from the residual.
    Alike,
    /// Each by the inverse of its noise variance, with error bars from these.
    Weighted,
}

/// A fit of one bin, of the records so far.
#[derive(Debug)]
pub struct WindowedFit {
    how: Windowed,
    eliminated: Option<usize>,
    triangle: Triangle,
    rows: usize,
    is_dark: bool,
    /// Whether something was met that the method itself has to tell.
    is_given_up: bool,
}

impl WindowedFit {
    /// Of no records yet, and so many emitters. What is `eliminated` is the [`eliminated_emitter`] of all
    /// records under the Kirchhoff constraint; nothing is known beforehand if it is none.
    ///
    /// [`eliminated_emitter`]: super::eliminated_emitter
    #[must_use]
    pub fn new(how: Windowed, emitters: usize, eliminated: Option<usize>) -> Self {
        let triangle = Triangle::new(emitters - usize::from(eliminated.is_some()));
        Self { how, eliminated, triangle, rows: 0, is_dark: true, is_given_up: false }
    }

    /// Adds a portion; all but the last are multiples of [`WINDOW_STEP`] records.
    pub fn add(&mut self, portion: &Problem) {
        let records = portion.records();
        let is_first = self.rows == 0;
        let is_whole = self.rows.is_multiple_of(BLOCK);
        self.rows += records;
        // What is dark has variances that are no numbers, which then do not matter.
        if self.is_dark && portion.is_dark() {
            return;
        }
        let is_expected = self.eliminated.is_some()
            == (portion.constraint == Constraint::Kirchhoff)
            && portion.scale == VarianceScale::Absolute
            && is_whole
            && (is_first || !self.is_dark);
        self.is_dark = false;
        let root = match self.how {
            Windowed::Alike => Ok(None),
            Windowed::Weighted => root_weights(portion.variance).map(Some),
        };
        let Ok(root) = root.as_ref().map(Option::as_deref) else {
            self.is_given_up = true;
            return;
        };
        self.is_given_up |= !is_expected;
        if self.is_given_up {
            return;
        }
        let equations = portion.equations();
        let mut design = vec![&[][..]; equations.design.len()];
        // One block after another, so that it is still in the nearest cache when it is reduced.
        for start in (0..records).step_by(BLOCK) {
            let block = start..records.min(start + BLOCK);
            design.iter_mut().zip(equations.design).for_each(|(part, column)| {
                *part = &column[block.clone()];
            });
            let data = &equations.data[block.clone()];
            let some = Equations { design: &design, data, ..equations };
            let mut system =
                System::portion(&some, root.map(|root| &root[block.clone()]), self.eliminated);
            let data = [&mut system.re[..], &mut system.im[..]];
            self.triangle.take(&mut system.columns, block.len(), data);
        }
    }

    /// The outcomes of fits of one method, and the complex degrees of freedom of each residual; none where
    /// the method itself has to be given all records: to say what is wrong, or to scale them before.
    #[must_use]
    pub fn finish(fits: Vec<Self>) -> Vec<Option<(Outcome, u32)>> {
        let dark = |fit: &Self| fit.is_dark.then_some((Outcome::NoSignal, 0));
        let given = |fit: &Self| if fit.is_given_up { None } else { dark(fit) };
        let mut outcomes: Vec<Option<(Outcome, u32)>> = fits.iter().map(given).collect();
        let left = |(place, fit): (usize, Self)| {
            (!fit.is_given_up && !fit.is_dark).then_some((place, fit))
        };
        let (places, left): (Vec<usize>, Vec<Self>) =
            fits.into_iter().enumerate().filter_map(left).unzip();
        let kinds: Vec<Windowed> = left.iter().map(|fit| fit.how).collect();
        let triangles = left.into_iter().map(|fit| (fit.triangle, fit.rows, fit.eliminated));
        let factored = Factorization::of_rows_in_portions(triangles);
        for ((place, how), factored) in places.into_iter().zip(kinds).zip(factored) {
            outcomes[place] = factored.and_then(|factored| outcome(how, &factored));
        }
        outcomes
    }
}

/// What the fit of a bin came to; none if there are no degrees of freedom.
fn outcome(how: Windowed, factored: &Factorization) -> Option<(Outcome, u32)> {
    let fit = factored.fit();
    let spare = u32::try_from(fit.degrees_of_freedom).ok().filter(|spare| *spare > 0)?;
    let sigma = match how {
        Windowed::Alike => fit.sigma_from_residual(),
        Windowed::Weighted => fit.unit_sigma.clone(),
    };
    let DirectFit { emissivity, rss, condition, .. } = fit;
    Some((Outcome::Converged(Solution { emissivity, sigma, rss, condition }), spare))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::science::fit::tests::Owned;

    #[test]
    fn what_the_method_has_to_say_itself_is_left_to_it() {
        let fit = |design: &[&[f64]], owned: &Problem| {
            let mut fit = WindowedFit::new(Windowed::Weighted, design.len(), None);
            fit.add(&Problem { design, ..*owned });
            WindowedFit::finish(vec![fit]).remove(0)
        };
        Owned::new(5, 60, 0.1, 0.0).with(Constraint::None, |problem| {
            assert!(fit(problem.design, problem).is_some());
            // Two emitters that cannot be told apart.
            let mut same = problem.design.to_vec();
            same[1] = same[0];
            assert!(fit(&same, problem).is_none());
            let variance = vec![0.0; problem.records()];
            assert!(fit(problem.design, &Problem { variance: &variance, ..*problem }).is_none());
            let few =
                Problem { data: &problem.data[..3], variance: &problem.variance[..3], ..*problem };
            let design: Vec<&[f64]> = problem.design.iter().map(|column| &column[..3]).collect();
            assert!(fit(&design, &few).is_none());
        });
    }
}
