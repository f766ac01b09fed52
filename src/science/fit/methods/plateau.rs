//! The approximate method: averages over the plateaus of temperature, then fits the averages.

use num_complex::Complex64;

use crate::science::fit::linear::system::Unusable;
use crate::science::fit::linear::vector::short_dot;
use crate::science::fit::linear::weighted::root_weights;
use crate::science::fit::method::{Method, MethodInfo, Registered};
use crate::science::fit::outcome::{Outcome, Solution};
use crate::science::fit::problem::Problem;
use crate::science::fit::residual::chi_square;
use crate::science::fit::weighted_fit::{covariance, direct, sigma};

/// Minimises the weighted residual of averages.
#[derive(Debug)]
struct PlateauAverages;

/// Its entry in the registry.
pub(crate) static PLATEAU: Registered = Registered {
    info: MethodInfo {
        name: "plateau",
        summary: "averages data and Planck functions over each plateau, then wls: ten times fewer \
                  equations, exact but for the changes within a plateau, which it does not use",
        minimises: "sum_q |D_q - sum_i E_i P_iq|^2 W_q; D_q, P_iq: means over plateau q weighted \
                    by 1 / E|noise_j|^2, which sum to W_q",
        error_bars: "from the given variances; from the residual of the averages where only their \
                     ratios are known",
        reference: "Prais & Aitchison 1954, Rev. Int. Stat. Inst. 22, 1",
        weighted: true,
        couples_bins: false,
        options: &[],
        cost: 4,
    },
    build: |_| Box::new(PlateauAverages),
};

impl Method for PlateauAverages {
    fn fit(&self, problem: &Problem) -> Outcome {
        match of_averages(problem, direct) {
            Err(why) => Outcome::Failed(why),
            Ok(fit) => Outcome::Converged(Solution {
                sigma: sigma(problem, &fit),
                // Of the records, so that it compares with other methods.
                rss: chi_square(problem, &fit.emissivity),
                emissivity: fit.emissivity,
                condition: fit.condition,
            }),
        }
    }

    fn covariance(&self, problem: &Problem) -> Option<Vec<f64>> {
        of_averages(problem, |averages| Ok(covariance(averages))).ok().flatten()
    }
}

/// What a solver makes of the averages over each plateau.
fn of_averages<T>(
    problem: &Problem,
    solve: impl FnOnce(&Problem) -> Result<T, Unusable>,
) -> Result<T, String> {
    let plateaus = problem.context.plateaus;
    let unknowns = problem.unknowns();
    if plateaus.len() != problem.records() {
        let known = plateaus.len();
        let records = problem.records();
        return Err(format!("the plateau is known for {known} of {records} records"));
    }
    let lengths: Vec<usize> = plateaus.chunk_by(|a, b| a == b).map(<[usize]>::len).collect();
    if lengths.len() < unknowns {
        let count = lengths.len();
        return Err(format!("{count} plateaus cannot determine {unknowns} emissivities"));
    }
    with_averages(problem, &lengths, solve).map_err(|why| why.to_string())
}

/// The mean of an exactly linear system is exactly linear.
fn with_averages<T>(
    problem: &Problem,
    lengths: &[usize],
    solve: impl FnOnce(&Problem) -> Result<T, Unusable>,
) -> Result<T, Unusable> {
    let weights: Vec<f64> =
        root_weights(problem.variance)?.iter().map(|root| root * root).collect();
    let mean = |values: &[f64]| means(values, &weights, lengths);
    let design: Vec<Vec<f64>> = problem.design.iter().map(|column| mean(column)).collect();
    let columns: Vec<&[f64]> = design.iter().map(|column| &column[..]).collect();
    let part = |f: fn(&Complex64) -> f64| mean(&problem.data.iter().map(f).collect::<Vec<_>>());
    let data: Vec<Complex64> = part(|d| d.re)
        .into_iter()
        .zip(part(|d| d.im))
        .map(|(re, im)| Complex64::new(re, im))
        .collect();
    let variance: Vec<f64> =
        blocks(&weights, lengths).map(|weights| 1.0 / weights.iter().sum::<f64>()).collect();
    let averages = Problem { design: &columns, data: &data, variance: &variance, ..*problem };
    solve(&averages)
}

/// Consecutive blocks of the given lengths.
fn blocks<'a>(values: &'a [f64], lengths: &'a [usize]) -> impl Iterator<Item = &'a [f64]> {
    let mut rest = values;
    lengths.iter().map(move |&length| {
        let (block, after) = rest.split_at(length);
        rest = after;
        block
    })
}

/// The weighted mean of each block.
fn means(values: &[f64], weights: &[f64], lengths: &[usize]) -> Vec<f64> {
    blocks(values, lengths)
        .zip(blocks(weights, lengths))
        .map(|(values, weights)| short_dot(values, weights) / weights.iter().sum::<f64>())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::science::fit::Constraint;
    use crate::science::fit::tests::{Owned, largest_error, solution};

    #[test]
    fn with_equal_records_in_a_plateau_it_loses_nothing() {
        let mut problem = Owned::new(6, 80, 2.0, 0.0);
        for column in &mut problem.design {
            column.chunks_exact_mut(4).for_each(|plateau| plateau.fill(plateau[0]));
        }
        problem.plateaus = (0..80).map(|j| j / 4).collect();
        let truth = problem.truth.clone();
        problem.measure(&truth, 1.0, 7);
        for constraint in [Constraint::None, Constraint::Kirchhoff] {
            let all = solution(problem.fit("wls", constraint));
            let averages = solution(problem.fit("plateau", constraint));
            assert!(largest_error(&all.emissivity, &averages.emissivity) < 1e-11);
            assert!((all.rss / averages.rss - 1.0).abs() < 1e-11);
            for (a, b) in all.sigma.iter().zip(&averages.sigma) {
                assert!((a / b - 1.0).abs() < 1e-11);
            }
        }
    }

    #[test]
    fn too_few_plateaus_are_a_reason() {
        let mut problem = Owned::new(6, 60, 0.0, 0.0);
        problem.plateaus = (0..60).map(|j| j / 10).collect();
        let why = |outcome: Outcome| outcome.reason().unwrap().to_string();
        let failed = why(problem.fit("plateau", Constraint::None));
        assert!(failed.contains("6 plateaus cannot determine 7"), "{failed}");
        assert!(problem.fit("plateau", Constraint::Kirchhoff).solution().is_some());
        problem.plateaus.clear();
        let failed = why(problem.fit("plateau", Constraint::None));
        assert!(failed.contains("for 0 of 60 records"), "{failed}");
    }
}
