//! How much memory a task and the merge take: an upper bound, of the right size.
//!
//! Bytes a record, a bin, a unit: what the types in `data`, `shard` and `merge` hold, with what
//! their allocations cost besides. `tests/plain/memory.rs` holds them against real runs.

use crate::data::settings::Source;
use crate::data::{Screening, kept_bytes};
use crate::instrument::{Axis, IFG_LENGTH, SPECTRUM_BINS};
use crate::study::Study;

use super::file::{DataSet, Plan};

/// The program itself.
const PROCESS: u64 = 10_000_000;
/// Stack, allocator and buffers of a thread.
const OF_THREAD: u64 = 500_000;
/// Interferogram, temperatures and bolometer state of a record.
const OF_RECORD: u64 = IFG_LENGTH as u64 * 8 + 300;
/// Samples with noise of a record, in a list that grows to twice that, and as telemetry has them.
const OF_TELEMETRY: u64 = IFG_LENGTH as u64 * (2 * 8 + 2);
/// Of a record in a realisation, besides a complex number a bin.
const OF_DRAW: u64 = 120;
/// What a method that fits a bin for itself has of a record: its row, weighted, and its residual.
const OF_ROW: u64 = 400;
/// Of a record at a bin, besides its Planck functions: spectrum and variance.
const OF_POINT: u64 = 29;
/// The same, weighted, in a method that fits all bins together.
const OF_WEIGHTED_POINT: u64 = 40;
/// A unit's result.
const OF_UNIT: u64 = 850;
/// A row of a table in the merge.
const OF_TABLE_ROW: u64 = 500;

/// What decides how much memory is taken. External programs, which have their own, do not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Memory {
    fixed: u64,
    /// A draw of noise, and the gathering of its bins where a method fits them together.
    realisation: u64,
    /// What a method that fits all bins has besides.
    together: u64,
    /// Most draws in hand at once, however many threads there are.
    realisations: u64,
    /// Methods that fit all bins together.
    methods_together: u64,
    row: u64,
    merge: u64,
}

impl Memory {
    /// Of the largest task of a plan, and of its merge.
    #[must_use]
    pub fn of(plan: &Plan, study: &Study) -> Self {
        let records = plan.data_sets.iter().map(|set| set.screening.used as u64).max().unwrap_or(0);
        let (bins, emitters) = (study.bins.len() as u64, study.emitters.len() as u64);
        let methods_together = study.order.together().len() as u64;
        // Where the designs are kept, all realisations have them together.
        let own_design = if kept_designs(study, records) > 0 { 0 } else { 8 * emitters };
        let gathered = bins * (own_design + OF_POINT) * u64::from(methods_together > 0);
        // What is held out is gathered too, and a bootstrap draws all records once more.
        let resampled = if study.trials > 1 && is_resampled(study) { 3 } else { 2 };
        let of_record = 17 * bins + OF_DRAW + gathered * resampled / 2;
        let (units, realisations) = largest_shard(plan, study);
        Self {
            fixed: (PROCESS + campaigns(plan, study)).saturating_add(OF_UNIT.saturating_mul(units)),
            realisation: records * of_record,
            together: records * bins * OF_WEIGHTED_POINT,
            realisations,
            methods_together,
            row: records * OF_ROW + OF_THREAD,
            merge: OF_UNIT
                .saturating_mul(units)
                .saturating_add(PROCESS)
                .saturating_add(products(study))
                .saturating_add(account_of_records(plan, study)),
        }
    }

    /// Bytes of a task on so many threads.
    #[must_use]
    pub fn of_task(&self, threads: u64) -> u64 {
        // A thread that waits for others to end theirs may have begun another one.
        let in_hand = (threads + u64::from(threads > 1)).min(self.realisations);
        let together = threads.min(in_hand * self.methods_together);
        let of_realisations = in_hand * self.realisation + together * self.together;
        self.fixed.saturating_add(of_realisations).saturating_add(threads * self.row)
    }

    /// Bytes of the merge, which holds all products.
    #[must_use]
    pub fn of_merge(&self) -> u64 {
        self.merge
    }
}

/// What the merge has for its account of the records: all data sets, and of one at a time the bins of
/// the band.
fn account_of_records(plan: &Plan, study: &Study) -> u64 {
    let instrument = &plan.config.instrument;
    let bins = |set: &DataSet| {
        let (length, correction) = (instrument.transform_length, instrument.frequency_correction);
        let in_band = |axis: Axis| study.bins.iter().filter(|bin| axis.is_in_band(**bin)).count();
        Axis::new(set.set, length, correction).map_or(0, in_band) as u64
    };
    let methods = 8 * study.methods.len() as u64;
    let drawn = |set: &DataSet| {
        (set.screening.used as u64).saturating_mul(17 * bins(set) + OF_DRAW + OF_ROW + methods)
    };
    let largest = plan.data_sets.iter().map(drawn).max().unwrap_or(0);
    let held = plan.data_sets.iter().map(|set| of_data_set(plan, study, &set.screening));
    held.fold(largest, u64::saturating_add)
}

/// Bytes of a simulation that is written to a file: the records of all data sets, and those of a
/// channel once more as they are written.
#[must_use]
pub fn of_simulation(records: u64, study: &Study) -> u64 {
    let of_record = OF_RECORD + OF_TELEMETRY;
    PROCESS.saturating_add(records.saturating_mul(study.sets.len() as u64 * of_record))
}

fn is_resampled(study: &Study) -> bool {
    study.resampling != crate::data::Resampling::None
}

/// The data sets that a task may have prepared.
fn campaigns(plan: &Plan, study: &Study) -> u64 {
    let (_, realisations) = largest_shard(plan, study);
    let per_set = (study.realisations() / study.sets.len().max(1) as u64).max(1);
    let sets = (realisations.div_ceil(per_set) + 1).min(study.sets.len() as u64) as usize;
    let bytes = |set: &DataSet| of_data_set(plan, study, &set.screening);
    let mut each: Vec<u64> = plan.data_sets.iter().map(bytes).collect();
    each.sort_unstable_by(|a, b| b.cmp(a));
    each.iter().take(sets).sum()
}

/// Bytes of a data set that is prepared. Of a file all records of the channel are read before some are
/// chosen, in place.
fn of_data_set(plan: &Plan, study: &Study, set: &Screening) -> u64 {
    let in_file = plan.config.data.source == Source::Npz;
    let records = if in_file { set.records } else { set.used } as u64;
    records * OF_RECORD + kept_designs(study, set.used as u64)
}

/// Bytes of the designs that are kept of a data set.
fn kept_designs(study: &Study, records: u64) -> u64 {
    match study.repeats_designs() {
        true => kept_bytes(records, study.emitters.len() as u64, study.bins.len() as u64),
        false => 0,
    }
}

/// Most units of a shard, and most realisations that one touches.
fn largest_shard(plan: &Plan, study: &Study) -> (u64, u64) {
    let per_realisation = study.order.units().max(1);
    let shards = (0..plan.shards.len()).filter_map(|shard| plan.shards.units(shard));
    shards.fold((0, 0), |(units, realisations), shard| {
        let touched = shard.end.div_ceil(per_realisation) - shard.start / per_realisation;
        (units.max(shard.end - shard.start), realisations.max(touched))
    })
}

/// The arrays of the solution and the rows of the tables.
fn products(study: &Study) -> u64 {
    let (configurations, emitters) = (study.configurations(), study.emitters.len() as u64);
    let cells = configurations.saturating_mul(SPECTRUM_BINS as u64);
    cells
        .saturating_mul(25 * emitters + 33)
        .saturating_add(configurations.saturating_mul(emitters * OF_TABLE_ROW))
}
