//! A smoothness prior: the emissivities of neighbouring bins lie close to a straight line.

use super::wls::WeightedLeastSquares;
use crate::foundations::numerics::{math::modulus, with_widest_simd};
use crate::science::fit::constraint::Constraint;
use crate::science::fit::linear::chain::{Chain, InformationArray, Marginal};
use crate::science::fit::linear::least_squares::DirectFit;
use crate::science::fit::linear::system::Unusable;
use crate::science::fit::linear::vector::{norm, short_norm};
use crate::science::fit::method::{Method, MethodInfo, MethodOption, Registered};
use crate::science::fit::outcome::{Outcome, Solution};
use crate::science::fit::problem::Problem;
use crate::science::fit::residual::chi_square;
use crate::science::fit::weighted_fit::{direct, outcome, variance_factor};

/// Second differences need three bins; fewer are left as `wls` has them.
const SHORTEST_RUN: usize = 3;

/// Minimises the weighted residuals of all bins plus the weighted second differences.
#[derive(Debug)]
struct Smooth {
    roughness: f64,
}

/// Its entry in the registry.
pub(crate) static SMOOTH: Registered = Registered {
    info: MethodInfo {
        name: "smooth",
        summary: "Gaussian prior on second differences over runs of three or more neighbouring \
                  bins; shorter runs as wls",
        minimises: "sum_b sum_j |D_bj - sum_i E_bi P_bij|^2 / E|noise_bj|^2 + sum_i sum_b \
                    |E_(b-1)i - 2 E_bi + E_(b+1)i|^2 / (roughness a_i)^2, a_i^2 = mean |E_i|^2 \
                    over the bins of the band, from wls, each bin by its noise and without it",
        error_bars: "of the posterior: right if the second differences are drawn from the prior",
        reference: "Whittaker 1923, Proc. Edinburgh Math. Soc. 41, 63; Bierman 1977, \
                    Factorization Methods for Discrete Sequential Estimation",
        weighted: true,
        couples_bins: true,
        options: &[MethodOption {
            name: "roughness",
            meaning: "rms second difference between neighbouring bins over rms emissivity; of the \
                      reference truth 0.06 to 0.09 in the low channels' short scans, 0.005 in \
                      long scans and in the high channels",
            default: 0.1,
            least: 1e-8,
            most: 1e8,
        }],
        cost: 32,
    },
    build: |options| Box::new(Smooth { roughness: options.get("roughness") }),
};

impl Method for Smooth {
    fn fit(&self, problem: &Problem) -> Outcome {
        WeightedLeastSquares.fit(problem)
    }

    fn fit_coupled(&self, bins: &[Problem]) -> Vec<Outcome> {
        let fits: Vec<_> = bins.iter().map(direct).collect();
        let mut outcomes: Vec<Outcome> =
            bins.iter().zip(&fits).map(|(bin, fit)| outcome(bin, fit)).collect();
        let (places, members) = members(bins, &fits);
        let prior = SmoothnessPrior::new(&members, self.roughness);
        let mut from = 0;
        for run in members.chunk_by(|a, b| b.problem.context.bin == a.problem.context.bin + 1) {
            if run.len() >= SHORTEST_RUN {
                let smoothed = prior.chain(run).solve();
                for ((place, member), found) in places[from..].iter().zip(run).zip(smoothed) {
                    outcomes[*place] = conclude(member, found);
                }
            }
            from += run.len();
        }
        outcomes
    }
}

/// A bin that `wls` can solve.
#[derive(Debug, Clone, Copy)]
struct SolvedBin<'a> {
    problem: &'a Problem<'a>,
    /// Its solution.
    fit: &'a DirectFit,
    /// The factor that makes the given variances those of the noise.
    variance_factor: f64,
}

/// The bins that `wls` can solve, with their places.
fn members<'a>(
    bins: &'a [Problem<'a>],
    fits: &'a [Result<DirectFit, Unusable>],
) -> (Vec<usize>, Vec<SolvedBin<'a>>) {
    let solved = bins.iter().zip(fits).enumerate().filter_map(|(at, (problem, fit))| {
        let fit = fit.as_ref().ok()?;
        Some((at, SolvedBin { problem, fit, variance_factor: variance_factor(problem, fit) }))
    });
    let (places, mut members): (Vec<usize>, Vec<SolvedBin>) = solved.unzip();
    // A bin without light or noise, of which zero would be left, is known to the last digit only.
    let largest = members.iter().fold(0.0, |most: f64, member| most.max(member.variance_factor));
    let least = f64::EPSILON * f64::EPSILON * largest;
    members
        .iter_mut()
        .for_each(|member| member.variance_factor = member.variance_factor.max(least));
    (places, members)
}

fn conclude(SolvedBin { problem, fit, .. }: &SolvedBin, found: Marginal) -> Outcome {
    let finite = found.value.iter().all(|e| e.is_finite()) && short_norm(&found.sigma).is_finite();
    if !finite {
        return Outcome::Failed("smoothing gave values that are not finite".into());
    }
    Outcome::Converged(Solution {
        rss: chi_square(problem, &found.value),
        emissivity: found.value,
        sigma: found.sigma,
        condition: fit.condition,
    })
}

/// The prior over all bins of a data set.
#[derive(Debug)]
struct SmoothnessPrior {
    roughness: f64,
    /// `a_i`: rms emissivity of each emitter.
    sizes: Vec<f64>,
    /// Under the constraint, the emitter that the others determine, in all bins.
    eliminated: Option<usize>,
}

impl SmoothnessPrior {
    fn new(members: &[SolvedBin], roughness: f64) -> Self {
        let emitters = members.first().map_or(0, |member| member.problem.design.len());
        let of_emitter = |emitter: usize| {
            let estimate = |SolvedBin { fit, variance_factor, .. }: &SolvedBin| {
                (modulus(fit.emissivity[emitter]), fit.unit_sigma[emitter] * variance_factor.sqrt())
            };
            members.iter().map(estimate).collect()
        };
        let sizes = sizes(&(0..emitters).map(of_emitter).collect::<Vec<_>>());
        Self { roughness, sizes, eliminated: eliminated(members) }
    }

    /// The bins of a run, tied. The unknowns are the free emissivities over their sizes.
    fn chain(&self, run: &[SolvedBin]) -> Chain {
        Chain {
            data: run.iter().map(|member| self.equations(member)).collect(),
            values: self.values(),
            width: self.sizes.iter().map(|size| self.roughness * size).collect(),
        }
    }

    /// Emitters that are unknowns.
    fn free(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.sizes.len()).filter(|i| Some(*i) != self.eliminated)
    }

    /// The emissivities of all emitters, as rows of factors of the unknowns.
    fn values(&self) -> Vec<Vec<f64>> {
        let factor = |emitter: usize, unknown: usize| match self.eliminated {
            Some(gone) if gone == emitter => -self.sizes[unknown],
            _ if emitter == unknown => self.sizes[unknown],
            _ => 0.0,
        };
        let row = |emitter| self.free().map(|unknown| factor(emitter, unknown)).collect();
        (0..self.sizes.len()).map(row).collect()
    }

    /// What the data of one bin say.
    fn equations(
        &self,
        SolvedBin { problem, variance_factor, .. }: &SolvedBin,
    ) -> InformationArray {
        let root: Vec<f64> =
            problem.variance.iter().map(|v| 1.0 / (v * variance_factor).sqrt()).collect();
        let mut columns = Vec::with_capacity(root.len() * self.sizes.len());
        for emitter in self.free() {
            let size = self.sizes[emitter];
            let own = problem.design[emitter].iter();
            match self.eliminated {
                None => columns.extend(own.zip(&root).map(|(p, w)| p * size * w)),
                Some(gone) => {
                    let differences = own.zip(problem.design[gone]).map(|(p, gone)| p - gone);
                    columns.extend(differences.zip(&root).map(|(p, w)| p * size * w));
                }
            }
        }
        let data = || problem.data.iter().zip(&root);
        let re = data().map(|(d, w)| d.re * w).collect();
        let im = data().map(|(d, w)| d.im * w).collect();
        InformationArray::reduced(columns, re, im)
    }
}

/// Part of its size below which an emissivity is dark.
const DARK: f64 = 0.1;
/// Standard errors by which it must be surely dark, or shine: by chance one of 10 million does.
const SURELY: f64 = 4.0;
/// Rounds after which the edges of the band stand still.
const BAND_ROUNDS: usize = 4;
/// Rounds after which a size stands still, and far more.
const ROUNDS: usize = 100;

/// An emissivity at a bin: its modulus and its standard error.
type Estimate = (f64, f64);

/// The rms of each emissivity over the bins of the band; `estimates` are `[emitter][bin]`.
///
/// Beyond the band, where one surely is dark and none surely shines, all emissivities are zero,
/// which says nothing of their size within, however well it is known: a cold body is best known
/// below the band of a high channel.
fn sizes(estimates: &[Vec<Estimate>]) -> Vec<f64> {
    let bins = estimates.first().map_or(0, Vec::len);
    let over = |bins: &[usize]| -> Vec<f64> {
        let chosen = |of_emitter: &Vec<Estimate>| -> Vec<Estimate> {
            bins.iter().map(|&bin| of_emitter[bin]).collect()
        };
        estimates.iter().map(|of_emitter| rms(&chosen(of_emitter))).collect()
    };
    // The more dark bins there are, the smaller is the mean that tells them at first.
    let mut sizes = over(&(0..bins).collect::<Vec<_>>());
    for _ in 0..BAND_ROUNDS {
        let is_dark = |bin: &usize| {
            let estimates = || estimates.iter().map(|of_emitter| of_emitter[*bin]).zip(&sizes);
            estimates().any(|((e, sigma), size)| e + SURELY * sigma < DARK * size)
                && !estimates().any(|((e, sigma), size)| e - SURELY * sigma > DARK * size)
        };
        sizes = over(&(0..bins).filter(|bin| !is_dark(bin)).collect::<Vec<_>>());
    }
    sizes
}

/// The rms `a` of moduli, given with their standard errors `s`.
///
/// `a^2 = sum w (|E|^2 - s^2) / sum w`, `w = 1/(s^2 + a^2)^2`: the mean power without that of the
/// noise. Bins that determine it count alike, and those where noise is all there is by the inverse
/// variance of its power. If it is all there is anywhere, the error of `a^2` is `1/sqrt(sum 1/s^4)`,
/// and `a^2` is taken to be no less: noise cannot show that an emissivity is zero. (Paule & Mandel
/// 1982, J. Res. Nat. Bur. Stand. 87, 377.)
///
/// Nothing passes from one bin to the weight of another but by `a`: at 4.3 THz a bolometer's
/// emissivity is 1e47 +- 1e47, and the last digit of that is more than all that there is to know
/// in the band.
fn rms(estimates: &[Estimate]) -> f64 {
    // No value is better than its own last digit. One that is nothing, for sure, says nothing.
    let exact = |(e, sigma): &Estimate| (*e, sigma.max(f64::EPSILON * e));
    let known: Vec<_> = estimates.iter().map(exact).filter(|(_, sigma)| *sigma > 0.0).collect();
    if known.is_empty() {
        return f64::MIN_POSITIVE;
    }
    let least = weighted_power(&known, 0.0).1;
    // From above: there may be a smaller solution, of the bins alone that are known best.
    let surely = known.iter().filter(|(e, sigma)| *e > SURELY * sigma);
    let mut size = surely.fold(0.0, |most: f64, (e, _)| most.max(*e));
    for _ in 0..ROUNDS {
        let next = weighted_power(&known, size).0.max(least);
        let still = (next - size).abs() <= 1e-12 * size;
        size = next;
        if still {
            break;
        }
    }
    size
}

/// Roots of the mean power for a size `a`, zero if it is negative, and of the error that noise alone
/// would give it.
fn weighted_power(known: &[Estimate], a: f64) -> (f64, f64) {
    let width = |sigma: f64| (sigma * sigma + a * a).sqrt().max(sigma);
    // In units of the smallest width: its fourth power may be out of range.
    let unit = known.iter().fold(f64::INFINITY, |unit: f64, (_, sigma)| unit.min(width(*sigma)));
    let (mut power, mut weights) = (0.0, 0.0);
    for (modulus, sigma) in known {
        let width = width(*sigma);
        let t = unit / width;
        let signal = t * modulus / width;
        let noise = t * sigma / width;
        power += signal * signal - noise * noise;
        weights += t * t * t * t;
    }
    (unit * (power / weights).max(0.0).sqrt(), unit / weights.sqrt().sqrt())
}

/// Under the constraint, the emitter with the smallest columns: the differences of the others
/// from it keep the most digits. One for all bins, so that all have the same unknowns.
fn eliminated(members: &[SolvedBin]) -> Option<usize> {
    let first = members.first()?.problem;
    if first.constraint == Constraint::None {
        return None;
    }
    let mut sums = vec![0.0; first.design.len()];
    for SolvedBin { problem, .. } in members {
        let mut lengths = Vec::with_capacity(problem.design.len());
        with_widest_simd(
            #[inline(always)]
            || {
                for column in problem.design {
                    lengths.push(norm(column));
                }
            },
        );
        let largest = lengths.iter().fold(0.0, |a: f64, &b| a.max(b));
        sums.iter_mut().zip(&lengths).for_each(|(sum, length)| *sum += length / largest);
    }
    (0..sums.len()).min_by(|&a, &b| sums[a].total_cmp(&sums[b]))
}

#[cfg(test)]
mod tests;
