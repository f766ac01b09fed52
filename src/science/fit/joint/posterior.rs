//! What the data and the priors together say: error bars of the shared parameters, and of the emissivities
//! of every bin with the shared parameters free.
//!
//! About the minimum the posterior is Gaussian, and the normal matrix N is half of its precision's
//! inverse: `E|r|^2 = 1` holds for complex residuals, so `cov(x) = N^-1 / 2`. Given the shared
//! parameters, the fit of each bin is known to its own noise alone; so its error is that noise and, from
//! the shared parameters, `A^+ J`.

use num_complex::Complex64;
use serde::{Deserialize, Serialize};

use crate::foundations::numerics::{math::modulus, with_widest_simd};
use crate::science::fit::linear::vector::{axpy, dot};
use crate::science::instrument::{
    BolometerError, BolometerParameters, BolometerSlopes, BolometerState,
};

use super::bin::{BinTerms, square};
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
    /// `E[(d product)^2]`, one an emitter.
    pub product_relation: Vec<Complex64>,
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
            product_relation: vec![Complex64::ZERO; emitters],
            response,
        }
    }

    /// How far the product of an emitter is from another value, such as the truth, in the plane of its error:
    /// one on average, and no more than `-ln(1 - p)` in a part p of all cases, whatever the error's shape.
    #[must_use]
    pub fn product_distance(&self, emitter: usize, value: Complex64) -> f64 {
        let sigma = self.product_sigma[emitter];
        let error = self.product[emitter] - value;
        in_the_plane(error, sigma * sigma, self.product_relation[emitter])
    }
}

/// Half of `d^T C^-1 d` of a complex error d, C the covariance of its real and imaginary parts, which
/// `variance` (`E|d|^2`) and `relation` (`E[d^2]`) say. Its mean is one, and it is no more than
/// `-ln(1 - p)` in a part p of all cases, whatever the shape of the errors: where they are round it is
/// `|d|^2` over the variance.
fn in_the_plane(error: Complex64, variance: f64, relation: Complex64) -> f64 {
    // Turned so that E[d^2] is real: the parts are then not correlated.
    let size = modulus(relation);
    let square = error * error;
    let turned = if size > 0.0 { square * relation.conj() / size } else { square };
    let (along, across) = (error.norm_sqr() + turned.re, error.norm_sqr() - turned.re);
    // Errors on a line have none across it.
    let least = f64::EPSILON * variance;
    0.5 * (along / (variance + size) + across / (variance - size).max(least))
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
        let mut covariance = Vec::with_capacity(self.units.len() * self.units.len());
        with_widest_simd(
            #[inline(always)]
            || {
                for a in &self.units {
                    for b in &self.units {
                        covariance.push(0.5 * dot(a, b));
                    }
                }
            },
        );
        covariance
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
                sigmas.push((0.5 * (square(&own) + square(&row))).sqrt());
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
        let emitters = terms.emissivity.len();
        let rows = self.rows(coupling, places, first);
        let map = terms.factored.emissivity_map();
        let Moments { covariance, relation } = moments(&half_gram(&rows, 2 * n), &map, n);
        let slope = self.along(&response.slopes);
        let of_response = 0.5 * (square(&slope.0) + square(&slope.1));
        let with_response = with_response(&slope, &rows, &map, n);
        let sigma = |i: usize| {
            let e = terms.emissivity[i];
            let own = covariance[i * emitters + i].re;
            let variance =
                own + 2.0 * (e.conj() * with_response.conjugate[i]).re + e.norm_sqr() * of_response;
            (variance.max(0.0) * response.response.norm_sqr()).sqrt()
        };
        let slopes = slope.0.iter().zip(&slope.1).map(|(re, im)| Complex64::new(*re, *im));
        let square_of_response = 0.5 * slopes.map(|slope| slope * slope).sum::<Complex64>();
        // d product = response (dE + E d ln response).
        let product_relation = |i: usize| {
            let e = terms.emissivity[i];
            let of_both = 2.0 * e * with_response.itself[i];
            let square = relation[i] + of_both + e * e * square_of_response;
            square * response.response * response.response
        };
        BinErrors {
            product: terms.emissivity.iter().map(|e| e * response.response).collect(),
            product_sigma: (0..emitters).map(sigma).collect(),
            product_relation: (0..emitters).map(product_relation).collect(),
            response: response.response,
            covariance,
            relation,
        }
    }

    /// How the fit of a bin follows what is shared: `L^-1` of the row of each unknown, real parts first,
    /// as columns, and below them what the plateaus add of their own, `[..][part and unknown]`.
    fn rows(&self, coupling: &BinCoupling, places: &[usize], first: usize) -> Vec<f64> {
        let n = coupling.unknowns;
        let mut columns = vec![0.0; self.eliminated.size * 2 * n];
        for (projections, &place) in coupling.projections.chunks_exact(n).zip(places) {
            let (re, im) = columns[place * 2 * n..][..2 * n].split_at_mut(n);
            for ((re, im), value) in re.iter_mut().zip(im).zip(projections) {
                (*re, *im) = (value.re, value.im);
            }
        }
        let own = self.eliminate_plateaus(coupling, first, &mut columns);
        self.eliminated.factor.solve_lower_columns(&mut columns);
        columns.extend(own);
        columns
    }

    /// Eliminates the plateaus of a data set from the rows of a bin; returns what they add of their own.
    fn eliminate_plateaus(
        &self,
        coupling: &BinCoupling,
        first: usize,
        columns: &mut [f64],
    ) -> Vec<f64> {
        let Eliminated { shared, plateaus, .. } = &self.eliminated;
        let (n, bodies) = (coupling.unknowns, coupling.factors.len());
        let count = coupling.segments.len() / (bodies * n).max(1);
        let width = 2 * n;
        let mut own = vec![0.0; count * bodies * width];
        for at in 0..if count == 0 { 0 } else { width } {
            let (a, is_imaginary) = (at % n, at >= n);
            let part = |z: Complex64| if is_imaginary { z.im } else { z.re };
            let mut row: Vec<f64> = columns.iter().skip(at).step_by(width).copied().collect();
            let mut places = own.iter_mut().skip(at).step_by(width);
            for plateau in 0..count {
                let act = |body: usize| {
                    let segment = coupling.segments[(plateau * bodies + body) * n + a];
                    segment * part(coupling.factors[body]) * self.plateau_k
                };
                let act = (0..bodies).map(act).collect();
                let added = plateaus[first + plateau].eliminate(act, &mut row, *shared);
                places.by_ref().zip(added).for_each(|(place, value)| *place = value);
            }
            let places = columns.iter_mut().skip(at).step_by(width);
            places.zip(row).for_each(|(place, value)| *place = value);
        }
        own
    }

    /// `L^-1` of a direction in the space of the shared parameters, real and imaginary part.
    fn along(&self, slopes: &[Complex64]) -> (Vec<f64>, Vec<f64>) {
        let size = self.eliminated.size;
        let (mut re, mut im) = (vec![0.0; size], vec![0.0; size]);
        let fitted = self.units.iter().zip(slopes).filter(|(_, slope)| **slope != Complex64::ZERO);
        with_widest_simd(
            #[inline(always)]
            || {
                for (unit, slope) in fitted {
                    axpy(&mut re, slope.re, unit);
                    axpy(&mut im, slope.im, unit);
                }
            },
        );
        (re, im)
    }
}

/// Half of the products of columns with each other, `[column][column]`.
fn half_gram(rows: &[f64], width: usize) -> Vec<f64> {
    let mut gram = vec![0.0; width * width];
    with_widest_simd(
        #[inline(always)]
        || {
            for row in rows.chunks_exact(width) {
                for (sums, value) in gram.chunks_exact_mut(width).zip(row) {
                    axpy(sums, 0.5 * value, row);
                }
            }
        },
    );
    gram
}

/// Second moments of the errors of emissivities.
struct Moments {
    /// `E[dE_i conj(dE_k)]`.
    covariance: Vec<Complex64>,
    /// `E[dE_i^2]`.
    relation: Vec<Complex64>,
}

/// From the covariance that parts of the unknowns have by what is shared, to which that of the noise is
/// added, by the `map` to emissivities, `[unknown][emitter]`.
fn moments(gram: &[f64], map: &[f64], n: usize) -> Moments {
    let emitters = map.len() / n;
    let at = |i: usize, k: usize| gram[i * 2 * n + k];
    let hermitian = |a: usize, b: usize| {
        let own = if a == b { 1.0 } else { 0.0 };
        Complex64::new(at(a, b) + at(n + a, n + b) + own, at(n + a, b) - at(a, n + b))
    };
    let relation = |a: usize, b: usize| {
        Complex64::new(at(a, b) - at(n + a, n + b), at(n + a, b) + at(a, n + b))
    };
    // The matrix times the map, [unknown][emitter].
    let half_mapped = |of: &dyn Fn(usize, usize) -> Complex64| {
        let mut half = vec![Complex64::ZERO; n * emitters];
        for (a, sums) in half.chunks_exact_mut(emitters).enumerate() {
            for (b, map) in map.chunks_exact(emitters).enumerate() {
                let value = of(a, b);
                sums.iter_mut().zip(map).for_each(|(sum, map)| *sum += value * map);
            }
        }
        half
    };
    let mapped = |half: &[Complex64], i: usize, k: usize| -> Complex64 {
        (0..n).map(|a| half[a * emitters + k] * map[a * emitters + i]).sum()
    };
    let (of_noise, of_square) = (half_mapped(&hermitian), half_mapped(&relation));
    let pairs = (0..emitters * emitters).map(|p| (p / emitters, p % emitters));
    Moments {
        covariance: pairs.map(|(i, k)| mapped(&of_noise, i, k)).collect(),
        relation: (0..emitters).map(|i| mapped(&of_square, i, i)).collect(),
    }
}

/// How errors of emissivities go with that of the logarithm of the response, one an emitter.
struct WithResponse {
    /// `E[dE_i conj(d ln response)]`.
    conjugate: Vec<Complex64>,
    /// `E[dE_i d ln response]`.
    itself: Vec<Complex64>,
}

fn with_response(
    (slope_re, slope_im): &(Vec<f64>, Vec<f64>),
    rows: &[f64],
    map: &[f64],
    n: usize,
) -> WithResponse {
    let (mut conjugate, mut itself) = (vec![Complex64::ZERO; n], vec![Complex64::ZERO; n]);
    for ((row, re), im) in rows.chunks_exact(2 * n).zip(slope_re).zip(slope_im) {
        let slope = Complex64::new(0.5 * re, 0.5 * im);
        for (a, (conjugate, itself)) in conjugate.iter_mut().zip(&mut itself).enumerate() {
            let unknown = Complex64::new(row[a], row[n + a]);
            *conjugate += slope.conj() * unknown;
            *itself += slope * unknown;
        }
    }
    let emitters = map.len() / n;
    let mapped = |unknowns: &[Complex64]| {
        let of =
            |i: usize| unknowns.iter().enumerate().map(|(a, u)| u * map[a * emitters + i]).sum();
        (0..emitters).map(of).collect()
    };
    WithResponse { conjugate: mapped(&conjugate), itself: mapped(&itself) }
}

/// The bolometer in the average of the mission.
pub(super) struct MissionState {
    state: BolometerState,
    slopes: BolometerSlopes,
}

impl MissionState {
    /// At a bias and readout in V, and a bath in K.
    ///
    /// # Errors
    /// If the bolometer has no state there.
    pub(super) fn new(
        bolometer: &BolometerParameters,
        [bias_v, volt_v, bath_k]: [f64; 3],
    ) -> Result<Self, BolometerError> {
        let (state, slopes) = bolometer.state_with_slopes(bias_v, volt_v, bath_k)?;
        Ok(Self { state, slopes })
    }

    /// The response at an angular frequency, rad/s, and its slopes by each free parameter.
    pub(super) fn response(
        &self,
        omega: f64,
        (parameters, set): (&Parameters, usize),
    ) -> ResponseAt {
        let Self { state, slopes } = self;
        let lag = Complex64::new(1.0, omega * state.time_constant_s);
        let by_time = Complex64::new(0.0, -omega) / lag;
        let slope = |&place: &usize| {
            let parameter = &parameters.all[place];
            match parameter.kind {
                Kind::Bolometer(i) if parameter.sets.contains(&set) => {
                    let by_log = slopes.ln_responsivity[i];
                    (by_time * slopes.time_constant_s[i] + by_log) * parameter.scale
                }
                _ => Complex64::ZERO,
            }
        };
        let slopes = parameters.free.iter().map(slope).collect();
        ResponseAt { response: state.response(omega), slopes }
    }
}
