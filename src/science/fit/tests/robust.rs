//! Properties of the robust estimators.

use super::*;
use crate::foundations::numerics::math;
use crate::science::fit::methods::huber::HuberLoss;
use crate::science::fit::methods::student_t::StudentLoss;
use crate::science::fit::methods::tukey::Biweight;
use crate::science::fit::robust::irls::Loss;

const ROBUST: [&str; 4] = ["huber", "tukey", "student_t", "lad"];

impl TestRng {
    /// Complex Gaussian with `E|z|^2 = 1`.
    fn gaussian(&mut self) -> Complex64 {
        let radius = (-math::ln(1.0 - self.next())).sqrt();
        math::cis(std::f64::consts::TAU * self.next()) * radius
    }
}

/// The design and truth of one seed with Gaussian noise of another; a part of the records is hit
/// by outliers of 50 standard deviations.
fn noisy(records: usize, draw: u64, outliers: f64) -> Owned {
    let mut problem = Owned::new(1, records, 0.0, 0.0);
    let mut numbers = TestRng(1_000_000 + draw);
    for (value, variance) in problem.data.iter_mut().zip(&problem.variance) {
        let mut noise = numbers.gaussian();
        let direction = math::cis(std::f64::consts::TAU * numbers.next());
        if numbers.next() < outliers {
            noise += direction * 50.0;
        }
        *value += noise * variance.sqrt();
    }
    problem
}

fn fit_with(problem: &Owned, name: &str, scale: VarianceScale, options: &[(&str, f64)]) -> Outcome {
    let Registered { info, build } = method(name).unwrap();
    let mut values = OptionValues::defaults(info);
    options.iter().for_each(|(name, value)| values.set(info, name, *value).unwrap());
    let method = build(&values);
    problem.with(Constraint::Kirchhoff, |p| fit_bin(method.as_ref(), &Problem { scale, ..*p }))
}

fn absolute(problem: &Owned, name: &str) -> Solution {
    solution(fit_with(problem, name, VarianceScale::Absolute, &[]))
}

fn squared_error(found: &Solution, problem: &Owned) -> f64 {
    found.emissivity.iter().zip(&problem.truth).map(|(a, b)| (a - b).norm_sqr()).sum()
}

/// RMS error over emitters and draws.
fn rms_error(name: &str, scale: VarianceScale, outliers: f64, draws: u64) -> f64 {
    let error = |draw| {
        let problem = noisy(200, draw, outliers);
        squared_error(&solution(fit_with(&problem, name, scale, &[])), &problem)
    };
    ((0..draws).map(error).sum::<f64>() / draws as f64).sqrt()
}

#[test]
fn gross_outliers_hardly_harm_the_robust_methods() {
    let clean = rms_error("wls", VarianceScale::Absolute, 0.0, 100);
    assert!(rms_error("wls", VarianceScale::Absolute, 0.05, 100) > 10.0 * clean);
    for scale in [VarianceScale::Absolute, VarianceScale::Relative] {
        for name in ROBUST {
            let ratio = rms_error(name, scale, 0.05, 100) / clean;
            assert!(ratio < 2.0, "{name} {scale:?}: {ratio}");
        }
    }
}

#[test]
fn without_outliers_the_efficiency_is_the_one_stated() {
    let expected = [
        ("huber", 0.95),
        ("tukey", 0.95),
        ("student_t", 0.916),
        ("lad", std::f64::consts::FRAC_PI_4),
    ];
    let wls = rms_error("wls", VarianceScale::Absolute, 0.0, 600);
    for (name, expected) in expected {
        let found = wls / rms_error(name, VarianceScale::Absolute, 0.0, 600);
        assert!((found * found / expected - 1.0).abs() < 0.04, "{name}: {}", found * found);
    }
}

#[test]
fn error_bars_are_honest_with_and_without_outliers() {
    let draws = 1000;
    for (outliers, tolerance) in [(0.0, 0.05), (0.05, 0.12)] {
        for name in ROBUST {
            for scale in [VarianceScale::Absolute, VarianceScale::Relative] {
                // The scale makes no difference to lad, and costs the others a lad each.
                if scale == VarianceScale::Relative && name != "huber" {
                    continue;
                }
                let (mut scatter, mut claimed) = ([0.0; 7], [0.0; 7]);
                for draw in 0..draws {
                    let problem = noisy(100, draw, outliers);
                    let found = solution(fit_with(&problem, name, scale, &[]));
                    for i in 0..7 {
                        scatter[i] += (found.emissivity[i] - problem.truth[i]).norm_sqr();
                        claimed[i] += found.sigma[i] * found.sigma[i];
                    }
                }
                let ratios: Vec<f64> = (0..7).map(|i| (scatter[i] / claimed[i]).sqrt()).collect();
                println!("{name} {scale:?} {outliers}: {ratios:.3?}");
                // One sigma of a ratio is 1.6 % from the number of draws alone. With outliers huber
                // claims up to 10 % too little (1.103 measured at emitter 6): five outliers among
                // a hundred records are few for a formula of first order in p/n.
                let honest = ratios.iter().all(|ratio| (ratio - 1.0).abs() < tolerance);
                assert!(honest, "{name} {scale:?} {outliers}: {ratios:?}");
            }
        }
    }
}

#[test]
fn the_order_of_the_records_does_not_matter() {
    let problem = noisy(60, 3, 0.05);
    let mut turned = noisy(60, 3, 0.05);
    turned.design.iter_mut().for_each(|column| column.rotate_left(17));
    turned.data.rotate_left(17);
    turned.variance.rotate_left(17);
    for name in ROBUST {
        let (a, b) = (absolute(&problem, name), absolute(&turned, name));
        assert!(largest_error(&a.emissivity, &b.emissivity) < 1e-11, "{name}");
    }
}

#[test]
fn brighter_data_give_larger_emissivities_and_nothing_else() {
    for factor in [1e-8, 1e6] {
        let problem = noisy(60, 5, 0.05);
        let mut scaled = noisy(60, 5, 0.05);
        scaled.data.iter_mut().for_each(|value| *value *= factor);
        for name in ROBUST {
            // Only the ratios of the variances are known, so they need not be scaled.
            let fit = |p: &Owned| solution(fit_with(p, name, VarianceScale::Relative, &[]));
            let (a, b) = (fit(&problem), fit(&scaled));
            let back: Vec<Complex64> = b.emissivity.iter().map(|e| e / factor).collect();
            assert!(largest_error(&a.emissivity, &back) < 1e-10, "{name} {factor}");
            for (a, b) in a.sigma.iter().zip(&b.sigma) {
                assert!((b / factor / a - 1.0).abs() < 1e-9, "{name} {factor}");
            }
        }
    }
}

#[test]
fn with_mild_settings_they_are_weighted_least_squares() {
    let problem = noisy(60, 7, 0.0);
    let wls = absolute(&problem, "wls");
    let mild = [
        ("huber", "threshold", 1e-12),
        ("tukey", "cutoff", 1e-9),
        ("student_t", "degrees_of_freedom", 1e-5),
    ];
    for (name, option, tolerance) in mild {
        let found = solution(fit_with(&problem, name, VarianceScale::Absolute, &[(option, 1e9)]));
        let error = largest_error(&found.emissivity, &wls.emissivity);
        assert!(error < tolerance, "{name}: {error}");
        assert!((found.rss / wls.rss - 1.0).abs() < 1e-9, "{name}");
    }
}

#[test]
fn without_outliers_huber_and_tukey_stay_near_weighted_least_squares() {
    let problem = noisy(400, 9, 0.0);
    let wls = absolute(&problem, "wls");
    for name in ["huber", "tukey"] {
        let found = absolute(&problem, name);
        for i in 0..7 {
            // The difference has a variance of 1/0.95 - 1 of the error bar: 0.23 sigma.
            let step = math::modulus(found.emissivity[i] - wls.emissivity[i]) / wls.sigma[i];
            assert!(step < 0.6, "{name}, emitter {i}: {step}");
        }
    }
}

#[test]
fn noise_free_data_with_outliers_give_the_truth_back() {
    let mut problem = Owned::new(1, 60, 0.0, 0.0);
    for record in [3, 17, 40] {
        problem.data[record] += 50.0;
    }
    // What is right to the last digit tells the outliers apart: all that is needed is a scale.
    for (name, tolerance) in [("tukey", 1e-9), ("student_t", 1e-6), ("lad", 1e-5)] {
        let found = solution(fit_with(&problem, name, VarianceScale::Relative, &[]));
        let error = largest_error(&found.emissivity, &problem.truth);
        assert!(error < tolerance, "{name}: {error}");
    }
}

#[test]
fn the_iteration_limit_leaves_the_best_values_and_says_so() {
    let problem = noisy(60, 2, 0.05);
    for name in ROBUST {
        let outcome = fit_with(&problem, name, VarianceScale::Absolute, &[("max_iterations", 2.0)]);
        let Outcome::NotConverged(found, why) = outcome else { panic!("{name}: {outcome:?}") };
        assert!(why.contains("2 iterations"), "{why}");
        assert!(found.sigma.iter().all(|s| s.is_finite()), "{name}");
    }
}

#[test]
fn weights_fall_as_they_say_and_never_grow() {
    let losses: [&dyn Loss; 3] = [
        &HuberLoss { threshold: 1.06 },
        &Biweight { cutoff: 3.6 },
        &StudentLoss { degrees_of_freedom: 4.0 },
    ];
    for loss in losses {
        assert!(loss.weight(0.0).is_finite());
        for step in 1..200 {
            let u = 0.1003 * f64::from(step);
            let h = 1e-6;
            let numeric = u * (loss.weight(u + h) - loss.weight(u - h)) / (2.0 * h);
            assert!((loss.fall(u) - numeric).abs() < 1e-6, "{loss:?} at {u}");
            assert!(numeric <= 1e-9, "{loss:?} at {u}");
        }
    }
}

/// As [`noisy`], but the noise lies on one line, as that of a transform that is real.
fn noisy_on_a_line(records: usize, draw: u64) -> Owned {
    let mut problem = Owned::new(1, records, 0.0, 0.0);
    let mut numbers = TestRng(2_000_000 + draw);
    for (value, variance) in problem.data.iter_mut().zip(&problem.variance) {
        let normal = numbers.gaussian().re * 2f64.sqrt();
        *value += LINE * normal * variance.sqrt();
    }
    problem
}

/// The direction of that line.
const LINE: Complex64 = Complex64::new(0.6, 0.8);

/// Noise on a line leaves a problem of real numbers, whose minimum is a corner that as many records
/// as there are unknowns fit exactly. By the theory of linear programming it is the minimum if the
/// slopes that these records must add, to balance those of all others, are no larger than one.
#[test]
fn lad_of_noise_on_a_line_ends_at_the_best_corner() {
    let mut corners = 0;
    for draw in 0..40 {
        let problem = noisy_on_a_line(60 + 20 * (draw as usize % 5), draw);
        let tight = [("tolerance", 1e-10)];
        for options in [&[][..], &tight] {
            let method = build_with("lad", options);
            let found = solution(problem.with(Constraint::None, |p| method.fit(p)));
            let corner = Corner::next_to(&problem, &found.emissivity);
            if options.is_empty() {
                let sum = sum_of_moduli(&problem, &found.emissivity);
                assert!(sum <= corner.sum * (1.0 + 1e-6), "{draw}: {sum} {}", corner.sum);
                continue;
            }
            assert!(corner.slopes.iter().all(|slope| slope.abs() <= 1.0), "{:?}", corner.slopes);
            let error = largest_error(&found.emissivity, &corner.emissivity);
            assert!(error < 1e-6 * found.sigma[0], "{draw}: {error}");
            corners += 1;
        }
    }
    assert_eq!(corners, 40);
}

/// A point that seven records fit exactly.
struct Corner {
    emissivity: Vec<Complex64>,
    sum: f64,
    /// What these records must add to the slope of the sum, in units of their own.
    slopes: Vec<f64>,
}

impl Corner {
    /// That of the records that a point fits best.
    fn next_to(problem: &Owned, at: &[Complex64]) -> Self {
        let records = problem.data.len();
        let row = |j: usize| -> Vec<f64> {
            problem.design.iter().map(|column| column[j] / problem.variance[j].sqrt()).collect()
        };
        let rest = |e: &[Complex64], j: usize| {
            let model: Complex64 = e.iter().zip(&problem.design).map(|(e, p)| e * p[j]).sum();
            (problem.data[j] - model) / problem.variance[j].sqrt()
        };
        let mut order: Vec<usize> = (0..records).collect();
        order.sort_by(|&a, &b| rest(at, a).norm_sqr().total_cmp(&rest(at, b).norm_sqr()));
        let (exact, others) = order.split_at(7);
        let rows: Vec<Vec<f64>> = exact.iter().map(|&j| row(j)).collect();
        // Along the line, from the truth.
        let noise: Vec<f64> = exact.iter().map(|&j| (rest(&problem.truth, j) / LINE).re).collect();
        let step = solve_dense(rows.clone(), noise);
        let emissivity: Vec<Complex64> =
            problem.truth.iter().zip(&step).map(|(e, x)| e + LINE * x).collect();
        let mut slope = vec![0.0; 7];
        for &j in others {
            let sign = (rest(&emissivity, j) / LINE).re.signum();
            slope.iter_mut().zip(row(j)).for_each(|(slope, a)| *slope -= sign * a);
        }
        let transposed = (0..7).map(|i| rows.iter().map(|row| row[i]).collect()).collect();
        let sum = sum_of_moduli(problem, &emissivity);
        Self { emissivity, sum, slopes: solve_dense(transposed, slope) }
    }
}

/// Gaussian elimination with pivots.
fn solve_dense(mut rows: Vec<Vec<f64>>, mut right: Vec<f64>) -> Vec<f64> {
    let n = right.len();
    for k in 0..n {
        let pivot = (k..n).max_by(|&a, &b| rows[a][k].abs().total_cmp(&rows[b][k].abs())).unwrap();
        rows.swap(k, pivot);
        right.swap(k, pivot);
        for i in 0..n {
            if i != k {
                let factor = rows[i][k] / rows[k][k];
                let row = rows[k].clone();
                rows[i].iter_mut().zip(&row).for_each(|(a, b)| *a -= factor * b);
                right[i] -= factor * right[k];
            }
        }
    }
    (0..n).map(|k| right[k] / rows[k][k]).collect()
}

/// Across the line nothing is to be found out, and no error comes in.
#[test]
fn error_bars_are_honest_where_noise_is_on_a_line() {
    let draws = 600;
    for name in ["wls", "huber", "tukey", "student_t", "lad"] {
        let (mut scatter, mut claimed) = ([0.0; 7], [0.0; 7]);
        for draw in 0..draws {
            let problem = noisy_on_a_line(200, draw);
            let found = absolute(&problem, name);
            for i in 0..7 {
                scatter[i] += (found.emissivity[i] - problem.truth[i]).norm_sqr();
                claimed[i] += found.sigma[i] * found.sigma[i];
            }
        }
        let ratios: Vec<f64> = (0..7).map(|i| (scatter[i] / claimed[i]).sqrt()).collect();
        println!("{name}: {ratios:.3?}");
        // One sigma of a ratio is 2.9 %: the errors have one dimension.
        assert!(ratios.iter().all(|ratio| (ratio - 1.0).abs() < 0.1), "{name}: {ratios:?}");
    }
}

/// The sum that `lad` minimises.
fn sum_of_moduli(problem: &Owned, emissivity: &[Complex64]) -> f64 {
    let term = |j: usize| {
        let model: Complex64 = emissivity.iter().zip(&problem.design).map(|(e, p)| e * p[j]).sum();
        math::modulus(problem.data[j] - model) / problem.variance[j].sqrt()
    };
    (0..problem.data.len()).map(term).sum()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn no_point_near_the_lad_minimum_is_lower(seed: u64) {
        let problem = noisy(40, seed % 1_000_000, 0.1);
        let found = solution(problem.fit("lad", Constraint::None));
        let least = sum_of_moduli(&problem, &found.emissivity);
        let mut numbers = TestRng(seed);
        for size in [1.0, 1e-1, 1e-2, 1e-3, 1e-4] {
            for _ in 0..50 {
                let other: Vec<_> =
                    found.emissivity.iter().map(|e| e + numbers.gaussian() * size).collect();
                prop_assert!(sum_of_moduli(&problem, &other) >= least * (1.0 - 1e-6));
            }
        }
    }

    /// One emitter: a pattern search in the plane, which knows nothing of weights or duality.
    #[test]
    fn lad_of_one_emitter_is_where_a_pattern_search_ends(seed: u64) {
        let mut problem = noisy(31, seed % 1_000_000, 0.1);
        problem.design.truncate(1);
        let found = solution(problem.fit("lad", Constraint::None));
        let mut at = Complex64::new(0.0, 0.0);
        let mut step = 8.0;
        let mut lowest = sum_of_moduli(&problem, &[at]);
        while step > 1e-10 {
            let steps = (0..16).map(|k| math::cis(f64::from(k) * std::f64::consts::PI / 8.0) * step);
            let next = steps.map(|s| (at + s, sum_of_moduli(&problem, &[at + s])));
            match next.min_by(|a, b| a.1.total_cmp(&b.1)) {
                Some((point, value)) if value < lowest => (at, lowest) = (point, value),
                _ => step *= 0.5,
            }
        }
        let sum = sum_of_moduli(&problem, &found.emissivity);
        prop_assert!((sum / lowest - 1.0).abs() < 1e-6, "{sum} {lowest}");
        prop_assert!(math::modulus(found.emissivity[0] - at) < 2e-2 * found.sigma[0]);
    }
}
