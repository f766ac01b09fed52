//! Results that a shard takes over from elsewhere: from another plan, or from a partial of its own
//! of which some units are to be fitted again. They stand in a journal, as those of an attempt do.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::Write;
use std::ops::Range;
use std::path::{Path, PathBuf};

use super::run_dir::RunDir;
use crate::foundations::FileError;
use crate::foundations::files::{self, plain};
use crate::runner::plan::{BoundPlan, Layout};

use super::attempt::Attempt;
use super::journal::{Identity, Journals};
use super::partial::{Partial, PartialError, Provenance};
use super::results::{Piece, Results};

/// All that stands written of a shard, in its partial or in journals.
#[derive(Debug, Clone, PartialEq)]
pub struct Held {
    /// The results.
    pub results: Results,
    /// Who worked on them, as far as it is known.
    pub origins: Vec<Attempt>,
    /// Whether they are in a sound partial.
    pub is_done: bool,
}

impl Held {
    /// Reads what stands written of a shard. A partial that is not sound holds nothing.
    ///
    /// # Errors
    /// If the partial or a journal cannot be read.
    pub fn read(
        run: &RunDir,
        plan: &BoundPlan,
        shard: u32,
        journals: &BTreeMap<u32, Vec<PathBuf>>,
    ) -> Result<Self, FileError> {
        match Partial::read(run, plan, shard) {
            Ok(partial) => {
                let units = plan.shards.units(shard).unwrap_or(0..0);
                let mut results = Results::none(&units);
                results.put(units.start, partial.results);
                return Ok(Self { results, origins: origins(&partial.provenance), is_done: true });
            }
            // It may be sound: only nobody can see it now.
            Err(PartialError::File(error)) => return Err(error),
            Err(_) => {}
        }
        let Journals { results, attempts, inherited, .. } =
            Journals::of_shard(plan, shard, journals)?;
        let origins = attempts.into_iter().chain(inherited).collect();
        Ok(Self { results, origins, is_done: false })
    }

    /// The pieces of these units that are done as a whole.
    #[must_use]
    pub fn pieces(&self, layout: &Layout, units: Range<u64>) -> Vec<Piece> {
        let whole = |units: Range<u64>| {
            let first = units.start;
            let results =
                units.map(|unit| self.results.get(unit).cloned()).collect::<Option<_>>()?;
            Some(Piece { first, results })
        };
        layout.pieces_of(units).filter_map(whole).collect()
    }
}

/// Who worked on a partial: an attempt for each build.
fn origins(provenance: &Provenance) -> Vec<Attempt> {
    let attempt = |binary| Attempt {
        host: provenance.host.clone(),
        process: provenance.process,
        job: provenance.job.clone(),
        started: provenance.started.clone(),
        binary,
    };
    provenance.earlier_binaries.iter().copied().chain([provenance.binary]).map(attempt).collect()
}

/// What is to become journals of a plan, in the folder of a run of another one. Until the plan is
/// there, nobody takes them for his own.
#[derive(Debug)]
pub struct Staged<'a> {
    run: &'a RunDir,
    plan: &'a BoundPlan,
    /// The first unit of each shard, ascending.
    starts: Vec<(u64, u32)>,
    begun: BTreeSet<u32>,
}

impl<'a> Staged<'a> {
    /// Nothing yet.
    #[must_use]
    pub fn new(run: &'a RunDir, plan: &'a BoundPlan) -> Self {
        let start = |shard| Some((plan.shards.units(shard)?.start, shard));
        let starts = plan.shards.live().into_iter().filter_map(start).collect();
        Self { run, plan, starts, begun: BTreeSet::new() }
    }

    /// Adds pieces, numbered as in the plan, and who worked on them.
    ///
    /// # Errors
    /// If they cannot be written.
    pub fn add(&mut self, origins: &[Attempt], pieces: Vec<Piece>) -> Result<(), FileError> {
        let mut by_shard: BTreeMap<u32, Vec<Piece>> = BTreeMap::new();
        for piece in pieces {
            let after = self.starts.partition_point(|(start, _)| *start <= piece.first);
            if let Some((_, shard)) = after.checked_sub(1).and_then(|at| self.starts.get(at)) {
                by_shard.entry(*shard).or_default().push(piece);
            }
        }
        for (shard, pieces) in by_shard {
            let identity = Identity::new(self.plan, shard);
            let is_new = self.begun.insert(shard);
            let head = if is_new { identity.header_frame() } else { Vec::new() };
            let bytes = [head, frames(&identity, origins, &pieces)].concat();
            self.append(&self.path(shard), is_new, &bytes)?;
        }
        Ok(())
    }

    fn path(&self, shard: u32) -> PathBuf {
        self.run.taken_over_journal(shard, &self.plan.hash.short())
    }

    fn append(&self, path: &Path, is_new: bool, bytes: &[u8]) -> Result<(), FileError> {
        plain::make_folder(&self.run.journals())?;
        let mut options = File::options();
        if is_new {
            options.write(true).create(true).truncate(true)
        } else {
            options.append(true)
        };
        let written = plain::open(path, &options).and_then(|mut file| file.write_all(bytes));
        written.map_err(|e| FileError::new("write", path, e))
    }

    /// Has the system write all of it to the disk.
    ///
    /// # Errors
    /// If it does not.
    pub fn finish(self) -> Result<(), FileError> {
        let paths = self.begun.iter().map(|shard| self.path(*shard));
        let folder = Some(self.run.journals()).filter(|_| !self.begun.is_empty());
        paths.chain(folder).try_for_each(|path| {
            let synced = File::open(&path).and_then(|file| file.sync_all());
            synced.map_err(|e| FileError::new("write", &path, e))
        })
    }
}

/// Writes pieces of a shard into a journal of its own, whole, in the place of an earlier one.
///
/// # Errors
/// If it cannot be written.
pub fn keep_in_journal(
    run: &RunDir,
    plan: &BoundPlan,
    shard: u32,
    origins: &[Attempt],
    pieces: &[Piece],
) -> Result<PathBuf, FileError> {
    let (path, identity) = (run.taken_over_journal(shard, "earlier"), Identity::new(plan, shard));
    plain::make_folder(&run.journals())?;
    let bytes = [identity.header_frame(), frames(&identity, origins, pieces)].concat();
    files::write_whole(&path, |w| w.write_all(&bytes))?;
    Ok(path)
}

fn frames(identity: &Identity, origins: &[Attempt], pieces: &[Piece]) -> Vec<u8> {
    let origins = origins.iter().map(|origin| identity.origin_frame(origin));
    let pieces = pieces.iter().map(|piece| identity.piece_frame(piece.first, &piece.results));
    origins.chain(pieces).flatten().collect()
}
