//! The header of an `.npy` member: NumPy Enhancement Proposal 1.
//!
//! `ndarray-npy` reads headers too, but with a general parser of Python values: a damaged header
//! with 1,000 opening brackets in it kept that busy for more than nine minutes. It also does not
//! tell the element type before an array is asked for. The three entries need no recursion.

use std::io::Read;

use super::element::ElementType;
use super::fault::MemberFault;

/// What every `.npy` member starts with.
const MAGIC: &[u8; 6] = b"\x93NUMPY";
/// The longest header that `numpy.load` reads by default, bytes.
const MAX_HEADER_BYTES: usize = 10_000;
/// The most dimensions that NumPy supports.
const MAX_DIMENSIONS: usize = 64;

/// What the header says about the array after it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Header {
    /// The type and byte order of the elements.
    pub(super) element: ElementType,
    /// Whether the first index varies fastest.
    pub(super) fortran_order: bool,
    /// The length of each axis.
    pub(super) shape: Vec<usize>,
    /// How many bytes the header took, magic string included.
    pub(super) header_bytes: u64,
}

impl Header {
    /// Reads the header, and no byte more.
    pub(super) fn read(reader: &mut impl Read) -> Result<Self, MemberFault> {
        let mut start = [0; 8];
        fill(reader, &mut start)?;
        let [magic @ .., major, minor] = start;
        if &magic != MAGIC {
            let found = super::error::quoted(&magic);
            return Err(damaged(format!("it starts with {found}, not \"\\x93NUMPY\"")));
        }
        let (prefix, length) = read_length(reader, major, minor)?;
        if length > MAX_HEADER_BYTES {
            return Err(damaged(format!(
                "its header declares {length} bytes, NumPy's limit is {MAX_HEADER_BYTES}"
            )));
        }
        let mut text = vec![0; length];
        fill(reader, &mut text)?;
        let text =
            std::str::from_utf8(&text).map_err(|_| damaged("its header is not text".to_owned()))?;
        let mut header = parse(text)?;
        header.header_bytes = (prefix + length) as u64;
        Ok(header)
    }

    /// How many bytes the array takes, `None` if the number has no `u64`.
    pub(super) fn data_bytes(&self) -> Option<u64> {
        self.shape.iter().try_fold(self.element.bytes() as u64, |product, &length| {
            product.checked_mul(u64::try_from(length).ok()?)
        })
    }
}

/// `shape` as Python writes it: `(600, 512)`, `(600,)`, `()`.
#[must_use]
pub fn python_shape(shape: &[usize]) -> String {
    let lengths: Vec<String> = shape.iter().map(usize::to_string).collect();
    let comma = if shape.len() == 1 { "," } else { "" };
    format!("({}{comma})", lengths.join(", "))
}

/// The bytes before the header's text, and the length of the text, for a format version.
fn read_length(
    reader: &mut impl Read,
    major: u8,
    minor: u8,
) -> Result<(usize, usize), MemberFault> {
    match (major, minor) {
        (1, 0) => {
            let mut length = [0; 2];
            fill(reader, &mut length)?;
            Ok((10, usize::from(u16::from_le_bytes(length))))
        }
        (2 | 3, 0) => {
            let mut length = [0; 4];
            fill(reader, &mut length)?;
            // More than the limit on a machine where it does not fit: refused by the caller.
            Ok((12, usize::try_from(u32::from_le_bytes(length)).unwrap_or(usize::MAX)))
        }
        _ => Err(damaged(format!("its format version is {major}.{minor}, not 1.0, 2.0 or 3.0"))),
    }
}

/// Fills `buffer`, or says that the member ends too early or does not decompress.
fn fill(reader: &mut impl Read, buffer: &mut [u8]) -> Result<(), MemberFault> {
    reader.read_exact(buffer).map_err(|reason| damaged(format!("its header: {reason}")))
}

/// The error for a header that says `reason`.
fn damaged(reason: String) -> MemberFault {
    MemberFault::Damaged(reason)
}

/// Reads the Python dictionary `{'descr': ..., 'fortran_order': ..., 'shape': ...}`.
fn parse(text: &str) -> Result<Header, MemberFault> {
    let malformed = || {
        let shown: String = text.trim_end().chars().take(100).collect();
        damaged(format!("its header is {shown:?}"))
    };
    let mut scanner = Scanner { rest: text };
    let (mut element, mut fortran_order, mut shape) = (None, None, None);
    scanner.token("{").ok_or_else(malformed)?;
    while scanner.token("}").is_none() {
        let key = scanner.quoted().ok_or_else(malformed)?;
        scanner.token(":").ok_or_else(malformed)?;
        match key {
            "descr" if scanner.rest.trim_start().starts_with('[') => {
                // Fields: the value is nested, and no more of it is needed than to show it.
                return Err(MemberFault::Dtype(scanner.rest.trim().chars().take(200).collect()));
            }
            "descr" => {
                let descr = scanner.quoted().ok_or_else(malformed)?;
                element = Some(
                    ElementType::from_descr(descr)
                        .ok_or_else(|| MemberFault::Dtype(format!("'{descr}'")))?,
                );
            }
            "fortran_order" => fortran_order = Some(scanner.boolean().ok_or_else(malformed)?),
            "shape" => shape = Some(scanner.shape().ok_or_else(malformed)?),
            _ => return Err(malformed()),
        }
        if scanner.token(",").is_none() {
            scanner.token("}").ok_or_else(malformed)?;
            break;
        }
    }
    match (element, fortran_order, shape, scanner.rest.trim()) {
        (Some(element), Some(fortran_order), Some(shape), "") => {
            Ok(Header { element, fortran_order, shape, header_bytes: 0 })
        }
        _ => Err(malformed()),
    }
}

/// What is left of the header's text. Each method skips spaces, and takes a value or nothing.
struct Scanner<'a> {
    rest: &'a str,
}

impl<'a> Scanner<'a> {
    /// Takes `token`.
    fn token(&mut self, token: &str) -> Option<()> {
        self.rest = self.rest.trim_start().strip_prefix(token)?;
        Some(())
    }

    /// Takes a string between single or double quotes. NumPy never escapes anything in one.
    fn quoted(&mut self) -> Option<&'a str> {
        let text = self.rest.trim_start();
        let quote = text.chars().next().filter(|&quote| quote == '\'' || quote == '"')?;
        let (value, rest) = text.get(1..)?.split_once(quote)?;
        self.rest = rest;
        Some(value)
    }

    /// Takes `True` or `False`.
    fn boolean(&mut self) -> Option<bool> {
        match self.token("True") {
            Some(()) => Some(true),
            None => self.token("False").map(|()| false),
        }
    }

    /// Takes a tuple of integers; Python 2 wrote an `L` after some.
    fn shape(&mut self) -> Option<Vec<usize>> {
        self.token("(")?;
        let (inside, rest) = self.rest.split_once(')')?;
        self.rest = rest;
        let inside = inside.trim();
        let inside = inside.strip_suffix(',').unwrap_or(inside);
        if inside.is_empty() {
            return Some(Vec::new());
        }
        let length = |text: &str| text.trim().trim_end_matches('L').parse().ok();
        let shape: Vec<usize> = inside.split(',').map(length).collect::<Option<_>>()?;
        (shape.len() <= MAX_DIMENSIONS).then_some(shape)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(text: &str) -> Result<Header, MemberFault> {
        parse(text)
    }

    #[test]
    fn numpys_own_headers() {
        let text = "{'descr': '<f8', 'fortran_order': False, 'shape': (600, 512), }      \n";
        let read = header(text).unwrap();
        assert_eq!(read.shape, [600, 512]);
        assert!(!read.fortran_order);
        assert_eq!(read.data_bytes(), Some(600 * 512 * 8));
        for (text, shape) in [("()", vec![]), ("(3,)", vec![3]), ("(3L, 4L)", vec![3, 4])] {
            let text = format!("{{'shape': {text}, \"descr\": '|b1', 'fortran_order': True}}");
            assert_eq!(header(&text).unwrap().shape, shape);
        }
    }

    #[test]
    fn malformed_headers_are_quoted() {
        for text in [
            "",
            "{",
            "{}",
            "{'descr': '<f8'}",
            "{'descr': '<f8', 'fortran_order': 1, 'shape': (3,)}",
            "{'descr': '<f8', 'fortran_order': False, 'shape': (-3,)}",
            "{'descr': '<f8', 'fortran_order': False, 'shape': (99999999999999999999,)}",
            "{'descr': '<f8', 'fortran_order': False, 'shape': (3,)} and more",
            "{'descr': '<f8', 'fortran_order': False, 'shape': (3,), 'x': 1}",
        ] {
            let Err(MemberFault::Damaged(reason)) = header(text) else {
                panic!("accepted {text:?}")
            };
            assert_eq!(reason, format!("its header is {text:?}"));
        }
    }

    #[test]
    fn a_size_beyond_u64_is_no_size() {
        let huge = usize::MAX;
        let text = format!("{{'descr': '<f8', 'fortran_order': False, 'shape': ({huge}, 2)}}");
        assert_eq!(header(&text).unwrap().data_bytes(), None);
    }
}
