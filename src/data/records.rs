//! A calibration set as it stands in the file: nothing judged yet.

use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::foundations::Shown;
use crate::instrument::{Channel, Emitter, IFG_LENGTH, bias_volts};

use super::npz::{Matrix, NpzError, NpzFile};

/// A file whose arrays are each sound but do not fit together.
#[derive(Debug, Error)]
pub enum RecordsError {
    /// The archive or an array in it.
    #[error(transparent)]
    Npz(#[from] NpzError),
    /// No array of interferograms for this channel.
    #[error(
        "{}: channel {channel} has no records: `ifg_{channel}` holds 0 rows; \
         choose another channel with --set data.sets='[\"llss\"]'",
        Shown(path)
    )]
    Empty {
        /// The file.
        path: PathBuf,
        /// The channel that was asked for.
        channel: Channel,
    },
}

/// All records of one channel, of every scan mode. Vectors have one element a record.
#[derive(Debug, Clone)]
pub(super) struct RawRecords {
    /// Interferograms, telemetry counts, [record, sample].
    pub(super) ifg: Matrix,
    /// 0 short, 1 long.
    pub(super) mtm_length: Vec<f64>,
    /// 0 slow, 1 fast.
    pub(super) mtm_speed: Vec<f64>,
    /// Samples added on board into one.
    pub(super) adds_per_group: Vec<f64>,
    /// Mirror sweeps added into one interferogram.
    pub(super) sweeps: Vec<f64>,
    /// Commanded gain.
    pub(super) gain: Vec<f64>,
    /// Commanded bolometer bias, V.
    pub(super) bias_v: Vec<f64>,
    /// Bolometer readout, V.
    pub(super) volt_v: Vec<f64>,
    /// Emitter temperatures, K, `[emitter][record]`.
    pub(super) temperatures: Vec<Vec<f64>>,
}

impl RawRecords {
    /// Reads one channel of a calibration set.
    pub(super) fn read(
        path: &Path,
        channel: Channel,
        emitters: &[Emitter],
    ) -> Result<Self, RecordsError> {
        let mut file = NpzFile::open(path)?;
        let ifg = file.matrix(&format!("ifg_{channel}"), IFG_LENGTH)?;
        let records = ifg.rows();
        if records == 0 {
            return Err(RecordsError::Empty { path: path.to_path_buf(), channel });
        }
        let mut column = |name: &str| file.vector(&format!("{name}_{channel}"), Some(records));
        let bias_counts = column("bol_cmd_bias")?;
        Ok(Self {
            mtm_length: column("mtm_length")?,
            mtm_speed: column("mtm_speed")?,
            adds_per_group: column("adds_per_group")?,
            sweeps: column("sweeps")?,
            gain: column("gain")?,
            bias_v: bias_counts.into_iter().map(bias_volts).collect(),
            volt_v: column("bol_volt")?,
            temperatures: emitters
                .iter()
                .map(|emitter| file.vector(&emitter.npz_key(channel), Some(records)))
                .collect::<Result<_, _>>()?,
            ifg,
        })
    }

    /// Number of records.
    pub(super) fn len(&self) -> usize {
        self.ifg.rows()
    }
}
