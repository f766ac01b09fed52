//! The frequencies of a data set, its truth, and the bins on which methods are judged.

use num_complex::Complex64;

use crate::otf::study::{Config, Study};
use crate::science::data::{DataError, truth_of};
use crate::science::instrument::{Axis, SPECTRUM_BINS};

/// One data set on its frequency axis.
#[derive(Debug, Clone)]
pub(in crate::otf) struct DataSetGrid {
    /// GHz, one a bin.
    pub(in crate::otf) frequency_ghz: Vec<f64>,
    /// `[bin][emitter]`, for simulated data.
    pub(in crate::otf) truth: Option<Vec<Vec<Complex64>>>,
    /// The bins on which methods are judged: those where the truth is not zero, or, for measured
    /// data, those of the channel's optical band.
    pub(in crate::otf) band: Vec<usize>,
    /// 1 for the bins of the channel's optical band, else 0, one a bin.
    pub(in crate::otf) in_band: Vec<u8>,
}

impl DataSetGrid {
    /// The grids of all data sets of a study.
    ///
    /// # Errors
    /// If a published model cannot be read.
    pub(in crate::otf) fn all(config: &Config, study: &Study) -> Result<Vec<Self>, DataError> {
        study.sets.iter().map(|set| Self::new(config, study, *set)).collect()
    }

    fn new(
        config: &Config,
        study: &Study,
        set: crate::science::instrument::ChannelScan,
    ) -> Result<Self, DataError> {
        let settings = &config.instrument;
        let axis = Axis::new(set, settings.transform_length, settings.frequency_correction)?;
        let truth = truth_of(set, &config.data, &study.emitters)?
            .map(|truth| truth.on(&axis, &study.emitters));
        let in_band = |bin: usize| axis.is_in_band(bin);
        let judged = |bin: &usize| match &truth {
            Some(truth) => truth[*bin].iter().any(|value| *value != Complex64::ZERO),
            None => in_band(*bin),
        };
        let band = (0..SPECTRUM_BINS).filter(judged).collect();
        let in_band = (0..SPECTRUM_BINS).map(|bin| u8::from(in_band(bin))).collect();
        Ok(Self { frequency_ghz: axis.frequencies_ghz(), truth, band, in_band })
    }
}
