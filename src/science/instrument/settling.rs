//! The temperatures of bolometers, found for many records side by side.

use super::bolometer::{BolometerError, ITERATIONS, STEP_TOLERANCE_K, positive, positive_value};
use crate::foundations::numerics::exponential::exp_m1;
use crate::foundations::numerics::logarithm::ln;
use crate::foundations::numerics::with_widest_simd;

/// Records of one bolometer, whose temperatures are sought.
///
/// A bolometer has the resistance R at the temperature to which
/// `T <- T0 / ln(u T sinh(X/T))^2`, `u = R / R0 / X`, goes from that of the bath; X is the effect of the
/// field as a temperature.
pub(super) struct Settling {
    t0_k: f64,
    r0_ohm: f64,
    groups: Vec<Group>,
    records: usize,
}

/// Records that are worked on side by side.
const LANES: usize = 8;

#[derive(Debug, Clone, Copy)]
struct Group {
    /// u, 1/K.
    scale: [f64; LANES],
    /// X, K.
    field_k: [f64; LANES],
    temperature_k: [f64; LANES],
    logarithm: [f64; LANES],
    last_step_k: [f64; LANES],
}

/// What is worked on where there is no record.
const NOBODY: Group = Group {
    scale: [1.0; LANES],
    field_k: [1.0; LANES],
    temperature_k: [1.0; LANES],
    logarithm: [f64::NAN; LANES],
    last_step_k: [f64::NAN; LANES],
};

impl Settling {
    /// Of a bolometer with these T0 and R0.
    pub(super) fn new(t0_k: f64, r0_ohm: f64) -> Self {
        Self { t0_k, r0_ohm, groups: Vec::new(), records: 0 }
    }

    /// Adds a record: resistance (ohm), effect of the field (K) and bath (K).
    pub(super) fn add(&mut self, resistance: f64, field_k: f64, bath_k: f64) {
        let (group, lane) = (self.records / LANES, self.records % LANES);
        if lane == 0 {
            self.groups.push(NOBODY);
        }
        let group = &mut self.groups[group];
        group.scale[lane] = resistance / self.r0_ohm / field_k;
        group.field_k[lane] = field_k;
        group.temperature_k[lane] = bath_k;
        self.records += 1;
    }

    /// The temperatures, K, in the order in which their records were added.
    pub(super) fn settle(self) -> Vec<Result<f64, BolometerError>> {
        self.settle_with(
            #[inline(always)]
            |group, t0_k| group.iterate(t0_k),
        )
    }

    /// The same by Newton's method, in fewer steps where it begins near to where it ends: to the last bits.
    pub(super) fn settle_by_newton(self) -> Vec<Result<f64, BolometerError>> {
        self.settle_with(
            #[inline(always)]
            |group, t0_k| group.iterate_by_newton(t0_k),
        )
    }

    fn settle_with(
        mut self,
        iterate: impl Fn(&mut Group, f64),
    ) -> Vec<Result<f64, BolometerError>> {
        let t0_k = self.t0_k;
        with_widest_simd(
            #[inline(always)]
            || {
                // Not `for_each`, whose closure need not be inlined.
                for group in &mut self.groups {
                    iterate(group, t0_k);
                }
            },
        );
        let group = |i: usize| &self.groups[i / LANES];
        (0..self.records).map(|i| group(i).settled(i % LANES)).collect()
    }
}

impl Group {
    #[inline(always)]
    fn iterate(&mut self, t0_k: f64) {
        for _ in 0..ITERATIONS {
            for i in 0..LANES {
                let power = exp_m1((self.field_k[i], 1.0 / self.temperature_k[i]));
                let sinh = 0.5 * (power + power / (1.0 + power));
                let logarithm = ln(self.scale[i] * self.temperature_k[i] * sinh);
                let next = t0_k / (logarithm * logarithm);
                self.logarithm[i] = logarithm;
                self.last_step_k[i] = (next - self.temperature_k[i]).abs();
                self.temperature_k[i] = next;
            }
        }
    }

    /// A record that has settled stays where it is, whatever those beside it do.
    #[inline(always)]
    fn iterate_by_newton(&mut self, t0_k: f64) {
        for _ in 0..ITERATIONS {
            let mut all_rest = true;
            for i in 0..LANES {
                let (x, t) = (self.field_k[i], self.temperature_k[i]);
                let power = exp_m1((x, 1.0 / t));
                let inverse = 1.0 / (1.0 + power);
                let sinh = 0.5 * (power + power * inverse);
                let cosh = 0.5 * (1.0 + power + inverse);
                let logarithm = ln(self.scale[i] * t * sinh);
                let next = t0_k / (logarithm * logarithm);
                let by_temperature = 1.0 / t - x / (t * t) * cosh / sinh;
                let slope = -2.0 * next / logarithm * by_temperature;
                let step = (next - t) / (1.0 - slope);
                let rests = self.last_step_k[i] <= f64::EPSILON * t;
                self.logarithm[i] = if rests { self.logarithm[i] } else { logarithm };
                self.temperature_k[i] = if rests { t } else { t + step };
                self.last_step_k[i] = if rests { self.last_step_k[i] } else { step.abs() };
                all_rest &= self.last_step_k[i] <= f64::EPSILON * self.temperature_k[i];
            }
            if all_rest {
                return;
            }
        }
    }

    fn settled(&self, lane: usize) -> Result<f64, BolometerError> {
        let last_step_k = self.last_step_k[lane];
        // A NaN step has not converged either.
        if last_step_k.is_nan() || last_step_k >= STEP_TOLERANCE_K {
            return Err(BolometerError::NotConverged { last_step_k });
        }
        // The square hides the sign: sqrt(T0/T) must be the logarithm, not minus it.
        positive("sqrt(T0/T)", self.logarithm[lane])?;
        positive_value("temperature (K)", self.temperature_k[lane])
    }
}
