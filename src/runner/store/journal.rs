//! The journal: what an unfinished shard has done so far.
//!
//! A file of frames (see [`super::frame`]): first a header with format, plan and shard; then, for
//! every process that works on the shard, who it is, and each piece that it finished, a piece being
//! the smallest thing that is never cut. Whatever is damaged costs the pieces in which the damage
//! is, and those are fitted again. A finished shard has a partial instead.

use std::collections::BTreeMap;
use std::io::Read;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::run_dir::RunDir;
use super::run_dir::shard_of_journal;
use crate::foundations::files::plain;
use crate::foundations::{Digest, FileError};
use crate::runner::plan::{BoundPlan, Layout};

use super::attempt::Attempt;
use super::codec;
use super::envelope::Envelope;
use super::frame::{Frames, HEAD, Kind, frame, unbound};
use super::results::Results;
use super::why::Why;

/// Raised whenever the meaning of a byte changes.
const FORMAT: u32 = 5;
/// Bytes of the body of a header: format, shard, plan, first unit, number of units.
const HEADER: usize = 4 + 4 + 32 + 8 + 8;
/// A journal that was not renewed for so long was left by a process that is gone.
const STALE_AFTER: Duration = Duration::from_secs(60);

/// What binds a journal to a shard of a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Identity {
    header: Vec<u8>,
    pub(crate) units: Range<u64>,
}

impl Identity {
    pub(crate) fn new(plan: &BoundPlan, shard: u32) -> Self {
        let units = plan.shards.units(shard).unwrap_or(0..0);
        let mut header = Vec::with_capacity(HEADER);
        header.extend(FORMAT.to_le_bytes());
        header.extend(shard.to_le_bytes());
        header.extend(plan.hash.as_bytes());
        header.extend(units.start.to_le_bytes());
        header.extend((units.end - units.start).to_le_bytes());
        Self { header, units }
    }

    /// What a journal begins with.
    pub(crate) fn header_frame(&self) -> Vec<u8> {
        frame(Kind::Header, &unbound(), &self.header)
    }

    pub(crate) fn attempt_frame(&self, attempt: &Attempt) -> Vec<u8> {
        frame(Kind::Attempt, &self.binding(), &codec::encode(attempt))
    }

    /// The frame of a piece, given its first unit.
    pub(crate) fn piece_frame(&self, first: u64, results: &[Envelope]) -> Vec<u8> {
        frame(Kind::Piece, &self.binding(), &codec::encode(&(first, results)))
    }

    pub(crate) fn origin_frame(&self, origin: &Attempt) -> Vec<u8> {
        frame(Kind::Origin, &self.binding(), &codec::encode(origin))
    }

    pub(crate) fn ended_frame(&self, why: &Why) -> Vec<u8> {
        frame(Kind::Ended, &self.binding(), why.encode().as_bytes())
    }

    fn binding(&self) -> Digest {
        Digest::of(&self.header)
    }
}

/// What one journal tells, besides results.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Told {
    pub(crate) attempts: Vec<Attempt>,
    /// Who worked on what was taken over.
    pub(crate) origins: Vec<Attempt>,
    /// Why the last attempt ended, if it did so of its own accord.
    pub(crate) ended: Option<Why>,
    /// Where its last sound frame ends: what follows is torn.
    pub(crate) end: usize,
    /// Units that the last attempt fitted.
    pub(crate) fresh: u64,
}

/// Bytes in which nothing is of this shard of this plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Foreign;

/// Reads the bytes of a journal, and puts its pieces with the results.
pub(crate) fn decode(
    bytes: &[u8],
    identity: &Identity,
    layout: &Layout,
    results: &mut Results,
) -> Result<Told, Foreign> {
    let mut told = Told::default();
    for frame in Frames::new(bytes, identity.binding()) {
        match frame.kind {
            Kind::Header if frame.body != identity.header => continue,
            Kind::Header => {}
            Kind::Attempt => {
                told.attempts.extend(codec::decode::<Attempt>(frame.body));
                (told.ended, told.fresh) = (None, 0);
            }
            Kind::Piece => told.fresh += take_piece(frame.body, layout, results),
            Kind::Ended => told.ended = str::from_utf8(frame.body).ok().and_then(Why::decode),
            Kind::Origin => told.origins.extend(codec::decode::<Attempt>(frame.body)),
        }
        told.end = frame.end;
    }
    // A process that was killed at once leaves less than a header, and nothing is lost with that.
    if told.end == 0 && bytes.len() >= HEAD + HEADER { Err(Foreign) } else { Ok(told) }
}

/// Puts a piece with the results, if it is one, and says how many units are new.
fn take_piece(body: &[u8], layout: &Layout, results: &mut Results) -> u64 {
    let Ok((first, piece)) = codec::decode::<(u64, Vec<Envelope>)>(body) else { return 0 };
    if layout.piece_at(first) == Some(piece.len() as u64) { results.put(first, piece) } else { 0 }
}

/// What all journals of a shard tell.
#[derive(Debug, Clone, PartialEq)]
pub struct Journals {
    /// The units that are done.
    pub results: Results,
    /// Who worked on the shard; the last one last.
    pub attempts: Vec<Attempt>,
    /// Who worked on those that it was cut from, or on what it took over.
    pub(crate) inherited: Vec<Attempt>,
    /// Whether some of its units were taken over, from another plan or from a partial of its own.
    pub taken_over: bool,
    /// Whether the last one still does, as far as files can tell.
    pub running: bool,
    /// Why the last one ended, if it said so.
    pub ended: Option<Why>,
    /// Units that the last one fitted.
    pub fresh: u64,
    /// Its last sign of life, by the clock of whoever keeps the file.
    pub renewed: Option<SystemTime>,
    /// Where the sound part of each journal ends, bytes.
    pub(crate) ends: BTreeMap<PathBuf, u64>,
    /// Files that are no journals of this shard of this plan.
    pub(crate) foreign: Vec<PathBuf>,
}

impl Journals {
    /// Files that are no journals of this shard of this plan.
    #[must_use]
    pub fn foreign(&self) -> &[PathBuf] {
        &self.foreign
    }

    /// Reads what is known of a shard: its own journals, and the results that those of the shards
    /// have from which it was cut.
    ///
    /// # Errors
    /// If one cannot be read; one that is damaged is no error.
    pub fn of_shard(
        plan: &BoundPlan,
        shard: u32,
        found: &BTreeMap<u32, Vec<PathBuf>>,
    ) -> Result<Self, FileError> {
        let paths = |shard| found.get(&shard).map_or(&[][..], Vec::as_slice);
        let mut all = Self::read(plan, shard, paths(shard))?;
        for ancestor in plan.shards.ancestors(shard) {
            let identity = Identity::new(plan, ancestor);
            for path in paths(ancestor) {
                if let Found::File(bytes, _) = read_file(path)? {
                    // That it is no journal is of no concern here.
                    let told = decode(&bytes, &identity, &plan.layout, &mut all.results);
                    let told = told.unwrap_or_default();
                    all.inherited.extend(told.attempts.into_iter().chain(told.origins));
                }
            }
        }
        Ok(all)
    }

    /// Reads journals of one shard.
    ///
    /// # Errors
    /// If one cannot be read; one that is damaged is no error.
    pub fn read(plan: &BoundPlan, shard: u32, paths: &[PathBuf]) -> Result<Self, FileError> {
        let identity = Identity::new(plan, shard);
        let mut all = Self {
            results: Results::none(&identity.units),
            attempts: Vec::new(),
            inherited: Vec::new(),
            taken_over: false,
            running: false,
            ended: None,
            fresh: 0,
            renewed: None,
            ends: BTreeMap::new(),
            foreign: Vec::new(),
        };
        let mut by_age = Vec::new();
        for path in paths {
            let (bytes, modified) = match read_file(path)? {
                Found::File(bytes, modified) => (bytes, modified),
                // Its shard is done by now.
                Found::Nothing => continue,
                Found::NoFile => {
                    all.foreign.push(path.clone());
                    continue;
                }
            };
            match decode(&bytes, &identity, &plan.layout, &mut all.results) {
                Err(Foreign) => all.foreign.push(path.clone()),
                Ok(told) => {
                    all.ends.insert(path.clone(), told.end as u64);
                    let open = told.ended.is_none() && !told.attempts.is_empty();
                    all.running |= open && is_fresh(modified);
                    by_age.push((modified, told));
                }
            }
        }
        by_age.sort_by_key(|(modified, _)| *modified);
        for (modified, told) in by_age {
            all.taken_over |= !told.origins.is_empty();
            all.inherited.extend(told.origins);
            if !told.attempts.is_empty() {
                (all.ended, all.fresh, all.renewed) = (told.ended, told.fresh, Some(modified));
            }
            all.attempts.extend(told.attempts);
        }
        Ok(all)
    }
}

/// What is in the place of a journal.
enum Found {
    /// A file: its content, and when it was renewed.
    File(Vec<u8>, SystemTime),
    /// Something that is no file.
    NoFile,
    Nothing,
}

fn read_file(path: &Path) -> Result<Found, FileError> {
    let read = || {
        let mut file = plain::open_to_read(path)?;
        let modified = file.metadata()?.modified()?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        Ok(Found::File(bytes, modified))
    };
    let error = match read() {
        Ok(found) => return Ok(found),
        Err(error) => FileError::new("read", path, error),
    };
    match error.misplaced() {
        Some(_) => Ok(Found::NoFile),
        None if error.is_not_found() => Ok(Found::Nothing),
        None => Err(error),
    }
}

/// A clock that differs between machines must not make a live task look dead for long.
fn is_fresh(modified: SystemTime) -> bool {
    SystemTime::now().duration_since(modified).unwrap_or_default() < STALE_AFTER
}

/// The journals in a run's folder, by shard.
///
/// # Errors
/// If the folder cannot be read.
pub fn journals(run: &RunDir) -> Result<BTreeMap<u32, Vec<PathBuf>>, FileError> {
    let folder = run.journals();
    let mut by_shard: BTreeMap<u32, Vec<PathBuf>> = BTreeMap::new();
    for name in plain::read_folder(&folder)?.into_iter().flatten() {
        if let Some(shard) = shard_of_journal(&name.to_string_lossy()) {
            by_shard.entry(shard).or_default().push(folder.join(name));
        }
    }
    by_shard.values_mut().for_each(|paths| paths.sort_unstable());
    Ok(by_shard)
}

#[cfg(test)]
mod tests;
