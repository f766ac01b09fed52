//! A calibration set as it stands in the file: nothing judged yet.

use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::foundations::Shown;
use crate::science::instrument::{Channel, IFG_LENGTH, bias_volts, mission_years};

use super::emitters::{BOLOMETER, CombinedReading, Emitter, Reading, combine_readings};
use super::exclusion::Exclusion;
use super::matching::nearest;
use super::recipe::Recipe;
use super::resolved::ResolvedSettings;
use super::screening::{SampleFault, judge_samples};
use crate::foundations::npz::{Hold, NpzError, NpzFile, Table, TableSize};

/// A file whose arrays are each sound but do not fit together.
#[derive(Debug, Error)]
pub enum RecordsError {
    /// The archive or an array in it.
    #[error(transparent)]
    Npz(#[from] NpzError),
    /// No array of interferograms for this channel.
    #[error(
        "{}: channel {channel} has no records: `{key}` holds 0 rows; \
         choose another channel with --set data.sets='[\"llss\"]'",
        Shown(path)
    )]
    Empty {
        /// The file.
        path: PathBuf,
        /// The channel that was asked for.
        channel: Channel,
        /// Its array of interferograms.
        key: String,
    },
    /// Readings of another channel that cannot be told to belong to these records.
    #[error(
        "{}: `{key}` holds {found} values for {records} records of channel {channel}; to match them \
         by time needs `midpoint_time_{channel}` and `midpoint_time_{other}`",
        Shown(path)
    )]
    NoTimes {
        /// The file.
        path: PathBuf,
        /// The readings.
        key: String,
        /// How many there are.
        found: usize,
        /// The records.
        records: usize,
        /// Their channel.
        channel: Channel,
        /// The channel of the readings.
        other: Channel,
    },
    /// No times for corrections that change with time.
    #[error(
        "{}: has no `{key}` (units of 100 ns since 1858-11-17), but instrument.corrections change with \
         time; add it to the file, or give corrections that do not, without an amplitude_k of \
         ical_drift and with the first number of primary_vibration alone, as in \
         --set instrument.corrections='{{ xcal_offset_k = -1.5e-3 }}'",
        Shown(path)
    )]
    NoMissionTimes {
        /// The file.
        path: PathBuf,
        /// The array that is missing.
        key: String,
    },
    /// A flag that a rule wants otherwise.
    #[error("{}: data.exclude has `{rule}`, but `{key}` has shape {shapes}", Shown(path))]
    Flag {
        /// The file.
        path: PathBuf,
        /// The rule.
        rule: String,
        /// The array.
        key: String,
        /// Its shape, and what the rule asks for.
        shapes: String,
    },
}

/// All records of one channel, of every scan mode. Vectors have one element a record.
#[derive(Debug)]
pub(super) struct RawRecords {
    /// Interferograms, telemetry counts, [record, sample].
    pub(super) ifg: Table,
    /// What is wrong with the samples of each, if anything is.
    pub(super) sample_faults: Vec<Option<SampleFault>>,
    /// 0 short, 1 long.
    pub(super) mtm_length: Vec<f64>,
    /// 0 slow, 1 fast.
    pub(super) mtm_speed: Vec<f64>,
    /// Samples added on board into one.
    pub(super) adds_per_group: Vec<f64>,
    /// Mirror sweeps added into one interferogram.
    pub(super) sweeps: Vec<f64>,
    /// Commanded gain, as the file has it.
    pub(super) gain: Vec<f64>,
    /// Commanded bolometer bias, V.
    pub(super) bias_v: Vec<f64>,
    /// Bolometer readout, V.
    pub(super) volt_v: Vec<f64>,
    /// Temperature of the bolometer's bath, K.
    pub(super) bath_k: Vec<f64>,
    /// What thermometers read, one for each emitter.
    pub(super) readings: Vec<CombinedReading>,
    /// Whether a reading of another channel has no partner in time.
    pub(super) unmatched: Vec<bool>,
    /// The first rule by which each is excluded.
    pub(super) excluded: Vec<Option<usize>>,
    /// Years since the aperture cover was ejected; NaN for a record without a time, none for a file
    /// without times.
    pub(super) years: Option<Vec<f64>>,
}

impl RawRecords {
    /// Reads one channel of a calibration set. Its interferograms are held in memory, or stay in the file.
    pub(super) fn read(
        path: &Path,
        channel: Channel,
        recipe: &Recipe,
        resolved: &ResolvedSettings,
        hold: Hold,
    ) -> Result<Self, RecordsError> {
        let bias = resolved.bias;
        let mut reader = Reader::new(NpzFile::open(path)?, path, channel, recipe);
        let key = reader.key("ifg", channel);
        let (mut sample_faults, full_scale) = (Vec::new(), recipe.data.saturation_counts);
        let ifg = reader.file.table(&key, IFG_LENGTH, hold, |counts, row| {
            sample_faults.push(judge_samples(counts, row, full_scale));
        })?;
        if ifg.rows() == 0 {
            return Err(RecordsError::Empty { path: path.to_path_buf(), channel, key });
        }
        reader.records = ifg.rows();
        let readings: Vec<CombinedReading> = recipe
            .emitters
            .iter()
            .map(|emitter| reader.emitter(emitter))
            .collect::<Result<_, _>>()?;
        let bias_v = |counts: f64| bias_volts(bias.counts(counts));
        Ok(Self {
            mtm_length: reader.column("mtm_length")?,
            mtm_speed: reader.column("mtm_speed")?,
            adds_per_group: reader.column("adds_per_group")?,
            sweeps: reader.column("sweeps")?,
            gain: reader.column("gain")?,
            bias_v: reader.column("bol_cmd_bias")?.into_iter().map(bias_v).collect(),
            volt_v: reader.column("bol_volt")?,
            bath_k: match recipe.emitters.iter().position(|e| e.name() == BOLOMETER) {
                Some(own) => readings[own].temperatures_k.clone(),
                None => reader.column(BOLOMETER)?,
            },
            readings,
            excluded: reader.excluded(&recipe.data.exclude)?,
            years: reader.years(resolved.corrections.depends_on_time())?,
            unmatched: reader.unmatched,
            ifg,
            sample_faults,
        })
    }

    /// Number of records.
    pub(super) fn len(&self) -> usize {
        self.ifg.rows()
    }
}

/// What the interferograms of a channel take in memory, one a row, as far as their file tells before it is
/// read: else as much as any take.
#[must_use]
pub fn telemetry_size(channel: Channel, recipe: &Recipe) -> TableSize {
    let header = || -> Option<TableSize> {
        let path = recipe.data.path.as_deref()?;
        let file = NpzFile::open_unless_gzipped(path).ok()??;
        let mut reader = Reader::new(file, path, channel, recipe);
        let key = reader.key("ifg", channel);
        reader.file.table_size(&key, IFG_LENGTH).ok()
    };
    let most = TableSize { of_row: (IFG_LENGTH * size_of::<f64>()) as u64, stays_in_file: false };
    header().unwrap_or(most)
}

/// Reads arrays of the records of one channel.
struct Reader<'a> {
    file: NpzFile,
    channel: Channel,
    /// Whether names without a channel may stand for this one's.
    is_alone: bool,
    limit_k: f64,
    tolerance_s: f64,
    records: usize,
    unmatched: Vec<bool>,
    path: &'a Path,
}

impl<'a> Reader<'a> {
    fn new(file: NpzFile, path: &'a Path, channel: Channel, recipe: &Recipe) -> Self {
        Self {
            file,
            channel,
            is_alone: recipe.data.sets.iter().all(|set| set.channel == channel),
            limit_k: recipe.data.max_temperature_k,
            tolerance_s: recipe.data.match_within_s,
            records: 0,
            unmatched: Vec::new(),
            path,
        }
    }

    /// The array of a name of a channel: `ifg_ll`, or, in a file of one channel, also `ifg`.
    fn key(&self, name: &str, channel: Channel) -> String {
        let full = format!("{name}_{channel}");
        let is_short = self.is_alone && channel == self.channel;
        if is_short && !self.file.contains(&full) && self.file.contains(name) {
            name.to_owned()
        } else {
            full
        }
    }

    /// One value a record of the channel.
    fn column(&mut self, name: &str) -> Result<Vec<f64>, RecordsError> {
        let key = self.key(name, self.channel);
        Ok(self.file.vector(&key, Some(self.records))?)
    }

    /// What the thermometers of an emitter read.
    fn emitter(&mut self, emitter: &Emitter) -> Result<CombinedReading, RecordsError> {
        let Reading { parts, channel } = &emitter.reading;
        let mut readings = Vec::new();
        for (name, weight) in parts {
            let values = match channel {
                Some(other) if *other != self.channel => self.other_column(name, *other)?,
                _ => self.column(name)?,
            };
            readings.push((values, *weight));
        }
        Ok(combine_readings(readings, self.limit_k))
    }

    /// One value a record of another channel, in the order of this one's records: the nearest in time,
    /// or, where the file has no times, the one at the same place.
    fn other_column(&mut self, name: &str, other: Channel) -> Result<Vec<f64>, RecordsError> {
        let key = self.key(name, other);
        let values = self.file.vector(&key, None)?;
        let times = self.key("midpoint_time", self.channel);
        let other_times = self.key("midpoint_time", other);
        if self.file.contains(&times) && self.file.contains(&other_times) {
            let own = self.file.vector(&times, Some(self.records))?;
            let others = self.file.vector(&other_times, Some(values.len()))?;
            return Ok(self.matched(&values, &nearest(&own, &others, self.tolerance_s)));
        }
        if values.len() == self.records {
            return Ok(values);
        }
        let path = self.path.to_path_buf();
        let channel = self.channel;
        let found = values.len();
        let records = self.records;
        Err(RecordsError::NoTimes { path, key, found, records, channel, other })
    }

    /// The values at some places; records without one are remembered.
    fn matched(&mut self, values: &[f64], places: &[Option<usize>]) -> Vec<f64> {
        self.unmatched.resize(self.records, false);
        for (unmatched, place) in self.unmatched.iter_mut().zip(places) {
            *unmatched |= place.is_none();
        }
        places.iter().map(|place| place.map_or(f64::NAN, |place| values[place])).collect()
    }

    /// Years since the aperture cover was ejected. What is wrong with the times matters only where they
    /// are needed.
    fn years(&mut self, are_needed: bool) -> Result<Option<Vec<f64>>, RecordsError> {
        let key = self.key("midpoint_time", self.channel);
        if !self.file.contains(&key) {
            let path = self.path.to_path_buf();
            return if are_needed {
                Err(RecordsError::NoMissionTimes { path, key })
            } else {
                Ok(None)
            };
        }
        let years = |ticks: Option<i64>| ticks.map_or(f64::NAN, mission_years);
        match self.file.whole_vector(&key, self.records) {
            Ok(ticks) => Ok(Some(ticks.into_iter().map(years).collect())),
            Err(error) if are_needed => Err(error.into()),
            Err(_) => Ok(None),
        }
    }

    /// The first rule, by its place, that excludes each record.
    fn excluded(&mut self, rules: &[Exclusion]) -> Result<Vec<Option<usize>>, RecordsError> {
        let mut excluded = vec![None; self.records];
        for (place, rule) in rules.iter().enumerate() {
            let flags = self.flags(rule)?;
            for (excluded, flag) in excluded.iter_mut().zip(flags) {
                if excluded.is_none() && rule.holds(flag) {
                    *excluded = Some(place);
                }
            }
        }
        Ok(excluded)
    }

    /// The flag of each record that a rule looks at.
    fn flags(&mut self, rule: &Exclusion) -> Result<Vec<f64>, RecordsError> {
        let key = self.key(&rule.key, self.channel);
        let (array, _) = self.file.array_f64(&key)?;
        let records = self.records;
        let (stride, offset) = match (array.shape(), rule.column) {
            (&[rows], None) if rows == records => (1, 0),
            (&[rows, columns], Some(column)) if rows == records && column < columns => {
                (columns, column)
            }
            (shape, column) => {
                let expected = match column {
                    None => format!("({records},)"),
                    Some(column) => format!("({records}, {} or more)", column + 1),
                };
                let path = self.path.to_path_buf();
                let rule = rule.to_string();
                let shapes = format!(
                    "{}; expected {expected}",
                    crate::foundations::npz::python_shape(shape)
                );
                return Err(RecordsError::Flag { path, rule, key, shapes });
            }
        };
        Ok(array.iter().skip(offset).step_by(stride).copied().collect())
    }
}
