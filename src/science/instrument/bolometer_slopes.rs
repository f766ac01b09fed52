//! How the state of a bolometer changes with its parameters, of many records side by side.

use super::bolometer::{
    BolometerError, BolometerParameters, BolometerState, HeatBalance, Quantities,
};
use super::settling::Settling;
use crate::foundations::numerics::{Dual, Lanes, with_widest_simd};

/// How many parameters of a bolometer a calibration fits: all but the load resistance.
pub const FITTED: usize = 9;

/// What they are called, with their units.
pub const FITTED_NAMES: [(&str, &str); FITTED] = [
    ("r0", "ohm"),
    ("t0", "K"),
    ("g1", "W/K^(beta+1)"),
    ("beta", "1"),
    ("rho", "K/V"),
    ("c1", "J/K^2"),
    ("c3", "J/K^4"),
    ("j0", "V"),
    ("jg", "1"),
];

/// How the state of a bolometer changes with each parameter that a calibration fits: by the unit of
/// the parameter, in the order of [`FITTED_NAMES`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BolometerSlopes {
    /// Of the temperature, K.
    pub temperature_k: [f64; FITTED],
    /// Of the logarithm of the responsivity.
    pub ln_responsivity: [f64; FITTED],
    /// Of the time constant, s.
    pub time_constant_s: [f64; FITTED],
}

/// Of what there are slopes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SlopeOf {
    /// The logarithm of the responsivity.
    LnResponsivity,
    /// The time constant, s.
    TimeConstant,
    /// The temperature, K.
    Temperature,
}

/// The states of many records, and how they change.
#[derive(Debug, Clone, PartialEq)]
pub struct StatesWithSlopes {
    /// One a record.
    pub states: Vec<BolometerState>,
    /// `[of what][fitted parameter][record]`, of so many records.
    slopes: Vec<f64>,
}

impl StatesWithSlopes {
    /// How something changes with a fitted parameter, one a record.
    #[must_use]
    pub fn slopes(&self, of: SlopeOf, parameter: usize) -> &[f64] {
        let records = self.states.len();
        &self.slopes[(of as usize * FITTED + parameter) * records..][..records]
    }
}

/// With derivatives by the fitted parameters, and last by the temperature.
type Varied = Dual<Lanes, { FITTED + 1 }>;

impl BolometerParameters {
    /// The state, and how it changes with each parameter that a calibration fits, at a bias voltage (V)
    /// and a voltage read (V). `near_k` is a temperature near that of the bolometer, from which it is
    /// sought by Newton's method: that of the bath, or of other parameters.
    ///
    /// The slopes are those of the temperature that solves `T = f(T)`, from which follows
    /// `dT/dp = (df/dp) / (1 - df/dT)`.
    ///
    /// # Errors
    /// As [`Self::state`].
    pub fn state_with_slopes(
        &self,
        bias_v: f64,
        volt_v: f64,
        near_k: f64,
    ) -> Result<(BolometerState, BolometerSlopes), BolometerError> {
        let found = self.states_with_slopes(&[bias_v], &[volt_v], &[near_k])?;
        let of = |what| std::array::from_fn(|i| found.slopes(what, i)[0]);
        let slopes = BolometerSlopes {
            temperature_k: of(SlopeOf::Temperature),
            ln_responsivity: of(SlopeOf::LnResponsivity),
            time_constant_s: of(SlopeOf::TimeConstant),
        };
        Ok((found.states[0], slopes))
    }

    /// The same of many records, each to the bit as [`Self::state_with_slopes`] gives it, side by side in
    /// vector registers. All lists have one element a record.
    ///
    /// # Errors
    /// As [`Self::state`], of the first record that has none.
    pub fn states_with_slopes(
        &self,
        bias_v: &[f64],
        volt_v: &[f64],
        near_k: &[f64],
    ) -> Result<StatesWithSlopes, BolometerError> {
        let settled = self.settled([bias_v, volt_v, near_k], Settling::settle_by_newton);
        let temperatures = settled
            .into_iter()
            .map(|found| found.map(|(_, temperature)| temperature))
            .collect::<Result<Vec<f64>, BolometerError>>()?;
        let records = temperatures.len();
        let mut states = Vec::with_capacity(records);
        let mut slopes = vec![0.0; 3 * FITTED * records];
        let given = bias_v.chunks(Lanes::COUNT).zip(volt_v.chunks(Lanes::COUNT));
        for ((bias_v, volt_v), own) in given.zip(temperatures.chunks(Lanes::COUNT)) {
            let [bias_v, volt_v, settled] = [bias_v, volt_v, own].map(lanes);
            let found = with_widest_simd(
                #[inline(always)]
                || self.varied(bias_v, volt_v, settled),
            );
            let first = states.len();
            for (lane, temperature_k) in own.iter().enumerate() {
                states.push(found.state(lane, *temperature_k)?);
            }
            for (row, own) in slopes.chunks_exact_mut(records).zip(found.slopes()) {
                let row = &mut row[first..states.len()];
                row.copy_from_slice(&own.0[..row.len()]);
            }
        }
        Ok(StatesWithSlopes { states, slopes })
    }

    #[inline(always)]
    fn varied(&self, bias_v: Lanes, volt_v: Lanes, temperature_k: Lanes) -> VariedState {
        const TEMPERATURE: usize = FITTED;
        let fitted = self.fitted();
        let variable = |i: usize| Varied::variable(fitted[i].into(), i);
        let quantities = Quantities {
            r0: variable(0),
            t0: variable(1),
            g1: variable(2),
            beta: variable(3),
            rho: variable(4),
            c1: variable(5),
            c3: variable(6),
            j0: variable(7),
            jg: variable(8),
            rl: Varied::from(self.rl_ohm),
        };
        let voltage = (Varied::constant(volt_v) - quantities.j0) / quantities.jg;
        let resistance = quantities.rl * voltage / (Varied::constant(bias_v) - voltage);
        let field_k = voltage * quantities.rho;
        let own = Varied::variable(temperature_k, TEMPERATURE);
        let mut balance = HeatBalance { voltage, resistance, field_k, temperature_k: own };
        let step = balance.next_temperature(&quantities);
        let settles = Lanes::from(1.0) - step.slopes[TEMPERATURE];
        let mut temperature = Varied::constant(temperature_k);
        for (slope, by) in temperature.slopes.iter_mut().zip(step.slopes).take(FITTED) {
            *slope = by / settles;
        }
        balance.temperature_k = temperature;
        let (responsivity, time_constant_s) = balance.answer(&quantities);
        VariedState { temperature, responsivity, time_constant_s }
    }
}

/// States of some records, with their derivatives.
struct VariedState {
    temperature: Varied,
    responsivity: Varied,
    time_constant_s: Varied,
}

impl VariedState {
    /// That of one record, whose temperature is known.
    fn state(&self, lane: usize, temperature_k: f64) -> Result<BolometerState, BolometerError> {
        let state = BolometerState {
            temperature_k,
            responsivity: self.responsivity.value.0[lane],
            time_constant_s: self.time_constant_s.value.0[lane],
        };
        state.checked()
    }

    /// How they change, in the order of [`SlopeOf`], by each fitted parameter.
    fn slopes(&self) -> impl Iterator<Item = Lanes> {
        let Self { temperature, responsivity, time_constant_s } = self;
        let of_logarithm = (0..FITTED).map(|i| responsivity.slopes[i] / responsivity.value);
        let others = [time_constant_s, temperature].into_iter();
        of_logarithm.chain(others.flat_map(|of| (0..FITTED).map(|i| of.slopes[i])))
    }
}

/// As many numbers as there are lanes: the last again where there are fewer.
fn lanes(values: &[f64]) -> Lanes {
    let last = values.last().copied().unwrap_or(f64::NAN);
    Lanes(std::array::from_fn(|lane| values.get(lane).copied().unwrap_or(last)))
}

#[cfg(test)]
mod tests {
    use super::SlopeOf;
    use crate::science::instrument::PUBLISHED_LL;

    #[test]
    fn every_record_is_to_the_bit_what_it_is_alone() {
        let records = 21;
        let bias_v: Vec<f64> = (0..records).map(|i| 1.0 + 0.3 * f64::from(i % 3)).collect();
        let volt_v: Vec<f64> = (0..records).map(|i| 1.9 + 0.01 * f64::from(i)).collect();
        // One has no state.
        let near_k: Vec<f64> =
            (0..records).map(|i| if i == 9 { -1.0 } else { 1.5 + 0.01 * f64::from(i) }).collect();
        let all = |records: std::ops::Range<usize>| {
            let given = [&bias_v, &volt_v, &near_k].map(|given| &given[records.clone()]);
            PUBLISHED_LL.states_with_slopes(given[0], given[1], given[2])
        };
        let alone = |i: usize| PUBLISHED_LL.state_with_slopes(bias_v[i], volt_v[i], near_k[i]);
        assert_eq!(all(0..21).unwrap_err(), alone(9).unwrap_err());
        for records in [0..9, 10..21] {
            let found = all(records.clone()).unwrap();
            assert_eq!(found.states.len(), records.len());
            for (place, i) in records.enumerate() {
                let (state, slopes) = alone(i).unwrap();
                assert_eq!(found.states[place], state);
                for (of, expected) in [
                    (SlopeOf::LnResponsivity, slopes.ln_responsivity),
                    (SlopeOf::TimeConstant, slopes.time_constant_s),
                    (SlopeOf::Temperature, slopes.temperature_k),
                ] {
                    for (parameter, expected) in expected.iter().enumerate() {
                        assert_eq!(found.slopes(of, parameter)[place], *expected);
                    }
                }
            }
        }
    }

    #[test]
    fn the_state_is_that_without_slopes() {
        for (bias_v, volt_v) in [(1.0, 1.95), (1.4, 2.0), (1.8, 2.1)] {
            let Ok((found, _)) = PUBLISHED_LL.state_with_slopes(bias_v, volt_v, 1.6) else {
                assert!(PUBLISHED_LL.state(bias_v, volt_v, 1.6).is_err());
                continue;
            };
            let expected = PUBLISHED_LL.state(bias_v, volt_v, 1.6).unwrap();
            for (found, expected) in [
                (found.temperature_k, expected.temperature_k),
                (found.responsivity, expected.responsivity),
                (found.time_constant_s, expected.time_constant_s),
            ] {
                assert!((found / expected - 1.0).abs() < 1e-13, "{found} {expected}");
            }
        }
    }
}
