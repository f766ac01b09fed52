//! How much memory a task and the merge take: an upper bound, of the right size.
//!
//! Bytes a record, a bin, a unit: what the types in `data`, `otf` and `store` hold, with what
//! their allocations cost besides. `tests/plain/memory.rs` holds them against real runs.

use crate::foundations::machine::MemoryLimit;
use crate::otf::DataSet;
use crate::otf::fitting::MOST_AT_ONCE;
use crate::otf::joint_memory::{JointMemory, OF_PAGES};
use crate::otf::records_memory::{OF_SIMULATED, RecordsMemory};
use crate::otf::study::{Config, Estimator, MethodChoice, Study};
use crate::runner::plan::{MemoryError, Needs, Shards, check_memory};
use crate::science::data::kept_bytes;
use crate::science::data::settings::Source;
use crate::science::fit::WINDOW;
use crate::science::instrument::{Axis, IFG_LENGTH, SPECTRUM_BINS, planck_step_bytes};

/// The program itself.
const PROCESS: u64 = 12_600_000;
/// Stack, allocator and buffers of a thread.
const OF_THREAD: u64 = 500_000;
/// Samples with noise of a record, in a list that grows to twice that, and as telemetry has them.
const OF_TELEMETRY: u64 = IFG_LENGTH as u64 * (2 * 8 + 2);
/// Of a record in a realisation, besides a complex number a bin.
const OF_DRAW: u64 = 120;
/// Of a record in a realisation with corrections: what was read, and the coefficient of a vibration.
const OF_CORRECTED: u64 = 80;
/// What a method that fits a bin for itself has of a record: its row, weighted, and its residual.
const OF_ROW: u64 = 400;
/// Of a record at a bin, besides its Planck functions: spectrum and variance.
const OF_POINT: u64 = 29;
/// The same, weighted, in a method that fits all bins together.
const OF_WEIGHTED_POINT: u64 = 40;
/// Of a record at a bin that is written: spectrum, variance and residual.
const OF_WRITTEN_POINT: u64 = 40;
/// The name of a configuration, of fixed width.
const OF_NAME: u64 = 4 * 48;
/// Records of a plateau, at least, on average.
const LEAST_PLATEAU: u64 = 5;
/// A unit's result.
const OF_UNIT: u64 = 850;
/// What the merge has of a configuration besides its values, and of an emitter of it: figures of tables.
const OF_CONFIGURATION: u64 = 150;
const OF_QUALITY: u64 = 80;
/// The page for people in the merge: its text, and what its figures show.
const OF_PAGE: u64 = 2_000_000;

/// What is planned.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sizes<'a> {
    pub(super) config: &'a Config,
    pub(super) study: &'a Study,
    pub(super) data_sets: &'a [DataSet],
    pub(super) shards: &'a Shards,
}

/// What decides how much memory is taken. External programs, which have their own, do not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Memory {
    fixed: u64,
    /// A draw of noise, and the gathering of its bins where a method fits them together.
    realisation: u64,
    /// What a method that fits all bins has besides.
    together: u64,
    /// Most draws in hand at once, however many threads there are.
    realisations: u64,
    /// The interferograms that each of them has in hand, where they stay in their file.
    piece: u64,
    /// Methods that fit all bins together, but for joint fits.
    methods_together: u64,
    joint: JointMemory,
    row: u64,
    merge: u64,
}

impl Memory {
    /// Of the largest task of a plan, and of its merge.
    #[must_use]
    pub(super) fn of(work: &Sizes) -> Self {
        let Sizes { study, .. } = *work;
        let records = work.data_sets.iter().map(|set| set.screening.used as u64).max().unwrap_or(0);
        let (bins, emitters) = (study.bins.len() as u64, study.emitters.len() as u64);
        let joint = JointMemory::of(work.config, study, (records, plateaus(work.config, records)));
        let methods_together = study.layout.order().coupled().len() as u64 - joint.methods;
        // Where the designs are kept, all realisations have them together.
        let own_design = if kept_designs(study, records) > 0 { 0 } else { 8 * emitters };
        let gathered = bins * (own_design + OF_POINT) * u64::from(methods_together > 0);
        // What is held out is gathered too, and a bootstrap draws all records once more.
        let resampled = if study.trials > 1 && is_resampled(study) { 3 } else { 2 };
        let (at_once, bins_at_once) = at_once(work, records, methods_together > 0);
        let drawn = at_once * of_draw(work.config, bins_at_once)
            + planck_step_bytes(at_once, emitters)
            + OF_PAGES;
        let (units, realisations) = largest_shard(work);
        let data_sets = data_sets(work);
        Self {
            fixed: (PROCESS + campaigns(work, &data_sets))
                .saturating_add((OF_UNIT + joint.of_unit).saturating_mul(units)),
            // A joint fit has a realisation of its own.
            realisation: if study.methods.len() as u64 == joint.methods {
                0
            } else {
                drawn + records * gathered * resampled / 2
            },
            together: records * bins * OF_WEIGHTED_POINT,
            realisations,
            piece: largest_piece(&data_sets),
            methods_together,
            joint,
            row: at_once * OF_ROW + OF_THREAD,
            merge: (PROCESS + OF_PAGE)
                .saturating_add(products(study))
                .saturating_add(joint.of_unit.saturating_mul(study.units()))
                .saturating_add(account_of_records(work, &data_sets)),
        }
    }

    /// Bytes of a task on so many threads.
    #[must_use]
    pub(super) fn of_task(&self, threads: u64) -> u64 {
        // A thread that waits for others to end theirs may have begun another one.
        let in_hand = (threads + u64::from(threads > 1)).min(self.realisations);
        let together = threads.min(in_hand * self.methods_together);
        let joint = threads.min(self.realisations.saturating_mul(self.joint.methods));
        let of_one = self.realisation.saturating_add(self.piece);
        let of_realisations = in_hand * of_one + together * self.together;
        let of_realisations =
            of_realisations.saturating_add(joint.saturating_mul(self.joint.of_fit));
        self.fixed.saturating_add(of_realisations).saturating_add(threads * self.row)
    }

    /// Bytes of the merge, which holds all products.
    #[must_use]
    pub(super) fn of_merge(&self) -> u64 {
        self.merge
    }
}

impl From<Memory> for Needs {
    fn from(memory: Memory) -> Self {
        Self {
            what: "the fit",
            of_task: Box::new(move |threads| memory.of_task(threads)),
            of_merge: memory.of_merge(),
            less_for_task: "fewer records (simulate.records, or a part of the file)",
            less_for_merge: "fewer trials, noise levels or methods",
        }
    }
}

/// Checks that a simulation that is written to a file finds the memory that it needs.
///
/// # Errors
/// If it does not.
pub(crate) fn check_simulation(
    records: u64,
    study: &Study,
    limit: &MemoryLimit,
) -> Result<(), MemoryError> {
    let mend = || "use fewer simulate.records or data.sets".into();
    check_memory("the simulation", of_simulation(records, study), limit, mend)
}

/// Checks that the spectra of a data set, which are written to a file, find the memory that they need.
///
/// # Errors
/// If they do not.
pub(crate) fn check_spectra(
    config: &Config,
    study: &Study,
    set: &DataSet,
    limit: &MemoryLimit,
) -> Result<(), MemoryError> {
    let mend = || "fit fewer bins (fit.bins), or use a part of the file".into();
    check_memory("writing spectra", of_spectra(config, study, set), limit, mend)
}

/// Bytes of a data set, its spectra as they were realised, and as they are written.
fn of_spectra(config: &Config, study: &Study, set: &DataSet) -> u64 {
    let (bins, emitters) = (study.bins.len() as u64, study.emitters.len() as u64);
    let written = bins * (OF_WRITTEN_POINT + 8 * emitters);
    // A joint fit may have found harmonics or vibrations, which refer to other bins.
    let is_joint = |method: &MethodChoice| matches!(method.estimator, Estimator::Joint(..));
    let drawn = if study.methods.iter().any(is_joint) { SPECTRUM_BINS as u64 } else { bins };
    let of_draw = of_draw(config, drawn) + OF_CORRECTED + written + OF_ROW;
    let used = set.screening.used as u64;
    let of_records = used.saturating_mul(of_draw).saturating_add(planck_step_bytes(used, emitters));
    let RecordsMemory { held, piece } = RecordsMemory::of(config, study, set);
    PROCESS.saturating_add(held).saturating_add(piece).saturating_add(of_records)
}

/// Plateaus of so many records: of a file, where they are not known, no more than a calibration has.
fn plateaus(config: &Config, records: u64) -> u64 {
    let of_one = match config.data.source {
        Source::Simulate => config.simulate.plateau_records as u64,
        Source::Npz => LEAST_PLATEAU,
    };
    records.div_ceil(of_one.max(1))
}

/// Records and bins that a realisation has at once: all, or a window of records, or a group of bins.
fn at_once(work: &Sizes, records: u64, all_together: bool) -> (u64, u64) {
    let study = work.study;
    let bins = study.bins.len() as u64;
    if all_together {
        (records, bins)
    } else if has_windows(work, records)
        && !is_resampled(study)
        && (0..study.methods.len()).all(|method| study.windowed(method).is_some())
    {
        (records.min(WINDOW as u64), bins)
    } else {
        (records, bins.min((MOST_AT_ONCE as u64 / records.max(1)).max(1)))
    }
}

/// Whether records come in windows where that is all that they are wanted for.
fn has_windows(work: &Sizes, records: u64) -> bool {
    !work.study.disturbs_readings && kept_designs(work.study, records) == 0
}

/// Bytes of a record in a realisation with so many bins. Corrected temperatures stand beside those that
/// were read, and harmonics and vibrations refer to other bins.
fn of_draw(config: &Config, bins: u64) -> u64 {
    let corrections = &config.instrument.corrections;
    let bins = if corrections.may_have_terms() { SPECTRUM_BINS as u64 } else { bins };
    17 * bins + OF_DRAW + if corrections.is_none() { 0 } else { OF_CORRECTED }
}

/// What the merge has for its account of the records: all data sets, and of one at a time the bins of
/// the band.
fn account_of_records(work: &Sizes, data_sets: &[RecordsMemory]) -> u64 {
    let Sizes { study, .. } = *work;
    let instrument = &work.config.instrument;
    let bins = |set: &DataSet| {
        let (length, correction) = (instrument.transform_length, instrument.frequency_correction);
        let in_band = |axis: Axis| study.bins.iter().filter(|bin| axis.is_in_band(**bin)).count();
        Axis::new(set.set, length, correction).map_or(0, in_band) as u64
    };
    let methods = 8 * study.methods.len() as u64;
    let drawn = |set: &DataSet| {
        let used = set.screening.used as u64;
        let at_once = if has_windows(work, used) { used.min(WINDOW as u64) } else { used };
        let of_draw = at_once.saturating_mul(of_draw(work.config, bins(set)));
        let emitters = study.emitters.len() as u64;
        let of_draw = of_draw.saturating_add(planck_step_bytes(at_once, emitters) + OF_PAGES);
        used.saturating_mul(OF_ROW + methods).saturating_add(of_draw)
    };
    let largest = work.data_sets.iter().map(drawn).max().unwrap_or(0);
    let largest = largest.saturating_add(largest_piece(data_sets));
    data_sets.iter().map(|set| set.held).fold(largest, u64::saturating_add)
}

/// Bytes of a simulation that is written to a file: the records of all data sets, and those of a
/// channel once more as they are written.
fn of_simulation(records: u64, study: &Study) -> u64 {
    let of_record = OF_SIMULATED + OF_TELEMETRY;
    PROCESS.saturating_add(records.saturating_mul(study.sets.len() as u64 * of_record))
}

fn is_resampled(study: &Study) -> bool {
    study.resampling != crate::science::data::Resampling::None
}

/// The data sets, with the designs that are kept of them.
fn data_sets(work: &Sizes) -> Vec<RecordsMemory> {
    let of_one = |set: &DataSet| {
        let of_records = RecordsMemory::of(work.config, work.study, set);
        let designs = kept_designs(work.study, set.screening.used as u64);
        RecordsMemory { held: of_records.held + designs, ..of_records }
    };
    work.data_sets.iter().map(of_one).collect()
}

/// The most that a realisation has in hand of telemetry that stays in its file.
fn largest_piece(data_sets: &[RecordsMemory]) -> u64 {
    data_sets.iter().map(|set| set.piece).max().unwrap_or(0)
}

/// The data sets that a task may have prepared.
fn campaigns(work: &Sizes, data_sets: &[RecordsMemory]) -> u64 {
    let Sizes { study, .. } = *work;
    let (_, realisations) = largest_shard(work);
    let per_set = (study.realisations() / study.sets.len().max(1) as u64).max(1);
    let sets = (realisations.div_ceil(per_set) + 1).min(study.sets.len() as u64) as usize;
    let mut each: Vec<u64> = data_sets.iter().map(|set| set.held).collect();
    each.sort_unstable_by(|a, b| b.cmp(a));
    each.iter().take(sets).sum()
}

/// Bytes of the designs that are kept of a data set.
fn kept_designs(study: &Study, records: u64) -> u64 {
    if study.repeats_designs() {
        kept_bytes(records, study.emitters.len() as u64, study.bins.len() as u64)
    } else {
        0
    }
}

/// Most units of a shard, and most realisations that one touches.
fn largest_shard(work: &Sizes) -> (u64, u64) {
    let Sizes { study, shards, .. } = *work;
    let per_realisation = study.layout.order().units().max(1);
    let shards = (0..shards.len()).filter_map(|shard| shards.units(shard));
    shards.fold((0, 0), |(units, realisations), shard| {
        let touched = shard.end.div_ceil(per_realisation) - shard.start / per_realisation;
        (units.max(shard.end - shard.start), realisations.max(touched))
    })
}

/// The arrays of the solution, as wide as the bins of the study, and the figures of the tables.
fn products(study: &Study) -> u64 {
    let (configurations, emitters) = (study.configurations(), study.emitters.len() as u64);
    let cells = configurations.saturating_mul(study.bins.len() as u64);
    cells.saturating_mul(25 * emitters + 33).saturating_add(
        configurations.saturating_mul(emitters * OF_QUALITY + OF_CONFIGURATION + OF_NAME),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::otf::Otf;
    use crate::runner::engine::Workload;
    use crate::runner::plan::{Build, Plan};

    fn needs(settings: &[&str]) -> Needs {
        let settings: Vec<String> = settings.iter().map(|s| (*s).to_owned()).collect();
        let otf = Otf::new(Config::load(None, &settings).unwrap()).unwrap();
        let planned = otf.planned().unwrap();
        // A shard has at most so many units.
        let shards = planned.layout.units().div_ceil(1 << 31).max(1) as u32;
        let plan = Plan::make(planned, shards, Build::running().unwrap()).unwrap();
        otf.needs(&plan)
    }

    fn limit(bytes: u64) -> MemoryLimit {
        MemoryLimit { bytes, source: "this machine has".into() }
    }

    #[test]
    fn a_limit_that_some_threads_keep_is_told_with_their_number() {
        let memory = needs(&["simulate.records=100000", "study.trials=8"]);
        assert_eq!(memory.check_task(8, &limit(memory.of_task(8))), Ok(()));
        let refused = memory.check_task(8, &limit(memory.of_task(3))).unwrap_err().to_string();
        assert!(refused.starts_with("not enough memory: the fit on 8 threads needs"), "{refused}");
        assert!(refused.contains("(--threads 3)"), "{refused}");
        let refused = memory.check_task(8, &limit(1_000_000)).unwrap_err().to_string();
        assert!(refused.contains(" MB, but this machine has 1 MB; use fewer rec"), "{refused}");
        assert!(memory.check_merge(&limit(1_000)).is_err());
    }

    #[test]
    fn no_study_that_the_settings_allow_is_too_large_to_be_foretold() {
        let memory = needs(&[
            "simulate.records=10000000",
            "study.trials=1000000000",
            "fit.methods=all",
            "data.other_bolometers=rh,rl,lh",
        ]);
        assert!(memory.of_task(4096) > 1 << 40);
        assert!(memory.check_task(4096, &limit(1 << 40)).is_err());
        assert!(memory.check_merge(&limit(1 << 40)).is_err());
    }
}
