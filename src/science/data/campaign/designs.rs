//! A cache of the Planck columns of a data set, which are the same in all its realisations.

use std::sync::{Arc, OnceLock};

use crate::foundations::numerics::ScratchVec;

/// Planck functions at one bin, MJy/sr, `[emitter][record]`.
pub type Design = Vec<ScratchVec>;

/// Designs of more bytes than this are not kept: out of the processor's caches they are as fast to
/// compute again.
const MOST: u64 = 64 << 20;

/// Bytes of the designs that are kept for this many records, emitters and bins: all or none.
#[must_use]
pub fn kept_bytes(records: u64, emitters: u64, bins: u64) -> u64 {
    let bytes = records.saturating_mul(8 * emitters).saturating_mul(bins);
    if bytes > MOST { 0 } else { bytes }
}

/// The designs by bin, each computed when first asked for.
#[derive(Debug, Default)]
pub(super) struct Designs {
    /// Empty if none are kept.
    by_bin: Vec<OnceLock<Arc<Design>>>,
}

impl Designs {
    /// Keeps those of bins below `end` from now on.
    pub(super) fn keep(&mut self, end: usize) {
        self.by_bin = (0..end).map(|_| OnceLock::new()).collect();
    }

    /// Whether any are kept.
    pub(super) fn keeps(&self) -> bool {
        !self.by_bin.is_empty()
    }

    /// The design of a bin.
    pub(super) fn at(&self, bin: usize, work_out: impl FnOnce() -> Design) -> Arc<Design> {
        match self.by_bin.get(bin) {
            Some(kept) => kept.get_or_init(|| Arc::new(work_out())).clone(),
            None => Arc::new(work_out()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kept_designs_are_worked_out_once() {
        let mut designs = Designs::default();
        let design = || vec![ScratchVec::with_len(1)];
        assert!(!Arc::ptr_eq(&designs.at(3, design), &designs.at(3, design)));
        designs.keep(4);
        let first = designs.at(3, design);
        assert!(Arc::ptr_eq(&first, &designs.at(3, || unreachable!("it is kept"))));
        assert!(!Arc::ptr_eq(&first, &designs.at(2, design)));
    }

    #[test]
    fn too_much_is_not_kept() {
        assert_eq!(kept_bytes(1200, 7, 257), 1200 * 7 * 8 * 257);
        assert_eq!(kept_bytes(12_000, 7, 257), 0);
        assert_eq!(kept_bytes(u64::MAX, 7, 257), 0);
    }
}
