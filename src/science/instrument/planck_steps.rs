//! Planck functions at many bins of a frequency axis, from a few exponentials.
//!
//! The bins of an axis are equidistant, so that `x = h nu / k T` at bin `a + b` is the sum of those at
//! bins `a` and `b`, and
//! `e^(x + y) - 1 = (e^x - 1) + (e^y - 1) + (e^x - 1)(e^y - 1)`,
//! where no digits cancel, since nothing is negative. With the exponentials at every sixteenth bin and at
//! the first fifteen, a Planck function takes one division and two operations more.

use std::borrow::Cow;
use std::fmt;
use std::sync::{Mutex, OnceLock, PoisonError};

use rayon::prelude::*;

use super::axis::SPECTRUM_BINS;
use super::planck::{Law, fill_planck_column};
use crate::foundations::numerics::{ScratchVec, exponential::exp_m1, fused, with_widest_simd};

/// From one bin of the coarse steps to the next.
const STEP: usize = 16;
/// Exponentials of more records than this are not kept, but worked out again for every bin: 30 MB of seven
/// emitters.
const MOST_RECORDS: usize = 1 << 14;
/// Coarse steps between which there are other bins, and the one at bin 0.
const COARSE: usize = (SPECTRUM_BINS - 1) / STEP;
/// Exponentials that are kept of each temperature, at most: none of bin 0.
const KEPT: usize = COARSE - 1 + STEP - 1;

/// The coarse and the fine step that lead to a bin; none if it is one itself.
fn steps_to(bin: usize) -> Option<[usize; 2]> {
    let (coarse, fine) = (bin - bin % STEP, bin % STEP);
    (coarse > 0 && fine > 0).then_some([coarse, fine])
}

/// Bytes that [`PlanckSteps`] keep of so many records and emitters, at most.
#[must_use]
pub fn planck_step_bytes(records: u64, emitters: u64) -> u64 {
    if records > MOST_RECORDS as u64 { 0 } else { (KEPT * 8) as u64 * records * emitters }
}

/// `e^x - 1` of some temperatures at those bins whose turn has come, each worked out once.
#[derive(Default)]
pub struct PlanckSteps {
    /// Of each bin that has one, by its number below [`STEP`], or as a multiple of it: \[record\] of one
    /// emitter after another.
    fine: [OnceLock<ScratchVec>; STEP],
    coarse: [OnceLock<ScratchVec>; COARSE],
    /// Memory of others that are no longer wanted.
    spare: Mutex<Vec<ScratchVec>>,
}

impl PlanckSteps {
    /// None yet, of other temperatures, in the memory of these.
    #[must_use]
    pub fn renewed(self) -> Self {
        let Self { fine, coarse, spare } = self;
        let mut all = spare.into_inner().unwrap_or_else(PoisonError::into_inner);
        all.extend(fine.into_iter().chain(coarse).filter_map(OnceLock::into_inner));
        Self { spare: Mutex::new(all), ..Self::default() }
    }

    /// The Planck functions at a bin, MJy/sr, `[emitter][record]`: see [`Self::fill`].
    pub fn columns(
        &self,
        bin: usize,
        frequency_hz: impl Fn(usize) -> f64,
        inverse_temperatures: &[Vec<f64>],
    ) -> Vec<ScratchVec> {
        let room = |column: &Vec<f64>| ScratchVec::with_len(column.len());
        let mut columns: Vec<ScratchVec> = inverse_temperatures.iter().map(room).collect();
        let places = columns.iter_mut().map(|column| &mut column[..]);
        self.fill(bin, frequency_hz, inverse_temperatures, places);
        columns
    }

    /// Writes the Planck functions at a bin, MJy/sr, \[record\] of one emitter after another.
    ///
    /// `frequency_hz` says where a bin is; `inverse_temperatures` are always those of the first call, one
    /// over each, 1/K, `[emitter][record]`, of as many records as each of the `columns` has. A temperature
    /// below 0 gives NaN. To four units in the last place, and the rounding of x, as
    /// [`planck_mjy_sr`](super::planck_mjy_sr).
    pub fn fill<'a>(
        &self,
        bin: usize,
        frequency_hz: impl Fn(usize) -> f64,
        inverse_temperatures: &[Vec<f64>],
        columns: impl Iterator<Item = &'a mut [f64]>,
    ) {
        let columns = columns.zip(inverse_temperatures);
        let Some(steps) = steps_to(bin) else {
            let frequency_hz = frequency_hz(bin);
            columns.for_each(|(column, inverse)| fill_planck_column(frequency_hz, inverse, column));
            return;
        };
        let step = |bin| self.step(self.place(bin), frequency_hz(bin), inverse_temperatures);
        let [coarse, fine] = steps.map(step);
        let scale = Law::at(frequency_hz(bin)).scale;
        let mut first = 0;
        for (column, inverse) in columns {
            let of_emitter = first..first + inverse.len();
            first = of_emitter.end;
            combine(column, scale, &coarse[of_emitter.clone()], &fine[of_emitter]);
        }
    }

    /// Works out what [`Self::fill`] needs at some bins, on all threads: else those that begin with
    /// neighbouring bins would wait for each other.
    pub fn prepare(
        &self,
        bins: &[usize],
        frequency_hz: impl Fn(usize) -> f64,
        inverse_temperatures: &[Vec<f64>],
    ) {
        let records = inverse_temperatures.first().map_or(0, Vec::len);
        if records > MOST_RECORDS {
            return;
        }
        let mut needed: Vec<usize> = bins.iter().flat_map(|bin| steps_to(*bin)).flatten().collect();
        needed.sort_unstable();
        needed.dedup();
        let steps: Vec<(usize, f64)> =
            needed.into_iter().map(|bin| (bin, frequency_hz(bin))).collect();
        steps.into_par_iter().for_each(|(bin, frequency_hz)| {
            self.step(self.place(bin), frequency_hz, inverse_temperatures);
        });
    }

    /// Where the exponentials at the bin of a step are kept.
    fn place(&self, bin: usize) -> Option<&OnceLock<ScratchVec>> {
        if bin < STEP { self.fine.get(bin) } else { self.coarse.get(bin / STEP) }
    }

    /// The exponentials at a frequency: those that are kept in a place, if there are not too many.
    fn step<'a>(
        &self,
        place: Option<&'a OnceLock<ScratchVec>>,
        frequency_hz: f64,
        inverse_temperatures: &[Vec<f64>],
    ) -> Cow<'a, ScratchVec> {
        let work_out = || {
            let mut all = self.room(inverse_temperatures.iter().map(Vec::len).sum());
            fill_exponentials(frequency_hz, inverse_temperatures, &mut all);
            all
        };
        let records = inverse_temperatures.first().map_or(0, Vec::len);
        match place {
            Some(place) if records <= MOST_RECORDS => Cow::Borrowed(place.get_or_init(work_out)),
            _ => Cow::Owned(work_out()),
        }
    }

    /// Room for so many numbers: what is spare, if that is as long.
    fn room(&self, length: usize) -> ScratchVec {
        let spare = self.spare.lock().unwrap_or_else(PoisonError::into_inner).pop();
        match spare {
            Some(mut spare) if spare.len() >= length => {
                spare.truncate(length);
                spare
            }
            _ => ScratchVec::with_len(length),
        }
    }
}

impl fmt::Debug for PlanckSteps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kept = self.fine.iter().chain(&self.coarse).filter(|step| step.get().is_some());
        write!(f, "exponentials at {} bins", kept.count())
    }
}

/// Writes `e^x - 1` at a frequency, \[record\] of one emitter after another.
fn fill_exponentials(frequency_hz: f64, inverse_temperatures: &[Vec<f64>], all: &mut [f64]) {
    let quantum_k = Law::at(frequency_hz).quantum_k;
    let mut rest = all;
    for column in inverse_temperatures {
        let (values, after) = rest.split_at_mut(column.len());
        with_widest_simd(
            #[inline(always)]
            || {
                for (value, &inverse) in values.iter_mut().zip(column) {
                    let exp_m1 = exp_m1((quantum_k, inverse));
                    *value = if inverse < 0.0 { f64::NAN } else { exp_m1 };
                }
            },
        );
        rest = after;
    }
}

/// The Planck functions of one emitter, from the exponentials at two bins.
fn combine(column: &mut [f64], scale: f64, coarse: &[f64], fine: &[f64]) {
    with_widest_simd(
        #[inline(always)]
        || {
            for ((value, &a), &b) in column.iter_mut().zip(coarse).zip(fine) {
                *value = scale / fused(a, b, a + b);
            }
        },
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::science::instrument::{Axis, ChannelScan, planck_mjy_sr};

    fn axis() -> Axis {
        Axis::new("llss".parse::<ChannelScan>().unwrap(), 512, 1.0).unwrap()
    }

    #[test]
    fn every_bin_is_what_its_own_exponential_gives() {
        let axis = axis();
        let temperatures = [vec![2.7, 1.4, 20.8, 300.0, 0.0], vec![3.1, 0.3, 6.0, 25.0, -2.0]];
        let inverse = temperatures.clone().map(|column| column.iter().map(|t| 1.0 / t).collect());
        let steps = PlanckSteps::default();
        for bin in 0..SPECTRUM_BINS {
            let frequency_hz = axis.frequency_hz(bin);
            let columns = steps.columns(bin, |bin| axis.frequency_hz(bin), &inverse);
            for (column, temperatures) in columns.iter().zip(&temperatures) {
                for (&found, &t) in column.iter().zip(temperatures) {
                    let expected = planck_mjy_sr(frequency_hz, t);
                    if t < 0.0 {
                        assert!(found.is_nan() && expected.is_nan(), "bin {bin}");
                        continue;
                    }
                    // h nu / k T is rounded, of all three bins, by which exponentials are off.
                    let x = Law::at(frequency_hz).quantum_k / t;
                    let tolerance = f64::EPSILON * (2.0 + 4.0 * x.min(700.0));
                    let off = (found - expected).abs();
                    assert!(off <= tolerance * expected, "bin {bin}, {t} K: {found} {expected}");
                }
            }
        }
        assert_eq!(format!("{steps:?}"), "exponentials at 30 bins");
    }

    #[test]
    fn the_bits_do_not_depend_on_which_bins_were_asked_for_or_how_many_records_there_are() {
        let axis = axis();
        let few = [vec![0.5, 0.25, 0.05]];
        let many = [[0.5, 0.25, 0.05].repeat(MOST_RECORDS / 2)];
        let (steps, of_many) = (PlanckSteps::default(), PlanckSteps::default());
        for bin in 0..SPECTRUM_BINS {
            let at = |steps: &PlanckSteps, inverse: &[Vec<f64>]| {
                steps.columns(bin, |bin| axis.frequency_hz(bin), inverse).remove(0)
            };
            let expected = at(&steps, &few);
            assert_eq!(at(&PlanckSteps::default(), &few)[..], expected[..]);
            let found = at(&of_many, &many);
            assert_eq!((&found[..3], &found[found.len() - 3..]), (&expected[..], &expected[..]));
        }
        assert_eq!(format!("{of_many:?}"), "exponentials at 0 bins");
        // In the memory of longer ones.
        let steps = steps.renewed();
        assert_eq!(format!("{steps:?}"), "exponentials at 0 bins");
        // Only those are prepared that are needed, and they are the same.
        steps.prepare(&[0, 5, 16, 35], |bin| axis.frequency_hz(bin), &few);
        assert_eq!(format!("{steps:?}"), "exponentials at 2 bins");
        let column = steps.columns(35, |bin| axis.frequency_hz(bin), &few).remove(0);
        let expected = PlanckSteps::default().columns(35, |bin| axis.frequency_hz(bin), &few);
        assert_eq!(column[..], expected[0][..]);
        let steps = steps.renewed();
        for bin in [17, 35, 200] {
            let column = |steps: &PlanckSteps| {
                steps.columns(bin, |bin| axis.frequency_hz(bin), &[few[0][1..].to_vec()]).remove(0)
            };
            assert_eq!(column(&steps)[..], column(&PlanckSteps::default())[..]);
        }
        assert_eq!(planck_step_bytes(MOST_RECORDS as u64 + 1, 7), 0);
        assert_eq!(planck_step_bytes(1000, 7), 30 * 56_000);
    }
}
