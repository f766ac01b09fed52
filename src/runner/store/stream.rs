//! Reads a partial unit by unit: results may be large, and memory holds one of them.

use std::fs::File;
use std::io::{self, BufReader, ErrorKind, Seek, SeekFrom};
use std::ops::Range;

use crate::foundations::{Digest, FileError};
use crate::runner::plan::BoundPlan;

use super::codec::decode_next;
use super::envelope::Envelope;
use super::partial::{CHECKSUM_AT, HEADER, Opened, Partial, PartialError, Provenance, opened};
use super::run_dir::RunDir;

/// Why a partial was not read to its end.
#[derive(Debug)]
pub enum StreamError<E> {
    /// It is not the partial of this shard of this plan.
    Partial(PartialError),
    /// Who was given its results did not take one.
    Refused(E),
}

impl<E> From<PartialError> for StreamError<E> {
    fn from(error: PartialError) -> Self {
        Self::Partial(error)
    }
}

impl Partial {
    /// Proves that the partial of a shard is whole and belongs to this plan, then hands out its results
    /// in the order of units, and says who made them.
    ///
    /// # Errors
    /// If it does not, a result cannot be decoded, or one is refused.
    pub fn stream<E>(
        run: &RunDir,
        plan: &BoundPlan,
        shard: u32,
        mut take: impl FnMut(u64, Envelope) -> Result<(), E>,
    ) -> Result<Provenance, StreamError<E>> {
        let (file, length, units) = verified(run, plan, shard)?;
        let refused = |error: io::Error| match error.kind() {
            ErrorKind::InvalidData => PartialError::Body(error.to_string()),
            _ => FileError::new("read", &run.partial(shard), error).into(),
        };
        let mut reader = BufReader::with_capacity(1 << 16, file);
        let count: u64 = decode_next(&mut reader, length).map_err(refused)?;
        let found = units.start..units.start.saturating_add(count);
        for unit in found.clone() {
            let result = decode_next(&mut reader, length).map_err(refused)?;
            if units.contains(&unit) {
                take(unit, result).map_err(StreamError::Refused)?;
            }
        }
        if found != units {
            return Err(PartialError::Units { found, expected: units }.into());
        }
        let provenance = decode_next(&mut reader, length).map_err(refused)?;
        match io::copy(&mut reader, &mut io::sink()).map_err(refused)? {
            0 => Ok(provenance),
            left => Err(PartialError::Body(format!("{left} bytes are left over")).into()),
        }
    }
}

impl Partial {
    /// Proves that the partial of a shard is whole, belongs to this plan, and can be read to its end, and
    /// says who made it. Memory holds one result of it at a time.
    ///
    /// # Errors
    /// Says what is wrong with the file, without its name.
    pub fn prove(run: &RunDir, plan: &BoundPlan, shard: u32) -> Result<Provenance, PartialError> {
        match Self::stream(run, plan, shard, |_, _| Ok::<(), PartialError>(())) {
            Ok(provenance) => Ok(provenance),
            Err(StreamError::Partial(problem) | StreamError::Refused(problem)) => Err(problem),
        }
    }

    /// Whether the partial of a shard is there, whole, and of this plan.
    ///
    /// # Errors
    /// If it cannot be read: it may be sound, only nobody can see it now.
    pub fn is_sound(run: &RunDir, plan: &BoundPlan, shard: u32) -> Result<bool, FileError> {
        match verified(run, plan, shard) {
            Ok(_) => Ok(true),
            Err(PartialError::File(error)) => Err(error),
            Err(_) => Ok(false),
        }
    }
}

/// Opens the partial of a shard when header and checksum have proved that it is whole and belongs to
/// this plan. The file stands before its body; with it come its length and its units.
pub(super) fn verified(
    run: &RunDir,
    plan: &BoundPlan,
    shard: u32,
) -> Result<(File, u64, Range<u64>), PartialError> {
    let path = run.partial(shard);
    let error = |e| PartialError::File(FileError::new("read", &path, e));
    let Opened { mut file, length, head, header } = opened(&path)?;
    let found = Digest::of_reader(&head[..CHECKSUM_AT], &file).map_err(error)?;
    if found.as_bytes() != &head[CHECKSUM_AT..] {
        return Err(PartialError::Checksum);
    }
    let units = header.check(plan, shard)?;
    file.seek(SeekFrom::Start(HEADER as u64)).map_err(error)?;
    Ok((file, length, units))
}

#[cfg(test)]
mod tests {
    use super::super::partial::tests::{partial, planned};
    use super::*;

    #[test]
    fn unit_by_unit_is_the_same_as_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let (run, plan) = (RunDir::new(folder.path()), planned(1));
        for shard in 0..3 {
            let written = partial(&plan, shard);
            assert!(written.write(&run, &plan, shard).unwrap());
            let mut results = Vec::new();
            let take = |unit, result| {
                results.push((unit, result));
                Ok::<(), ()>(())
            };
            let provenance = Partial::stream(&run, &plan, shard, take).unwrap();
            let expected = plan.shards.units(shard).unwrap().zip(written.results.clone());
            assert_eq!(results, expected.collect::<Vec<_>>());
            assert_eq!(provenance, written.provenance);
            let refused = Partial::stream(&run, &plan, shard, |unit, _| Err(unit)).unwrap_err();
            assert!(matches!(refused, StreamError::Refused(unit) if unit == results[0].0));
        }
        // One byte is another, wherever it is; and what is of another plan.
        let sound = std::fs::read(run.partial(1)).unwrap();
        for at in (0..sound.len()).step_by(7) {
            let mut bytes = sound.clone();
            bytes[at] ^= 4;
            std::fs::write(run.partial(1), bytes).unwrap();
            let read = Partial::stream(&run, &plan, 1, |_, _| Ok::<(), ()>(()));
            assert!(matches!(read, Err(StreamError::Partial(_))), "{at}");
        }
        std::fs::write(run.partial(1), sound).unwrap();
        assert!(Partial::stream(&run, &planned(2), 1, |_, _| Ok::<(), ()>(())).is_err());
        std::fs::remove_file(run.partial(1)).unwrap();
        let read = Partial::stream(&run, &plan, 1, |_, _| Ok::<(), ()>(()));
        assert!(matches!(read, Err(StreamError::Partial(PartialError::Missing))));
    }
}
