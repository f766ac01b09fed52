//! What the data and the priors together say: error bars of the shared parameters, and of the emissivities
//! of every bin with the shared parameters free.
//!
//! About the minimum the posterior is Gaussian, and the normal matrix N is half of its precision's
//! inverse: `E|r|^2 = 1` holds for complex residuals, so `cov(x) = N^-1 / 2`. Given the shared
//! parameters, the fit of each bin is known to its own noise alone; so its error is that noise and, from
//! the shared parameters, `A^+ J`.

use num_complex::Complex64;
use serde::{Deserialize, Serialize};

use crate::science::fit::linear::vector::dot;
use crate::science::instrument::BolometerParameters;

use super::bin::BinTerms;
use super::newton::{BinCoupling, Eliminated};
use super::parameters::{Kind, Parameters};

/// The posterior about the minimum.
pub(super) struct Posterior {
    eliminated: Eliminated,
    /// `L^-1` of the unit vector of each shared parameter.
    units: Vec<Vec<f64>>,
    plateau_k: f64,
}

/// The errors of one bin.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BinErrors {
    /// `E[dE_i conj(dE_k)]`, `[emitter][emitter]`.
    pub covariance: Vec<Complex64>,
    /// `E[dE_i^2]`, one an emitter: zero where the error is round in the complex plane.
    pub relation: Vec<Complex64>,
    /// The emissivities times the response: what the data determine, whatever the responsivity.
    pub product: Vec<Complex64>,
    /// `sqrt(E|d product|^2)`, one an emitter.
    pub product_sigma: Vec<f64>,
    /// The response of the bolometer, V/(erg/s).
    pub response: Complex64,
}

impl BinErrors {
    /// The errors of a bin whose error bars rest on its noise alone: a covariance that is real,
    /// `[emitter][emitter]`, and a response that is taken as known, V/(erg/s).
    #[must_use]
    pub fn of_noise(covariance: &[f64], emissivity: &[Complex64], response: Complex64) -> Self {
        let emitters = emissivity.len();
        let size = response.norm_sqr();
        let sigma = |i: usize| (covariance[i * emitters + i] * size).sqrt();
        Self {
            covariance: covariance.iter().map(|value| (*value).into()).collect(),
            relation: vec![Complex64::ZERO; emitters],
            product: emissivity.iter().map(|e| e * response).collect(),
            product_sigma: (0..emitters).map(sigma).collect(),
            response,
        }
    }
}

/// The response of a bolometer at a bin, and the slopes of its logarithm by the shared parameters.
pub(super) struct ResponseAt {
    pub(super) response: Complex64,
    pub(super) slopes: Vec<Complex64>,
}

impl Posterior {
    pub(super) fn new(eliminated: Eliminated, plateau_k: f64) -> Self {
        let unit = |place: usize| {
            let mut unit = vec![0.0; eliminated.size];
            unit[place] = 1.0;
            eliminated.factor.solve_lower(&mut unit);
            unit
        };
        let units = (0..eliminated.shared).map(unit).collect();
        Self { eliminated, units, plateau_k }
    }

    /// The covariance of the shared parameters in units of the search, `[parameter][parameter]`.
    pub(super) fn covariance(&self) -> Vec<f64> {
        let row = |a: &Vec<f64>| self.units.iter().map(|b| 0.5 * dot(a, b)).collect::<Vec<f64>>();
        self.units.iter().flat_map(row).collect()
    }

    /// The standard errors of the temperatures of the plateaus, in prior standard errors.
    pub(super) fn plateau_sigmas(&self) -> Vec<f64> {
        let mut sigmas = Vec::new();
        for plateau in &self.eliminated.plateaus {
            for body in 0..plateau.bodies() {
                let mut unit = vec![0.0; plateau.bodies()];
                unit[body] = 1.0;
                let mut row = vec![0.0; self.eliminated.size];
                let own = plateau.eliminate(unit, &mut row, self.eliminated.shared);
                // y = D^-1 (.. - W z): the sign of the row does not matter here.
                self.eliminated.factor.solve_lower(&mut row);
                sigmas.push((0.5 * (dot(&own, &own) + dot(&row, &row))).sqrt());
            }
        }
        sigmas
    }

    /// The errors of a bin. `places` are those of its data set's parameters, `first` the first plateau of
    /// its data set.
    pub(super) fn of_bin(
        &self,
        terms: &BinTerms,
        coupling: &BinCoupling,
        (places, first): (&[usize], usize),
        response: &ResponseAt,
    ) -> BinErrors {
        let n = coupling.unknowns;
        let rows = self.rows(coupling, places, first);
        let map = emissivity_map(terms, n);
        let emitters = terms.emissivity.len();
        let product = |i: usize, k: usize| {
            let (a, b) = (&rows[i], &rows[k]);
            0.5 * (dot(&a.0, &b.0) + dot(&a.1, &b.1))
        };
        let mut real = vec![0.0; 4 * n * n];
        for i in 0..2 * n {
            for k in 0..=i {
                let value = product(i, k);
                real[i * 2 * n + k] = value;
                real[k * 2 * n + i] = value;
            }
        }
        let at = |i: usize, k: usize| real[i * 2 * n + k];
        let hermitian = |a: usize, b: usize| {
            let own = if a == b { 1.0 } else { 0.0 };
            Complex64::new(at(a, b) + at(n + a, n + b) + own, at(n + a, b) - at(a, n + b))
        };
        let relation = |a: usize, b: usize| {
            Complex64::new(at(a, b) - at(n + a, n + b), at(n + a, b) + at(a, n + b))
        };
        let mapped = |i: usize, k: usize, of: &dyn Fn(usize, usize) -> Complex64| -> Complex64 {
            let inner = |a: usize| -> Complex64 {
                (0..n).map(|b| of(a, b) * map[b * emitters + k]).sum::<Complex64>()
            };
            (0..n).map(|a| inner(a) * map[a * emitters + i]).sum()
        };
        let pairs = (0..emitters * emitters).map(|p| (p / emitters, p % emitters));
        let covariance: Vec<Complex64> = pairs.map(|(i, k)| mapped(i, k, &hermitian)).collect();
        let variances = (0..emitters).map(|i| covariance[i * emitters + i].re);
        let with_shared = self.with_shared(&rows, &map, (n, emitters), &response.slopes);
        let of_response = self.of_response(&response.slopes);
        let product_sigma = variances
            .zip(&with_shared)
            .zip(&terms.emissivity)
            .map(|((own, mixed), e)| {
                let variance = own + 2.0 * (e.conj() * mixed).re + e.norm_sqr() * of_response;
                (variance.max(0.0) * response.response.norm_sqr()).sqrt()
            })
            .collect();
        BinErrors {
            relation: (0..emitters).map(|i| mapped(i, i, &relation)).collect(),
            covariance,
            product: terms.emissivity.iter().map(|e| e * response.response).collect(),
            product_sigma,
            response: response.response,
        }
    }

    /// How the fit of a bin follows what is shared: `L^-1` of the row of each unknown, real parts first,
    /// and what the plateaus add of their own.
    fn rows(
        &self,
        coupling: &BinCoupling,
        places: &[usize],
        first: usize,
    ) -> Vec<(Vec<f64>, Vec<f64>)> {
        let n = coupling.unknowns;
        let Eliminated { size, shared, plateaus, factor, .. } = &self.eliminated;
        let row = |at: usize| {
            let (a, is_imaginary) = (at % n, at >= n);
            let part = |z: Complex64| if is_imaginary { z.im } else { z.re };
            let mut row = vec![0.0; *size];
            for (m, &place) in places.iter().enumerate() {
                row[place] = part(coupling.projections[m * n + a]);
            }
            let mut own = Vec::new();
            let bodies = coupling.factors.len();
            let count = coupling.segments.len() / (bodies * n).max(1);
            for plateau in 0..count {
                let act = |body: usize| {
                    let segment = coupling.segments[(plateau * bodies + body) * n + a];
                    segment * part(coupling.factors[body]) * self.plateau_k
                };
                let act = (0..bodies).map(act).collect();
                own.extend(plateaus[first + plateau].eliminate(act, &mut row, *shared));
            }
            factor.solve_lower(&mut row);
            (row, own)
        };
        (0..2 * n).map(row).collect()
    }

    /// `sum_m conj(slope_m) E[dE_i x_m]`, one an emitter.
    fn with_shared(
        &self,
        rows: &[(Vec<f64>, Vec<f64>)],
        map: &[f64],
        (n, emitters): (usize, usize),
        slopes: &[Complex64],
    ) -> Vec<Complex64> {
        let mut sums = vec![Complex64::ZERO; emitters];
        for (unit, slope) in self.units.iter().zip(slopes) {
            if *slope == Complex64::ZERO {
                continue;
            }
            for a in 0..n {
                let mixed = Complex64::new(dot(&rows[a].0, unit), dot(&rows[n + a].0, unit)) * 0.5;
                for (i, sum) in sums.iter_mut().enumerate() {
                    *sum += slope.conj() * mixed * map[a * emitters + i];
                }
            }
        }
        sums
    }

    /// `E|d ln response|^2`.
    fn of_response(&self, slopes: &[Complex64]) -> f64 {
        let sum = |part: fn(&Complex64) -> f64| {
            let mut row = vec![0.0; self.eliminated.size];
            for (unit, slope) in self.units.iter().zip(slopes) {
                row.iter_mut().zip(unit).for_each(|(row, unit)| *row += unit * part(slope));
            }
            0.5 * dot(&row, &row)
        };
        sum(|z| z.re) + sum(|z| z.im)
    }
}

/// The emissivities of all emitters for a unit change of the fit in each direction of its basis,
/// `[unknown][emitter]`.
fn emissivity_map(terms: &BinTerms, unknowns: usize) -> Vec<f64> {
    let zero = vec![0.0; unknowns];
    let of_unit = |a: usize| {
        let mut unit = zero.clone();
        unit[a] = 1.0;
        terms.factored.emissivities(&unit, &zero).into_iter().map(|e| e.re)
    };
    (0..unknowns).flat_map(of_unit).collect()
}

/// The response at a state (bias and readout in V, bath in K) and its slopes by each free parameter.
///
/// # Errors
/// If the bolometer has no state there.
pub(super) fn response_at(
    bolometer: &BolometerParameters,
    state: [f64; 3],
    omega: f64,
    (parameters, set): (&Parameters, usize),
) -> Result<ResponseAt, String> {
    let [bias_v, volt_v, bath_k] = state;
    let (state, slopes) =
        bolometer.state_with_slopes(bias_v, volt_v, bath_k).map_err(|error| error.to_string())?;
    let by_time = Complex64::new(0.0, -omega) / Complex64::new(1.0, omega * state.time_constant_s);
    let slope = |&place: &usize| {
        let parameter = &parameters.all[place];
        match parameter.kind {
            Kind::Bolometer(i) if parameter.sets.contains(&set) => {
                (by_time * slopes.time_constant_s[i] + slopes.ln_responsivity[i]) * parameter.scale
            }
            _ => Complex64::ZERO,
        }
    };
    let slopes = parameters.free.iter().map(slope).collect();
    Ok(ResponseAt { response: state.response(omega), slopes })
}
