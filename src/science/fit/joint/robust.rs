//! Robust losses of the joint fit: weights from residuals, and what they cost in efficiency.

use crate::science::fit::methods::huber::{HuberLoss, THRESHOLD};
use crate::science::fit::methods::student_t::StudentLoss;
use crate::science::fit::robust::irls::Loss;

use super::search::{Evaluation, Search, Weights, moduli};
use super::settings::JointLoss;

/// The loss that settings name; none for squares.
pub(super) fn loss(named: JointLoss) -> Option<Box<dyn Loss>> {
    match named {
        JointLoss::Squares => None,
        JointLoss::Huber => Some(Box::new(HuberLoss { threshold: THRESHOLD })),
        JointLoss::StudentT => Some(Box::new(StudentLoss { degrees_of_freedom: 4.0 })),
    }
}

/// The squared residual moduli in variances of the noise, of each informative bin of each set: what was
/// weighted before is taken out again.
fn squares(evaluation: &Evaluation, before: Option<&Weights>) -> Weights {
    let of_bin = |set: usize, at: usize| {
        let Some(kept) = &evaluation.bins[set][at].kept else { return Vec::new() };
        let columns = evaluation.columns[set].of_bin(kept);
        let moduli = moduli(&columns, evaluation.states[set].records).enumerate();
        let square = |(record, modulus): (usize, f64)| {
            let weight = before.map_or(1.0, |before| before[set][at][record]);
            modulus * modulus / weight
        };
        moduli.map(square).collect()
    };
    let of_set = |set: usize| (0..evaluation.bins[set].len()).map(|at| of_bin(set, at)).collect();
    (0..evaluation.bins.len()).map(of_set).collect()
}

/// The weights that residuals get.
pub(super) fn weights(
    loss: &dyn Loss,
    evaluation: &Evaluation,
    before: Option<&Weights>,
) -> Weights {
    let mut weights = squares(evaluation, before);
    weights.iter_mut().flatten().for_each(|squares| loss.weigh(squares));
    weights
}

/// By what the loss makes variances larger: `mean(psi^2) / mean(slope)^2` over all residuals, the
/// sandwich formula for residuals that do not depend on the design.
pub(super) fn inefficiency(
    loss: &dyn Loss,
    evaluation: &Evaluation,
    before: Option<&Weights>,
    search: &Search,
) -> f64 {
    let squares = squares(evaluation, before);
    let (mut psi, mut slope, mut count) = (0.0, 0.0, 0.0);
    for u in squares.iter().flatten().flatten() {
        let weight = loss.weight(*u);
        psi += weight * weight * u;
        slope += weight + loss.fall(*u);
        count += 1.0;
    }
    // Residuals are smaller than the noise by the emissivities that were fitted.
    let freedom: f64 = (0..search.sets.len())
        .map(|set| {
            let emitters = search.sets[set].emitters.len();
            let spare = search.sets[set].records() - search.constraint.free(emitters);
            (search.bins(set).count() * spare) as f64
        })
        .sum();
    psi * count / (slope * slope) * (count / freedom.max(1.0))
}
