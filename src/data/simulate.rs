//! A simulated calibration campaign: temperatures, gains, interferograms.
//!
//! Four bodies are driven one at a time, in plateaus, away from 2.73 K; between them nothing is
//! driven (a null). The dihedral, the collimator and the bolometers are not driven but drift with
//! the rest of the instrument, each over its own range, which is what makes them (barely) seen.

use ndarray::Array2;
use num_complex::Complex64;
use realfft::RealFftPlanner;

use crate::foundations::math::{exp, median, pow};
use crate::instrument::{
    Axis, BolometerError, BolometerParameters, BolometerState, Emitter, Gain, IFG_LENGTH,
    planck_mjy_sr,
};

use super::random::{Stream, StreamKey};
use super::settings::SimulateSettings;
use super::truth::Truth;

/// Temperature of a body that is not driven, K.
const REST_K: f64 = 2.73;
/// Range of a driven body, K.
const DRIVEN_K: (f64, f64) = (2.2, 20.0);
/// Scatter of a body about its plateau, K.
const JITTER_K: f64 = 5e-4;
/// Gains that the instrument can be commanded to.
const GAINS: [f64; 8] = [1.0, 3.0, 10.0, 30.0, 100.0, 300.0, 1000.0, 3000.0];
/// The gain is chosen so that the peak stays below this, telemetry counts.
const FULL_SCALE: f64 = 30_000.0;
/// The peak of the noise among 512 samples is taken to be this many sigma.
const NOISE_PEAK: f64 = 6.0;

/// What is driven during a plateau; a campaign goes through these again and again.
const SCHEDULE: [Option<Emitter>; 6] = [
    None,
    Some(Emitter::Xcal),
    Some(Emitter::Ical),
    None,
    Some(Emitter::Refhorn),
    Some(Emitter::Skyhorn),
];

/// The operating point of the bolometer about which a campaign is simulated.
#[derive(Debug, Clone, Copy)]
pub(super) struct OperatingPoint {
    pub(super) bias_v: f64,
    pub(super) volt_v: f64,
    pub(super) bath_k: f64,
}

impl OperatingPoint {
    /// The mission average of the published LLSS model.
    pub(super) const PUBLISHED_LL: Self =
        Self { bias_v: 1.372_549, volt_v: 2.065_718, bath_k: 1.530_941_8 };
}

/// What a campaign is simulated with.
#[derive(Debug, Clone, Copy)]
pub(super) struct Setup<'a> {
    pub(super) emitters: &'a [Emitter],
    pub(super) truth: &'a Truth,
    /// The 512-point axis, on which the transform can be inverted exactly.
    pub(super) axis: &'a Axis,
    pub(super) peak_sample: usize,
    pub(super) bolometer: &'a BolometerParameters,
    pub(super) point: OperatingPoint,
}

/// A campaign without noise. Vectors have one element a record.
#[derive(Debug, Clone)]
pub(super) struct SimulatedCampaign {
    /// K, [emitter][record].
    pub(super) temperatures: Vec<Vec<f64>>,
    pub(super) states: Vec<BolometerState>,
    /// Noise-free interferograms, counts per gain and sweep, [record, sample].
    clean: Array2<f64>,
    /// Constant offset of each interferogram, telemetry counts.
    dither: Vec<f64>,
    sweeps: f64,
    rounding: bool,
    /// Median RMS of the interferograms in which nothing is driven, counts per gain and sweep.
    pub(super) null_rms: f64,
}

/// One record as the instrument would send it, divided by gain and sweeps again.
#[derive(Debug, Clone, Copy)]
pub(super) struct Digitised {
    /// Commanded gain times sweeps: a count is one over this.
    pub(super) gain_sweeps: f64,
}

impl SimulatedCampaign {
    /// Simulates a campaign of one data set.
    ///
    /// # Errors
    /// If the bolometer has no state at the operating point.
    pub(super) fn new(
        settings: &SimulateSettings,
        setup: &Setup,
        seed: u64,
    ) -> Result<Self, BolometerError> {
        let Setup { emitters, axis, point, .. } = *setup;
        let key = StreamKey::campaign(seed, axis.channel_scan());
        let plateaus = settings.records.div_ceil(settings.plateau_records);
        let targets: Vec<Vec<f64>> =
            (0..plateaus).map(|p| plateau_targets(p, emitters, point, key)).collect();
        let mut temperatures = vec![Vec::with_capacity(settings.records); emitters.len()];
        let (mut states, mut dither) = (Vec::new(), Vec::new());
        for record in 0..settings.records {
            // Streams after those of the plateaus.
            let mut stream = key.stream(plateaus + record);
            let (plateau, step) =
                (record / settings.plateau_records, record % settings.plateau_records);
            let before = &targets[plateau.saturating_sub(1)];
            for (i, column) in temperatures.iter_mut().enumerate() {
                let settling = 0.01 * (before[i] - targets[plateau][i]) * exp(-(step as f64) / 4.0);
                column.push(targets[plateau][i] + settling + JITTER_K * stream.normal());
            }
            let volt = point.volt_v + 2e-4 * stream.normal();
            let bath = temperatures[Emitter::BOLOMETER_INDEX][record];
            states.push(setup.bolometer.state(point.bias_v, volt, bath)?);
            dither.push(settings.dither_counts * stream.between(-1.0, 1.0));
        }
        let mut campaign = Self {
            clean: Array2::zeros((settings.records, IFG_LENGTH)),
            temperatures,
            states,
            dither,
            sweeps: f64::from(axis.channel_scan().scan.sweeps()),
            rounding: settings.rounding,
            null_rms: f64::NAN,
        };
        campaign.synthesise(setup);
        campaign.null_rms = campaign.median_null_rms(settings.plateau_records);
        Ok(campaign)
    }

    /// Fills in the interferograms that these temperatures give: the exact inverse of the
    /// 512-point transform.
    fn synthesise(&mut self, setup: &Setup) {
        let axis = setup.axis;
        let emissivity = setup.truth.on(axis, setup.emitters);
        let gain = Gain::new(axis);
        let inverse = RealFftPlanner::new().plan_fft_inverse(IFG_LENGTH);
        let mut spectrum: Vec<Complex64> = inverse.make_input_vec();
        let mut scratch = inverse.make_scratch_vec();
        let mut samples = inverse.make_output_vec();
        for (record, mut ifg) in self.clean.rows_mut().into_iter().enumerate() {
            for (bin, value) in spectrum.iter_mut().enumerate() {
                let light: Complex64 = emissivity[bin]
                    .iter()
                    .zip(&self.temperatures)
                    .filter(|(e, _)| **e != Complex64::ZERO)
                    .map(|(e, t)| e * planck_mjy_sr(axis.frequency_hz(bin), t[record]))
                    .sum();
                *value = if light == Complex64::ZERO {
                    Complex64::ZERO
                } else {
                    light * gain.at(bin, &self.states[record])
                };
            }
            // The transform of real samples is real at both ends; no light there in any mode.
            spectrum[0].im = 0.0;
            spectrum[IFG_LENGTH / 2].im = 0.0;
            inverse
                .process_with_scratch(&mut spectrum, &mut samples, &mut scratch)
                .expect("the buffers were made by this transform, so their lengths are right");
            samples.rotate_right(setup.peak_sample);
            ifg.iter_mut().zip(&samples).for_each(|(i, s)| *i = s / IFG_LENGTH as f64);
        }
    }

    fn median_null_rms(&self, plateau_records: usize) -> f64 {
        let is_null = |record: usize| driven(record / plateau_records).is_none();
        let rms = |record: usize| {
            let row = self.clean.row(record);
            (row.iter().map(|v| v * v).sum::<f64>() / row.len() as f64).sqrt()
        };
        median(&(0..self.clean.nrows()).filter(|&r| is_null(r)).map(rms).collect::<Vec<_>>())
    }

    /// Number of records.
    pub(super) fn len(&self) -> usize {
        self.clean.nrows()
    }

    /// Whether samples are rounded to whole counts.
    pub(super) fn rounded(&self) -> bool {
        self.rounding
    }

    /// Writes one record with noise of `sigma` (counts per gain and sweep) into `samples`, as the
    /// instrument would send it, divided by gain and sweeps again.
    pub(super) fn record(
        &self,
        record: usize,
        sigma: f64,
        mut noise: Stream,
        samples: &mut [f64],
    ) -> Digitised {
        let clean = self.clean.row(record);
        let peak = clean.iter().fold(0.0, |m: f64, v| m.max(v.abs())) + NOISE_PEAK * sigma;
        let gain_sweeps = choose_gain(peak * self.sweeps) * self.sweeps;
        for (sample, clean) in samples.iter_mut().zip(clean) {
            let noise = if sigma > 0.0 { sigma * noise.normal() } else { 0.0 };
            let counts = (clean + noise) * gain_sweeps + self.dither[record];
            *sample = if self.rounding { counts.round_ties_even() } else { counts } / gain_sweeps;
        }
        Digitised { gain_sweeps }
    }
}

/// What a plateau drives.
fn driven(plateau: usize) -> Option<Emitter> {
    SCHEDULE[plateau % SCHEDULE.len()]
}

/// The temperatures that a plateau settles to, K, one per emitter.
fn plateau_targets(
    plateau: usize,
    emitters: &[Emitter],
    point: OperatingPoint,
    key: StreamKey,
) -> Vec<f64> {
    let mut stream = key.stream(plateau);
    let mut target = |emitter: &Emitter| match emitter {
        Emitter::Dihedral => between_in_proportion(&mut stream, (1.95, 5.2)),
        Emitter::Collimator => stream.between(1.55, 2.75),
        Emitter::Bolometer | Emitter::OtherBolometer(_) => point.bath_k + stream.between(0.0, 0.06),
        other if driven(plateau) == Some(*other) => between_in_proportion(&mut stream, DRIVEN_K),
        _ => REST_K + stream.between(-0.015, 0.015),
    };
    emitters.iter().map(&mut target).collect()
}

/// Uniform in the logarithm.
fn between_in_proportion(stream: &mut Stream, (low, high): (f64, f64)) -> f64 {
    low * pow(high / low, stream.uniform())
}

/// The largest gain at which a peak of so many counts (at gain one) stays in range.
fn choose_gain(peak_counts: f64) -> f64 {
    GAINS.into_iter().rev().find(|gain| peak_counts * gain < FULL_SCALE).unwrap_or(GAINS[0])
}
