//! The instrument: what FIRAS does to light, as pure functions.
//!
//! ```text
//! ChannelScan ("llss") ---- which detector, how the mirror moved
//!   |
//!   +-- Axis (transform length) ---- frequency and audio frequency of each bin
//!   |     |
//!   |     +--> Electronics ---------- ETF[k] --------+
//!   |     |                                          |
//!   |     +--> Nyquist * throughput * ADC = norm ----+--> Gain: A[k] = ETF[k] * norm / unit
//!   |                                                                |
//!   |   bias, voltage, bath temperature                              |
//!   |     +--> BolometerParameters --> BolometerState: B[k] ---------+--> G[k] = A[k] * B[k]
//!   |                                                                       |
//!   |   interferogram --> baseline, rotation, FFT --> Y[k] -----------------+--> D[k] = Y / G
//!   |                                                                              |
//!   +-- emitters' temperatures --> Planck --> P[k] ----> fit of D[k] = sum of E[k] P[k]
//! ```
//!
//! The last two lines are the work of the layers above. Nothing here knows of files or Slurm.
//! Units: K, V, ohm, s; light in MJy/sr; frequencies say theirs in their names.

pub mod axis;
pub mod bolometer;
mod bolometer_slopes;
pub mod channel;
pub mod channel_scan;
#[cfg(test)]
mod check;
pub mod corrections;
pub mod electronics;
pub mod gain;
pub mod mission_time;
pub mod peak;
pub mod planck;
mod planck_steps;
pub mod preamplifier;
mod settling;
pub mod vibration;

pub use axis::{
    Axis, AxisError, DEFAULT_CORRECTION, IFG_LENGTH, PADDED_LENGTH, PLAIN_LENGTH, SPECTRUM_BINS,
};
pub use bolometer::{
    BolometerError, BolometerParameters, BolometerState, COUNTS_PER_VOLT, PUBLISHED_LL, bias_volts,
    inverse_response,
};
pub use bolometer_slopes::{BolometerSlopes, FITTED, FITTED_NAMES, SlopeOf, StatesWithSlopes};
pub use channel::{Channel, NameError, ScanMode};
pub use channel_scan::ChannelScan;
pub use corrections::{CorrectionError, Corrections, IcalDrift, Term, TermShape};
pub use electronics::Electronics;
pub use gain::Gain;
pub use mission_time::{mission_date, mission_ticks, mission_years};
pub use peak::{Peak, PeakTable};
pub use planck::{fill_planck_column, fill_weighted_planck_slopes, planck_mjy_sr};
pub use planck_steps::{PlanckSteps, planck_step_bytes};
pub use preamplifier::{GainTable, NOMINAL_GAINS};
pub use vibration::VibrationOffsets;
