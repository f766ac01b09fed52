//! How much memory joint fits take: an upper bound, of the right size.

use crate::foundations::numerics::HugePageBuf;
use crate::otf::study::{Config, Estimator, MethodChoice, Study};
use crate::science::fit::joint::{JointSettings, PlateauUnit};
use crate::science::instrument::{Axis, SPECTRUM_BINS, planck_step_bytes};

/// Numbers of a record at a bin of the band, linearised at one place of the search: columns by emitter, ...
const OF_EMITTER: u64 = 8;
/// ... and by what else there is, with the residual.
const OF_LINEAR: u64 = 17 * 8;
/// Places of the search that are in hand at once.
const PLACES: u64 = 2;
/// By what a buffer of spectra or of columns is longer than they are, at most: it fills huge pages.
pub(super) const OF_PAGES: u64 = HugePageBuf::PAGE as u64;
/// A transform, of every bin that a term may refer to.
const OF_TRANSFORMS: u64 = 17 * SPECTRUM_BINS as u64 + 200;
/// What a record has besides: temperatures, states of the bolometer and their slopes, twice.
const OF_RECORD: u64 = 2 * 1000;
/// Bodies whose temperature is set for each plateau.
const BODIES: u64 = 4;
/// Free shared parameters, about.
const PARAMETERS: u64 = 30;

/// Bytes that joint fits take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct JointMemory {
    /// Of one fit.
    pub(super) of_fit: u64,
    /// Methods that are joint fits.
    pub(super) methods: u64,
    /// A unit's errors of all emitters together, as they are kept.
    pub(super) of_unit: u64,
}

impl JointMemory {
    /// Of a study whose data sets have so many records, and as many plateaus.
    pub(super) fn of(config: &Config, study: &Study, (records, plateaus): (u64, u64)) -> Self {
        let emitters = study.emitters.len() as u64;
        let settings: Vec<&JointSettings> = study.methods.iter().filter_map(joint).collect();
        let bands: Vec<u64> =
            study.sets.iter().map(|set| bins_in_band(config, study, *set)).collect();
        let of_fit = |settings: &&JointSettings| {
            let sets = settings.together.len().max(1) as u64;
            let band = bands.iter().copied().max().unwrap_or(0);
            let of_point = OF_LINEAR + OF_EMITTER * emitters;
            let of_steps = PLACES * planck_step_bytes(records, emitters);
            let of_records = records * (OF_TRANSFORMS + OF_RECORD + band * of_point) + of_steps;
            let plateaus = match settings.plateau {
                PlateauUnit::Plateau => plateaus,
                PlateauUnit::Record => records,
            };
            let fitted = settings.free.iter().any(|free| free == "plateau_temperatures");
            let of_plateaus = u64::from(fitted) * of_plateaus(plateaus, band, emitters, sets);
            sets.saturating_mul(of_records.saturating_add(of_plateaus).saturating_add(OF_PAGES))
        };
        Self {
            of_fit: settings.iter().map(of_fit).max().unwrap_or(0),
            methods: settings.len() as u64,
            of_unit: if settings.is_empty() && !study.covariance {
                0
            } else {
                // Covariance, relation, product, its error bar and relation; encoded, and as they are.
                2 * (16 * (emitters * emitters + 3 * emitters) + 8 * emitters + 200)
            },
        }
    }
}

/// What is eliminated for each plateau, and the matrix that is left.
fn of_plateaus(plateaus: u64, band: u64, emitters: u64, sets: u64) -> u64 {
    let width = PARAMETERS + 2 * emitters * band;
    let rows = plateaus * BODIES * 8 * width;
    let couplings = plateaus * BODIES * 8 * emitters * band * (1 + PLACES);
    let sums = plateaus * BODIES * 8 * (PARAMETERS + BODIES + 2) * 2;
    let left = width * sets;
    rows + couplings + sums + 3 * 8 * left * left
}

fn joint(method: &MethodChoice) -> Option<&JointSettings> {
    match &method.estimator {
        Estimator::Joint(_, settings) => Some(settings),
        _ => None,
    }
}

fn bins_in_band(
    config: &Config,
    study: &Study,
    set: crate::science::instrument::ChannelScan,
) -> u64 {
    let instrument = &config.instrument;
    let axis = Axis::new(set, instrument.transform_length, instrument.frequency_correction);
    let in_band = |axis: Axis| study.bins.iter().filter(|bin| axis.is_in_band(**bin)).count();
    axis.map_or(0, in_band) as u64
}
