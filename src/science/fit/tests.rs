//! Properties that every estimator must have, on random problems.

use num_complex::Complex64;
use proptest::prelude::*;

use super::*;

mod robust;

/// A random problem that owns its arrays.
#[derive(Clone)]
pub(crate) struct Owned {
    pub(crate) design: Vec<Vec<f64>>,
    pub(crate) data: Vec<Complex64>,
    pub(crate) variance: Vec<f64>,
    pub(crate) truth: Vec<Complex64>,
    pub(super) temperatures: Vec<Vec<f64>>,
    pub(super) plateaus: Vec<usize>,
}

impl Owned {
    /// `spread` sets how many orders of magnitude lie between the columns.
    pub(crate) fn new(seed: u64, records: usize, noise: f64, spread: f64) -> Self {
        let mut numbers = TestRng(seed);
        let design: Vec<Vec<f64>> = (0..7)
            .map(|i| {
                let magnitude =
                    crate::foundations::numerics::math::pow(10.0, -spread * f64::from(i));
                (0..records).map(|_| magnitude * (1.0 + 2.0 * numbers.next())).collect()
            })
            .collect();
        let mut truth: Vec<Complex64> =
            (0..6).map(|_| Complex64::new(numbers.next() - 0.5, numbers.next() - 0.5)).collect();
        truth.push(-truth.iter().sum::<Complex64>());
        let variance: Vec<f64> = (0..records).map(|_| 0.1 + 10.0 * numbers.next()).collect();
        let data = (0..records)
            .map(|j| {
                let signal: Complex64 = truth.iter().zip(&design).map(|(e, p)| e * p[j]).sum();
                let error = Complex64::new(numbers.next() - 0.5, numbers.next() - 0.5);
                signal + error * noise * variance[j].sqrt()
            })
            .collect();
        let mut temperature = || 2.0 + 15.0 * numbers.next();
        let temperatures = (0..7).map(|_| (0..records).map(|_| temperature()).collect()).collect();
        let plateaus = (0..records).map(|j| j / 2).collect();
        Self { design, data, variance, truth, temperatures, plateaus }
    }

    /// Measures another truth, with Gaussian noise of `noise` times its standard deviation.
    pub(super) fn measure(&mut self, truth: &[Complex64], noise: f64, seed: u64) {
        let mut numbers = gaussian(seed);
        for (j, value) in self.data.iter_mut().enumerate() {
            let signal: Complex64 = truth.iter().zip(&self.design).map(|(e, p)| e * p[j]).sum();
            let error = numbers() * noise * self.variance[j].sqrt();
            *value = signal + error;
        }
        self.variance.iter_mut().for_each(|variance| *variance *= noise * noise);
    }

    /// Makes emitter `b` follow `a` but for a fraction of its own; the data follow.
    pub(super) fn make_alike(&mut self, a: usize, b: usize, fraction: f64) {
        for j in 0..self.data.len() {
            let other = self.design[a][j] + fraction * self.design[b][j];
            self.data[j] += self.truth[b] * (other - self.design[b][j]);
            self.design[b][j] = other;
        }
    }

    pub(crate) fn with<T>(&self, constraint: Constraint, f: impl FnOnce(&Problem) -> T) -> T {
        let design: Vec<&[f64]> = self.design.iter().map(|column| &column[..]).collect();
        f(&self.problem(&design, constraint, 22))
    }

    fn problem<'a>(
        &'a self,
        design: &'a [&'a [f64]],
        constraint: Constraint,
        bin: usize,
    ) -> Problem<'a> {
        Problem {
            design,
            data: &self.data,
            variance: &self.variance,
            scale: VarianceScale::Absolute,
            constraint,
            context: Context {
                bin,
                is_blocked: false,
                deadline: Deadline::NONE,
                frequency_hz: 3e11,
                temperatures: &self.temperatures,
                plateaus: &self.plateaus,
                model: Some(&self.truth),
            },
            shared: None,
        }
    }

    pub(crate) fn fit(&self, name: &str, constraint: Constraint) -> Outcome {
        self.with(constraint, |problem| fit_bin(build(name).as_ref(), problem))
    }

    fn rss(&self, solution: &Solution, weighted: bool) -> f64 {
        let residual = |j: usize| {
            let model: Complex64 =
                solution.emissivity.iter().zip(&self.design).map(|(e, p)| e * p[j]).sum();
            let weight = if weighted { 1.0 / self.variance[j] } else { 1.0 };
            (self.data[j] - model).norm_sqr() * weight
        };
        (0..self.data.len()).map(residual).sum()
    }
}

/// Problems as the bins of one configuration, from 22 upwards.
pub(super) fn coupled<T>(
    bins: &[Owned],
    constraint: Constraint,
    f: impl FnOnce(&[Problem]) -> T,
) -> T {
    let designs: Vec<Vec<&[f64]>> =
        bins.iter().map(|bin| bin.design.iter().map(|column| &column[..]).collect()).collect();
    let problems: Vec<Problem> = bins
        .iter()
        .zip(&designs)
        .enumerate()
        .map(|(index, (bin, design))| bin.problem(design, constraint, 22 + index))
        .collect();
    f(&problems)
}

/// A method with its default options.
fn build(name: &str) -> Box<dyn Method> {
    build_with(name, &[])
}

/// A method with some options of its own.
pub(super) fn build_with(name: &str, options: &[(&str, f64)]) -> Box<dyn Method> {
    let Registered { info, build } = method(name).unwrap();
    let emitters = ["e0", "e1", "e2", "e3", "e4", "e5", "e6"];
    let mut values = OptionValues::of_emitters(info, &emitters);
    for (name, value) in options {
        values.set(info, name, *value).unwrap();
    }
    build(&values)
}

/// Numbers from 0 to 1.
pub(super) fn random(seed: u64) -> impl FnMut() -> f64 {
    let mut numbers = TestRng(seed);
    move || numbers.next()
}

/// Circular Gaussian numbers, `E|n|^2 = 1` (Box and Muller).
pub(super) fn gaussian(seed: u64) -> impl FnMut() -> Complex64 {
    use crate::foundations::numerics::math::{cis, ln};
    let mut numbers = TestRng(seed.wrapping_mul(0x2545_f491_4f6c_dd1d));
    move || (-ln(1.0 - numbers.next())).sqrt() * cis(std::f64::consts::TAU * numbers.next())
}

/// A small generator for tests: SplitMix64, uniform in 0..1.
struct TestRng(u64);

impl TestRng {
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    }
}

pub(crate) fn solution(outcome: Outcome) -> Solution {
    match outcome {
        Outcome::Converged(solution) => solution,
        other => panic!("expected a converged fit, got {other:?}"),
    }
}

pub(super) fn largest_error(found: &[Complex64], truth: &[Complex64]) -> f64 {
    let error = |(a, b): (&Complex64, &Complex64)| (a - b).norm_sqr().sqrt();
    found.iter().zip(truth).map(error).fold(0.0, f64::max)
}

#[test]
fn the_covariance_of_linear_methods_has_the_error_bars_on_its_diagonal() {
    let owned = Owned::new(8, 60, 0.1, 0.3);
    for constraint in [Constraint::None, Constraint::Kirchhoff] {
        for name in ["ols", "wls", "plateau", "ridge", "tsvd", "map"] {
            let method = build(name);
            owned.with(constraint, |problem| {
                let sigma = solution(method.fit(problem)).sigma;
                let covariance = method.covariance(problem).unwrap();
                for (i, sigma) in sigma.iter().enumerate() {
                    let found = covariance[i * 7 + i].sqrt();
                    assert!((found / sigma - 1.0).abs() < 1e-10, "{name} {i}: {found} {sigma}");
                    let row: f64 = covariance[i * 7..][..7].iter().sum();
                    let is_bound = row.abs() < 1e-9 * sigma * sigma;
                    assert!(constraint == Constraint::None || is_bound, "{name} {i}: {row}");
                }
            });
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn noise_free_data_give_the_truth_back(seed: u64, records in 20usize..200) {
        let problem = Owned::new(seed, records, 0.0, 0.0);
        for constraint in [Constraint::None, Constraint::Kirchhoff] {
            for (name, tolerance) in [
                ("ols", 1e-11),
                ("wls", 1e-11),
                ("smooth", 1e-11),
                ("lbfgs", 1e-8),
                ("warm_start", 1e-8),
                ("nelder_mead", 1e-8),
                ("levenberg_marquardt", 1e-11),
                ("huber", 1e-11),
                ("tukey", 1e-11),
                ("student_t", 1e-11),
                ("lad", 1e-11),
                ("legacy_regression", 1e-11),
                ("tls", 1e-11),
                ("ridge", 1e-9),
            ] {
                let found = solution(problem.fit(name, constraint));
                let error = largest_error(&found.emissivity, &problem.truth);
                prop_assert!(error < tolerance, "{name} {constraint}: {error}");
            }
        }
    }

    #[test]
    fn residuals_are_what_they_say_and_orthogonal_to_the_design(seed: u64) {
        let problem = Owned::new(seed, 60, 1.0, 0.0);
        for (name, weighted) in [("ols", false), ("wls", true)] {
            let found = solution(problem.fit(name, Constraint::None));
            let rss = problem.rss(&found, weighted);
            prop_assert!((found.rss / rss - 1.0).abs() < 1e-10, "{name}: {} {rss}", found.rss);
            // A minimum: no step along any emissivity makes it smaller.
            for emitter in 0..7 {
                for step in [1e-4, -1e-4] {
                    let mut other = found.clone();
                    other.emissivity[emitter] += Complex64::new(step, -step);
                    prop_assert!(problem.rss(&other, weighted) > rss);
                }
            }
        }
    }

    #[test]
    fn the_constraint_holds_and_costs_residual(seed: u64) {
        let problem = Owned::new(seed, 60, 1.0, 0.0);
        for name in ["ols", "wls", "lbfgs", "nelder_mead", "levenberg_marquardt"] {
            let free = solution(problem.fit(name, Constraint::None));
            let bound = solution(problem.fit(name, Constraint::Kirchhoff));
            let sum: Complex64 = bound.emissivity.iter().sum();
            let size = bound.emissivity.iter().map(|e| e.norm_sqr().sqrt()).fold(0.0, f64::max);
            prop_assert!(sum.norm_sqr().sqrt() < 1e-14 * size.max(1.0));
            prop_assert!(bound.rss >= free.rss * (1.0 - 1e-9));
            // With known noise, knowing more never widens an error bar; ols takes its noise from
            // the residual, which the constraint raises.
            let narrower = bound.sigma.iter().zip(&free.sigma).all(|(b, f)| *b <= f * (1.0 + 1e-9));
            prop_assert!(name == "ols" || narrower, "{name}");
        }
    }

    #[test]
    fn columns_fifty_orders_of_magnitude_apart_are_no_trouble(seed: u64) {
        let problem = Owned::new(seed, 100, 0.0, 8.0);
        let found = solution(problem.fit("wls", Constraint::None));
        // Each emitter as accurate as its column allows: the first, brightest, to the last digits.
        let error = (found.emissivity[0] - problem.truth[0]).norm_sqr().sqrt();
        prop_assert!(error < 1e-12, "{error}");
        prop_assert!(found.condition < 1e3, "scaling hides the spread: {}", found.condition);
    }

    #[test]
    fn a_search_is_never_better_than_the_direct_solution(seed: u64) {
        let problem = Owned::new(seed, 60, 1.0, 0.0);
        for constraint in [Constraint::None, Constraint::Kirchhoff] {
            let exact = solution(problem.fit("wls", constraint));
            for name in ["lbfgs", "warm_start", "nelder_mead", "levenberg_marquardt"] {
                let search = solution(problem.fit(name, constraint));
                prop_assert!(exact.rss <= search.rss * (1.0 + 1e-9), "{name}");
                let error = largest_error(&exact.emissivity, &search.emissivity);
                prop_assert!(error < 1e-7, "{name}: {error}");
            }
        }
    }
}

#[test]
fn error_bars_agree_with_the_scatter_over_many_noise_draws() {
    // The noise of `Owned` is uniform in a square of side one: its E|n|^2 is 1/6 of the variance.
    let draws = 2000;
    for name in ["ols", "wls"] {
        let (mut scatter, mut claimed) = ([0.0; 7], [0.0; 7]);
        for draw in 0..draws {
            // The same design and truth: only the numbers after them differ.
            let mut problem = Owned::new(1, 80, 0.0, 0.0);
            let mut numbers = TestRng(1_000_000 + draw);
            for (value, variance) in problem.data.iter_mut().zip(&problem.variance) {
                let noise = Complex64::new(numbers.next() - 0.5, numbers.next() - 0.5);
                // Equal noise for ols, by record for wls: each under its own assumption.
                *value += noise * if name == "wls" { (6.0 * variance).sqrt() } else { 1.0 };
            }
            let found = solution(problem.fit(name, Constraint::Kirchhoff));
            for i in 0..7 {
                scatter[i] += (found.emissivity[i] - problem.truth[i]).norm_sqr();
                claimed[i] += found.sigma[i] * found.sigma[i];
            }
        }
        for i in 0..7 {
            let ratio = (scatter[i] / claimed[i]).sqrt();
            // 2000 draws of two degrees of freedom: one sigma of this ratio is 1.1 %.
            assert!((ratio - 1.0).abs() < 0.05, "{name}, emitter {i}: {ratio}");
        }
    }
}

#[test]
fn unusable_designs_fail_with_a_reason() {
    let failed = |problem: &Owned, constraint, expected: &str| {
        for name in [
            "ols",
            "wls",
            "lbfgs",
            "nelder_mead",
            "levenberg_marquardt",
            "legacy_regression",
            "tls",
        ] {
            match problem.fit(name, constraint) {
                Outcome::Failed(why) => assert!(why.contains(expected), "{name}: {why}"),
                other => panic!("{name}: {other:?}"),
            }
        }
    };
    failed(&Owned::new(1, 5, 0.0, 0.0), Constraint::None, "5 records cannot determine 7");

    let mut twins = Owned::new(1, 50, 0.0, 0.0);
    twins.design[3] = twins.design[2].clone();
    failed(&twins, Constraint::None, "rank 6 of 7");

    let mut constant = Owned::new(1, 50, 0.0, 0.0);
    constant.design.iter_mut().for_each(|column| column.fill(1.0));
    failed(&constant, Constraint::None, "rank 1 of 7");
    failed(&constant, Constraint::Kirchhoff, "cannot be told apart");

    let mut dark = Owned::new(1, 50, 0.0, 0.0);
    dark.design[4].fill(0.0);
    failed(&dark, Constraint::None, "emitter 4 cannot be told apart");

    let mut broken = Owned::new(1, 50, 0.0, 0.0);
    broken.data[7].im = f64::NAN;
    failed(&broken, Constraint::None, "data hold a value that is not finite");
    broken = Owned::new(1, 50, 0.0, 0.0);
    broken.design[0][3] = f64::INFINITY;
    failed(&broken, Constraint::Kirchhoff, "not finite");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn averages_of_noise_free_data_give_the_truth_back(seed: u64, records in 40usize..200) {
        let problem = Owned::new(seed, records, 0.0, 0.0);
        for constraint in [Constraint::None, Constraint::Kirchhoff] {
            let found = solution(problem.fit("plateau", constraint));
            prop_assert!(largest_error(&found.emissivity, &problem.truth) < 1e-10);
        }
    }
}

#[test]
fn impossible_variances_fail_and_name_the_record() {
    for bad in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        let mut problem = Owned::new(1, 50, 0.0, 0.0);
        problem.variance[13] = bad;
        for name in [
            "wls",
            "ridge",
            "tsvd",
            "map",
            "smooth",
            "plateau",
            "legacy_regression",
            "tls",
            "warm_start",
            "nelder_mead",
            "levenberg_marquardt",
        ] {
            let Outcome::Failed(why) = problem.fit(name, Constraint::None) else {
                panic!("{name} accepted a variance of {bad}")
            };
            assert!(why.contains("record 13"), "{name}: {why}");
        }
    }
}

#[test]
fn a_dark_bin_has_no_signal_and_no_failure() {
    let mut problem = Owned::new(1, 50, 0.0, 0.0);
    problem.design.iter_mut().for_each(|column| column.fill(0.0));
    for method in methods() {
        let outcome =
            problem.with(Constraint::None, |p| fit_bin(build(method.info.name).as_ref(), p));
        assert_eq!(outcome, Outcome::NoSignal);
    }
}

#[test]
fn method_names_are_unique_and_found() {
    for Registered { info, .. } in methods() {
        assert_eq!(method(info.name).unwrap().info, *info);
        assert!(info.cost > 0);
        for option in info.options {
            assert!((option.least..=option.most).contains(&option.default), "{}", option.name);
        }
    }
}

#[test]
fn a_deadline_that_passed_stops_every_search_and_leaves_a_point_on_the_way() {
    let problem = Owned::new(4, 60, 3.0, 0.0);
    problem.with(Constraint::None, |p| {
        let deadline = Deadline::after(Some(std::time::Duration::ZERO));
        let late = Problem { context: Context { deadline, ..p.context }, ..*p };
        for name in [
            "huber",
            "tukey",
            "student_t",
            "lad",
            "tls",
            "lbfgs",
            "warm_start",
            "nelder_mead",
            "levenberg_marquardt",
        ] {
            match build(name).fit(&late) {
                Outcome::NotConverged(solution, why) => {
                    assert_eq!(why, "stopped after 0 s, the limit of a unit", "{name}");
                    assert!(solution.emissivity.iter().all(|e| e.is_finite()), "{name}");
                }
                other => panic!("{name}: {other:?}"),
            }
        }
        assert_eq!(build("wls").fit(&late), build("wls").fit(p), "it has nothing to stop");
    });
}
