//! A campaign whose telemetry is larger than the memory that a process may take is fitted in pieces, with the
//! bytes that it has where there is plenty.

#![allow(clippy::unwrap_used)] // helpers of tests fail as the tests themselves do

use std::fs::File;
use std::io::copy;
use std::path::Path;
use std::process::Command;

use tempfile::tempdir;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

use crate::support::program::{Products, assert_same, otfhpc, products, text};
use crate::support::turn;

const RECORDS: u64 = 24_000;
/// What `ulimit -v` allows, KiB: less than the telemetry, which is floating-point numbers.
const ALLOWED: u64 = 92_000;
const _: () = assert!(ALLOWED * 1024 < RECORDS * 512 * 8);

/// The same archive, deflated.
fn deflate(path: &Path, other: &Path) {
    let mut archive = ZipArchive::new(File::open(path).unwrap()).unwrap();
    let mut writer = ZipWriter::new(File::create(other).unwrap());
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .compression_level(Some(1));
    for index in 0..archive.len() {
        let mut member = archive.by_index(index).unwrap();
        writer.start_file(member.name(), options).unwrap();
        copy(&mut member, &mut writer).unwrap();
    }
    writer.finish().unwrap();
}

/// The products of a calibration set, where a process may take so many KiB.
fn local(path: &Path, allowed: &str) -> Products {
    let folder = tempdir().unwrap();
    let (out, path) = (text(folder.path()), format!("--set=data.path={}", text(path)));
    let methods = r#"--set=fit.methods=["ols","wls"]"#;
    let words = ["local", "--threads=2", "--shards=2", "--out", out];
    let settings =
        ["--set=data.source=npz", &path, "--set=data.sigma=1.0", "--set=fit.bins=5-12", methods];
    let limited = format!("ulimit -v {allowed} && exec \"$0\" \"$@\"");
    let mut shell = Command::new("sh");
    shell.args(["-c", &limited, env!("CARGO_BIN_EXE_otfhpc")]).args(words).args(settings);
    let output = shell.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{allowed}: {said}");
    products(folder.path())
}

#[test]
fn less_memory_than_telemetry_changes_no_byte() {
    let _turn = turn();
    let folder = tempdir().unwrap();
    let (stored, deflated) = (folder.path().join("cal.npz"), folder.path().join("deflated.npz"));
    let records = format!("--set=simulate.records={RECORDS}");
    otfhpc(["simulate", &records, "--out", text(&stored)]).ended(0);
    deflate(&stored, &deflated);
    let of_files = [stored, deflated].map(|path| {
        let plenty = local(&path, "unlimited");
        assert_same(&plenty, &local(&path, &ALLOWED.to_string()), text(&path));
        plenty
    });
    for name in ["solution.npz", "records.csv", "summary.csv"] {
        assert!(of_files[0][name] == of_files[1][name], "{name}");
    }
}
