//! What all bins of a simulated campaign share: true parameters, and times.

use crate::science::instrument::{
    BolometerError, BolometerParameters, ChannelScan, Corrections, mission_ticks,
};

use super::super::random::StreamKey;
use super::super::settings::SimulateSettings;

/// Bodies that are driven: xcal, ical, refhorn, skyhorn.
pub(super) const BODIES: usize = 4;
/// When the first and the last record are taken, years since the aperture cover was ejected.
const CAMPAIGN_YEARS: (f64, f64) = (0.05, 0.8);

/// The parameters that a simulated campaign was made with and that all bins share.
#[derive(Debug, Clone, PartialEq)]
pub struct TrueParameters {
    /// Of the bolometer.
    pub bolometer: BolometerParameters,
    /// Of thermometers, harmonics and vibrations.
    pub corrections: Corrections,
    /// What must be added to the readings of xcal, ical, refhorn and skyhorn besides, K,
    /// `[plateau][body]`.
    pub plateau_errors_k: Vec<[f64; BODIES]>,
    /// The plateau of each record, ascending from 0. Two that look alike by their temperatures are
    /// one in [`super::super::Campaign::plateaus`].
    pub plateaus: Vec<usize>,
}

impl TrueParameters {
    pub(super) fn new(
        settings: &SimulateSettings,
        assumed: &BolometerParameters,
        corrections: &Corrections,
        (seed, set): (u64, ChannelScan),
    ) -> Self {
        let plateaus: Vec<usize> =
            (0..settings.records).map(|record| record / settings.plateau_records).collect();
        let count = plateaus.last().map_or(0, |last| last + 1);
        let key = StreamKey::plateau_errors(seed, set);
        let errors = |plateau: usize| {
            let mut stream = key.stream(plateau);
            [0.0; BODIES].map(|_| settings.plateau_error_k * stream.normal())
        };
        let has_errors = settings.plateau_error_k > 0.0;
        let errors = |plateau| if has_errors { errors(plateau) } else { [0.0; BODIES] };
        Self {
            bolometer: disturbed(assumed, settings.bolometer_error, (seed, set)),
            corrections: corrections.clone(),
            plateau_errors_k: (0..count).map(errors).collect(),
            plateaus,
        }
    }
}

/// Parameters of which nine have a relative error, and the load resistance none.
fn disturbed(
    assumed: &BolometerParameters,
    error: f64,
    (seed, set): (u64, ChannelScan),
) -> BolometerParameters {
    if error == 0.0 {
        return *assumed;
    }
    let mut stream = StreamKey::bolometer(seed, set.channel).stream(0);
    let mut with_error = |value: f64| value * (1.0 + error * stream.normal());
    BolometerParameters {
        r0_ohm: with_error(assumed.r0_ohm),
        t0_k: with_error(assumed.t0_k),
        g1: with_error(assumed.g1),
        beta: with_error(assumed.beta),
        rho_k_per_v: with_error(assumed.rho_k_per_v),
        c1: with_error(assumed.c1),
        c3: with_error(assumed.c3),
        j0_v: with_error(assumed.j0_v),
        jg: with_error(assumed.jg),
        rl_ohm: assumed.rl_ohm,
    }
}

/// Midpoint times of the records of a campaign, units of 100 ns since 1858-11-17.
pub(super) fn midpoint_ticks(records: usize) -> Vec<i64> {
    let (first, last) = CAMPAIGN_YEARS;
    let step = (last - first) / records as f64;
    (0..records).map(|record| mission_ticks(first + step * (record as f64 + 0.5))).collect()
}

/// Commanded bias (counts) and readout (V) of each record, where biases are given.
pub(super) fn by_heat_balance(
    biases: &[f64],
    bolometer: &BolometerParameters,
    (plateaus, baths): (&[usize], &[f64]),
    volts_of: impl Fn(f64) -> f64,
) -> Result<Vec<(f64, f64)>, BolometerError> {
    let record = |(plateau, bath): (&usize, &f64)| {
        let counts = biases[plateau % biases.len()];
        Ok((counts, bolometer.readout_volts(volts_of(counts), *bath)?))
    };
    plateaus.iter().zip(baths).map(record).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::science::instrument::{PUBLISHED_LL, bias_volts};

    fn parameters(settings: &SimulateSettings, seed: u64, set: &str) -> TrueParameters {
        let place = (seed, set.parse().unwrap());
        TrueParameters::new(settings, &PUBLISHED_LL, &Corrections::NONE, place)
    }

    #[test]
    fn without_errors_nothing_differs_from_what_is_assumed() {
        let settings = SimulateSettings { records: 45, ..Default::default() };
        let found = parameters(&settings, 1, "llss");
        assert_eq!(found.bolometer, PUBLISHED_LL);
        assert_eq!(found.plateau_errors_k, [[0.0; 4]; 3]);
        assert_eq!((found.plateaus[19], found.plateaus[20], found.plateaus[44]), (0, 1, 2));
    }

    #[test]
    fn errors_are_as_large_as_asked_for() {
        let settings = SimulateSettings {
            records: 20_000,
            bolometer_error: 0.01,
            plateau_error_k: 1e-3,
            ..Default::default()
        };
        let square = |x: f64| x * x;
        let (mut squares, seeds) = (0.0, 200_u32);
        for seed in 0..u64::from(seeds) {
            let set = SimulateSettings { records: 1, ..settings.clone() };
            let p = parameters(&set, seed, "llss").bolometer;
            let q = PUBLISHED_LL;
            assert_eq!(p.rl_ohm, q.rl_ohm);
            for (true_value, assumed) in [
                (p.r0_ohm, q.r0_ohm),
                (p.t0_k, q.t0_k),
                (p.g1, q.g1),
                (p.beta, q.beta),
                (p.rho_k_per_v, q.rho_k_per_v),
                (p.c1, q.c1),
                (p.c3, q.c3),
                (p.j0_v, q.j0_v),
                (p.jg, q.jg),
            ] {
                squares += square((true_value / assumed - 1.0) / 0.01) / 9.0 / f64::from(seeds);
            }
        }
        assert!((squares - 1.0).abs() < 0.15, "{squares}");
        let found = parameters(&settings, 1, "llss");
        let all = found.plateau_errors_k.iter().flatten();
        let mean = all.map(|k| square(k / 1e-3)).sum::<f64>() / 4000.0;
        assert!((mean - 1.0).abs() < 0.1, "{mean}");
        // A channel has one bolometer in all scan modes; its plateaus are its own.
        let other = parameters(&settings, 1, "llsf");
        assert_eq!(other.bolometer, found.bolometer);
        assert_ne!(other.plateau_errors_k, found.plateau_errors_k);
    }

    #[test]
    fn biases_go_in_turn_and_voltages_follow() {
        let plateaus = [0, 0, 1, 2, 3];
        let baths = [1.53, 1.54, 1.53, 1.53, 1.53];
        let found =
            by_heat_balance(&[25.0, 35.0, 45.0], &PUBLISHED_LL, (&plateaus, &baths), bias_volts);
        let found = found.unwrap();
        assert_eq!(
            found.iter().map(|(counts, _)| *counts).collect::<Vec<_>>(),
            [25.0, 25.0, 35.0, 45.0, 25.0]
        );
        assert_eq!(found[0], found[4]);
        assert!(found[0].1 != found[1].1 && (found[2].1 / 2.0657 - 1.0).abs() < 0.05, "{found:?}");
    }

    #[test]
    fn times_are_spread_over_the_mission() {
        use crate::science::instrument::mission_years;
        let years: Vec<f64> = midpoint_ticks(100).into_iter().map(mission_years).collect();
        assert!(years.is_sorted() && years[0] > 0.05 && years[99] < 0.8, "{years:?}");
    }
}
