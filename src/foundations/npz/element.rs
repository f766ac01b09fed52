//! The element types of an array, and their way to `f64` or `Complex64`.

use num_complex::Complex64;

/// What kind of numbers a file held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SourceType {
    /// Whole numbers (or booleans): measured values among them have been rounded.
    Integer,
    /// Floating-point numbers.
    Float,
}

/// Which numbers an array may hold, by what it is read as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NumberKind {
    /// Real numbers: read as `f64`.
    Real,
    /// Real or complex numbers: read as `Complex64`.
    Complex,
}

impl NumberKind {
    /// The element types that are accepted.
    #[must_use]
    pub fn types(self) -> &'static str {
        match self {
            Self::Real => "bool, int8 to int64, uint8 to uint64, float32 or float64",
            Self::Complex => {
                "bool, int8 to int64, uint8 to uint64, float32, float64, complex64 or complex128"
            }
        }
    }

    /// What Python calls such a number.
    pub(super) fn python(self) -> &'static str {
        match self {
            Self::Real => "float",
            Self::Complex => "complex",
        }
    }
}

/// The type of a real number, without its byte order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ScalarType {
    Bool,
    I8,
    I16,
    I32,
    I64,
    U8,
    U16,
    U32,
    U64,
    F32,
    F64,
}

/// The type and byte order of the elements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ElementType {
    /// The type of the number, or of either part of a complex one.
    kind: ScalarType,
    complex: bool,
    big_endian: bool,
}

impl ElementType {
    /// The type that NumPy writes as `descr`, such as `<f8`, or that `numpy.dtype` takes for the
    /// same, such as `f8` or `float64`; `None` for one that is not a number of a supported size.
    pub(super) fn from_descr(descr: &str) -> Option<Self> {
        let orders = ['<', '>', '|', '='];
        let (order, code) = match descr.strip_prefix(orders) {
            Some(code) => (&descr[..1], code),
            None => ("=", descr),
        };
        let kind = match code {
            "b1" | "?" | "bool" => ScalarType::Bool,
            "i1" | "b" | "int8" => ScalarType::I8,
            "i2" | "h" | "int16" => ScalarType::I16,
            "i4" | "i" | "int32" => ScalarType::I32,
            "i8" | "q" | "int64" | "int" => ScalarType::I64,
            "u1" | "B" | "uint8" => ScalarType::U8,
            "u2" | "H" | "uint16" => ScalarType::U16,
            "u4" | "I" | "uint32" => ScalarType::U32,
            "u8" | "Q" | "uint64" => ScalarType::U64,
            "f4" | "f" | "float32" | "c8" | "F" | "complex64" => ScalarType::F32,
            "f8" | "d" | "float64" | "float" | "c16" | "D" | "complex128" | "complex" => {
                ScalarType::F64
            }
            _ => return None,
        };
        let complex = code.starts_with(['c', 'F', 'D']);
        // `|` says that the byte order does not matter, which is true of single bytes only.
        match order {
            "<" => Some(Self { kind, complex, big_endian: false }),
            ">" => Some(Self { kind, complex, big_endian: true }),
            // The byte order of whoever reads, as for NumPy.
            "=" => Some(Self { kind, complex, big_endian: cfg!(target_endian = "big") }),
            "|" if kind.bytes() == 1 => Some(Self { kind, complex, big_endian: false }),
            _ => None,
        }
    }

    /// The size of one element, bytes.
    pub(super) fn bytes(self) -> usize {
        if self.complex { 2 * self.kind.bytes() } else { self.kind.bytes() }
    }

    /// The type as NumPy writes it, if it is one of complex numbers.
    pub(super) fn complex_descr(self) -> Option<String> {
        let order = if self.big_endian { '>' } else { '<' };
        self.complex.then(|| format!("'{order}c{}'", self.bytes()))
    }

    /// Whether the elements are whole numbers.
    pub(super) fn source_type(self) -> SourceType {
        match self.kind {
            ScalarType::F32 | ScalarType::F64 => SourceType::Float,
            _ => SourceType::Integer,
        }
    }

    /// Appends the elements in `bytes`, in order; of complex numbers the parts, real before
    /// imaginary.
    #[allow(clippy::cast_precision_loss)] // documented: 64-bit integers round beyond 2^53
    pub(super) fn append_f64(self, bytes: &[u8], values: &mut Vec<f64>) {
        let big = self.big_endian;
        match self.kind {
            ScalarType::Bool => append(bytes, big, values, |[byte]| f64::from(u8::from(byte != 0))),
            ScalarType::I8 => append(bytes, big, values, |raw| f64::from(i8::from_le_bytes(raw))),
            ScalarType::I16 => append(bytes, big, values, |raw| f64::from(i16::from_le_bytes(raw))),
            ScalarType::I32 => append(bytes, big, values, |raw| f64::from(i32::from_le_bytes(raw))),
            ScalarType::I64 => append(bytes, big, values, |raw| i64::from_le_bytes(raw) as f64),
            ScalarType::U8 => append(bytes, big, values, |raw| f64::from(u8::from_le_bytes(raw))),
            ScalarType::U16 => append(bytes, big, values, |raw| f64::from(u16::from_le_bytes(raw))),
            ScalarType::U32 => append(bytes, big, values, |raw| f64::from(u32::from_le_bytes(raw))),
            ScalarType::U64 => append(bytes, big, values, |raw| u64::from_le_bytes(raw) as f64),
            ScalarType::F32 => append(bytes, big, values, |raw| f64::from(f32::from_le_bytes(raw))),
            ScalarType::F64 => append(bytes, big, values, f64::from_le_bytes),
        }
    }

    /// Appends the elements in `bytes`, in order, as whole numbers: exactly where they are, rounded where
    /// they have a fraction; `None` for what is no number, or too large.
    pub(super) fn append_whole(self, bytes: &[u8], values: &mut Vec<Option<i64>>) {
        let big = self.big_endian;
        match self.kind {
            ScalarType::I64 => append(bytes, big, values, |raw| Some(i64::from_le_bytes(raw))),
            ScalarType::U64 => {
                append(bytes, big, values, |raw| u64::from_le_bytes(raw).try_into().ok())
            }
            _ => {
                let mut floats = Vec::new();
                self.append_f64(bytes, &mut floats);
                let is_whole = |value: &f64| value.abs() < i64::MAX as f64;
                let whole = |value: f64| {
                    Some(value).filter(is_whole).map(|value| value.round_ties_even() as i64)
                };
                values.extend(floats.into_iter().map(whole));
            }
        }
    }

    /// Whether the elements are 16-bit integers with a sign.
    pub(super) fn is_i16(self) -> bool {
        self.kind == ScalarType::I16
    }

    /// Appends the elements in `bytes`, which are 16-bit integers.
    pub(super) fn append_i16(self, bytes: &[u8], values: &mut Vec<i16>) {
        append(bytes, self.big_endian, values, i16::from_le_bytes);
    }

    /// Appends the elements in `bytes`, in order.
    pub(super) fn append_complex(self, bytes: &[u8], values: &mut Vec<Complex64>) {
        let mut parts = Vec::new();
        self.append_f64(bytes, &mut parts);
        if self.complex {
            let (pairs, _) = parts.as_chunks::<2>();
            values.extend(pairs.iter().map(|&[re, im]| Complex64::new(re, im)));
        } else {
            values.extend(parts.iter().map(|&re| Complex64::new(re, 0.0)));
        }
    }
}

impl ScalarType {
    /// The size of one element, bytes.
    fn bytes(self) -> usize {
        match self {
            Self::Bool | Self::I8 | Self::U8 => 1,
            Self::I16 | Self::U16 => 2,
            Self::I32 | Self::U32 | Self::F32 => 4,
            Self::I64 | Self::U64 | Self::F64 => 8,
        }
    }
}

/// What an unsupported dtype, as the header writes it, means.
pub(super) fn meaning(dtype: &str) -> &'static str {
    let code = dtype.trim_start_matches(['\'', '<', '>', '|', '=']);
    match code.chars().next() {
        Some('[') => "a table with named fields",
        Some('O') => "Python objects, often lists of unequal length",
        Some('U' | 'S' | 'a') => "text",
        Some('c') => "complex numbers",
        Some('V') => "raw bytes",
        Some('M' | 'm') => "dates or times",
        Some('f') => "floating-point numbers of another size",
        _ => "not a number type of NumPy's",
    }
}

/// Appends each `N` bytes, swapped first if they are `big_endian`, as `value` has them.
fn append<const N: usize, T>(
    bytes: &[u8],
    big_endian: bool,
    values: &mut Vec<T>,
    value: impl Fn([u8; N]) -> T,
) {
    let (elements, _) = bytes.as_chunks::<N>();
    values.extend(elements.iter().map(|element| {
        let mut element = *element;
        if big_endian {
            element.reverse();
        }
        value(element)
    }));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complex(element: ElementType, bytes: &[u8]) -> Vec<Complex64> {
        let mut values = Vec::new();
        element.append_complex(bytes, &mut values);
        values
    }

    #[test]
    fn both_byte_orders() {
        for (descr, bytes) in [("<i2", [0xfe, 0xff, 1, 2]), (">i2", [0xff, 0xfe, 2, 1])] {
            let element = ElementType::from_descr(descr).unwrap();
            let (mut wide, mut narrow) = (vec![0.5], vec![7]);
            element.append_f64(&bytes, &mut wide);
            element.append_i16(&bytes, &mut narrow);
            assert_eq!((wide, narrow), (vec![0.5, -2.0, 513.0], vec![7, -2, 513]));
            assert!(element.is_i16());
        }
        assert!(!ElementType::from_descr("<u2").unwrap().is_i16());
    }

    #[test]
    fn each_part_of_a_complex_number_has_its_own_byte_order() {
        let parts = [1.5_f32, -2.0, 3.0, 0.25];
        let expected = [Complex64::new(1.5, -2.0), Complex64::new(3.0, 0.25)];
        let little = ElementType::from_descr("<c8").unwrap();
        let bytes: Vec<u8> = parts.iter().flat_map(|part| part.to_le_bytes()).collect();
        assert_eq!(complex(little, &bytes), expected);
        let big = ElementType::from_descr(">c16").unwrap();
        let bytes: Vec<u8> = parts.iter().flat_map(|&part| f64::from(part).to_be_bytes()).collect();
        assert_eq!(complex(big, &bytes), expected);
        assert_eq!((little.bytes(), big.bytes()), (8, 16));
        assert_eq!(little.complex_descr().as_deref(), Some("'<c8'"));
        assert_eq!(big.complex_descr().as_deref(), Some("'>c16'"));
        let real = ElementType::from_descr(">i2").unwrap();
        assert_eq!(complex(real, &[0xff, 0xfe]), [Complex64::new(-2.0, 0.0)]);
        assert_eq!(real.complex_descr(), None);
    }

    #[test]
    fn a_type_without_a_byte_order_is_that_of_this_machine() {
        let native = if cfg!(target_endian = "big") { '>' } else { '<' };
        for (code, spellings) in [
            ("b1", &["?", "bool", "=b1"][..]),
            ("i2", &["i2", "=i2", "int16", "h"]),
            ("i4", &["i", "int32"]),
            ("i8", &["int64", "int", "q"]),
            ("u2", &["uint16", "=H"]),
            ("f4", &["float32", "f", "=f4"]),
            ("f8", &["f8", "=f8", "float64", "float", "d"]),
            ("c8", &["F", "complex64"]),
            ("c16", &["c16", "complex128", "complex", "D"]),
        ] {
            let expected = ElementType::from_descr(&format!("{native}{code}")).unwrap();
            for spelling in spellings {
                assert_eq!(ElementType::from_descr(spelling), Some(expected), "{spelling}");
            }
        }
        for other in ["f2", "float16", "longdouble", "<<f8", "=", "U4", "str", "object", "=O"] {
            assert_eq!(ElementType::from_descr(other), None, "{other}");
        }
    }

    #[test]
    fn other_types_are_refused_and_explained() {
        for (descr, means) in [
            ("|O", "Python objects, often lists of unequal length"),
            ("<U4", "text"),
            ("<c32", "complex numbers"),
            ("|c16", "complex numbers"),
            ("|V8", "raw bytes"),
            ("<M8[s]", "dates or times"),
            ("<f2", "floating-point numbers of another size"),
            ("|f8", "floating-point numbers of another size"),
            ("é8", "not a number type of NumPy's"),
            ("", "not a number type of NumPy's"),
        ] {
            assert_eq!(ElementType::from_descr(descr), None, "{descr}");
            assert_eq!(meaning(&format!("'{descr}'")), means, "{descr}");
        }
    }
}
