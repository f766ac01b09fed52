//! The temperatures of a simulated campaign.
//!
//! Four bodies are driven one at a time, in plateaus, away from 2.73 K; between them nothing is
//! driven (a null). The dihedral, the collimator and the bolometers are not driven but drift with
//! the rest of the instrument, each over its own range, which is what makes them (barely) seen.

use crate::foundations::numerics::math::{exp, pow};
use crate::science::instrument::ChannelScan;

use super::super::emitters::{DrivenBody, TemperatureCourse};
use super::super::random::StreamKey;
use super::super::settings::SimulateSettings;
use super::OperatingPoint;

/// Temperature of a body that is not driven, K.
const REST_K: f64 = 2.73;
/// Range of a driven body, K.
const DRIVEN_K: (f64, f64) = (2.2, 20.0);
/// How far a bolometer drifts above its mean, K.
const BATH_RISE_K: f64 = 0.06;
/// Scatter of a body about its plateau, K.
const JITTER_K: f64 = 5e-4;
/// A new plateau begins this part of the way back to the one before, ...
const UNSETTLED: f64 = 0.01;
/// ... which shrinks by a factor e in so many records.
const SETTLING_RECORDS: f64 = 4.0;

/// What is driven during a plateau; a campaign goes through these again and again.
const SCHEDULE: [Option<DrivenBody>; 6] = [
    None,
    Some(DrivenBody::Xcal),
    Some(DrivenBody::Ical),
    None,
    Some(DrivenBody::Refhorn),
    Some(DrivenBody::Skyhorn),
];

/// The temperature of every body in every record, K.
#[derive(Debug, Clone)]
pub(super) struct Temperatures {
    /// `[body][record]`.
    columns: Vec<Vec<f64>>,
}

impl Temperatures {
    pub(super) fn new(
        settings: &SimulateSettings,
        courses: &[TemperatureCourse],
        point: OperatingPoint,
        set: ChannelScan,
        seed: u64,
    ) -> Self {
        let plateaus = settings.records.div_ceil(settings.plateau_records);
        let key = StreamKey::plateaus(seed, set);
        let targets: Vec<Vec<f64>> =
            (0..plateaus).map(|p| plateau_targets(p, courses, point, key)).collect();
        let scatter = StreamKey::scatter(seed, set);
        let mut columns = vec![Vec::with_capacity(settings.records); courses.len()];
        for record in 0..settings.records {
            let mut stream = scatter.stream(record);
            let plateau = record / settings.plateau_records;
            let step = record % settings.plateau_records;
            let left = UNSETTLED * exp(-(step as f64) / SETTLING_RECORDS);
            let (target, before) = (&targets[plateau], &targets[plateau.saturating_sub(1)]);
            for (i, column) in columns.iter_mut().enumerate() {
                let settling = left * (before[i] - target[i]);
                column.push(target[i] + settling + JITTER_K * stream.normal());
            }
        }
        Self { columns }
    }

    /// `[body][record]`.
    pub(super) fn into_columns(self) -> Vec<Vec<f64>> {
        self.columns
    }
}

/// What a plateau drives.
pub(super) fn driven(plateau: usize) -> Option<DrivenBody> {
    SCHEDULE[plateau % SCHEDULE.len()]
}

/// The temperatures that a plateau settles to, K, one per body.
fn plateau_targets(
    plateau: usize,
    courses: &[TemperatureCourse],
    point: OperatingPoint,
    key: StreamKey,
) -> Vec<f64> {
    let mut stream = key.stream(plateau);
    let visit = plateau / SCHEDULE.len();
    let mut target = |course: &TemperatureCourse| match *course {
        TemperatureCourse::LogUniform(low, high) => in_proportion((low, high), stream.uniform()),
        TemperatureCourse::Uniform(low, high) => stream.between(low, high),
        TemperatureCourse::Bath => point.bath_k + stream.between(0.0, BATH_RISE_K),
        TemperatureCourse::Driven(turn) if driven(plateau) == Some(turn) => {
            in_proportion(DRIVEN_K, spread(visit, stream.uniform()))
        }
        TemperatureCourse::Driven(_) => REST_K + stream.between(-0.015, 0.015),
    };
    courses.iter().map(&mut target).collect()
}

/// A place in 0..1 for each visit to a body: the first near the top, the next ones where they fill
/// the largest gap (the golden section), so that even a short campaign spans the range.
fn spread(visit: usize, random: f64) -> f64 {
    const GOLDEN: f64 = 0.618_033_988_749_894_9;
    let place = 0.95 + GOLDEN * visit as f64 + 0.05 * random;
    place - place.floor()
}

/// A temperature in a range, by its place on a logarithmic scale.
fn in_proportion((low, high): (f64, f64), place: f64) -> f64 {
    low * pow(high / low, place)
}
