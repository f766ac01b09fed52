//! A simulated calibration campaign: temperatures, gains, interferograms.

mod light;
mod noise;
mod shared;
mod temperatures;

use ndarray::Array2;
use num_complex::Complex64;
use realfft::RealFftPlanner;

use crate::foundations::numerics::math::median;
use crate::science::instrument::{
    Axis, BolometerError, BolometerParameters, BolometerState, Channel, Corrections, GainTable,
    IFG_LENGTH, NOMINAL_GAINS, Peak, VibrationOffsets, bias_volts, mission_years,
};

use super::emitters::{
    BOLOMETER, DrivenBody, Emitter, TemperatureCourse, TemperatureRule, emitting,
};
use super::random::StreamKey;
use super::settings::SimulateSettings;
use super::truth::Truth;
use light::Light;
pub(super) use noise::Noise;
pub use shared::TrueParameters;
use shared::{by_heat_balance, midpoint_ticks};
use temperatures::Temperatures;

/// Scatter of the bolometer's readout, V.
const VOLT_SCATTER_V: f64 = 2e-4;
/// The gain is chosen so that the peak stays below this, telemetry counts.
const FULL_SCALE: f64 = 30_000.0;
/// The peak of the noise among 512 samples is taken to be this many sigma.
const NOISE_PEAK: f64 = 6.0;

/// The operating point of the bolometer about which a campaign is simulated.
#[derive(Debug, Clone, Copy)]
pub(super) struct OperatingPoint {
    /// Commanded bias, counts.
    pub(super) bias_counts: f64,
    pub(super) volt_v: f64,
    pub(super) bath_k: f64,
}

impl OperatingPoint {
    /// The mission average of the published LLSS model.
    pub(super) const PUBLISHED_LL: Self =
        Self { bias_counts: 35.0, volt_v: 2.065_718, bath_k: 1.530_941_8 };
}

/// What a campaign is simulated with.
#[derive(Debug, Clone, Copy)]
pub(super) struct SimulationSetup<'a> {
    pub(super) emitters: &'a [Emitter],
    pub(super) truth: &'a Truth,
    /// The 512-point axis, on which the transform can be inverted exactly.
    pub(super) axis: &'a Axis,
    pub(super) peak: Peak,
    pub(super) gains: GainTable,
    /// What the fit takes the bolometer's parameters to be.
    pub(super) bolometer: &'a BolometerParameters,
    /// Those that are true.
    pub(super) corrections: &'a Corrections,
    pub(super) vibration: Option<VibrationOffsets>,
    /// Of the electronics, relative to their largest: below it a bin counts as zero in others.
    pub(super) least_transfer: f64,
    pub(super) point: OperatingPoint,
}

/// A campaign without noise. Vectors have one element a record.
#[derive(Debug, Clone)]
pub(super) struct SimulatedCampaign {
    /// The true ones of bodies, and of the bath where the bolometer emits, K, `[emitter][record]`.
    pub(super) temperatures: Vec<Vec<f64>>,
    /// What thermometers would say without noise, if that is not the truth, K, `[emitter][record]`.
    read: Option<Vec<Vec<f64>>>,
    pub(super) parameters: TrueParameters,
    /// Midpoint times, units of 100 ns since 1858-11-17.
    pub(super) ticks: Vec<i64>,
    /// Temperature of the bolometer's bath, K.
    pub(super) baths: Vec<f64>,
    /// The true ones.
    states: Vec<BolometerState>,
    /// Commanded bias, counts.
    pub(super) bias_counts: Vec<f64>,
    /// Bolometer readout, V.
    pub(super) volts: Vec<f64>,
    /// Noise-free interferograms, counts per gain and sweep, [record, sample].
    clean: Array2<f64>,
    /// Constant offset of each interferogram, telemetry counts.
    dither: Vec<f64>,
    pub(super) sweeps: f64,
    channel: Channel,
    gains: GainTable,
    rounding: bool,
    glitch_fraction: f64,
    glitch_sigma: f64,
    temperature_error_k: f64,
    /// Median RMS of the interferograms in which nothing is driven, counts per gain and sweep.
    pub(super) null_rms: f64,
}

impl SimulatedCampaign {
    /// Simulates a campaign of one data set.
    ///
    /// # Errors
    /// If the bolometer has no state at the operating point.
    pub(super) fn new(
        settings: &SimulateSettings,
        setup: &SimulationSetup,
        seed: u64,
    ) -> Result<Self, BolometerError> {
        let set = setup.axis.channel_scan();
        let (temperatures, baths) = temperatures_of(settings, setup, seed);
        let key = StreamKey::housekeeping(seed, set);
        let assumed = setup.bolometer;
        let parameters = TrueParameters::new(settings, assumed, setup.corrections, (seed, set));
        let (mut operated, mut dither) = (Vec::new(), Vec::new());
        for record in 0..baths.len() {
            let mut stream = key.stream(record);
            let volt = setup.point.volt_v + VOLT_SCATTER_V * stream.normal();
            operated.push((setup.point.bias_counts, volt));
            dither.push(settings.dither_counts * stream.between(-1.0, 1.0));
        }
        if !settings.biases.is_empty() {
            let records = (&parameters.plateaus[..], &baths[..]);
            operated =
                by_heat_balance(&settings.biases, &parameters.bolometer, records, bias_volts)?;
        }
        let (bias_counts, volts): (Vec<f64>, Vec<f64>) = operated.into_iter().unzip();
        let ticks = midpoint_ticks(settings.records);
        let mut campaign = Self {
            clean: Array2::zeros((settings.records, IFG_LENGTH)),
            read: read_without_noise(setup.emitters, &temperatures, &parameters, &ticks),
            states: states(&parameters.bolometer, (&bias_counts, &volts, &baths))?,
            temperatures,
            parameters,
            ticks,
            baths,
            bias_counts,
            volts,
            dither,
            sweeps: f64::from(set.scan.sweeps()),
            channel: set.channel,
            gains: setup.gains,
            rounding: settings.rounding,
            glitch_fraction: settings.glitch_fraction,
            glitch_sigma: settings.glitch_sigma,
            temperature_error_k: settings.temperature_error_k,
            null_rms: f64::NAN,
        };
        campaign.synthesise(setup);
        campaign.null_rms = campaign.median_null_rms(settings.plateau_records);
        Ok(campaign)
    }

    /// Fills in the interferograms that these temperatures give: the exact inverse of the
    /// 512-point transform.
    fn synthesise(&mut self, setup: &SimulationSetup) {
        let mut temperatures = emitting(setup.emitters, self.temperatures.clone(), &self.states);
        for (column, emitter) in temperatures.iter_mut().zip(setup.emitters) {
            // No thermometer reads the operating temperature: the fit corrects what it works out.
            let shift = setup.corrections.shift_k(emitter.name(), f64::NAN);
            if emitter.temperature == TemperatureRule::Operating && shift != 0.0 {
                column.iter_mut().for_each(|t| *t += shift);
            }
        }
        let light = Light::new(setup, &temperatures);
        let inverse = RealFftPlanner::new().plan_fft_inverse(IFG_LENGTH);
        let mut spectrum: Vec<Complex64> = inverse.make_input_vec();
        let mut scratch = inverse.make_scratch_vec();
        let mut samples = inverse.make_output_vec();
        for (record, mut ifg) in self.clean.rows_mut().into_iter().enumerate() {
            let state = &self.states[record];
            light.transform(record, state, mission_years(self.ticks[record]), &mut spectrum);
            // The transform of real samples is real at both ends; no light there in any mode.
            spectrum[0].im = 0.0;
            spectrum[IFG_LENGTH / 2].im = 0.0;
            inverse
                .process_with_scratch(&mut spectrum, &mut samples, &mut scratch)
                .expect("the buffers were made by this transform, so their lengths are right");
            samples.rotate_right(setup.peak.sample());
            ifg.iter_mut().zip(&samples).for_each(|(i, s)| *i = s / IFG_LENGTH as f64);
        }
    }

    fn median_null_rms(&self, plateau_records: usize) -> f64 {
        let is_null = |record: usize| temperatures::driven(record / plateau_records).is_none();
        let rms = |record: usize| {
            let row = self.clean.row(record);
            (row.iter().map(|v| v * v).sum::<f64>() / row.len() as f64).sqrt()
        };
        median(&(0..self.clean.nrows()).filter(|&r| is_null(r)).map(rms).collect::<Vec<_>>())
    }

    /// The temperatures that the thermometers give in one realisation, K, `[emitter][record]`, if
    /// they are not the true ones.
    ///
    /// The state of the bolometer is not touched by the error of its own: the reading is only where
    /// the search for the state begins.
    pub(super) fn readings(&self, noise: &Noise) -> Option<Vec<Vec<f64>>> {
        let error_k = self.temperature_error_k;
        self.has_readings().then(|| noise.readings(self.read_without_noise(), error_k))
    }

    /// Whether a realisation has readings of its own.
    pub(super) fn has_readings(&self) -> bool {
        self.temperature_error_k > 0.0
    }

    /// What thermometers would say without noise, K, `[emitter][record]`.
    pub(super) fn read_without_noise(&self) -> &[Vec<f64>] {
        self.read.as_ref().unwrap_or(&self.temperatures)
    }

    /// The states that follow from assumed parameters of the bolometer.
    ///
    /// # Errors
    /// If a record has none.
    pub(super) fn assumed_states(
        &self,
        assumed: &BolometerParameters,
    ) -> Result<Vec<BolometerState>, BolometerError> {
        if self.parameters.bolometer == *assumed {
            return Ok(self.states.clone());
        }
        states(assumed, (&self.bias_counts, &self.volts, &self.baths))
    }

    /// Number of records.
    pub(super) fn len(&self) -> usize {
        self.clean.nrows()
    }

    /// Whether samples are rounded to whole counts.
    pub(super) fn rounded(&self) -> bool {
        self.rounding
    }

    /// The gain that the preamplifier has where it is commanded to a nominal one.
    pub(super) fn gain(&self, nominal: f64) -> f64 {
        self.gains.gain(self.channel, nominal)
    }

    /// Writes one record with its noise as the instrument would send it, in telemetry counts;
    /// returns its nominal gain.
    pub(super) fn telemetry(&self, record: usize, noise: &Noise, samples: &mut [f64]) -> f64 {
        let sigma = noise.sigma;
        let mut numbers = noise.of_samples(record);
        for (sample, clean) in samples.iter_mut().zip(self.clean.row(record)) {
            *sample = clean + if sigma > 0.0 { sigma * numbers.normal() } else { 0.0 };
        }
        let clean_peak = self.clean.row(record).iter().fold(0.0, |m: f64, v| m.max(v.abs()));
        let mut peak = clean_peak + NOISE_PEAK * sigma;
        if let Some(glitch) = noise.glitch(record, self.glitch_fraction, self.glitch_sigma) {
            samples[glitch.sample] += glitch.height;
            peak += glitch.height.abs();
        }
        let nominal = choose_gain(peak * self.sweeps);
        let gain = self.gain(nominal);
        for sample in samples {
            let counts = *sample * (gain * self.sweeps) + self.dither[record];
            *sample = if self.rounding { counts.round_ties_even() } else { counts };
        }
        nominal
    }
}

/// The state of a bolometer in each record, from bias (counts), readout (V) and bath (K).
fn states(
    bolometer: &BolometerParameters,
    (bias_counts, volts, baths): (&[f64], &[f64], &[f64]),
) -> Result<Vec<BolometerState>, BolometerError> {
    let bias_v: Vec<f64> = bias_counts.iter().map(|counts| bias_volts(*counts)).collect();
    bolometer.states(&bias_v, volts, baths).into_iter().collect()
}

/// What thermometers say without noise, K, `[emitter][record]`; none if that is the truth.
fn read_without_noise(
    emitters: &[Emitter],
    truth: &[Vec<f64>],
    parameters: &TrueParameters,
    ticks: &[i64],
) -> Option<Vec<Vec<f64>>> {
    let TrueParameters { corrections, plateau_errors_k, plateaus, .. } = parameters;
    let has_errors = plateau_errors_k.iter().flatten().any(|k| *k != 0.0);
    if !has_errors && !corrections.changes_temperatures() {
        return None;
    }
    let mut read = truth.to_vec();
    for (column, emitter) in read.iter_mut().zip(emitters) {
        if emitter.temperature == TemperatureRule::Operating {
            continue;
        }
        let body = match emitter.behaviour.course {
            TemperatureCourse::Driven(DrivenBody::Xcal) => Some(0),
            TemperatureCourse::Driven(DrivenBody::Ical) => Some(1),
            TemperatureCourse::Driven(DrivenBody::Refhorn) => Some(2),
            TemperatureCourse::Driven(DrivenBody::Skyhorn) => Some(3),
            _ => None,
        };
        for ((kelvin, ticks), plateau) in column.iter_mut().zip(ticks).zip(plateaus) {
            *kelvin -= corrections.shift_k(emitter.name(), mission_years(*ticks));
            *kelvin -= body.map_or(0.0, |body| plateau_errors_k[*plateau][body]);
        }
    }
    Some(read)
}

/// True temperatures, K, `[emitter][record]`, and those of the bolometer's bath.
fn temperatures_of(
    settings: &SimulateSettings,
    setup: &SimulationSetup,
    seed: u64,
) -> (Vec<Vec<f64>>, Vec<f64>) {
    let set = setup.axis.channel_scan();
    let mut courses: Vec<TemperatureCourse> =
        setup.emitters.iter().map(|e| e.behaviour.course).collect();
    let own = setup.emitters.iter().position(|emitter| emitter.name() == BOLOMETER);
    if own.is_none() {
        courses.push(TemperatureCourse::Bath);
    }
    let mut columns = Temperatures::new(settings, &courses, setup.point, set, seed).into_columns();
    let baths = match own {
        Some(own) => columns[own].clone(),
        None => columns.pop().unwrap_or_default(),
    };
    (columns, baths)
}

/// The largest gain at which a peak of so many counts (at gain one) stays in range.
fn choose_gain(peak_counts: f64) -> f64 {
    let largest = NOMINAL_GAINS.into_iter().rev().find(|gain| peak_counts * gain < FULL_SCALE);
    largest.unwrap_or(NOMINAL_GAINS[0])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::science::data::emitters::tests::standard;
    use crate::science::instrument::PUBLISHED_LL;

    fn campaign(settings: &SimulateSettings) -> SimulatedCampaign {
        let set = "llss".parse().unwrap();
        let setup = SimulationSetup {
            emitters: &standard(),
            truth: &Truth::simulated(Channel::Ll, None),
            axis: &Axis::new(set, 512, crate::science::instrument::DEFAULT_CORRECTION).unwrap(),
            peak: Peak::at(359.0).unwrap(),
            gains: GainTable::Measured,
            bolometer: &PUBLISHED_LL,
            corrections: &Corrections::NONE,
            vibration: None,
            least_transfer: 1e-3,
            point: OperatingPoint::PUBLISHED_LL,
        };
        SimulatedCampaign::new(settings, &setup, 1).unwrap()
    }

    fn small(rounding: bool) -> SimulateSettings {
        SimulateSettings { records: 120, plateau_records: 10, rounding, ..Default::default() }
    }

    /// Every record in telemetry counts, with its gain.
    fn counts(campaign: &SimulatedCampaign, sigma: f64) -> Vec<(f64, Vec<f64>)> {
        let noise = Noise::new(sigma, 1, "llss".parse().unwrap(), sigma, 1);
        let one = |record| {
            let mut samples = vec![0.0; IFG_LENGTH];
            let gain = campaign.telemetry(record, &noise, &mut samples);
            (gain, samples)
        };
        (0..campaign.len()).map(one).collect()
    }

    #[test]
    fn gains_are_the_largest_that_keep_the_peak_in_range() {
        let campaign = campaign(&small(false));
        for sigma in [0.0, campaign.null_rms] {
            let mut used = std::collections::BTreeSet::new();
            for (gain, samples) in counts(&campaign, sigma) {
                let peak = samples.iter().fold(0.0, |m: f64, s| m.max(s.abs()));
                assert!(peak < 32_767.0, "{peak} at gain {gain}");
                // The next gain is at most 3.4 times as large: the range is used.
                assert!(
                    gain == NOMINAL_GAINS[NOMINAL_GAINS.len() - 1] || peak > FULL_SCALE / 5.0,
                    "{peak} {gain}"
                );
                used.insert(gain as u64);
            }
            assert!(used.len() > 2, "bright and faint records: {used:?}");
        }
    }

    #[test]
    fn rounded_samples_are_whole_counts() {
        let whole =
            |samples: &[f64]| samples.iter().all(|s| (s - s.round_ties_even()).abs() < 1e-6);
        assert!(counts(&campaign(&small(true)), 0.01).iter().all(|(_, s)| whole(s)));
        assert!(!counts(&campaign(&small(false)), 0.01).iter().any(|(_, s)| whole(s)));
    }

    #[test]
    fn one_body_is_driven_at_a_time_and_each_spans_the_range() {
        let campaign = campaign(&small(false));
        let driven = [0, 1, 3, 4]; // xcal, ical, refhorn, skyhorn
        for record in 0..campaign.len() {
            let away = |i: &&usize| (campaign.temperatures[**i][record] - REST).abs() > 0.3;
            assert!(driven.iter().filter(away).count() <= 1, "record {record}");
        }
        for i in driven {
            let hottest = campaign.temperatures[i].iter().copied().fold(0.0, f64::max);
            assert!((17.0..20.5).contains(&hottest), "emitter {i}: {hottest} K");
        }
    }

    const REST: f64 = 2.73;
}
