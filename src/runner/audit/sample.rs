//! Which pieces are recomputed: drawn by the plan and a seed, the same wherever it is done.

use std::collections::BTreeSet;
use std::ops::Range;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};

use crate::foundations::{Digest, FileError};
use crate::runner::engine::Workload;
use crate::runner::plan::BoundPlan;
use crate::runner::store::{Envelope, Partial, PartialError, RunDir, StreamError};

/// How the sample is drawn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sample {
    /// The part of the pieces that is drawn, more than 0, up to 1.
    pub fraction: f64,
    /// Another seed draws others.
    pub seed: u64,
    /// Whether external programs are run too: they need not give the same twice.
    pub programs: bool,
}

/// What is drawn of a sound partial.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sampled {
    /// Its shard.
    pub shard: u32,
    /// The machine that fitted it.
    pub host: String,
    /// The units of each piece that is drawn, in order.
    pub pieces: Vec<Range<u64>>,
}

/// What is drawn of a run, and what cannot be.
#[derive(Debug, Default)]
pub struct Samples {
    /// Of each sound partial, by shard; some with nothing drawn.
    pub sampled: Vec<Sampled>,
    /// Shards without a partial.
    pub missing: Vec<u32>,
    /// Shards whose partial cannot be trusted.
    pub damaged: Vec<(u32, PartialError)>,
    /// Units of external programs, which are left out.
    pub skipped: u64,
}

/// Draws the pieces to be recomputed. Of every machine there is at least one, if it has any that
/// may be drawn.
///
/// # Errors
/// If a partial cannot be read: it may be sound, only nobody can see it now.
pub fn sample(
    run: &RunDir,
    plan: &BoundPlan,
    workload: &dyn Workload,
    how: &Sample,
) -> Result<Samples, FileError> {
    let mut samples = Samples::default();
    let mut spare = Vec::new();
    for shard in plan.shards.live() {
        let (host, was_run) = match look(run, plan, shard) {
            Ok(seen) => seen,
            Err(PartialError::Missing) => {
                samples.missing.push(shard);
                continue;
            }
            Err(PartialError::File(error)) => return Err(error),
            Err(problem) => {
                samples.damaged.push((shard, problem));
                continue;
            }
        };
        let drawn = Drawn::of_shard(plan, workload, (shard, &was_run), how);
        samples.skipped += drawn.skipped;
        spare.push(drawn.spare);
        samples.sampled.push(Sampled { shard, host, pieces: drawn.pieces });
    }
    one_of_each_host(&mut samples.sampled, &mut spare);
    Ok(samples)
}

/// Who made a partial, and which of its units were run and not left out.
fn look(run: &RunDir, plan: &BoundPlan, shard: u32) -> Result<(String, Vec<bool>), PartialError> {
    let mut was_run = Vec::new();
    let take = |_, result: Envelope| {
        was_run.push(!result.was_left_out());
        Ok::<(), PartialError>(())
    };
    match Partial::stream(run, plan, shard, take) {
        Ok(provenance) => Ok((provenance.host, was_run)),
        Err(StreamError::Partial(problem) | StreamError::Refused(problem)) => Err(problem),
    }
}

/// What is drawn of a shard.
struct Drawn {
    pieces: Vec<Range<u64>>,
    /// One that is drawn if nothing else is of its machine.
    spare: Option<Range<u64>>,
    skipped: u64,
}

impl Drawn {
    fn of_shard(
        plan: &BoundPlan,
        workload: &dyn Workload,
        (shard, was_run): (u32, &[bool]),
        how: &Sample,
    ) -> Self {
        let key = Digest::of_pieces(&[b"audit", plan.hash.as_bytes(), &how.seed.to_le_bytes()]);
        let mut rng = ChaCha8Rng::from_seed(*key.as_bytes());
        rng.set_stream(u64::from(shard));
        let mut drawn = Self { pieces: Vec::new(), spare: None, skipped: 0 };
        let mut least = u64::MAX;
        let units = plan.shards.units(shard).unwrap_or(0..0);
        let was_run =
            |unit: u64| was_run.get((unit - units.start) as usize).copied().unwrap_or(false);
        for piece in plan.layout.pieces_of(units.clone()) {
            // A number is drawn for each, so that what is left out does not change the others.
            let number = rng.next_u64();
            let column = plan.layout.column_of(piece.start);
            if !workload.is_repeatable(column) && !how.programs {
                drawn.skipped += piece.end - piece.start;
                continue;
            }
            if !piece.clone().any(was_run) {
                continue;
            }
            if number <= least {
                least = number;
                drawn.spare = Some(piece.clone());
            }
            // 53 bits: all that a number between 0 and 1 has.
            if ((number >> 11) as f64) < how.fraction * (1_u64 << 53) as f64 {
                drawn.pieces.push(piece);
            }
        }
        drawn
    }
}

fn one_of_each_host(sampled: &mut [Sampled], spare: &mut [Option<Range<u64>>]) {
    let drawn = sampled.iter().filter(|shard| !shard.pieces.is_empty());
    let mut seen: BTreeSet<String> = drawn.map(|shard| shard.host.clone()).collect();
    for (shard, spare) in sampled.iter_mut().zip(spare) {
        if !seen.contains(&shard.host)
            && let Some(piece) = spare.take()
        {
            shard.pieces.push(piece);
            seen.insert(shard.host.clone());
        }
    }
}
