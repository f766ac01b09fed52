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
    pub(super) fn settle(mut self) -> Vec<Result<f64, BolometerError>> {
        let t0_k = self.t0_k;
        with_widest_simd(
            #[inline(always)]
            || {
                // Not `for_each`, whose closure need not be inlined.
                for group in &mut self.groups {
                    group.iterate(t0_k);
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
