//! How far the errors of the emitters of a bin go together.

use num_complex::Complex64;

use super::constraint::Constraint;
use super::linear::system::Equations;
use super::linear::weighted::WeightedSystem;

/// The correlation among the errors of all emitters in a weighted least-squares fit,
/// `[emitter][emitter]`; none where the emitters cannot be told apart. `design` has Planck functions, one
/// column an emitter, `variance` that of the noise of each record.
#[must_use]
pub fn weighted_correlation(
    design: &[&[f64]],
    variance: &[f64],
    constraint: Constraint,
) -> Option<Vec<f64>> {
    let emitters = design.len();
    // The errors do not depend on the data.
    let data = vec![Complex64::ZERO; variance.len()];
    let weighted =
        WeightedSystem::new(&Equations { design, data: &data, constraint }, variance).ok()?;
    weighted.factored.check_rank().ok()?;
    let column = |emitter: usize| {
        let mut unit = vec![Complex64::ZERO; emitters];
        unit[emitter] = Complex64::ONE;
        weighted.factored.unit_covariance_times(&unit)
    };
    let columns: Vec<Vec<Complex64>> = (0..emitters).map(column).collect();
    let cell = |place: usize| {
        let (i, k) = (place / emitters, place % emitters);
        columns[k][i].re / (columns[i][i].re * columns[k][k].re).sqrt()
    };
    Some((0..emitters * emitters).map(cell).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::science::fit::tests::Owned;

    #[test]
    fn emitters_that_sum_to_zero_go_against_each_other() {
        let owned = Owned::new(2, 60, 0.1, 0.0);
        owned.with(Constraint::Kirchhoff, |problem| {
            let (two, variance) = (&problem.design[..2], problem.variance);
            let correlation = weighted_correlation(two, variance, problem.constraint).unwrap();
            let expected = [1.0, -1.0, -1.0, 1.0];
            let close = |(a, b): (&f64, &f64)| (a - b).abs() < 1e-12;
            assert!(correlation.iter().zip(&expected).all(close), "{correlation:?}");
        });
        owned.with(Constraint::None, |problem| {
            let all = weighted_correlation(problem.design, problem.variance, problem.constraint);
            let all = all.unwrap();
            let n = problem.design.len();
            assert!((0..n).all(|i| (all[i * n + i] - 1.0).abs() < 1e-12));
            assert!(all.iter().all(|value| value.abs() < 1.0 + 1e-12));
        });
    }
}
