//! The partial: the file that a finished shard leaves.
//!
//! ```text
//! bytes   0..8    magic "OTFHPCP\n"
//!         8..12   format version, u32 little-endian, as all numbers here
//!        12..16   shard
//!        16..48   BLAKE3 of the plan
//!        48..56   first unit
//!        56..64   number of units
//!        64..72   length of the body
//!        72..104  BLAKE3 of bytes 0..72 and the body
//!       104..     body: bincode of the results and the provenance
//! ```

use std::fs::File;
use std::io::{Read, Write};
use std::ops::Range;
use std::path::Path;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::run_dir::RunDir;
use super::stream::verified;
use crate::foundations::files::plain::{self, Kind};
use crate::foundations::{Digest, FileError, files};
use crate::runner::plan::BoundPlan;

use super::codec;
use super::envelope::Envelope;

const MAGIC: &[u8; 8] = b"OTFHPCP\n";
/// Raised whenever the meaning of a byte changes.
const FORMAT: u32 = 8;
pub(super) const CHECKSUM_AT: usize = 72;
pub(super) const HEADER: usize = 104;

/// What a finished shard leaves.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Partial {
    /// One per unit of the shard, in order.
    pub results: Vec<Envelope>,
    /// Who made them, where and when. Never part of a product.
    pub provenance: Provenance,
}

/// Who worked on a shard, where and when.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Provenance {
    /// The shard.
    pub shard: u32,
    /// Name of the machine.
    pub host: String,
    /// Process id there.
    pub process: u32,
    /// Slurm's job and task, where there are any.
    pub job: Option<String>,
    /// How many processes worked on the shard, this one included.
    pub attempts: u64,
    /// Units that earlier ones had finished, and that stood in the journal.
    pub units_from_journal: u64,
    /// BLAKE3 of the executable of this process.
    pub binary: Digest,
    /// The same of earlier ones that were other builds, each once.
    pub earlier_binaries: Vec<Digest>,
    /// Worker threads.
    pub threads: usize,
    /// Start of this process's part, UTC, RFC 3339.
    pub started: String,
    /// End, UTC, RFC 3339.
    pub finished: String,
    /// Seconds from start to end.
    pub wall_seconds: f64,
    /// Seconds spent in units, over all threads.
    pub unit_seconds: f64,
    /// The most memory that the process had until then, bytes, where the system tells it. Of a process
    /// that worked on several shards one after the other, the earlier ones are in it.
    pub peak_memory_bytes: Option<u64>,
    /// How long the units of each column took in this process.
    pub times: Vec<ColumnTime>,
}

/// How long the units of one column took in one process.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ColumnTime {
    /// What the workload calls it.
    #[serde(rename = "method")]
    pub label: String,
    /// Its units that were worked on.
    pub units: u64,
    /// The median of their times. The first column of a row is charged with what they share; the
    /// rows of a coupled column share its time equally.
    pub median_microseconds: f64,
}

impl Provenance {
    /// Whether no other build worked on the shard.
    #[must_use]
    pub fn is_by(&self, binary: Digest) -> bool {
        self.binary == binary && self.earlier_binaries.iter().all(|earlier| *earlier == binary)
    }
}

/// Why a file is not the partial of this shard of this plan.
#[derive(Debug, Error)]
pub enum PartialError {
    /// There is none.
    #[error("missing")]
    Missing,
    /// Something that is no file.
    #[error("a {0}, not a file")]
    NotAFile(Kind),
    /// It cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// Shorter or longer than it says.
    #[error("{found} bytes long, expected {expected}")]
    Length {
        /// As it says, or at least the header.
        expected: u64,
        /// As found.
        found: u64,
    },
    /// Another kind of file.
    #[error("not a partial: it starts with other bytes")]
    Magic,
    /// Written by another version.
    #[error("of format {found}, expected {FORMAT}")]
    Format {
        /// As found.
        found: u32,
    },
    /// Changed after it was written.
    #[error("damaged: its checksum does not match its content")]
    Checksum,
    /// Made from another plan.
    #[error("of another plan ({found}, expected {expected})")]
    OtherPlan {
        /// Its plan.
        found: String,
        /// This plan.
        expected: String,
    },
    /// The partial of another shard under this one's name.
    #[error("the partial of shard {found}")]
    OtherShard {
        /// Whose it is.
        found: u32,
    },
    /// The units are not those of the plan.
    #[error("holds units {found:?}, expected {expected:?}")]
    Units {
        /// As found.
        found: Range<u64>,
        /// As planned.
        expected: Range<u64>,
    },
    /// The content cannot be decoded.
    #[error("its content cannot be decoded: {0}")]
    Body(String),
}

impl Partial {
    /// Writes the partial of a shard, whole, if nothing is in its place; says whether it did.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn write(&self, run: &RunDir, plan: &BoundPlan, shard: u32) -> Result<bool, FileError> {
        plain::make_folder(&run.partials())?;
        self.write_to(&run.partial(shard), plan, shard)
    }

    /// The same, to any path.
    pub(crate) fn write_to(
        &self,
        path: &Path,
        plan: &BoundPlan,
        shard: u32,
    ) -> Result<bool, FileError> {
        let body = codec::encode(self);
        let head = head(plan, shard, &planned_units(plan, shard), body.len() as u64);
        let checksum = Digest::of_pieces(&[&head, &body]);
        files::write_whole_new(path, |w| {
            w.write_all(&head)?;
            w.write_all(checksum.as_bytes())?;
            w.write_all(&body)
        })
    }

    /// Whether the results are the same to the last bit.
    pub(crate) fn has_results_of(&self, other: &Self) -> bool {
        let pairs = self.results.iter().zip(&other.results);
        self.results.len() == other.results.len()
            && pairs.into_iter().all(|(ours, theirs)| ours.has_result_of(theirs))
    }

    /// Reads the partial of a shard and proves that it is whole and belongs to this plan.
    ///
    /// # Errors
    /// Says what is wrong with the file, without its name.
    pub fn read(run: &RunDir, plan: &BoundPlan, shard: u32) -> Result<Self, PartialError> {
        Self::decode(&bytes_in(&run.partial(shard))?, plan, shard)
    }

    /// Proves the same of the file without looking at what the results are: header and checksum.
    ///
    /// # Errors
    /// Says what is wrong with the file, without its name.
    pub fn check(run: &RunDir, plan: &BoundPlan, shard: u32) -> Result<(), PartialError> {
        verified(run, plan, shard).map(|_| ())
    }

    /// Looks whether a file can be the partial of the shard, by its header and its length alone.
    ///
    /// # Errors
    /// Says that it cannot be.
    pub fn look(run: &RunDir, plan: &BoundPlan, shard: u32) -> Result<(), PartialError> {
        opened(&run.partial(shard))?.header.check(plan, shard).map(|_| ())
    }

    /// Decodes the bytes of a partial and proves that they are whole and belong to this plan.
    ///
    /// # Errors
    /// Says what is wrong with them.
    pub fn decode(bytes: &[u8], plan: &BoundPlan, shard: u32) -> Result<Self, PartialError> {
        let body = check_header(bytes, plan, shard)?;
        let partial: Self = codec::decode(body).map_err(PartialError::Body)?;
        let expected = planned_units(plan, shard);
        let found = expected.start..expected.start + partial.results.len() as u64;
        if found != expected {
            return Err(PartialError::Units { found, expected });
        }
        Ok(partial)
    }
}

fn planned_units(plan: &BoundPlan, shard: u32) -> Range<u64> {
    plan.shards.units(shard).unwrap_or(0..0)
}

/// A folder, a link or a device in the place of a partial is not read.
fn bytes_in(path: &Path) -> Result<Vec<u8>, PartialError> {
    plain::read(path).map_err(reason)
}

/// A partial of which no more than the header was read.
pub(super) struct Opened {
    /// Stands before the body.
    pub(super) file: File,
    /// Of the file, in bytes.
    pub(super) length: u64,
    /// The bytes of the header.
    pub(super) head: Vec<u8>,
    /// What they say.
    pub(super) header: Header,
}

/// Opens what is in the place of a partial, and reads its header.
pub(super) fn opened(path: &Path) -> Result<Opened, PartialError> {
    let error = |e| FileError::new("read", path, e);
    let mut file = plain::open_to_read(path).map_err(|e| reason(error(e)))?;
    let length = file.metadata().map_err(error)?.len();
    let mut head = Vec::with_capacity(HEADER);
    (&mut file).take(HEADER as u64).read_to_end(&mut head).map_err(error)?;
    let header = Header::read(&head, length)?;
    Ok(Opened { file, length, head, header })
}

fn reason(error: FileError) -> PartialError {
    match error.misplaced() {
        Some(misplaced) => PartialError::NotAFile(misplaced.found),
        None if error.is_not_found() => PartialError::Missing,
        None => error.into(),
    }
}

fn head(plan: &BoundPlan, shard: u32, units: &Range<u64>, body: u64) -> Vec<u8> {
    let mut head = Vec::with_capacity(CHECKSUM_AT);
    head.extend(MAGIC);
    head.extend(FORMAT.to_le_bytes());
    head.extend(shard.to_le_bytes());
    head.extend(plan.hash.as_bytes());
    head.extend(units.start.to_le_bytes());
    head.extend((units.end - units.start).to_le_bytes());
    head.extend(body.to_le_bytes());
    head
}

/// Checks everything but the body's meaning, in the order that gives the clearest reason.
fn check_header<'a>(
    bytes: &'a [u8],
    plan: &BoundPlan,
    shard: u32,
) -> Result<&'a [u8], PartialError> {
    let header = Header::read(bytes, bytes.len() as u64)?;
    let (head, body) = bytes.split_at(HEADER);
    if Digest::of_pieces(&[&head[..CHECKSUM_AT], body]).as_bytes() != &head[CHECKSUM_AT..] {
        return Err(PartialError::Checksum);
    }
    header.check(plan, shard)?;
    Ok(body)
}

/// What a header says, of a file whose length it knows.
pub(super) struct Header {
    shard: u32,
    plan: Digest,
    units: Range<u64>,
}

impl Header {
    fn read(bytes: &[u8], length: u64) -> Result<Self, PartialError> {
        let Some((header, _)) = bytes.split_at_checked(HEADER) else {
            return Err(PartialError::Length { expected: HEADER as u64, found: length });
        };
        let mut fields = Fields(header);
        if fields.take::<8>() != *MAGIC {
            return Err(PartialError::Magic);
        }
        let found = u32::from_le_bytes(fields.take());
        if found != FORMAT {
            return Err(PartialError::Format { found });
        }
        let shard = u32::from_le_bytes(fields.take());
        let plan = Digest::from(fields.take::<32>());
        let (first, count) = (u64::from_le_bytes(fields.take()), u64::from_le_bytes(fields.take()));
        let expected = u64::from_le_bytes(fields.take()).saturating_add(HEADER as u64);
        if length != expected {
            return Err(PartialError::Length { expected, found: length });
        }
        Ok(Self { shard, plan, units: first..first.saturating_add(count) })
    }

    /// The units of the shard, if this is its header.
    pub(super) fn check(self, plan: &BoundPlan, shard: u32) -> Result<Range<u64>, PartialError> {
        if self.plan != plan.hash {
            let (found, expected) = (self.plan.short(), plan.hash.short());
            return Err(PartialError::OtherPlan { found, expected });
        }
        if self.shard != shard {
            return Err(PartialError::OtherShard { found: self.shard });
        }
        let (found, expected) = (self.units, planned_units(plan, shard));
        if found != expected {
            return Err(PartialError::Units { found, expected });
        }
        Ok(expected)
    }
}

/// The fields of the header, one after another; it is long enough for all of them.
struct Fields<'a>(&'a [u8]);

impl Fields<'_> {
    fn take<const N: usize>(&mut self) -> [u8; N] {
        let (field, rest) = self.0.split_first_chunk().expect("the header is 104 bytes long");
        self.0 = rest;
        *field
    }
}

#[cfg(test)]
pub(super) mod tests;
