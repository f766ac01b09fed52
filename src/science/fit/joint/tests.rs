//! The joint fit on random instruments: derivatives, steps, minima, error bars.

use num_complex::Complex64;

use super::corrected::{Corrected, LoadedBin};
use super::parameters::Parameters;
use super::search::{Place, Search, Spare};
use super::*;
use crate::foundations::numerics::ScratchVec;
use crate::foundations::numerics::math::{cis, cos};
use crate::science::fit::linear::cholesky::Cholesky;
use crate::science::fit::problem::Context;
use crate::science::fit::tests::{gaussian, random};
use crate::science::instrument::{PUBLISHED_LL, planck_mjy_sr};

const EMITTERS: [&str; 7] =
    ["xcal", "ical", "dihedral", "refhorn", "skyhorn", "collimator", "bolometer"];

/// A random data set that owns its arrays: a short campaign of few bins.
pub(super) struct Campaign {
    readings_k: Vec<Vec<f64>>,
    bias_v: Vec<f64>,
    volt_v: Vec<f64>,
    bath_k: Vec<f64>,
    years: Vec<f64>,
    plateaus: Vec<usize>,
    known: SharedValues,
    bins: Vec<Bin>,
}

struct Bin {
    omega: f64,
    frequency_hz: f64,
    data: Vec<Complex64>,
    variance: Vec<f64>,
    terms: [Vec<Complex64>; 4],
    truth: Vec<Complex64>,
}

impl Campaign {
    /// What the records read where the truth is `true_values`, with noise of one part in `precision`.
    fn new(seed: u64, records: usize, truth: &SharedValues, precision: f64) -> Self {
        Self::of_bins(4, (seed, records), truth, precision)
    }

    /// The same of so many bins.
    fn of_bins(
        bins: usize,
        (seed, records): (u64, usize),
        truth: &SharedValues,
        precision: f64,
    ) -> Self {
        let mut uniform = random(seed);
        let mut normal = gaussian(seed + 1000);
        let plateaus: Vec<usize> = (0..records).map(|j| j / 5).collect();
        let levels: Vec<Vec<f64>> = (0..7)
            .map(|_| (0..records.div_ceil(5)).map(|_| 2.2 + 12.0 * uniform()).collect())
            .collect();
        let readings_k: Vec<Vec<f64>> = levels
            .iter()
            .map(|levels| plateaus.iter().map(|&p| levels[p] + 0.01 * uniform()).collect())
            .collect();
        // Three biases, each with a voltage near balance.
        let biases = [(25.0, 1.999), (35.0, 2.0657), (45.0, 2.103)];
        let at: Vec<(f64, f64)> = plateaus.iter().map(|p| biases[p % 3]).collect();
        let volt_v = at.iter().map(|(_, volt)| volt + 0.002 * uniform()).collect();
        let mut campaign = Self {
            bias_v: at.iter().map(|(bias, _)| bias / 25.5).collect(),
            volt_v,
            bath_k: vec![1.55; records],
            years: (0..records).map(|j| 0.05 + 0.75 * j as f64 / records as f64).collect(),
            known: SharedValues::none(PUBLISHED_LL, 7),
            plateaus,
            readings_k,
            bins: Vec::new(),
        };
        for k in 0..bins {
            let place = 1.0 + 4.0 * k as f64 / bins as f64;
            let (frequency_hz, omega) = (place * 9e10, place * 12.0);
            let mut emissivity: Vec<Complex64> =
                (0..6).map(|i| cis(i as f64 + k as f64) * (0.03 + 0.01 * uniform())).collect();
            emissivity.push(-emissivity.iter().sum::<Complex64>());
            let terms: [Vec<Complex64>; 4] = std::array::from_fn(|t| {
                let size = if t < 2 { 40.0 } else { 400.0 };
                (0..records).map(|_| normal() * size).collect()
            });
            campaign.bins.push(Bin {
                omega,
                frequency_hz,
                data: vec![Complex64::ZERO; records],
                variance: vec![1.0; records],
                terms,
                truth: emissivity,
            });
        }
        campaign.measure(truth, precision, seed);
        campaign
    }

    /// Fills in the spectra that a truth gives.
    fn measure(&mut self, truth: &SharedValues, precision: f64, seed: u64) {
        let mut normal = gaussian(seed);
        let records = self.bias_v.len();
        for bin in &mut self.bins {
            for j in 0..records {
                let at = (self.bias_v[j], self.volt_v[j], self.bath_k[j]);
                let now = truth.bolometer.state(at.0, at.1, at.2).unwrap();
                let before = PUBLISHED_LL.state(at.0, at.1, at.2).unwrap();
                let rho = now.response(bin.omega) / before.response(bin.omega);
                let temperature = |i: usize| {
                    let read = self.readings_k[i][j];
                    let drift = truth.drift[0]
                        * crate::foundations::numerics::math::exp(-self.years[j] / truth.drift[1]);
                    match i {
                        1 => read + truth.offsets_k[1] - (drift - truth.drift[2]),
                        6 => now.temperature_k,
                        _ => read + truth.offsets_k[i],
                    }
                };
                let light =
                    |i: usize| bin.truth[i] * planck_mjy_sr(bin.frequency_hz, temperature(i));
                let light: Complex64 = (0..7).map(light).sum();
                let year = self.years[j];
                let primary = truth.primary.iter().rev().fold(0.0, |sum, c| sum * year + c);
                let factors = [truth.harmonics[0], truth.harmonics[1], primary, truth.secondary];
                let terms: Complex64 =
                    bin.terms.iter().zip(factors).map(|(term, h)| term[j] * h).sum();
                let sigma = 100.0 / precision * (1.0 + 0.5 * cos(j as f64));
                bin.variance[j] = sigma * sigma;
                bin.data[j] = rho * light + terms + normal() * sigma;
            }
        }
    }

    fn bin<'a>(&'a self, place: usize, bin: &'a Bin) -> JointBin<'a> {
        JointBin {
            is_in_band: true,
            omega: bin.omega,
            scale: VarianceScale::Absolute,
            context: Context {
                bin: 5 + place,
                is_blocked: false,
                frequency_hz: bin.frequency_hz,
                temperatures: &self.readings_k,
                plateaus: &self.plateaus,
                model: None,
                deadline: Deadline::NONE,
            },
        }
    }

    fn set(&self) -> JointSet<'_> {
        let bin = |(place, bin)| self.bin(place, bin);
        let mut frequencies_hz = vec![f64::NAN; 5];
        frequencies_hz.extend(self.bins.iter().map(|bin| bin.frequency_hz));
        JointSet {
            frequencies_hz,
            name: "llss".into(),
            channel: "ll".into(),
            emitters: EMITTERS.map(String::from).to_vec(),
            operating: Some(6),
            readings_k: &self.readings_k,
            bias_v: &self.bias_v,
            volt_v: &self.volt_v,
            bath_k: &self.bath_k,
            years: Some(&self.years),
            plateaus: &self.plateaus,
            bolometer: PUBLISHED_LL,
            known: self.known.clone(),
            state: [1.372549, 2.065718, 1.5309418],
            bins: self.bins.iter().enumerate().map(bin).collect(),
            source: self,
        }
    }
}

impl BinSource for Campaign {
    fn load(&self, at: usize) -> BinRecords {
        let bin = &self.bins[at];
        let mut variance = ScratchVec::with_len(bin.variance.len());
        variance.copy_from_slice(&bin.variance);
        BinRecords { data: bin.data.clone(), variance, terms: bin.terms.clone().map(Some) }
    }

    fn terms(&self, _: usize) -> [bool; 4] {
        [true; 4]
    }
}

fn everything_free() -> JointSettings {
    let mut settings = JointSettings::default();
    settings.free.push("plateau_temperatures".into());
    settings.prior.insert("ical_drift_time".into(), Prior::Sigma(0.05));
    settings.prior.insert("vs".into(), Prior::Sigma(2e-5));
    settings
}

/// Values off by some prior standard errors.
fn truth() -> SharedValues {
    let mut values = SharedValues::none(PUBLISHED_LL, 7);
    let mut bolometer = PUBLISHED_LL.fitted();
    for (i, value) in bolometer.iter_mut().enumerate() {
        *value *= 1.0 + 0.006 * cos(1.0 + 2.0 * i as f64);
    }
    values.bolometer = PUBLISHED_LL.with_fitted(bolometer);
    values.offsets_k = vec![-1.5e-3, 0.0, 1e-3, -2e-3, 1.5e-3, 1e-3, 0.0];
    values.drift = [4e-3, 0.3, -3e-3];
    values.harmonics = [1.1e-3, -1.2e-3];
    values.primary = [1e-5, 2e-5, -1e-5, 1e-5, -2e-5];
    values.secondary = 1e-5;
    values
}

fn known_drift(campaign: &mut Campaign) {
    campaign.known.drift = [3e-3, 0.31, -2e-3];
}

/// Runs a check on a search with every kind of parameter.
fn with_search(constraint: Constraint, check: impl FnOnce(&Search, &Place)) {
    let mut campaign = Campaign::new(7, 60, &truth(), 1e3);
    known_drift(&mut campaign);
    let sets = [campaign.set()];
    let settings = everything_free();
    let parameters = Parameters::new(&sets, &settings).unwrap();
    let search = new_search(&sets, &settings, &parameters, (constraint, Deadline::NONE)).unwrap();
    let mut place = search.place(parameters.start());
    let mut numbers = random(3);
    place.x.iter_mut().chain(&mut place.y).for_each(|x| *x = 2.0 * numbers() - 1.0);
    check(&search, &place);
}

#[test]
fn the_gradient_is_that_of_the_objective_for_every_kind_of_parameter() {
    for constraint in [Constraint::None, Constraint::Kirchhoff] {
        with_search(constraint, |search, place| {
            let evaluation = search.evaluate(place, None).unwrap();
            let system = search.system(&evaluation, place);
            let found = system.eliminate(0.0).unwrap();
            let (of_x, of_y) = found.gradients();
            assert!(of_x.len() >= 25 && of_y.len() == 48);
            let objective = |x: usize, step: f64| {
                let mut there = place.clone();
                let at = there.x.len();
                if x < at {
                    there.x[x] += step
                } else {
                    there.y[x - at] += step
                }
                search.evaluate(&there, None).unwrap().objective
            };
            for (i, expected) in of_x.iter().chain(of_y).enumerate() {
                let step = 1e-4;
                let slope = (objective(i, step) - objective(i, -step)) / (2.0 * step);
                // The objective is a sum of squares: its derivative is twice `Re J^H r`.
                let error = (slope - 2.0 * expected).abs();
                assert!(error < 1e-5 * (1.0 + slope.abs()), "{i}: {slope} {expected}");
            }
        });
    }
}

#[test]
fn the_jacobian_is_that_of_the_residuals_for_every_kind_of_parameter() {
    with_search(Constraint::None, |search, place| {
        let evaluation = search.evaluate(place, None).unwrap();
        let state = &evaluation.states[0];
        let bin = &search.sets[0].bins[2];
        let terms = &evaluation.bins[0][2];
        let loaded = &LoadedBin::new(search.sets[0].source.load(2));
        // Not multiplied by the phase of rho, with the emissivities as they are.
        let residual = |x: &[f64]| -> Vec<Complex64> {
            let there = Place { x: x.to_vec(), y: place.y.clone() };
            let state = &search.evaluate(&there, None).unwrap().states[0];
            let corrected = Corrected::new(bin, loaded.clone(), state, None).unwrap();
            let one = |j: usize| {
                let fit: Complex64 =
                    terms.emissivity.iter().zip(corrected.columns()).map(|(e, p)| e * p[j]).sum();
                let rho = corrected.inverse_rho_at(j).inv();
                (corrected.data[j] - fit) * rho / loaded.records.variance[j].sqrt()
            };
            (0..loaded.records.data.len()).map(one).collect()
        };
        for m in 0..place.x.len() {
            let step = 1e-4;
            let moved = |by: f64| {
                let mut x = place.x.clone();
                x[m] += by;
                residual(&x)
            };
            let (high, low) = (moved(step), moved(-step));
            let corrected = Corrected::new(bin, loaded.clone(), state, None).unwrap();
            let mut largest = 0.0f64;
            let mut error = 0.0f64;
            for j in 0..high.len() {
                let inverse = corrected.inverse_rho_at(j);
                let phase = inverse / inverse.norm_sqr().sqrt();
                let expected = (high[j] - low[j]) / (2.0 * step) * phase;
                let of = |(coefficient, slope): &(state::Coefficient, state::Slope)| {
                    let place = evaluation.coefficients[0].binary_search(coefficient).unwrap();
                    let kept = evaluation.columns[0].of_bin(terms.kept.as_ref().unwrap());
                    let [re, im] = kept.group(place, j / columns::GROUP);
                    Complex64::new(re[j % columns::GROUP], im[j % columns::GROUP]) * slope.at(j)
                };
                let found: Complex64 = state.actions[m].iter().map(of).sum();
                largest = largest.max(expected.norm_sqr().sqrt());
                error = error.max((found - expected).norm_sqr().sqrt());
            }
            assert!(largest > 0.0 && error < 1e-6 * largest, "{m}: {error} of {largest}");
        }
    });
}

/// The normal equations of all unknowns, written out: shared parameters, plateaus, and fits.
#[test]
fn eliminating_is_solving_all_of_it() {
    with_search(Constraint::Kirchhoff, |search, place| {
        let evaluation = search.evaluate(place, None).unwrap();
        let system = search.system(&evaluation, place);
        let eliminated = system.eliminate(0.0).unwrap();
        let step = eliminated.step();
        let (x, y) = (place.x.len(), place.y.len());
        let fits: usize = system.sets[0].bins.iter().map(|bin| 2 * bin.unknowns).sum();
        let n = x + y + fits;
        let mut matrix = vec![0.0; n * n];
        let mut put = |a: usize, b: usize, value: f64| matrix[a.max(b) * n + a.min(b)] += value;
        let set = &system.sets[0];
        let unit = system.plateau_k;
        for a in 0..x {
            put(a, a, 0.5);
            (0..=a).for_each(|b| put(a, b, set.sums.normal[a * x + b]));
        }
        for (p, sums) in set.sums.plateaus.iter().enumerate() {
            for body in 0..4 {
                let row = x + p * 4 + body;
                put(row, row, 0.5);
                for other in 0..=body {
                    let value = sums.own[body * 4 + other] * unit * unit;
                    put(row, x + p * 4 + other, value);
                }
                (0..x).for_each(|m| put(row, m, sums.mixed[body * x + m] * unit));
            }
        }
        let mut at = x + y;
        for bin in &set.bins {
            for a in 0..bin.unknowns {
                let (re, im) = (at + a, at + bin.unknowns + a);
                put(re, re, 1.0);
                put(im, im, 1.0);
                for m in 0..x {
                    let value = bin.projections[m * bin.unknowns + a];
                    put(re, m, value.re);
                    put(im, m, value.im);
                }
                for p in 0..set.sums.plateaus.len() {
                    for body in 0..4 {
                        let value = bin.segments[(p * 4 + body) * bin.unknowns + a] * unit;
                        put(re, x + p * 4 + body, value * bin.factors[body].re);
                        put(im, x + p * 4 + body, value * bin.factors[body].im);
                    }
                }
            }
            at += 2 * bin.unknowns;
        }
        let full = Cholesky::new(matrix, n).unwrap();
        let (of_x, of_y) = eliminated.gradients();
        let mut expected: Vec<f64> = of_x.iter().chain(of_y).map(|g| -g).collect();
        expected.resize(n, 0.0);
        full.solve(&mut expected);
        for (found, expected) in step.x.iter().chain(&step.y).zip(&expected) {
            assert!((found - expected).abs() < 1e-6 * (1.0 + expected.abs()), "{found} {expected}");
        }
        // The error bars are those of the inverse.
        let posterior = Posterior::new(eliminated, unit);
        let covariance = posterior.covariance();
        let variance = |place: usize| {
            let mut row = vec![0.0; n];
            row[place] = 1.0;
            full.solve(&mut row);
            0.5 * row[place]
        };
        for a in 0..x {
            assert!((covariance[a * x + a] / variance(a) - 1.0).abs() < 1e-6);
        }
        for (a, sigma) in posterior.plateau_sigmas().iter().enumerate() {
            assert!((sigma * sigma / variance(x + a) - 1.0).abs() < 1e-6, "{a}");
        }
    });
}

fn fitted(campaign: &Campaign, settings: &JointSettings) -> JointFit {
    fit(&[campaign.set()], settings, Constraint::Kirchhoff, Deadline::NONE).unwrap()
}

#[test]
fn from_wherever_it_starts_it_ends_at_the_same_minimum() {
    ends_at_the_same_minimum(&Campaign::new(11, 120, &truth(), 1e3));
}

/// With so many, the first steps look at a few of them only.
#[test]
fn with_many_bins_too_it_ends_at_the_same_minimum() {
    let campaign = Campaign::of_bins(11, (11, 120), &truth(), 1e3);
    ends_at_the_same_minimum(&campaign);
    // The same as without those steps.
    let settings = JointSettings::default();
    let sets = [campaign.set()];
    let parameters = Parameters::new(&sets, &settings).unwrap();
    let given = (Constraint::Kirchhoff, Deadline::NONE);
    let mut search = new_search(&sets, &settings, &parameters, given).unwrap();
    let start = search.place(parameters.start());
    let ((near, _), steps) = search.begin_near(start.clone()).unwrap();
    assert!(steps > 0 && near.x != start.x);
    let first = search.begin(&start, Spare::default()).unwrap();
    let all = search.run((start, first), 0, None).unwrap();
    let found = fitted(&campaign, &settings);
    for (x, parameter) in all.place.x.iter().zip(&found.parameters) {
        let value = parameter.mean + parameter.prior_sigma * x;
        let error = (parameter.value - value).abs() / parameter.sigma;
        assert!(error < 1e-5, "{}: {error}", parameter.name);
    }
}

fn ends_at_the_same_minimum(campaign: &Campaign) {
    let mut settings = JointSettings::default();
    let near = fitted(campaign, &settings);
    for far in [1.0, 3.0, 8.0] {
        for (i, parameter) in near.parameters.iter().enumerate() {
            let sign = if i % 2 == 0 { far } else { -far };
            let start = parameter.mean + sign * parameter.prior_sigma;
            settings.start.insert(parameter.name.clone(), start);
        }
        let there = fitted(campaign, &settings);
        for (a, b) in near.parameters.iter().zip(&there.parameters) {
            let error = (a.value - b.value).abs() / a.sigma;
            assert!(error < 1e-5, "{far} {}: {error}", a.name);
        }
    }
}

/// The larger the data are in their noise, the more of them is left in residual and objective by rounding:
/// a part of 1e-16, which in these is more than the objective falls at the end.
#[test]
fn it_ends_however_little_noise_there_is() {
    for (constraint, precision) in
        [(Constraint::None, 1e6), (Constraint::Kirchhoff, 1e6), (Constraint::None, 3e7)]
    {
        let none = SharedValues::none(PUBLISHED_LL, 7);
        let campaign = Campaign::new(17, 60, &none, precision);
        let sets = [campaign.set()];
        let found = fit(&sets, &JointSettings::default(), constraint, Deadline::NONE).unwrap();
        assert!(found.iterations < 10, "{precision}: {} iterations", found.iterations);
        for outcome in &found.sets[0].outcomes {
            assert!(matches!(outcome, Outcome::Converged(_)), "{precision}: {outcome:?}");
        }
    }
}

#[test]
fn what_is_fixed_at_nothing_leaves_what_wls_leaves() {
    let none = SharedValues::none(PUBLISHED_LL, 7);
    let mut campaign = Campaign::new(5, 60, &none, 1e3);
    // With the reading in the place of the operating temperature both are given the same design.
    let operating = |j: usize| {
        PUBLISHED_LL
            .state(campaign.bias_v[j], campaign.volt_v[j], campaign.bath_k[j])
            .unwrap()
            .temperature_k
    };
    campaign.readings_k[6] = (0..60).map(operating).collect();
    let mut settings = JointSettings { free: vec!["h2".into()], ..JointSettings::default() };
    settings.prior.insert("h2".into(), Prior::Sigma(0.0));
    let set = campaign.set();
    let joint = fitted(&campaign, &settings);
    for (at, bin) in set.bins.iter().enumerate() {
        let design: Vec<Vec<f64>> = campaign
            .readings_k
            .iter()
            .map(|t| t.iter().map(|t| planck_mjy_sr(bin.context.frequency_hz, *t)).collect())
            .collect();
        let design: Vec<&[f64]> = design.iter().map(|column| &column[..]).collect();
        let problem = Problem {
            design: &design,
            data: &campaign.bins[at].data,
            variance: &campaign.bins[at].variance,
            scale: bin.scale,
            constraint: Constraint::Kirchhoff,
            context: bin.context,
            shared: None,
        };
        let wls = method("wls").unwrap().with_defaults().fit(&problem);
        let (wls, found) =
            (wls.solution().unwrap(), joint.sets[0].outcomes[at].solution().unwrap());
        for (a, b) in wls.emissivity.iter().zip(&found.emissivity) {
            assert!((a - b).norm_sqr().sqrt() < 1e-10 * a.norm_sqr().sqrt());
        }
        for (a, b) in wls.sigma.iter().zip(&found.sigma) {
            assert!((a / b - 1.0).abs() < 1e-10);
        }
    }
}

#[test]
fn without_priors_it_says_which_directions_are_open() {
    let campaign = Campaign::new(13, 60, &truth(), 1e3);
    let mut settings = JointSettings::default();
    settings.prior.insert("bolometer".into(), Prior::None);
    let error = fit(&[campaign.set()], &settings, Constraint::Kirchhoff, Deadline::NONE);
    let error = error.unwrap_err();
    assert!(error.starts_with("the data do not determine "), "{error}");
    assert!(error.contains(" bolometer_") && error.contains("fit.options.joint.prior"), "{error}");
}

#[test]
fn names_that_are_none_are_answered_with_those_that_are() {
    let campaign = Campaign::new(13, 60, &truth(), 1e3);
    for (part, settings) in [
        ("free", JointSettings { free: vec!["bolometr".into()], ..JointSettings::default() }),
        (
            "prior",
            JointSettings {
                prior: [("xcal_ofset".to_owned(), Prior::None)].into(),
                ..JointSettings::default()
            },
        ),
    ] {
        let set = campaign.set();
        let named = [(set.name.as_str(), set.channel.as_str())];
        let error = check_settings(&settings, &set.emitters, set.operating, &named).unwrap_err();
        assert!(error.contains(part) && error.contains("did you mean"), "{error}");
    }
}

/// Over many draws the parameters lie about the truth as their error bars say, and the product of
/// emissivity and response too.
#[test]
fn error_bars_are_honest() {
    let (mut squares, mut count, mut product, mut cells) = (0.0f64, 0.0f64, 0.0f64, 0.0f64);
    for draw in 0..40 {
        let mut numbers = gaussian(500 + draw);
        let mut values = SharedValues::none(PUBLISHED_LL, 7);
        let mut normal = || numbers().re * std::f64::consts::SQRT_2;
        let bolometer = PUBLISHED_LL.fitted().map(|value| value * (1.0 + 0.01 * normal()));
        values.bolometer = PUBLISHED_LL.with_fitted(bolometer);
        values.offsets_k = (0..7).map(|i| if i == 0 { 1e-2 } else { 5e-3 } * normal()).collect();
        (values.offsets_k[1], values.offsets_k[6]) = (0.0, 0.0);
        values.drift = [5e-3 * normal(), 1.0, 5e-3 * normal()];
        values.harmonics = [1.5e-3 * normal(), 1.5e-3 * normal()];
        values.primary = std::array::from_fn(|_| 2e-5 * normal());
        values.secondary = 2e-5 * normal();
        let campaign = Campaign::new(100 + draw, 120, &values, 1e3);
        let found = fitted(&campaign, &JointSettings::default());
        let truths = truths(&values);
        for parameter in &found.parameters {
            let z = (parameter.value - truths[&parameter.name]) / parameter.sigma;
            squares += z * z;
            count += 1.0;
        }
        let response = |omega| {
            let state = values.bolometer.state(1.372549, 2.065718, 1.5309418).unwrap();
            state.response(omega)
        };
        for (bin, errors) in campaign.bins.iter().zip(&found.sets[0].errors) {
            let errors = errors.as_ref().unwrap();
            let error = errors.product[0] - bin.truth[0] * response(bin.omega);
            product += error.norm_sqr() / (errors.product_sigma[0] * errors.product_sigma[0]);
            cells += 1.0;
        }
    }
    let (z, pull) = ((squares / count).sqrt(), (product / cells).sqrt());
    assert!((0.93..1.07).contains(&z), "{z}");
    assert!((0.85..1.15).contains(&pull), "{pull}");
}

/// The true value of each parameter by its name.
fn truths(values: &SharedValues) -> std::collections::BTreeMap<String, f64> {
    let bolometer = values.bolometer.fitted();
    let names = crate::science::instrument::FITTED_NAMES;
    let mut all: std::collections::BTreeMap<String, f64> =
        names.iter().zip(bolometer).map(|((n, _), v)| (format!("bolometer_{n}"), v)).collect();
    for (name, offset) in EMITTERS.iter().zip(&values.offsets_k) {
        all.insert(format!("{name}_offset"), *offset);
    }
    all.insert("ical_drift_amplitude".into(), values.drift[0]);
    all.insert("ical_drift_offset".into(), values.drift[2]);
    all.insert("h2".into(), values.harmonics[0]);
    all.insert("h3".into(), values.harmonics[1]);
    all.insert("vs".into(), values.secondary);
    all.extend(values.primary.iter().enumerate().map(|(i, v)| (format!("vp{i}"), *v)));
    all
}

/// Of its own records a fit predicts what it leaves as residuals.
#[test]
fn what_is_predicted_of_the_records_that_were_fitted_is_their_residual() {
    let campaign = Campaign::new(23, 60, &truth(), 1e3);
    let found = fitted(&campaign, &JointSettings::default());
    let predicted = predict(&campaign.set(), &found.sets[0]).unwrap();
    for (error, outcome) in predicted.iter().zip(&found.sets[0].outcomes) {
        let (error, rss) = (error.unwrap(), outcome.solution().unwrap().rss);
        assert!((error * error * 60.0 / rss - 1.0).abs() < 1e-9, "{error} {rss}");
    }
}
