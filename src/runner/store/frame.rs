//! The frames of a journal: each says how long it is and proves that it is whole.
//!
//! ```text
//! bytes  0..8    magic "OTFHPCJ\n"
//!        8..12   kind, u32 little-endian, as all numbers here
//!       12..20   length of the body
//!       20..52   BLAKE3 of the binding, bytes 0..20 and the body
//!       52..     body
//! ```
//!
//! The binding is 32 bytes that are not in the frame: who does not know to which plan and shard a
//! frame belongs cannot mistake it for one of his.

use crate::foundations::Digest;

const MAGIC: &[u8; 8] = b"OTFHPCJ\n";
const LENGTH_AT: usize = 12;
const CHECKSUM_AT: usize = 20;
/// Bytes before the body.
pub(super) const HEAD: usize = 52;

/// What the body of a frame is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// The plan and the shard that the journal belongs to.
    Header = 1,
    /// A process began to work on the shard.
    Attempt = 2,
    /// The results of one piece.
    Piece = 3,
    /// The process stopped of its own accord.
    Ended = 4,
    /// A process that worked on pieces that were taken over from another plan or from a partial.
    Origin = 5,
}

impl Kind {
    const ALL: [Self; 5] = [Self::Header, Self::Attempt, Self::Piece, Self::Ended, Self::Origin];
}

/// A whole frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Frame<'a> {
    pub(super) kind: Kind,
    pub(super) body: &'a [u8],
    /// Where it ends in the journal.
    pub(super) end: usize,
}

/// The bytes of a frame.
pub(super) fn frame(kind: Kind, binding: &Digest, body: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(HEAD + body.len());
    bytes.extend(MAGIC);
    bytes.extend((kind as u32).to_le_bytes());
    bytes.extend((body.len() as u64).to_le_bytes());
    let checksum = Digest::of_pieces(&[binding.as_bytes(), &bytes, body]);
    bytes.extend(checksum.as_bytes());
    bytes.extend(body);
    bytes
}

/// What header frames are bound to: they must be readable to whoever does not know the plan.
pub(super) fn unbound() -> Digest {
    Digest::of(b"")
}

/// The sound frames of a journal in order, whatever stands between them.
///
/// After a frame that is not sound the search goes on one byte after its beginning, not at its
/// end: its length may be what is damaged.
#[derive(Debug)]
pub(super) struct Frames<'a> {
    bytes: &'a [u8],
    at: usize,
    binding: Digest,
    unbound: Digest,
}

impl<'a> Frames<'a> {
    pub(super) fn new(bytes: &'a [u8], binding: Digest) -> Self {
        Self { bytes, at: 0, binding, unbound: unbound() }
    }

    /// The frame that begins here, if it is sound. Nothing is taken from it that the file has not.
    fn sound_at(&self, start: usize) -> Option<Frame<'a>> {
        let (head, rest) = self.bytes[start..].split_at_checked(HEAD)?;
        let code = u32::from_le_bytes(head[MAGIC.len()..LENGTH_AT].try_into().ok()?);
        let kind = Kind::ALL.into_iter().find(|kind| *kind as u32 == code)?;
        let length = u64::from_le_bytes(head[LENGTH_AT..CHECKSUM_AT].try_into().ok()?);
        let body = rest.get(..usize::try_from(length).ok()?)?;
        let binding = if kind == Kind::Header { &self.unbound } else { &self.binding };
        let checksum = Digest::of_pieces(&[binding.as_bytes(), &head[..CHECKSUM_AT], body]);
        let sound = checksum.as_bytes() == &head[CHECKSUM_AT..];
        sound.then_some(Frame { kind, body, end: start + HEAD + body.len() })
    }
}

impl<'a> Iterator for Frames<'a> {
    type Item = Frame<'a>;

    fn next(&mut self) -> Option<Frame<'a>> {
        loop {
            let rest = self.bytes.get(self.at..)?;
            let start = self.at + rest.windows(MAGIC.len()).position(|bytes| bytes == MAGIC)?;
            if let Some(frame) = self.sound_at(start) {
                self.at = frame.end;
                return Some(frame);
            }
            self.at = start + 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_read_back_and_only_under_their_binding() {
        let (ours, other) = (Digest::of(b"ours"), Digest::of(b"other"));
        let mut bytes = frame(Kind::Attempt, &ours, b"somebody");
        bytes.extend(frame(Kind::Piece, &ours, b""));
        let found: Vec<_> = Frames::new(&bytes, ours).map(|f| (f.kind, f.body, f.end)).collect();
        let expected: [(_, &[u8], _); 2] =
            [(Kind::Attempt, b"somebody", HEAD + 8), (Kind::Piece, b"", 2 * HEAD + 8)];
        assert_eq!(found, expected);
        assert_eq!(Frames::new(&bytes, other).count(), 0);
    }

    #[test]
    fn a_length_that_is_a_lie_hides_nothing_that_follows() {
        let binding = Digest::of(b"");
        for lie in [0, 1, 60, 61, 1 << 40, u64::MAX] {
            let mut bytes = frame(Kind::Piece, &binding, b"first");
            bytes[LENGTH_AT..CHECKSUM_AT].copy_from_slice(&lie.to_le_bytes());
            bytes.extend(frame(Kind::Piece, &binding, b"second"));
            let found: Vec<_> = Frames::new(&bytes, binding).map(|frame| frame.body).collect();
            assert_eq!(found, [b"second"], "{lie}");
        }
    }
}
