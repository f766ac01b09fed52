//! Spectra that one more pass over the records wants: they are kept from the first, and not transformed again.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Mutex, MutexGuard, PoisonError};

use num_complex::Complex64;

use super::Campaign;
use super::realisation::Realisation;
use crate::science::data::resample::Draw;
use crate::science::fit::VarianceScale;

/// More bytes than this are not kept.
const MOST: u64 = 16 << 20;

/// Bytes of the spectra that are kept of this many records at this many bins: all or none.
#[must_use]
pub fn kept_spectra_bytes(records: u64, bins: u64) -> u64 {
    let of_record = bins.saturating_mul(size_of::<Complex64>() as u64) + size_of::<f64>() as u64;
    let bytes = records.saturating_mul(of_record);
    if bytes > MOST { 0 } else { bytes }
}

/// The spectra of one trial; none unless they were asked for.
#[derive(Debug, Default)]
pub(super) struct KeptSpectra(Mutex<Option<Wanted>>);

/// What is to be kept, and what was.
#[derive(Debug)]
struct Wanted {
    draw: Draw,
    bins: Vec<usize>,
    /// By the first record of each window.
    windows: BTreeMap<usize, KeptWindow>,
}

/// The spectra of a window.
#[derive(Debug)]
pub(super) struct KeptWindow {
    /// `[bin][record]`, without gaps.
    pub(super) transforms: Vec<Complex64>,
    pub(super) sample_variance: Vec<f64>,
    pub(super) scale: VarianceScale,
}

impl Campaign {
    /// Has the spectra of one trial at some bins kept when they are realised window by window, for one more
    /// pass over the same windows at these bins alone; unless they take too much memory, or spectra of
    /// other bins are needed to correct them. No bit of what is realised depends on it.
    pub fn keep_spectra(&self, draw: &Draw, bins: &[usize]) {
        let bytes = kept_spectra_bytes(self.records() as u64, bins.len() as u64);
        if bytes > 0 && self.corrections.terms() == [false; 4] {
            let (bins, windows) = (bins.to_vec(), BTreeMap::new());
            *self.kept() = Some(Wanted { draw: *draw, bins, windows });
        }
    }

    /// Keeps what of a window is wanted again.
    pub(super) fn keep_window(&self, realisation: &Realisation) {
        let mut kept = self.kept();
        let Some(wanted) = kept.as_mut().filter(|wanted| wanted.draw == realisation.draw) else {
            return;
        };
        let rows: Option<Vec<&[Complex64]>> =
            wanted.bins.iter().map(|bin| realisation.transforms_at(*bin)).collect();
        if let Some(rows) = rows {
            let window = KeptWindow {
                transforms: rows.concat(),
                sample_variance: realisation.sample_variance.clone(),
                scale: realisation.scale,
            };
            wanted.windows.insert(realisation.first, window);
        }
    }

    /// Hands out, once, what was kept of a window in this trial at exactly these bins.
    pub(super) fn take_window(
        &self,
        draw: &Draw,
        bins: &[usize],
        window: &Range<usize>,
    ) -> Option<KeptWindow> {
        let mut kept = self.kept();
        let wanted = kept.as_mut().filter(|wanted| wanted.draw == *draw && wanted.bins == bins)?;
        let found = wanted.windows.remove(&window.start)?;
        (found.sample_variance.len() == window.len()).then_some(found)
    }

    /// A thread that panicked while it kept a window has kept it or not.
    fn kept(&self) -> MutexGuard<'_, Option<Wanted>> {
        self.spectra.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
