//! The spectra of a data set in one trial, and what the fit of a bin needs.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use num_complex::Complex64;

use super::Campaign;
use super::designs::Design;
use crate::foundations::numerics::{HugePageBuf, ScratchVec, with_widest_simd};
use crate::science::data::emitters::Emitter;
use crate::science::data::resample::Draw;
use crate::science::fit::{Constraint, Context, Deadline, Problem, VarianceScale};
use crate::science::instrument::{PlanckSteps, inverse_response};

/// The spectra of one trial.
#[derive(Debug)]
pub struct Realisation {
    pub(super) bins: Vec<usize>,
    /// The first record of the campaign that it has.
    pub(super) first: usize,
    /// Further bins, which others refer to.
    pub(super) support: Vec<usize>,
    /// Transforms of the interferograms at those bins and then at these, `[bin][record]`.
    pub(super) transforms: HugePageBuf,
    /// Places from one row of them to the next.
    pub(super) stride: usize,
    /// Noise variance of one sample, (counts per gain and sweep)^2, one a record.
    pub(super) sample_variance: Vec<f64>,
    pub(super) scale: VarianceScale,
    pub(super) draw: Draw,
    pub(super) fitted: RecordSubset,
    /// The records that are held out, to be predicted; none in most trials.
    pub(super) held_out: Option<RecordSubset>,
}

/// Some of the records of a campaign. The lists have one element each.
#[derive(Debug)]
pub(super) struct RecordSubset {
    pub(super) records: Vec<usize>,
    /// Whether these are all records of the realisation, each once.
    pub(super) is_whole: bool,
    /// Whether their temperatures are those of the campaign, so that it may keep their design.
    is_as_prepared: bool,
    /// Number of the plateau of each, ascending.
    pub(super) plateaus: Vec<usize>,
    /// With corrections, K, `[emitter][record]`.
    temperatures: Vec<Vec<f64>>,
    /// Without, where they are others.
    readings: Option<Vec<Vec<f64>>>,
    /// Coefficient of the primary vibration; empty where there is none.
    pub(super) primary_vibration: Vec<f64>,
    /// One over them, 1/K.
    pub(super) inverse_temperatures: Vec<Vec<f64>>,
    /// Exponentials of these, for the Planck functions.
    pub(super) planck: PlanckSteps,
    /// One over the bolometer's response at frequency zero, (erg/s)/V.
    pub(super) inverse_responsivity: Vec<f64>,
    /// Of the bolometer, s.
    pub(super) time_constant_s: Vec<f64>,
}

impl RecordSubset {
    /// Some of the records that a realisation has. `readings` are those of the thermometers in it, if a
    /// simulation gives them errors.
    pub(super) fn new(
        campaign: &Campaign,
        readings: Option<&[Vec<f64>]>,
        (records, plateaus): (Vec<usize>, Vec<usize>),
        realised: &Range<usize>,
    ) -> Self {
        let chosen = |column: &Vec<f64>| records.iter().map(|&record| column[record]).collect();
        let given = readings.unwrap_or(&campaign.selected.temperatures);
        let is_as_prepared = readings.is_none();
        let read: Vec<Vec<f64>> = given.iter().map(chosen).collect();
        let (temperatures, readings) = match campaign.corrections.changes_temperatures() {
            false => (read, None),
            true => (campaign.corrected(&read, &records), Some(read)),
        };
        let inverse = |column: &Vec<f64>| column.iter().map(|t| 1.0 / t).collect();
        let inverse_temperatures = temperatures.iter().map(inverse).collect();
        let states = || records.iter().map(|&record| &campaign.selected.states[record]);
        let inverse_responsivity = states().map(|state| 1.0 / state.responsivity).collect();
        let time_constant_s = states().map(|state| state.time_constant_s).collect();
        Self {
            is_whole: records.iter().copied().eq(realised.clone()),
            is_as_prepared,
            primary_vibration: campaign.primary_vibration(&records),
            records,
            plateaus,
            temperatures,
            readings,
            inverse_temperatures,
            planck: PlanckSteps::default(),
            inverse_responsivity,
            time_constant_s,
        }
    }

    /// Number of records.
    pub(super) fn len(&self) -> usize {
        self.records.len()
    }

    /// At which emitters would emit without corrections, K, `[emitter][record]`.
    pub(super) fn readings(&self) -> &[Vec<f64>] {
        self.readings.as_ref().unwrap_or(&self.temperatures)
    }
}

/// The data of one bin: everything that depends on the bin in a [`Problem`].
#[derive(Debug)]
pub struct BinData {
    /// Index on the frequency axis.
    pub bin: usize,
    /// Whether the electronics pass next to nothing.
    pub is_blocked: bool,
    /// Planck functions, MJy/sr, `[emitter][record]`.
    pub design: Arc<Design>,
    /// Spectrum, MJy/sr, one a record.
    pub data: Vec<Complex64>,
    /// `E|noise|^2`, (MJy/sr)^2, one a record.
    pub variance: ScratchVec,
    /// What is known of the scale of `variance`.
    pub scale: VarianceScale,
    /// Optical frequency, Hz.
    pub frequency_hz: f64,
    /// What a model says of the emissivities, one per emitter.
    pub model: Option<Vec<Complex64>>,
}

impl BinData {
    /// The columns of the design, one slice per emitter: what a [`Problem`] borrows.
    #[must_use]
    pub fn columns(&self) -> Vec<&[f64]> {
        self.design.iter().map(|column| &column[..]).collect()
    }
}

impl Realisation {
    /// The bins that can be fitted, in the order of their positions.
    #[must_use]
    pub fn bins(&self) -> &[usize] {
        &self.bins
    }

    /// The transforms of all its records at a bin, if it has them.
    pub(super) fn transforms_at(&self, bin: usize) -> Option<&[Complex64]> {
        let records = self.sample_variance.len();
        // Ascending as a rule, but nobody has to ask for them so.
        let place = |bins: &[usize]| match bins.binary_search(&bin) {
            Ok(place) => Some(place),
            Err(_) => bins.iter().position(|other| *other == bin),
        };
        let further = || place(&self.support).map(|place| self.bins.len() + place);
        let row = place(&self.bins).or_else(further)?;
        self.transforms.get(row * self.stride..)?.get(..records)
    }

    /// Noise of a sample of each of its records, counts per gain and sweep; none where all are
    /// as good as each other.
    #[must_use]
    pub fn record_sigma(&self) -> Option<Vec<f64>> {
        let root = || self.sample_variance.iter().map(|variance| variance.sqrt()).collect();
        (self.scale == VarianceScale::Absolute).then(root)
    }

    /// The problem of one bin, for a method that fits it: no deadline, and nothing shared with other
    /// methods (set [`Problem::shared`] for that). `columns` are those of [`BinData::columns`].
    #[must_use]
    pub fn problem<'a>(
        &'a self,
        bin: &'a BinData,
        columns: &'a [&'a [f64]],
        constraint: Constraint,
    ) -> Problem<'a> {
        Problem {
            design: columns,
            data: &bin.data,
            variance: &bin.variance,
            scale: bin.scale,
            constraint,
            context: self.context(bin),
            shared: None,
        }
    }

    /// What methods may need beside the linear problem of a bin.
    #[must_use]
    pub fn context<'a>(&'a self, bin: &'a BinData) -> Context<'a> {
        Context {
            bin: bin.bin,
            is_blocked: bin.is_blocked,
            deadline: Deadline::NONE,
            frequency_hz: bin.frequency_hz,
            temperatures: &self.fitted.temperatures,
            plateaus: &self.fitted.plateaus,
            model: bin.model.as_deref(),
        }
    }
}

impl Campaign {
    /// Gathers what the fit of one bin needs; `position` is the bin's place in the realisation.
    #[must_use]
    pub fn bin_data(&self, realisation: &Realisation, position: usize) -> BinData {
        self.gather(realisation, position, &realisation.fitted)
    }

    /// The bin of the held-out records, if there are any.
    #[must_use]
    pub fn held_out(&self, realisation: &Realisation, position: usize) -> Option<BinData> {
        realisation.held_out.as_ref().map(|sample| self.gather(realisation, position, sample))
    }

    fn gather(&self, realisation: &Realisation, position: usize, subset: &RecordSubset) -> BinData {
        let bin = realisation.bins[position];
        let (mut data, variance) = self.uncorrected(realisation, position, subset);
        self.correct(realisation, subset, bin, &mut data);
        BinData {
            bin,
            is_blocked: self.blocked[bin],
            design: self.design(bin, subset),
            data,
            variance,
            scale: realisation.scale,
            frequency_hz: self.axis.frequency_hz(bin),
            model: self.known_at(bin, &realisation.draw),
        }
    }

    /// The spectra of some records at one bin before corrections, MJy/sr, and their variances.
    pub(super) fn uncorrected(
        &self,
        realisation: &Realisation,
        position: usize,
        subset: &RecordSubset,
    ) -> (Vec<Complex64>, ScratchVec) {
        let Realisation { first, sample_variance, .. } = realisation;
        let transforms = &realisation.transforms[position * realisation.stride..];
        let (transforms, variances) = if subset.is_whole {
            (Cow::from(&transforms[..subset.len()]), Cow::from(sample_variance))
        } else {
            let of = |record: &usize| (transforms[record - first], sample_variance[record - first]);
            let (transforms, variances): (Vec<_>, Vec<_>) = subset.records.iter().map(of).unzip();
            (transforms.into(), variances.into())
        };
        let mut data = vec![Complex64::ZERO; subset.len()];
        let mut variance = ScratchVec::with_len(subset.len());
        let (given, bin) = ((&*transforms, &*variances), realisation.bins[position]);
        self.divide_by_gain(bin, subset, given, (&mut data, &mut variance));
        (data, variance)
    }

    /// Readings of some records corrected, K, `[emitter][record]`.
    fn corrected(&self, readings: &[Vec<f64>], records: &[usize]) -> Vec<Vec<f64>> {
        let given = &self.selected.housekeeping;
        let column = |(column, emitter): (&Vec<f64>, &Emitter)| {
            let temperature = |(read, record): (&f64, &usize)| {
                self.corrections.temperature(emitter.name(), *read, given.years_of(*record))
            };
            column.iter().zip(records).map(temperature).collect()
        };
        readings.iter().zip(&self.emitters).map(column).collect()
    }

    /// The coefficient of the primary vibration in some records; empty where there is none.
    fn primary_vibration(&self, records: &[usize]) -> Vec<f64> {
        let [_, _, is_in_force, _] = self.corrections.terms();
        let given = &self.selected.housekeeping;
        let at = |record: &usize| self.corrections.primary_vibration_at(given.years_of(*record));
        if is_in_force { records.iter().map(at).collect() } else { Vec::new() }
    }

    /// Turns transforms into spectra, and variances of samples into those of the spectra.
    fn divide_by_gain(
        &self,
        bin: usize,
        subset: &RecordSubset,
        (transforms, variances): (&[Complex64], &[f64]),
        (data, variance): (&mut [Complex64], &mut [f64]),
    ) {
        let per_factor = self.gain.factor(bin).inv();
        let omega = self.gain.omega(bin);
        let power = self.transform.noise_power();
        let bolometer = subset.inverse_responsivity.iter().zip(&subset.time_constant_s);
        let given = transforms.iter().zip(variances).zip(bolometer);
        with_widest_simd(
            #[inline(always)]
            || {
                for ((value, variance), ((transform, of_sample), (inverse, time_constant_s))) in
                    data.iter_mut().zip(variance).zip(given)
                {
                    let per_gain = per_factor * inverse_response(*inverse, omega * time_constant_s);
                    *value = transform * per_gain;
                    *variance = power * of_sample * per_gain.norm_sqr();
                }
            },
        );
    }

    /// What a model says of the emissivities at one bin.
    fn known_at(&self, bin: usize, draw: &Draw) -> Option<Vec<Complex64>> {
        let place = (bin, self.axis.frequency_ghz(bin));
        let key = (draw, self.seed, self.axis.channel_scan());
        self.known.as_ref().map(|known| known.at(place, &self.emitters, key))
    }

    /// The Planck functions of all emitters at one bin, MJy/sr, `[emitter][record]`.
    fn design(&self, bin: usize, subset: &RecordSubset) -> Arc<Design> {
        let work_out = || {
            let frequency_hz = |bin| self.axis.frequency_hz(bin);
            subset.planck.columns(bin, frequency_hz, &subset.inverse_temperatures)
        };
        if subset.is_whole && subset.is_as_prepared && subset.len() == self.records() {
            self.designs.at(bin, work_out)
        } else {
            Arc::new(work_out())
        }
    }
}
