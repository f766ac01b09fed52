//! Archives written by NumPy itself.

use std::path::Path;
use std::process::Command;

use crate::support::{Trial, no_python, python, run_python, trial_unless};
use libtest_mimic::Failed;
use otfhpc::foundations::npz::{NpzFile, SourceType};

pub(crate) fn trials() -> Vec<Trial> {
    vec![trial_unless(no_python(), "archives_written_by_numpy", archives)]
}

fn archives() -> Result<(), Failed> {
    let directory = tempfile::tempdir()?;
    run_python("write_npz_variants.py", &[directory.path()])?;
    for archive in ["stored.npz", "deflated.npz", "deflated.npz.gz"] {
        every_type_reads(&directory.path().join(archive))?;
    }
    every_shape_reads(&directory.path().join("shapes.npz"))?;
    every_spelling_reads(&directory.path().join("spelt.npz"))?;
    members_without_an_ending_are_keys(&directory.path().join("bare.npz"))?;
    what_is_not_asked_for_does_not_matter(&directory.path().join("beside.npz"))?;
    what_is_advised_mends(&directory.path().join("mendable.npz"))?;
    for method in ["bzip2", "lzma"] {
        other_compression_is_refused(&directory.path().join(format!("{method}.npz")), method)?;
    }
    other_types_are_refused(&directory.path().join("refused.npz"))?;
    other_files_are_refused(directory.path())
}

fn every_type_reads(path: &Path) -> Result<(), Failed> {
    let mut archive = NpzFile::open(path)?;
    let names = archive.names();
    assert_eq!(names.len(), 44);
    for name in names {
        let (array, source) = archive.array_f64(&name)?;
        let matrix = archive.matrix(&name, 4)?;
        let expected: Vec<f64> = match name.starts_with("b1") {
            true => (0..12).map(|i| f64::from(i.min(1))).collect(),
            false => (0..12).map(f64::from).collect(),
        };
        assert_eq!(array.as_slice(), Some(&expected[..]), "{name}");
        let mut rows = vec![0.0; 12];
        rows.chunks_mut(4).enumerate().for_each(|(row, out)| matrix.copy_row(row, out));
        assert_eq!((rows, matrix.source_type()), (expected, source), "{name}");
        let float = name.starts_with('f');
        assert_eq!(source, if float { SourceType::Float } else { SourceType::Integer }, "{name}");
    }
    Ok(())
}

fn numbers() -> Vec<f64> {
    (0..12).map(f64::from).collect()
}

fn every_spelling_reads(path: &Path) -> Result<(), Failed> {
    let mut archive = NpzFile::open(path)?;
    let names = archive.names();
    assert_eq!(names.len(), 11);
    for name in names {
        let (array, source) = archive.array_f64(&name)?;
        let is_bool = name == "?" || name == "bool";
        let expected = numbers().into_iter().map(|v| if is_bool { v.min(1.0) } else { v });
        assert_eq!(array.as_slice(), Some(&expected.collect::<Vec<_>>()[..]), "{name}");
        assert_eq!(source == SourceType::Float, name.contains('f'), "{name}");
    }
    Ok(())
}

fn members_without_an_ending_are_keys(path: &Path) -> Result<(), Failed> {
    let mut archive = NpzFile::open(path)?;
    assert_eq!(archive.names(), ["a", "b", "folder/c"]);
    for name in ["a", "b", "folder/c"] {
        assert!(archive.contains(name), "{name}");
        assert_eq!(archive.array_f64(name)?.0.as_slice(), Some(&numbers()[..]), "{name}");
    }
    assert!(!archive.contains("b.npy") && !archive.contains("c"));
    Ok(())
}

fn what_is_not_asked_for_does_not_matter(path: &Path) -> Result<(), Failed> {
    let mut archive = NpzFile::open(path)?;
    assert_eq!(archive.array_f64("good")?.0.as_slice(), Some(&numbers()[..]));
    let error = archive.array_f64("nested").err().ok_or("accepted a table")?.to_string();
    assert!(error.contains("a table with named fields p, q, r"), "{error}");
    Ok(())
}

/// Types what the messages say, and reads what comes of it.
fn what_is_advised_mends(path: &Path) -> Result<(), Failed> {
    let object = path.with_file_name("object.npz");
    for (path, key) in [(path, "table"), (path, "text"), (path, "date"), (&object, "object")] {
        let error = NpzFile::open(path)?.array_f64(key).err().ok_or("accepted")?.to_string();
        type_in(&error)?;
        NpzFile::open(path)?.vector(key, Some(2))?;
    }
    Ok(())
}

fn type_in(error: &str) -> Result<(), Failed> {
    let (_, command) = error.rsplit_once("python3 -c ").ok_or("nothing to type")?;
    let python = python().ok_or("there is no Python")?;
    let output = Command::new("sh")
        .args(["-c", &format!("'{}' -c {command}", python.display())])
        .output()?;
    assert!(output.status.success(), "{command}: {output:?}");
    Ok(())
}

fn other_compression_is_refused(path: &Path, method: &str) -> Result<(), Failed> {
    let mut archive = NpzFile::open(path)?;
    assert_eq!(archive.names(), ["a"]);
    let error = archive.array_f64("a").err().ok_or("accepted it")?.to_string();
    assert!(error.contains(&format!("is compressed with {method}, which is not read")), "{error}");
    type_in(&error)?;
    assert_eq!(NpzFile::open(path)?.array_f64("a")?.0.as_slice(), Some(&numbers()[..]));
    Ok(())
}

fn every_shape_reads(path: &Path) -> Result<(), Failed> {
    let mut archive = NpzFile::open(path)?;
    let (scalar, _) = archive.array_f64("scalar")?;
    assert_eq!((scalar.ndim(), scalar.as_slice()), (0, Some(&[1.5][..])));
    assert_eq!(archive.vector("vector", Some(3))?, [0.0, 1.0, 2.0]);
    assert_eq!(archive.matrix("empty", 512)?.rows(), 0);
    let (cube, _) = archive.array_f64("cube")?;
    assert_eq!(cube.shape(), [2, 3, 4]);
    assert_eq!(cube, archive.array_f64("cube_fortran")?.0);
    let error = archive.vector("scalar", None).err().ok_or("accepted a scalar")?.to_string();
    assert!(error.contains("has the shape (): expected one dimension"), "{error}");
    Ok(())
}

fn other_types_are_refused(path: &Path) -> Result<(), Failed> {
    let mut archive = NpzFile::open(path)?;
    for (name, expected) in [
        ("object", "has the dtype '|O' (Python objects, often lists of unequal length)"),
        ("text", "has the dtype '<U2' (text)"),
        ("complex", "has the dtype '<c16' (complex numbers)"),
        ("table", "has the dtype [('x', '<f8'), ('y', '<i4')]"),
        ("half", "has the dtype '<f2' (floating-point numbers of another size)"),
        ("date", "has the dtype '<M8[s]' (dates or times)"),
    ] {
        let error = archive.array_f64(name).err().ok_or("accepted another type")?.to_string();
        assert!(error.contains(expected), "{error}");
    }
    Ok(())
}

fn other_files_are_refused(directory: &Path) -> Result<(), Failed> {
    for (name, expected) in [
        ("single.npy", "this is a single array"),
        ("text.npz", r#"is not an .npz file (it starts with "record,gain\n1,2"#),
    ] {
        let error = NpzFile::open(&directory.join(name)).err().ok_or("accepted")?.to_string();
        assert!(error.contains(expected), "{error}");
    }
    Ok(())
}
