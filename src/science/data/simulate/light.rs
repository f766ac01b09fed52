//! The spectrum that a record would have without noise.

use num_complex::Complex64;

use super::SimulationSetup;
use crate::science::instrument::{
    Axis, BolometerState, Corrections, Gain, SPECTRUM_BINS, Term, TermShape, planck_mjy_sr,
};

/// Steps in which the spectrum is found that harmonics and vibrations of itself are parts of: each
/// leaves at most some hundredths of the error of the one before.
const STEPS: usize = 12;

/// The light of all records, and what the instrument makes of it.
pub(super) struct Light<'a> {
    axis: &'a Axis,
    gain: Gain,
    /// `[bin][emitter]`.
    emissivity: Vec<Vec<Complex64>>,
    temperatures: &'a [Vec<f64>],
    corrections: &'a Corrections,
    /// The terms whose coefficients are not zero, `[bin][term]`; empty if there are none.
    terms: Vec<Vec<(Term, TermShape)>>,
}

impl<'a> Light<'a> {
    pub(super) fn new(setup: &SimulationSetup<'a>, temperatures: &'a [Vec<f64>]) -> Self {
        let gain = Gain::new(setup.axis, setup.peak);
        let in_force = setup.corrections.terms();
        let shape = |bin: usize, term: Term| {
            let shape = term.at(bin, setup.vibration, |b| gain.passes(b, setup.least_transfer))?;
            Some((term, shape))
        };
        let at_bin = |bin: usize| {
            let terms = Term::ALL.into_iter().zip(in_force).filter(|(_, is_in_force)| *is_in_force);
            terms.filter_map(|(term, _)| shape(bin, term)).collect()
        };
        let terms = match in_force {
            [false, false, false, false] => Vec::new(),
            _ => (0..SPECTRUM_BINS).map(at_bin).collect(),
        };
        Self {
            axis: setup.axis,
            emissivity: setup.truth.on(setup.axis, setup.emitters),
            temperatures,
            corrections: setup.corrections,
            terms,
            gain,
        }
    }

    /// The transform of one record, counts per gain and sweep.
    pub(super) fn transform(
        &self,
        record: usize,
        state: &BolometerState,
        years: f64,
        out: &mut [Complex64],
    ) {
        if self.terms.is_empty() {
            out.iter_mut()
                .enumerate()
                .for_each(|(bin, value)| *value = self.at(record, bin, state));
            return;
        }
        let light: Vec<Complex64> = (0..SPECTRUM_BINS).map(|bin| self.shine(record, bin)).collect();
        let before = self.before_bolometer(&light, state, years);
        for ((value, factor), before) in out.iter_mut().zip(self.gain.factors()).zip(before) {
            *value = factor * before;
        }
    }

    /// What comes from the emitters at one bin, MJy/sr.
    fn shine(&self, record: usize, bin: usize) -> Complex64 {
        let emissivity = &self.emissivity[bin];
        if emissivity.iter().all(|e| *e == Complex64::ZERO) {
            return Complex64::ZERO;
        }
        let hz = self.axis.frequency_hz(bin);
        let shine = |(e, t): (&Complex64, &Vec<f64>)| e * planck_mjy_sr(hz, t[record]);
        emissivity.iter().zip(self.temperatures).map(shine).sum()
    }

    /// One bin of the transform of one record without harmonics and vibrations.
    fn at(&self, record: usize, bin: usize, state: &BolometerState) -> Complex64 {
        let light = self.shine(record, bin);
        if light == Complex64::ZERO { light } else { light * self.gain.at(bin, state) }
    }

    /// The spectrum before the bolometer, all bins of it: what solves the equation of
    /// [`crate::science::instrument::corrections`], by iteration from the spectrum without the terms.
    fn before_bolometer(
        &self,
        light: &[Complex64],
        state: &BolometerState,
        years: f64,
    ) -> Vec<Complex64> {
        let factor = |constant: f64, bin: usize| {
            Complex64::new(constant, self.gain.omega(bin) * state.time_constant_s)
        };
        let primary = self.corrections.primary_vibration_at(years);
        let coefficient = |term: Term| match term {
            Term::SecondHarmonic => self.corrections.h2,
            Term::ThirdHarmonic => self.corrections.h3,
            Term::PrimaryVibration => primary,
            Term::SecondaryVibration => self.corrections.secondary_vibration,
        };
        let inverse: Vec<Complex64> = (0..light.len()).map(|bin| factor(1.0, bin).inv()).collect();
        let source = |bin: usize| light[bin] * state.responsivity;
        let mut spectrum: Vec<Complex64> =
            (0..light.len()).map(|bin| source(bin) * inverse[bin]).collect();
        for _ in 0..STEPS {
            let at = |bin: usize| {
                let value = |(term, shape): &(Term, TermShape)| {
                    let parts = shape.sources.iter().map(|(from, weight)| spectrum[*from] * weight);
                    let sum: Complex64 = parts.sum();
                    sum * factor(shape.constant, shape.omega_bin) * coefficient(*term)
                };
                let terms: Complex64 = self.terms[bin].iter().map(value).sum();
                (source(bin) + terms) * inverse[bin]
            };
            spectrum = (0..light.len()).map(at).collect();
        }
        spectrum
    }
}
