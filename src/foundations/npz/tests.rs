use std::io::{Cursor, Write};

use ndarray::{Array1, Array2, ArrayBase, Data, Dimension, ShapeBuilder, array};
use ndarray_npy::{NpzWriter, WritableElement};
use proptest::prelude::*;
use tempfile::NamedTempFile;
use zip::write::SimpleFileOptions;

use super::*;

/// A temporary file of these `bytes`.
fn file(bytes: &[u8]) -> NamedTempFile {
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(bytes).unwrap();
    file
}

/// An archive with one array under the key `a`.
fn archive<S, D>(array: &ArrayBase<S, D>, deflated: bool) -> Vec<u8>
where
    S: Data,
    S::Elem: WritableElement,
    D: Dimension,
{
    let sink = Cursor::new(Vec::new());
    let mut writer = if deflated { NpzWriter::new_compressed(sink) } else { NpzWriter::new(sink) };
    writer.add_array("a", array).unwrap();
    writer.finish().unwrap().into_inner()
}

/// A stored archive with the member `a.npy` of these raw bytes.
fn raw(member: &[u8]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let stored = SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    writer.start_file("a.npy", stored).unwrap();
    writer.write_all(member).unwrap();
    writer.finish().unwrap().into_inner()
}

/// An `.npy` member with this header text and data.
fn npy(header: &str, data: &[u8]) -> Vec<u8> {
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend(u16::try_from(header.len()).unwrap().to_le_bytes());
    bytes.extend(header.as_bytes());
    bytes.extend(data);
    bytes
}

/// What is read as `a` from an archive of these bytes.
fn read(bytes: &[u8]) -> Result<(ArrayD<f64>, SourceType), NpzError> {
    let file = file(bytes);
    NpzFile::open(file.path())?.array_f64("a")
}

/// What is read as complex numbers from the `a` of an archive of these bytes.
fn read_complex(bytes: &[u8]) -> Result<ArrayD<Complex64>, NpzError> {
    let file = file(bytes);
    NpzFile::open(file.path())?.array_complex("a")
}

/// The message of the error that reading `a` gives.
fn message(bytes: &[u8]) -> String {
    read(bytes).unwrap_err().to_string()
}

fn assert_reads<T: WritableElement>(value: &Array1<T>, expected: &[f64], source: SourceType) {
    for deflated in [false, true] {
        let (array, found) = read(&archive(value, deflated)).unwrap();
        assert_eq!(array.as_slice(), Some(expected));
        assert_eq!(found, source);
    }
}

#[test]
fn whole_numbers_keep_all_digits() {
    let whole = |bytes: &[u8], length| {
        let file = file(bytes);
        NpzFile::open(file.path())?.whole_vector("a", length)
    };
    let beyond = (1_i64 << 53) + 1;
    let read = whole(&archive(&array![beyond, i64::MIN, -3], true), 3).unwrap();
    assert_eq!(read, [Some(beyond), Some(i64::MIN), Some(-3)]);
    let read = whole(&archive(&array![beyond as u64, u64::MAX], false), 2).unwrap();
    assert_eq!(read, [Some(beyond), None]);
    let read = whole(&archive(&array![2.4, f64::NAN, -1e30, f64::INFINITY], false), 4).unwrap();
    assert_eq!(read, [Some(2), None, None, None]);
    assert_eq!(whole(&archive(&array![7_i16], false), 1).unwrap(), [Some(7)]);
    let error = whole(&archive(&array![7_i64], false), 2).unwrap_err().to_string();
    assert!(error.contains("(1,)") && error.contains("(2,)"), "{error}");
}

#[test]
fn every_type_becomes_f64() {
    use SourceType::{Float, Integer};
    assert_reads(&array![true, false], &[1.0, 0.0], Integer);
    assert_reads(&array![-128_i8, 127], &[-128.0, 127.0], Integer);
    assert_reads(&array![-32768_i16, 7], &[-32768.0, 7.0], Integer);
    assert_reads(&array![i32::MIN, 7], &[-2_147_483_648.0, 7.0], Integer);
    assert_reads(&array![-(1_i64 << 53), 7], &[-9_007_199_254_740_992.0, 7.0], Integer);
    assert_reads(&array![255_u8], &[255.0], Integer);
    assert_reads(&array![65535_u16], &[65535.0], Integer);
    assert_reads(&array![u32::MAX], &[4_294_967_295.0], Integer);
    assert_reads(&array![1_u64 << 53], &[9_007_199_254_740_992.0], Integer);
    assert_reads(&array![0.1_f32], &[f64::from(0.1_f32)], Float);
    assert_reads(&array![0.1_f64, f64::INFINITY], &[0.1, f64::INFINITY], Float);
}

#[test]
fn numbers_become_complex() {
    let expected = [Complex64::new(1.5, -2.0), Complex64::new(0.0, f64::INFINITY)];
    for deflated in [false, true] {
        let read = read_complex(&archive(&Array1::from(expected.to_vec()), deflated)).unwrap();
        assert_eq!((read.shape(), read.as_slice()), (&[2][..], Some(&expected[..])));
    }
    let read = read_complex(&archive(&array![1.5, -2.0], false)).unwrap();
    assert_eq!(read.as_slice(), Some(&[Complex64::from(1.5), Complex64::from(-2.0)][..]));
    let value = |i, j| Complex64::new(i as f64, j as f64);
    let fortran = Array2::from_shape_fn((2, 3).f(), |(i, j)| value(i, j));
    let read = read_complex(&archive(&fortran, true)).unwrap();
    let rows = [value(0, 0), value(0, 1), value(0, 2), value(1, 0), value(1, 1), value(1, 2)];
    assert_eq!(read.as_slice(), Some(&rows[..]));
}

#[test]
fn complex_numbers_are_checked_as_others_are() {
    let message = |descr: &str, shape: &str, length: usize| {
        let header = format!("{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}\n");
        read_complex(&raw(&npy(&header, &vec![0; length]))).map_err(|error| error.to_string())
    };
    assert_eq!(message("'>c8'", "(2,)", 16).unwrap().len(), 2);
    for length in [0, 31, 33] {
        let error = message("'<c16'", "(2,)", length).unwrap_err();
        assert!(error.contains("is damaged (the shape (2,) with 16-byte elements"), "{error}");
    }
    let error = message("'<c16'", &format!("({}, 2)", usize::MAX), 32).unwrap_err();
    assert!(error.contains("is damaged (the shape ("), "{error}");
    let error = message("'|O'", "(2,)", 32).unwrap_err();
    let wanted =
        "float64, complex64 or complex128; write it again: python3 -c \"import numpy; a = ";
    assert!(error.contains(wanted), "{error}");
    assert!(error.contains("numpy.array(a['a'].tolist(), dtype=complex)"), "{error}");
}

#[test]
fn fortran_order_becomes_standard() {
    let fortran = Array2::from_shape_fn((2, 3).f(), |(i, j)| (10 * i + j) as f64);
    let (read, _) = read(&archive(&fortran, true)).unwrap();
    assert!(read.is_standard_layout());
    assert_eq!(read.as_slice(), Some(&[0.0, 1.0, 2.0, 10.0, 11.0, 12.0][..]));
    assert_eq!(read.shape(), [2, 3]);
}

#[test]
fn names_are_sorted_and_stripped() {
    let mut writer = NpzWriter::new(Cursor::new(Vec::new()));
    for name in ["b", "a"] {
        writer.add_array(name, &array![1.0]).unwrap();
    }
    let file = file(writer.finish().unwrap().get_ref());
    let mut npz = NpzFile::open(file.path()).unwrap();
    assert_eq!(npz.names(), ["a", "b"]);
    assert!(npz.contains("a") && !npz.contains("a.npy"));
    let error = npz.array_f64("c").unwrap_err().to_string();
    let path = file.path().display();
    assert_eq!(
        error,
        format!(
            "'{path}' has no key 'c': it holds a, b; check the channel in the settings, or add \
             the key to the file"
        )
    );
}

#[test]
fn at_most_twenty_keys_are_listed() {
    let names: Vec<String> = (0..23).map(|i| format!("k{i}")).collect();
    let text = error::listed(&names);
    assert!(text.ends_with("k18, k19 and 3 more"), "{text}");
    assert_eq!(error::listed(&[]), "no arrays");
}

#[test]
fn shapes_are_checked() {
    let file = file(&archive(&Array2::<f64>::zeros((3, 4)), false));
    let mut npz = NpzFile::open(file.path()).unwrap();
    assert_eq!(npz.matrix("a", 4).unwrap().rows(), 3);
    let error = npz.matrix("a", 512).unwrap_err().to_string();
    assert!(error.contains("has the shape (3, 4): expected (N, 512);"), "{error}");
    let error = npz.vector("a", Some(3)).unwrap_err().to_string();
    assert!(error.contains("has the shape (3, 4): expected (3,);"), "{error}");
    let error = npz.vector("a", None).unwrap_err().to_string();
    assert!(error.contains("expected one dimension;"), "{error}");
}

#[test]
fn files_that_are_something_else() {
    let path = Path::new("no/such.npz");
    let error = NpzFile::open(path).unwrap_err().to_string();
    assert!(error.starts_with("cannot read 'no/such.npz': No such file"), "{error}");
    let error = NpzFile::open(Path::new("src")).unwrap_err().to_string();
    assert!(error.starts_with("'src' is not a regular file"), "{error}");
    for (bytes, expected) in [
        (&b"ifg,gain\n"[..], r#"is not an .npz file (it starts with "ifg,gain\n"): expected"#),
        (b"", r#"(it starts with ""): expected an archive written by numpy.savez or numpy"#),
        (b"\x93NUMPY\x01\0", "this is a single array"),
        (b"version https://git-lfs", "git lfs pull"),
        (b"SIMPLE  =       ", "this is a FITS file"),
        (b"PK\x03\x04 and no more", "is a damaged .npz file ("),
    ] {
        let error = message(bytes);
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn other_dtypes_are_explained() {
    for (descr, expected) in [
        ("'|O'", "has the dtype '|O' (Python objects, often lists of unequal length): expected"),
        ("'<c16'", "has the dtype '<c16' (complex numbers): expected"),
        ("'<U3'", "has the dtype '<U3' (text): expected"),
        ("[('x', '<f8')]", "has the dtype [('x', '<f8')"),
    ] {
        let header = format!("{{'descr': {descr}, 'fortran_order': False, 'shape': (1,), }}\n");
        let error = message(&raw(&npy(&header, &[0; 16])));
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn absurd_sizes_are_refused_before_memory_is_asked_for() {
    let huge = usize::MAX;
    for shape in
        ["(1099511627776,)".into(), format!("({huge}, {huge})"), format!("(0, {huge}, {huge})")]
    {
        let header = format!("{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}, }}\n");
        let error = message(&raw(&npy(&header, &[0; 8])));
        assert!(error.contains("is damaged (the shape"), "{error}");
    }
    // An archive whose member says it is longer than the file could be.
    let header = format!("{{'descr': '<f8', 'fortran_order': True, 'shape': (0, {huge}), }}\n");
    let error = message(&raw(&npy(&header, &[])));
    assert!(error.contains("is damaged ("), "{error}");
    let mut long = b"\x93NUMPY\x02\x00".to_vec();
    long.extend([0xff; 12]);
    let error = message(&raw(&long));
    assert!(error.contains("its header declares 4294967295 bytes, NumPy's limit is"), "{error}");
}

/// A parser that recurses or backtracks would overflow the stack, or not come back.
#[test]
fn nested_brackets_are_refused_at_once() {
    for (bracket, expected) in [("[", "has the dtype [[[["), ("(", "is damaged ("), ("{", "is da")]
    {
        let header = format!("{{'descr': {}\n", bracket.repeat(9000));
        let error = message(&raw(&npy(&header, &[])));
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn short_and_long_data_are_seen() {
    let header = "{'descr': '<f8', 'fortran_order': False, 'shape': (2,), }\n";
    for length in [0, 15, 17] {
        let error = message(&raw(&npy(header, &vec![0; length])));
        assert!(error.contains("is damaged (the shape (2,) with 8-byte elements"), "{error}");
    }
    assert!(read(&raw(&npy(header, &[0; 16]))).is_ok());
}

#[test]
fn a_flipped_bit_in_the_data_is_seen() {
    let mut bytes = archive(&Array1::<f64>::from_elem(100, 1.5), false);
    let place = bytes.windows(8).position(|window| window == 1.5_f64.to_le_bytes()).unwrap();
    bytes[place] ^= 1;
    let error = message(&bytes);
    assert!(error.contains("is damaged (Invalid checksum)"), "{error}");
}

#[test]
fn every_truncation_is_an_error() {
    for deflated in [false, true] {
        let bytes = archive(&Array1::<f64>::linspace(0.0, 1.0, 40), deflated);
        for length in 0..bytes.len() {
            assert!(read(&bytes[..length]).is_err(), "{length} of {} bytes", bytes.len());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    /// Damaged bytes give an error or an array, never a panic or an abort.
    #[test]
    fn no_damage_panics(
        deflated: bool,
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let mut bytes = archive(&Array2::from_shape_fn((5, 6).f(), |(i, j)| (i + 7 * j) as f64), deflated);
        for (place, value) in damage {
            let place = place.index(bytes.len());
            bytes[place] = value;
        }
        let file = file(&bytes);
        if let Ok(mut npz) = NpzFile::open(file.path()) {
            for name in npz.names() {
                let _ = npz.array_f64(&name);
                let _ = npz.array_complex(&name);
            }
        }
    }

    /// The same without a checksum in the way: the header's text is damaged.
    #[test]
    fn no_header_panics(
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let header = "{'descr': '<i2', 'fortran_order': True, 'shape': (2, 3), }  \n";
        let mut member = npy(header, &[1; 12]);
        for (place, value) in damage {
            let place = place.index(member.len());
            member[place] = value;
        }
        let _ = read(&raw(&member));
        let _ = read_complex(&raw(&member));
    }
}
