//! The bolometer: from its bias and voltage to how strongly and how fast it answers to light.
//!
//! A thermistor warmed by light, by its bias current and by nothing else. Its resistance falls
//! with temperature and with the electric field; heat leaves to the bath. Source: FIRAS
//! Explanatory Supplement (COBE Ref. Pub. 97-C); the symbols are those of the published model.

use num_complex::Complex64;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::foundations::numerics::Real;
use crate::foundations::numerics::math::{exp, pow, sinh};

use super::bolometer_slopes::FITTED;
use super::settling::Settling;

/// Commanded bias counts per volt of bias.
pub const COUNTS_PER_VOLT: f64 = 25.5;

/// Steps of the temperature's iteration.
pub(super) const ITERATIONS: usize = 8;
/// The last step must be smaller than this, K.
pub(super) const STEP_TOLERANCE_K: f64 = 1e-6;
/// Turns V/W into V/(erg/s): W in one erg/s.
const WATT_PER_ERG: f64 = 1e-7;

/// Bias voltage of a commanded bias, V: counts / 25.5.
#[must_use]
pub fn bias_volts(counts: f64) -> f64 {
    counts / COUNTS_PER_VOLT
}

/// Why a bolometer has no state.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum BolometerError {
    /// The temperature did not settle.
    #[error(
        "the bolometer temperature did not converge: step {ITERATIONS} was {last_step_k:e} K; \
         expected less than {STEP_TOLERANCE_K:e} K"
    )]
    NotConverged {
        /// The last step, K.
        last_step_k: f64,
    },
    /// An input, a parameter or a result cannot be.
    #[error("the bolometer's {quantity} is {value}; expected {expected}")]
    NotPhysical {
        /// Which quantity, with its unit.
        quantity: &'static str,
        /// Its value.
        value: f64,
        /// The range it should lie in.
        expected: &'static str,
    },
}

/// What makes one bolometer differ from another.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BolometerParameters {
    /// Resistance at infinite temperature, R0, ohm.
    pub r0_ohm: f64,
    /// Temperature that scales the resistance, T0, K: `R ~ exp(sqrt(T0/T))`.
    pub t0_k: f64,
    /// Thermal conductance at 1 K, G1, W/K^(beta+1).
    pub g1: f64,
    /// Power of the temperature in the conductance, beta.
    pub beta: f64,
    /// Strength of the electric field's effect on the resistance, rho, K/V.
    pub rho_k_per_v: f64,
    /// Linear term of the heat capacity, C1, J/K^2.
    pub c1: f64,
    /// Cubic term of the heat capacity, C3, J/K^4.
    pub c3: f64,
    /// Offset of the preamplifier, J0, V.
    pub j0_v: f64,
    /// Gain of the preamplifier, Jg.
    pub jg: f64,
    /// Load resistance in series, RL, ohm.
    pub rl_ohm: f64,
}

/// Parameters of the channel ll, to the last bit as stored in float32.
///
/// Source: `FIRAS_CALIBRATION_MODEL_LLSS.FITS` (PASS4), columns `BOLPARM_`, `BOLPARM2..10`.
pub const PUBLISHED_LL: BolometerParameters = BolometerParameters {
    r0_ohm: 11.938_669_204_711_914,
    t0_k: 371.644_989_013_671_9,
    g1: 2.125_785_059_092_777_4e-8,
    beta: 1.172_000_050_544_738_8,
    rho_k_per_v: 2.326_357_841_491_699,
    c1: 5.866_505_614_626_76e-10,
    c3: 2.428_000_023_257_937e-10,
    j0_v: 1.662_232_041_358_947_8,
    jg: 0.920_000_016_689_300_5,
    rl_ohm: 4e7,
};

/// How a bolometer answers to light, at one bias, voltage and bath temperature.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct BolometerState {
    /// Temperature of the bolometer, K.
    pub temperature_k: f64,
    /// Response to a steady signal, S0, V/(erg/s), which is 1e7 V/W; negative.
    pub responsivity: f64,
    /// Time constant tau, s.
    pub time_constant_s: f64,
}

impl BolometerState {
    /// Itself, if it can be.
    pub(super) fn checked(self) -> Result<Self, BolometerError> {
        finite("responsivity (V/(erg/s))", self.responsivity)?;
        positive("time constant (s)", self.time_constant_s)?;
        Ok(self)
    }

    /// Response at an angular audio frequency (rad/s), V/(erg/s): `S0 / (1 + i omega tau)`.
    #[must_use]
    pub fn response(&self, omega: f64) -> Complex64 {
        Complex64::from(self.responsivity) / Complex64::new(1.0, omega * self.time_constant_s)
    }
}

/// One over the response, (erg/s)/V: `(1 + i omega tau) / S0`, from `1 / S0` and `omega tau`. A loop
/// over records that multiplies by it has no complex division.
#[inline(always)]
#[must_use]
pub fn inverse_response(inverse_responsivity: f64, omega_tau: f64) -> Complex64 {
    Complex64::new(inverse_responsivity, inverse_responsivity * omega_tau)
}

impl BolometerParameters {
    /// The state at a bias voltage (V), a voltage read (V) and a bath temperature (K).
    ///
    /// # Errors
    /// [`BolometerError::NotPhysical`] if a parameter, an input or a result is NaN or out of its
    /// range; [`BolometerError::NotConverged`] if the eighth step is 1e-6 K or more.
    pub fn state(
        &self,
        bias_v: f64,
        volt_v: f64,
        bath_k: f64,
    ) -> Result<BolometerState, BolometerError> {
        self.states(&[bias_v], &[volt_v], &[bath_k]).remove(0)
    }

    /// The states of many records, each to the bit as [`Self::state`] gives it, side by side in vector
    /// registers. All lists have one element a record.
    #[must_use]
    pub fn states(
        &self,
        bias_v: &[f64],
        volt_v: &[f64],
        bath_k: &[f64],
    ) -> Vec<Result<BolometerState, BolometerError>> {
        let settled = self.settled([bias_v, volt_v, bath_k], Settling::settle).into_iter();
        settled.map(|found| found.and_then(|(point, t)| self.answer(&point, t))).collect()
    }

    /// Where the bolometers of some records stand on their load lines, and the temperatures, K, at which they
    /// `settle` from those of the last list; the others are biases and readouts, V.
    pub(super) fn settled(
        &self,
        [bias_v, volt_v, from_k]: [&[f64]; 3],
        settle: impl FnOnce(Settling) -> Vec<Result<f64, BolometerError>>,
    ) -> Vec<Result<(Point, f64), BolometerError>> {
        let records = bias_v.iter().zip(volt_v).zip(from_k);
        let points: Vec<_> = records.map(|((v, u), t)| self.point(*v, *u, *t)).collect();
        let mut settling = Settling::new(self.t0_k, self.r0_ohm);
        for (point, from_k) in points.iter().zip(from_k) {
            if let Ok(point) = point {
                settling.add(point.resistance, point.field_k, *from_k);
            }
        }
        let mut settled = settle(settling).into_iter();
        let found = |point: Result<Point, _>| {
            let point = point?;
            let none = Err(BolometerError::NotConverged { last_step_k: f64::NAN });
            Ok((point, settled.next().unwrap_or(none)?))
        };
        points.into_iter().map(found).collect()
    }

    /// Where a record's bolometer stands on its load line, if all that is given can be.
    fn point(&self, bias_v: f64, volt_v: f64, bath_k: f64) -> Result<Point, BolometerError> {
        self.check()?;
        positive("bias (V)", bias_v)?;
        positive("bath temperature (K)", bath_k)?;
        self.operating_point(bias_v, volt_v)
    }

    /// The voltage that is read (V) at a bias voltage (V) and a bath temperature (K) when nothing but the
    /// bias warms the bolometer: its heat `V^2/R` is what flows to the bath,
    /// `G1/(beta+1) (T^(beta+1) - bath^(beta+1))`.
    ///
    /// # Errors
    /// [`BolometerError::NotPhysical`] if a parameter, an input or the result cannot be.
    pub fn readout_volts(&self, bias_v: f64, bath_k: f64) -> Result<f64, BolometerError> {
        self.check()?;
        positive("bias (V)", bias_v)?;
        positive("bath temperature (K)", bath_k)?;
        let power = self.beta + 1.0;
        positive("beta + 1", power)?;
        let bath = pow(bath_k, power);
        // No more heat than with half of the bias across the bolometer, and so no higher temperature.
        let most_heat = bias_v * bias_v / (4.0 * self.rl_ohm);
        let hottest = pow(bath + most_heat * power / self.g1, 1.0 / power);
        let surplus = |t: f64| {
            let v = self.voltage_at(bias_v, t);
            v * (bias_v - v) / self.rl_ohm - self.g1 / power * (pow(t, power) - bath)
        };
        let temperature = falling_root(surplus, bath_k, hottest * (1.0 + 1e-9));
        let voltage = self.voltage_at(bias_v, temperature);
        positive("voltage (V)", voltage)?;
        Ok(voltage * self.jg + self.j0_v)
    }

    /// The voltage (V) at which the bolometer at a temperature (K) lies on the load line,
    /// `V = bias R/(R + RL)`. Its resistance falls with the voltage, so there is one.
    fn voltage_at(&self, bias_v: f64, t: f64) -> f64 {
        falling_root(|v| self.resistance(t, v) * (bias_v - v) - self.rl_ohm * v, 0.0, bias_v)
    }

    /// Resistance (ohm) at a temperature (K) and a voltage (V):
    /// `R0 exp(sqrt(T0/T)) X/(T sinh(X/T))`, `X = rho V`.
    fn resistance(&self, t: f64, v: f64) -> f64 {
        let x = self.rho_k_per_v * v / t;
        let field = if x == 0.0 { 1.0 } else { x / sinh(x) };
        self.r0_ohm * exp((self.t0_k / t).sqrt()) * field
    }

    /// Refuses parameters that no bolometer has.
    fn check(&self) -> Result<(), BolometerError> {
        positive("R0 (ohm)", self.r0_ohm)?;
        positive("T0 (K)", self.t0_k)?;
        positive("G1 (W/K^(beta+1))", self.g1)?;
        finite("beta", self.beta)?;
        positive("rho (K/V)", self.rho_k_per_v)?;
        finite("C1 (J/K^2)", self.c1)?;
        finite("C3 (J/K^4)", self.c3)?;
        finite("J0 (V)", self.j0_v)?;
        positive("Jg", self.jg)?;
        positive("RL (ohm)", self.rl_ohm)
    }

    /// Voltage and resistance: the bolometer and its load divide the bias.
    fn operating_point(&self, bias_v: f64, volt_v: f64) -> Result<Point, BolometerError> {
        let voltage = (volt_v - self.j0_v) / self.jg;
        require(
            voltage > 0.0 && voltage < bias_v,
            "voltage (V), (bol_volt - J0)/Jg,",
            voltage,
            "above 0 and below the bias",
        )?;
        let resistance =
            positive_value("resistance (ohm)", self.rl_ohm * voltage / (bias_v - voltage))?;
        Ok(Point { voltage, resistance, field_k: voltage * self.rho_k_per_v })
    }

    /// Responsivity and time constant at a known temperature.
    fn answer(&self, point: &Point, t: f64) -> Result<BolometerState, BolometerError> {
        let &Point { voltage, resistance, field_k } = point;
        let balance = HeatBalance { voltage, resistance, field_k, temperature_k: t };
        let (responsivity, time_constant_s) = balance.answer(&self.quantities());
        BolometerState { temperature_k: t, responsivity, time_constant_s }.checked()
    }

    /// The parameters that a calibration fits, in the order of [`FITTED_NAMES`](super::FITTED_NAMES).
    #[must_use]
    pub fn fitted(&self) -> [f64; FITTED] {
        let Self { r0_ohm, t0_k, g1, beta, rho_k_per_v, c1, c3, j0_v, jg, rl_ohm: _ } = *self;
        [r0_ohm, t0_k, g1, beta, rho_k_per_v, c1, c3, j0_v, jg]
    }

    /// The same bolometer with other values of the parameters that a calibration fits.
    #[must_use]
    pub fn with_fitted(&self, values: [f64; FITTED]) -> Self {
        let [r0_ohm, t0_k, g1, beta, rho_k_per_v, c1, c3, j0_v, jg] = values;
        let rl_ohm = self.rl_ohm;
        Self { r0_ohm, t0_k, g1, beta, rho_k_per_v, c1, c3, j0_v, jg, rl_ohm }
    }

    fn quantities(&self) -> Quantities<f64> {
        let Self { r0_ohm, t0_k, g1, beta, rho_k_per_v, c1, c3, j0_v, jg, rl_ohm } = *self;
        Quantities {
            r0: r0_ohm,
            t0: t0_k,
            g1,
            beta,
            rho: rho_k_per_v,
            c1,
            c3,
            j0: j0_v,
            jg,
            rl: rl_ohm,
        }
    }
}

/// The parameters as numbers of some kind.
pub(super) struct Quantities<R> {
    pub(super) r0: R,
    pub(super) t0: R,
    pub(super) g1: R,
    pub(super) beta: R,
    pub(super) rho: R,
    pub(super) c1: R,
    pub(super) c3: R,
    pub(super) j0: R,
    pub(super) jg: R,
    pub(super) rl: R,
}

/// Where the bolometer stands on its load line, and its temperature.
pub(super) struct HeatBalance<R> {
    pub(super) voltage: R,
    pub(super) resistance: R,
    pub(super) field_k: R,
    pub(super) temperature_k: R,
}

impl<R: Real> HeatBalance<R> {
    /// The temperature that the iteration goes to from this one, K.
    #[inline(always)]
    pub(super) fn next_temperature(&self, p: &Quantities<R>) -> R {
        let &Self { resistance, field_k: x, temperature_k: t, .. } = self;
        let logarithm = (resistance / p.r0 / x * t * (x / t).sinh()).ln();
        p.t0 / (logarithm * logarithm)
    }

    /// Responsivity and time constant, from the balance of heat.
    #[inline(always)]
    pub(super) fn answer(&self, p: &Quantities<R>) -> (R, R) {
        let &Self { voltage: v, resistance: r, field_k: x, temperature_k: t } = self;
        let number = R::from;
        let rl = p.rl;
        let field_slope = t / x * (x / t).tanh();
        let conductance = p.g1 * t.pow(p.beta);
        let heat_capacity = p.c3 * (t * t * t) + p.c1 * t;
        let heating =
            (number(1.0) / field_slope - number(1.0) - (p.t0 / t).sqrt() / number(2.0)) * (v * v);
        let gtr = conductance * t * r;
        let z = (gtr + heating) / (gtr / field_slope - heating);
        let responsivity = number(WATT_PER_ERG) * r * (z - field_slope)
            / (v * (z * r / rl + number(1.0)) * (field_slope + number(1.0)));
        let time_constant_s =
            heat_capacity / conductance * (z + number(1.0)) * (r * field_slope + rl)
                / ((z * r + rl) * (field_slope + number(1.0)));
        (responsivity, time_constant_s)
    }
}

/// Where the bolometer stands on its load line.
pub(super) struct Point {
    /// Voltage across the bolometer, V.
    voltage: f64,
    /// Its resistance, R = RL V / (bias - V), ohm.
    pub(super) resistance: f64,
    /// Effect of the field as a temperature, X = rho V, K.
    pub(super) field_k: f64,
}

/// Where a function falls through zero between two places, at the first of which it is not below and
/// at the second not above: regula falsi in the Illinois form, to the last bits.
fn falling_root(f: impl Fn(f64) -> f64, low: f64, high: f64) -> f64 {
    const MOST_STEPS: usize = 200;
    let (mut low, mut high) = (low, high);
    let (mut at_low, mut at_high) = (f(low), f(high));
    for _ in 0..MOST_STEPS {
        let next = low + (high - low) * (at_low / (at_low - at_high));
        if !(next > low && next < high) {
            break;
        }
        let value = f(next);
        if value > 0.0 {
            (low, at_low) = (next, value);
            at_high /= 2.0;
        } else {
            (high, at_high) = (next, value);
            at_low /= 2.0;
        }
        if value == 0.0 || high - low <= 1e-15 * high {
            break;
        }
    }
    low + (high - low) / 2.0
}

fn require(
    holds: bool,
    quantity: &'static str,
    value: f64,
    expected: &'static str,
) -> Result<(), BolometerError> {
    if holds { Ok(()) } else { Err(BolometerError::NotPhysical { quantity, value, expected }) }
}

pub(super) fn positive(quantity: &'static str, value: f64) -> Result<(), BolometerError> {
    require(value.is_finite() && value > 0.0, quantity, value, "a finite number above 0")
}

pub(super) fn positive_value(quantity: &'static str, value: f64) -> Result<f64, BolometerError> {
    positive(quantity, value).map(|()| value)
}

pub(super) fn finite(quantity: &'static str, value: f64) -> Result<(), BolometerError> {
    require(value.is_finite(), quantity, value, "a finite number")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::science::instrument::FITTED_NAMES;
    use crate::science::instrument::check::{assert_close, assert_close_complex, published};

    fn published_state() -> BolometerState {
        PUBLISHED_LL.state(published::BIAS_V, published::VOLT_V, published::BATH_K).unwrap()
    }

    #[test]
    fn published_figures() {
        let state = published_state();
        assert_close(state.temperature_k, published::BOLOMETER_K, 1e-6);
        assert_close(state.responsivity, published::RESPONSIVITY, 1e-6);
        assert_close(state.time_constant_s, published::TIME_CONSTANT_S, 1e-6);
        assert_close(bias_volts(35.0), published::BIAS_V, 1e-6);
    }

    #[test]
    fn many_records_have_the_states_of_each() {
        let (mut bias, mut volt, mut bath) = (Vec::new(), Vec::new(), Vec::new());
        for i in 0..27 {
            let more = f64::from(i);
            bias.push(published::BIAS_V * (1.0 + 1e-3 * more));
            volt.push(if i == 5 { f64::NAN } else { published::VOLT_V * (1.0 - 1e-4 * more) });
            bath.push(if i == 9 { 0.0 } else { published::BATH_K + 1e-3 * more });
        }
        let all = PUBLISHED_LL.states(&bias, &volt, &bath);
        assert_eq!(all.iter().filter(|state| state.is_err()).count(), 2);
        for (i, found) in all.iter().enumerate() {
            let one = PUBLISHED_LL.state(bias[i], volt[i], bath[i]);
            assert_eq!(format!("{found:?}"), format!("{one:?}"));
        }
    }

    #[test]
    fn independent_values() {
        // NumPy, float64.
        let state = published_state();
        assert_close(state.temperature_k, 1.812_106_375_088_853_3, 1e-12);
        assert_close(state.responsivity, -1.934_820_542_571_791, 1e-12);
        assert_close(state.time_constant_s, 0.044_690_495_211_137_826, 1e-12);
    }

    /// Resistance, ohm: the law that the temperature's iteration inverts.
    fn resistance(p: &BolometerParameters, t: f64, v: f64) -> f64 {
        let x = p.rho_k_per_v * v;
        p.r0_ohm * exp((p.t0_k / t).sqrt()) * x / (t * sinh(x / t))
    }

    #[test]
    fn the_temperature_gives_back_the_resistance() {
        let p = PUBLISHED_LL;
        let v = (published::VOLT_V - p.j0_v) / p.jg;
        let expected = p.rl_ohm * v / (published::BIAS_V - v);
        assert_close(resistance(&p, published_state().temperature_k, v), expected, 1e-12);
    }

    /// Follows the heat balance `C dT/dt = light + V^2/R - heat to the bath` by finite
    /// differences, along the load line: the closed formulas must be its linear answer.
    #[test]
    fn the_response_is_that_of_the_heat_balance() {
        let p = PUBLISHED_LL;
        let bias = published::BIAS_V;
        let state = published_state();
        let t = state.temperature_k;
        let v = (published::VOLT_V - p.j0_v) / p.jg;
        let step = 1e-5;
        let slope = |high: f64, low: f64, width: f64| (high - low) / (2.0 * width);
        let load = |v: f64| p.rl_ohm * v / (bias - v);
        let by_t = slope(resistance(&p, t + step, v), resistance(&p, t - step, v), step);
        let by_v = slope(resistance(&p, t, v + step), resistance(&p, t, v - step), step);
        let load_by_v = slope(load(v + step), load(v - step), step);
        let v_by_t = by_t / (load_by_v - by_v);
        let power = |v: f64| v * (bias - v) / p.rl_ohm;
        let power_by_t = slope(power(v + step), power(v - step), step) * v_by_t;
        let loss_by_t = p.g1 * pow(t, p.beta) - power_by_t;
        let heat_capacity = p.c1 * t + p.c3 * t * t * t;
        assert_close(state.time_constant_s, heat_capacity / loss_by_t, 1e-7);
        assert_close(state.responsivity, 1e-7 * v_by_t / loss_by_t, 1e-7);
    }

    #[test]
    fn the_readout_balances_the_heat() {
        let p = PUBLISHED_LL;
        // A few percent of what was read: light warmed the bolometer too.
        let volt = p.readout_volts(published::BIAS_V, 1.531).unwrap();
        assert!((volt / published::VOLT_V - 1.0).abs() < 0.05, "{volt}");
        for (counts, bath) in [(25.0, 1.53), (35.0, 1.59), (45.0, 1.7), (200.0, 1.531)] {
            let bias = bias_volts(counts);
            let volt = p.readout_volts(bias, bath).unwrap();
            let t = p.state(bias, volt, bath).unwrap().temperature_k;
            let v = (volt - p.j0_v) / p.jg;
            let heat = v * (bias - v) / p.rl_ohm;
            let loss = p.g1 / (p.beta + 1.0) * (pow(t, p.beta + 1.0) - pow(bath, p.beta + 1.0));
            assert_close(heat, loss, 1e-9);
            assert_close(resistance(&p, t, v), p.rl_ohm * v / (bias - v), 1e-9);
        }
    }

    #[test]
    fn a_readout_that_cannot_be_is_refused() {
        let error = PUBLISHED_LL.readout_volts(0.0, 1.5).unwrap_err().to_string();
        assert!(error.contains("bias (V) is 0"), "{error}");
        let cold = BolometerParameters { beta: -1.0, ..PUBLISHED_LL };
        assert!(cold.readout_volts(1.4, 1.5).is_err());
    }

    #[test]
    fn the_bath_is_only_where_the_iteration_starts() {
        let warm = PUBLISHED_LL.state(published::BIAS_V, published::VOLT_V, 1.9).unwrap();
        assert_close(warm.temperature_k, published_state().temperature_k, 1e-12);
    }

    #[test]
    fn the_slopes_are_those_of_finite_differences() {
        let at = |p: &BolometerParameters| {
            p.state(published::BIAS_V, published::VOLT_V, published::BATH_K).unwrap()
        };
        let p = PUBLISHED_LL;
        let (state, slopes) =
            p.state_with_slopes(published::BIAS_V, published::VOLT_V, published::BATH_K).unwrap();
        assert_close(state.temperature_k, at(&p).temperature_k, 1e-14);
        assert_close(state.responsivity, at(&p).responsivity, 1e-13);
        let near = p.state_with_slopes(published::BIAS_V, published::VOLT_V, 1.8).unwrap();
        assert_close(near.0.temperature_k, state.temperature_k, 1e-15);
        for i in 0..FITTED {
            let step = 1e-5 * p.fitted()[i];
            let shifted = |sign: f64| {
                let mut values = p.fitted();
                values[i] += sign * step;
                at(&p.with_fitted(values))
            };
            let (high, low) = (shifted(1.0), shifted(-1.0));
            let slope = |of: fn(&BolometerState) -> f64| (of(&high) - of(&low)) / (2.0 * step);
            let name = FITTED_NAMES[i].0;
            for (found, expected, unit) in [
                (slopes.temperature_k[i], slope(|s| s.temperature_k), 1.0),
                (slopes.ln_responsivity[i], slope(|s| s.responsivity) / state.responsivity, 1.0),
                (slopes.time_constant_s[i], slope(|s| s.time_constant_s), state.time_constant_s),
            ] {
                let scale = unit / p.fitted()[i];
                assert!((found - expected).abs() < 1e-6 * scale, "{name}: {found} {expected}");
            }
        }
    }

    #[test]
    fn the_response_is_a_low_pass() {
        let state = published_state();
        let s0 = state.responsivity;
        assert_eq!(state.response(0.0), Complex64::from(s0));
        for omega in [0.0, 3.0, 1.0 / state.time_constant_s, 1e4] {
            let inverse = inverse_response(1.0 / s0, omega * state.time_constant_s);
            let product = state.response(omega) * inverse;
            assert!((product - 1.0).norm_sqr() < 1e-30);
        }
        let corner = state.response(1.0 / state.time_constant_s);
        assert_close_complex(corner, Complex64::new(s0 / 2.0, -s0 / 2.0), 1e-15);
        assert!(state.response(f64::NAN).is_nan());
    }

    #[test]
    fn bad_inputs_are_named() {
        let refused =
            |bias, volt, bath| PUBLISHED_LL.state(bias, volt, bath).unwrap_err().to_string();
        let (bias, volt, bath) = (published::BIAS_V, published::VOLT_V, published::BATH_K);
        for bad in [f64::NAN, 0.0, -1.0, f64::INFINITY] {
            assert!(refused(bad, volt, bath).contains(&format!("bias (V) is {bad}")));
            assert!(refused(bias, volt, bad).contains(&format!("bath temperature (K) is {bad}")));
        }
        for bad in [f64::NAN, 1.0, 3.5] {
            let message = refused(bias, bad, bath);
            assert!(message.contains("below the bias"), "{message}");
        }
    }

    #[test]
    fn bad_parameters_are_named() {
        let (bias, volt, bath) = (published::BIAS_V, published::VOLT_V, published::BATH_K);
        for bad in [f64::NAN, 0.0, -1.0] {
            let parameters = BolometerParameters { g1: bad, ..PUBLISHED_LL };
            let message = parameters.state(bias, volt, bath).unwrap_err().to_string();
            assert!(message.contains(&format!("G1 (W/K^(beta+1)) is {bad}")), "{message}");
        }
        let no_heat = BolometerParameters { c1: 0.0, c3: 0.0, ..PUBLISHED_LL };
        let message = no_heat.state(bias, volt, bath).unwrap_err().to_string();
        assert!(message.contains("time constant (s) is 0"), "{message}");
    }

    #[test]
    fn the_wrong_root_is_refused() {
        // A resistance far below R0: the iteration settles, at a temperature without meaning.
        let parameters = BolometerParameters { r0_ohm: 1e12, ..PUBLISHED_LL };
        let error = parameters.state(published::BIAS_V, published::VOLT_V, published::BATH_K);
        assert!(matches!(error, Err(BolometerError::NotPhysical { quantity: "sqrt(T0/T)", .. })));
    }

    #[test]
    fn an_unsettled_temperature_is_an_error_with_its_step() {
        let parameters = BolometerParameters { r0_ohm: 1e4, t0_k: 30.0, ..PUBLISHED_LL };
        let error = parameters.state(published::BIAS_V, published::VOLT_V, published::BATH_K);
        match error {
            Err(BolometerError::NotConverged { last_step_k }) => {
                assert_close(last_step_k, 6.439_411_756_9e-5, 1e-9)
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn an_unknown_parameter_is_refused() {
        let text = toml::to_string(&PUBLISHED_LL).unwrap();
        assert_eq!(toml::from_str::<BolometerParameters>(&text).unwrap(), PUBLISHED_LL);
        let typo = text.replace("beta =", "betta =");
        let message = toml::from_str::<BolometerParameters>(&typo).unwrap_err().to_string();
        assert!(message.contains("betta") && message.contains("beta"), "{message}");
    }
}
