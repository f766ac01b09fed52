//! Harmonics and vibrations in the spectra: terms made of other bins of the same record.

use std::ops::Range;

use num_complex::Complex64;

use super::Campaign;
use super::realisation::{Realisation, RecordSubset};
use crate::foundations::numerics::with_widest_simd;
use crate::science::instrument::{
    SPECTRUM_BINS, Term, TermShape, VibrationOffsets, inverse_response,
};

/// Records that are worked on together, so that what is made of them stays in the nearest cache.
const BLOCK: usize = 256;

impl Campaign {
    /// The bins beside some that the terms of these refer to, ascending.
    pub(super) fn support(&self, bins: &[usize], wanted: [bool; 4]) -> Vec<usize> {
        let mut is_needed = [false; SPECTRUM_BINS];
        for (term, _) in Term::ALL.into_iter().zip(wanted).filter(|(_, is_wanted)| *is_wanted) {
            let shapes = bins.iter().filter_map(|bin| self.term_shape(term, *bin));
            for (source, _) in shapes.flat_map(|shape| shape.sources) {
                is_needed[source] = true;
            }
        }
        bins.iter().for_each(|bin| is_needed[*bin] = false);
        (0..SPECTRUM_BINS).filter(|bin| is_needed[*bin]).collect()
    }

    fn term_shape(&self, term: Term, bin: usize) -> Option<TermShape> {
        let offsets = VibrationOffsets::of(self.axis.channel_scan(), self.axis.length());
        // A bin without any signal is none, whatever the least transfer.
        let passes = |bin: usize| !self.blocked[bin] && self.gain.passes(bin, 0.0);
        term.at(bin, offsets, passes)
    }

    /// Whether there is a term at a bin: see [`Self::term`].
    pub(super) fn has_term(&self, realisation: &Realisation, (bin, term): (usize, Term)) -> bool {
        let is_known = |(source, _): &(usize, _)| realisation.transforms_at(*source).is_some();
        self.term_shape(term, bin).is_some_and(|shape| shape.sources.iter().all(is_known))
    }

    /// A term at a bin, MJy/sr, one value a record; none where it has no place in the spectrum, or the
    /// realisation lacks bins that it refers to.
    pub(super) fn term(
        &self,
        realisation: &Realisation,
        subset: &RecordSubset,
        (bin, term): (usize, Term),
    ) -> Option<Vec<Complex64>> {
        let shape = self.term_shape(term, bin)?;
        let mut sources = Vec::with_capacity(shape.sources.len());
        for (source, weight) in &shape.sources {
            let transforms = realisation.transforms_at(*source)?;
            sources.push((transforms, self.gain.factor(*source).inv() * weight));
        }
        let (constant, omega) = (shape.constant, self.gain.omega(shape.omega_bin));
        let mut values = vec![Complex64::ZERO; subset.len()];
        with_widest_simd(
            #[inline(always)]
            || {
                for (block, values) in values.chunks_mut(BLOCK).enumerate() {
                    let records = block * BLOCK..block * BLOCK + values.len();
                    add_weighted(values, subset, &records, &sources);
                    let inverse = &subset.inverse_responsivity[records.clone()];
                    let bolometer = inverse.iter().zip(&subset.time_constant_s[records]);
                    for (value, (inverse, time_constant_s)) in values.iter_mut().zip(bolometer) {
                        let response = inverse_response(*inverse, omega * time_constant_s);
                        *value *= Complex64::new(constant * response.re, response.im);
                    }
                }
            },
        );
        Some(values)
    }

    /// Takes the terms that are in force out of a spectrum.
    pub(super) fn correct(
        &self,
        realisation: &Realisation,
        subset: &RecordSubset,
        bin: usize,
        data: &mut [Complex64],
    ) {
        let in_force = Term::ALL.into_iter().zip(self.corrections.terms());
        for (term, _) in in_force.filter(|(_, is_in_force)| *is_in_force) {
            let Some(values) = self.term(realisation, subset, (bin, term)) else { continue };
            match term {
                Term::SecondHarmonic => subtract(data, &values, self.corrections.h2),
                Term::ThirdHarmonic => subtract(data, &values, self.corrections.h3),
                Term::PrimaryVibration => subtract_each(data, &values, &subset.primary_vibration),
                Term::SecondaryVibration => {
                    subtract(data, &values, self.corrections.secondary_vibration);
                }
            }
        }
    }
}

/// Adds the transforms of some records of a subset at several bins, times the weight of each bin.
#[inline(always)]
fn add_weighted(
    values: &mut [Complex64],
    subset: &RecordSubset,
    records: &Range<usize>,
    sources: &[(&[Complex64], Complex64)],
) {
    for (transforms, weight) in sources {
        if subset.is_whole {
            for (value, transform) in values.iter_mut().zip(&transforms[records.clone()]) {
                *value += transform * weight;
            }
        } else {
            for (value, &record) in values.iter_mut().zip(&subset.records[records.clone()]) {
                *value += transforms[record] * weight;
            }
        }
    }
}

fn subtract(data: &mut [Complex64], values: &[Complex64], coefficient: f64) {
    with_widest_simd(
        #[inline(always)]
        || {
            for (data, value) in data.iter_mut().zip(values) {
                *data -= value * coefficient;
            }
        },
    );
}

fn subtract_each(data: &mut [Complex64], values: &[Complex64], coefficients: &[f64]) {
    with_widest_simd(
        #[inline(always)]
        || {
            for ((data, value), coefficient) in data.iter_mut().zip(values).zip(coefficients) {
                *data -= value * coefficient;
            }
        },
    );
}
