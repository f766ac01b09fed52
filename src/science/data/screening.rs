//! Which records of a calibration set are used, and why the others are not.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::foundations::npz::Matrix;
use crate::foundations::numerics::with_widest_simd;
use crate::science::instrument::{BolometerState, ChannelScan, IFG_LENGTH};

use super::emitters::is_temperature;
use super::recipe::Recipe;
use super::records::RawRecords;
use super::resolved::ResolvedSettings;

/// A preamplifier's gain is not above this: the largest that was commanded is 3,000.
const LARGEST_GAIN: f64 = 1e5;
/// Sweeps in an interferogram are not more than this: 16 at most were added on board.
const MOST_SWEEPS: f64 = 1e4;
/// A bias is not above this, V: 255 counts.
const LARGEST_BIAS_V: f64 = 10.0;
/// A bolometer's voltage is not beyond this, V.
const LARGEST_VOLTAGE_V: f64 = 100.0;

/// Records whose bolometers are brought to their temperatures side by side.
const AT_ONCE: usize = 1024;

/// Records of a channel are not more than this: 4 TB of interferograms.
const MOST_RECORDS: usize = 1 << 30;

/// Why a record is left out: the first of these, in this order, that holds.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// It belongs to another data set: no fault of the record.
    OtherScanMode,
    /// This rule of `data.exclude` holds.
    Excluded(String),
    /// A temperature of another channel has no record near it in time.
    NoMatch,
    /// A temperature is missing (NaN).
    MissingTemperature,
    /// A temperature is zero or less.
    ImpossibleTemperature,
    /// A temperature is above `data.max_temperature_k`.
    TemperatureAboveLimit,
    /// The gain is missing, or not more than zero.
    BadGain,
    /// The gain is infinite, or more than any preamplifier has.
    ImplausibleGain,
    /// The number of sweeps is missing, or not more than zero.
    BadSweeps,
    /// The number of sweeps is infinite, or more than were ever added.
    ImplausibleSweeps,
    /// The bolometer's bias is missing, or not more than zero.
    BadBias,
    /// The bolometer's bias is infinite, or more than can be commanded.
    ImplausibleBias,
    /// The bolometer's voltage is missing.
    MissingVoltage,
    /// The bolometer's voltage is infinite, or more than can be read.
    ImplausibleVoltage,
    /// The adds per group are not those of the scan mode.
    WrongAddsPerGroup,
    /// A sample is missing (NaN) or infinite.
    MissingSample,
    /// A sample reached full scale.
    Saturated,
    /// All samples are equal: the record holds no light and no noise.
    Flat,
    /// The bolometer's temperature could not be found from its voltages.
    BolometerNotConverged,
    /// The time is missing, and corrections change with it.
    MissingTime,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::OtherScanMode => "another scan mode",
            Self::Excluded(rule) => return write!(f, "excluded by \"{rule}\""),
            Self::NoMatch => "no record of another channel near it in time",
            Self::MissingTemperature => "missing temperature",
            Self::ImpossibleTemperature => "impossible temperature",
            Self::TemperatureAboveLimit => "temperature above data.max_temperature_k",
            Self::BadGain => "missing or impossible gain",
            Self::ImplausibleGain => "implausible gain",
            Self::BadSweeps => "missing or impossible sweeps",
            Self::ImplausibleSweeps => "implausible sweeps",
            Self::BadBias => "missing or impossible bolometer bias",
            Self::ImplausibleBias => "implausible bolometer bias",
            Self::MissingVoltage => "missing bolometer voltage",
            Self::ImplausibleVoltage => "implausible bolometer voltage",
            Self::WrongAddsPerGroup => "adds per group of another mode",
            Self::MissingSample => "missing sample",
            Self::Saturated => "saturated interferogram",
            Self::Flat => "flat interferogram",
            Self::BolometerNotConverged => "bolometer state not found",
            Self::MissingTime => "missing time",
        })
    }
}

/// How many records were used, and how many left out for each reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Screening {
    /// Records of the channel in the file.
    pub records: usize,
    /// Records used.
    pub used: usize,
    /// Records left out, by reason, in the order of [`Reason`]; reasons that did not occur are
    /// not listed.
    pub left_out: Vec<(Reason, usize)>,
    /// Records used whose temperature of an emitter lacks one of several readings, by emitter.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub incomplete: Vec<(String, usize)>,
}

impl Screening {
    /// Every record used.
    pub(super) fn all(records: usize) -> Self {
        Self { records, used: records, left_out: Vec::new(), incomplete: Vec::new() }
    }

    /// A count that no file gives: more records than there are at all, or more than any file holds.
    /// What is reckoned with the others stays a number.
    #[must_use]
    pub fn impossible(&self) -> Option<usize> {
        let of_list = self.left_out.iter().map(|(_, count)| *count);
        let mut counts = of_list.chain(self.incomplete.iter().map(|(_, count)| *count));
        let is_more = |most: usize| move |count: &usize| *count > most;
        Some(self.records).filter(is_more(MOST_RECORDS)).or_else(|| {
            counts.find(is_more(self.records)).or(Some(self.used).filter(is_more(self.records)))
        })
    }

    /// Records left out that belong to the data set, whose values are at fault.
    #[must_use]
    pub fn faulty(&self) -> usize {
        self.left_out.iter().filter(|(r, _)| *r != Reason::OtherScanMode).map(|(_, n)| n).sum()
    }
}

impl fmt::Display for Screening {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {} records used", self.used, self.records)?;
        for (reason, count) in &self.left_out {
            write!(f, ", {count} left out: {reason}")?;
        }
        for (emitter, count) in &self.incomplete {
            write!(f, "; {count} without one of the readings of {emitter}")?;
        }
        Ok(())
    }
}

/// The records that passed, with their bolometer states.
#[derive(Debug, Clone)]
pub(super) struct PassedRecords {
    /// Indices into the raw records, ascending.
    pub(super) indices: Vec<usize>,
    /// One state per index.
    pub(super) states: Vec<BolometerState>,
    /// Why each of the raw records is left out, if it is.
    pub(super) reasons: Vec<Option<Reason>>,
    /// The account.
    pub(super) screening: Screening,
}

/// Screens every record of a channel for one data set.
pub(super) fn screen(
    raw: &RawRecords,
    set: ChannelScan,
    resolved: &ResolvedSettings,
    recipe: &Recipe,
) -> PassedRecords {
    let judged = |record| judge(raw, record, set, recipe).err();
    let mut reasons: Vec<Option<Reason>> = (0..raw.len()).map(judged).collect();
    let passed: Vec<usize> = (0..raw.len()).filter(|record| reasons[*record].is_none()).collect();
    let (mut indices, mut states) = (Vec::new(), Vec::new());
    for some in passed.chunks(AT_ONCE) {
        let of = |values: &[f64]| some.iter().map(|record| values[*record]).collect::<Vec<_>>();
        let (bias_v, volt_v, bath_k) = (of(&raw.bias_v), of(&raw.volt_v), of(&raw.bath_k));
        let found = resolved.bolometer.states(&bias_v, &volt_v, &bath_k);
        for (&record, state) in some.iter().zip(found) {
            let state = state.map_err(|_| Reason::BolometerNotConverged);
            match state.and_then(|state| judge_time(raw, record, resolved).map(|()| state)) {
                Ok(state) => {
                    indices.push(record);
                    states.push(state);
                }
                Err(reason) => reasons[record] = Some(reason),
            }
        }
    }
    let mut counts: BTreeMap<Reason, usize> = BTreeMap::new();
    for reason in reasons.iter().flatten() {
        *counts.entry(reason.clone()).or_default() += 1;
    }
    let screening = Screening {
        records: raw.len(),
        used: indices.len(),
        left_out: counts.into_iter().collect(),
        incomplete: incomplete(raw, &indices, recipe),
    };
    PassedRecords { indices, states, reasons, screening }
}

/// How many of some records lack a reading, by emitter.
fn incomplete(raw: &RawRecords, indices: &[usize], recipe: &Recipe) -> Vec<(String, usize)> {
    let count = |(i, emitter): (usize, &super::Emitter)| {
        let lacks = |record: &&usize| raw.readings[i].incomplete[**record];
        (emitter.name().to_owned(), indices.iter().filter(lacks).count())
    };
    recipe.emitters.iter().enumerate().map(count).filter(|(_, count)| *count > 0).collect()
}

fn judge(raw: &RawRecords, record: usize, set: ChannelScan, recipe: &Recipe) -> Result<(), Reason> {
    let mode = (raw.mtm_length[record], raw.mtm_speed[record]);
    let own = (f64::from(set.scan.mtm_length()), f64::from(set.scan.mtm_speed()));
    require(mode == own, Reason::OtherScanMode)?;
    if let Some(rule) = raw.excluded[record] {
        return Err(Reason::Excluded(recipe.data.exclude[rule].to_string()));
    }
    judge_temperatures(raw, record, recipe.data.max_temperature_k)?;
    judge_housekeeping(raw, record)?;
    let adds = f64::from(set.adds_per_group());
    require(raw.adds_per_group[record] == adds, Reason::WrongAddsPerGroup)?;
    raw.sample_faults[record].map_or(Ok(()), |fault| Err(fault.into()))
}

fn judge_time(raw: &RawRecords, record: usize, resolved: &ResolvedSettings) -> Result<(), Reason> {
    let has_time = raw.years.as_ref().is_some_and(|years| !years[record].is_nan());
    require(has_time || !resolved.corrections.depends_on_time(), Reason::MissingTime)
}

fn require(condition: bool, reason: Reason) -> Result<(), Reason> {
    if condition { Ok(()) } else { Err(reason) }
}

fn judge_temperatures(raw: &RawRecords, record: usize, limit_k: f64) -> Result<(), Reason> {
    require(!raw.unmatched.get(record).is_some_and(|unmatched| *unmatched), Reason::NoMatch)?;
    let emitters = raw.readings.iter().map(|reading| reading.temperatures_k[record]);
    let temperatures = || emitters.clone().chain([raw.bath_k[record]]);
    require(temperatures().all(|t| !t.is_nan()), Reason::MissingTemperature)?;
    require(temperatures().all(|t| t > 0.0), Reason::ImpossibleTemperature)?;
    require(temperatures().all(|t| is_temperature(t, limit_k)), Reason::TemperatureAboveLimit)
}

fn judge_housekeeping(raw: &RawRecords, record: usize) -> Result<(), Reason> {
    for (value, largest, bad, implausible) in [
        (raw.gain[record], LARGEST_GAIN, Reason::BadGain, Reason::ImplausibleGain),
        (raw.sweeps[record], MOST_SWEEPS, Reason::BadSweeps, Reason::ImplausibleSweeps),
        (raw.bias_v[record], LARGEST_BIAS_V, Reason::BadBias, Reason::ImplausibleBias),
    ] {
        require(value > 0.0, bad)?;
        require(value <= largest, implausible)?;
    }
    let volt_v = raw.volt_v[record];
    require(!volt_v.is_nan(), Reason::MissingVoltage)?;
    require(volt_v.abs() <= LARGEST_VOLTAGE_V, Reason::ImplausibleVoltage)
}

/// What is wrong with the samples of an interferogram.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SampleFault {
    /// One is missing (NaN) or infinite.
    Missing,
    /// One reached full scale.
    Saturated,
    /// All are equal.
    Flat,
}

impl From<SampleFault> for Reason {
    fn from(fault: SampleFault) -> Self {
        match fault {
            SampleFault::Missing => Self::MissingSample,
            SampleFault::Saturated => Self::Saturated,
            SampleFault::Flat => Self::Flat,
        }
    }
}

/// Judges the samples in a row of telemetry counts.
pub(super) fn judge_samples(counts: &Matrix, row: usize, full_scale: f64) -> Option<SampleFault> {
    if let Some([least, greatest]) = counts.extremes_of_row(row) {
        let is_flat = least == greatest;
        return if greatest.max(-least) < full_scale {
            is_flat.then_some(SampleFault::Flat)
        } else {
            Some(SampleFault::Saturated)
        };
    }
    let mut samples = [0.0; IFG_LENGTH];
    counts.copy_row(row, &mut samples);
    // Counted, not sought: a loop without an exit is vectorised. What is not a number is among them.
    let beyond = |s: &&f64| s.abs().partial_cmp(&full_scale) != Some(Ordering::Less);
    let any_beyond = with_widest_simd(
        #[inline(always)]
        || samples.iter().filter(beyond).count() > 0,
    );
    if any_beyond {
        let is_whole = samples.iter().all(|s| s.is_finite());
        return Some(if is_whole { SampleFault::Saturated } else { SampleFault::Missing });
    }
    samples.iter().all(|&s| s == samples[0]).then_some(SampleFault::Flat)
}
