//! Which records of a calibration set are used, and why the others are not.

use std::cmp::Ordering;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::foundations::wide::widely;
use crate::instrument::{BolometerParameters, BolometerState, ChannelScan, Emitter, IFG_LENGTH};

use super::records::RawRecords;

/// Why a record is left out: the first of these, in this order, that holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// It belongs to another data set: no fault of the record.
    OtherScanMode,
    /// A temperature is missing (NaN) or infinite.
    MissingTemperature,
    /// A temperature is zero or less.
    ImpossibleTemperature,
    /// The gain is missing, or not more than zero.
    BadGain,
    /// The number of sweeps is missing, or not more than zero.
    BadSweeps,
    /// The bolometer's bias is missing, or not more than zero.
    BadBias,
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
}

impl Reason {
    /// The one registry: each reason with its name for people.
    pub const REGISTRY: [(Reason, &'static str); 11] = [
        (Reason::OtherScanMode, "another scan mode"),
        (Reason::MissingTemperature, "missing temperature"),
        (Reason::ImpossibleTemperature, "impossible temperature"),
        (Reason::BadGain, "missing or impossible gain"),
        (Reason::BadSweeps, "missing or impossible sweeps"),
        (Reason::BadBias, "missing or impossible bolometer bias"),
        (Reason::WrongAddsPerGroup, "adds per group of another mode"),
        (Reason::MissingSample, "missing sample"),
        (Reason::Saturated, "saturated interferogram"),
        (Reason::Flat, "flat interferogram"),
        (Reason::BolometerNotConverged, "bolometer state not found"),
    ];
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(Self::REGISTRY[*self as usize].1)
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
}

impl Screening {
    /// Every record used.
    pub(super) fn all(records: usize) -> Self {
        Self { records, used: records, left_out: Vec::new() }
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
        Ok(())
    }
}

/// The records that passed, with their bolometer states.
#[derive(Debug, Clone)]
pub(super) struct Passed {
    /// Indices into the raw records, ascending.
    pub(super) indices: Vec<usize>,
    /// One state per index.
    pub(super) states: Vec<BolometerState>,
    /// The account.
    pub(super) screening: Screening,
}

/// Screens every record of a channel for one data set.
pub(super) fn screen(
    raw: &RawRecords,
    set: ChannelScan,
    bolometer: &BolometerParameters,
    saturation_counts: f64,
) -> Passed {
    let (mut indices, mut states) = (Vec::new(), Vec::new());
    let mut counts = [0; Reason::REGISTRY.len()];
    for record in 0..raw.len() {
        match judge(raw, record, set, bolometer, saturation_counts) {
            Ok(state) => {
                indices.push(record);
                states.push(state);
            }
            Err(reason) => counts[reason as usize] += 1,
        }
    }
    let left_out = Reason::REGISTRY.iter().map(|(reason, _)| *reason).zip(counts);
    let screening = Screening {
        records: raw.len(),
        used: indices.len(),
        left_out: left_out.filter(|(_, count)| *count > 0).collect(),
    };
    Passed { indices, states, screening }
}

fn judge(
    raw: &RawRecords,
    record: usize,
    set: ChannelScan,
    bolometer: &BolometerParameters,
    saturation_counts: f64,
) -> Result<BolometerState, Reason> {
    let require = |condition: bool, reason: Reason| if condition { Ok(()) } else { Err(reason) };
    let positive = |value: f64| value > 0.0 && value.is_finite();
    let mode = (raw.mtm_length[record], raw.mtm_speed[record]);
    let own = (f64::from(set.scan.mtm_length()), f64::from(set.scan.mtm_speed()));
    require(mode == own, Reason::OtherScanMode)?;

    let temperatures = || raw.temperatures.iter().map(|t| t[record]);
    require(temperatures().all(f64::is_finite), Reason::MissingTemperature)?;
    require(temperatures().all(positive), Reason::ImpossibleTemperature)?;
    require(positive(raw.gain[record]), Reason::BadGain)?;
    require(positive(raw.sweeps[record]), Reason::BadSweeps)?;
    require(positive(raw.bias_v[record]), Reason::BadBias)?;
    let adds = f64::from(set.adds_per_group());
    require(raw.adds_per_group[record] == adds, Reason::WrongAddsPerGroup)?;

    let mut samples = [0.0; IFG_LENGTH];
    raw.ifg.copy_row(record, &mut samples);
    // Counted, not sought: a loop without an exit is vectorised. What is not a number is among them.
    let beyond = |s: &&f64| s.abs().partial_cmp(&saturation_counts) != Some(Ordering::Less);
    let any_beyond = widely(
        #[inline(always)]
        || samples.iter().filter(beyond).count() > 0,
    );
    if any_beyond {
        require(samples.iter().all(|s| s.is_finite()), Reason::MissingSample)?;
        return Err(Reason::Saturated);
    }
    require(samples.iter().any(|&s| s != samples[0]), Reason::Flat)?;

    let bath = raw.temperatures[Emitter::BOLOMETER_INDEX][record];
    bolometer
        .state(raw.bias_v[record], raw.volt_v[record], bath)
        .map_err(|_| Reason::BolometerNotConverged)
}
