//! A campaign whose telemetry is larger than the memory that a process may take is fitted in pieces, with the
//! bytes that it has where there is plenty.

#![allow(clippy::unwrap_used)] // helpers of tests fail as the tests themselves do

use std::fs::File;
use std::io::copy;
use std::path::Path;
use std::process::Command;

use num_complex::Complex64;
use otfhpc::foundations::npz::write_npz;
use tempfile::tempdir;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

use crate::support::program::{Products, assert_same, otfhpc, products, text};
use crate::support::turn;

const RECORDS: u64 = 24_000;
/// What `ulimit -v` allows, KiB: less than the telemetry, which is floating-point numbers. With more, the system's
/// allocator would now and then find room to reserve 64 MiB for a thread, and leave too little.
const ALLOWED: u64 = 80_000;
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

/// A program that is a method empties the data file while a task runs: the task ends with the error, keeps
/// what it had, and comes to the usual end when the file is there again.
#[test]
fn a_file_that_changes_while_a_task_runs_ends_it() {
    let folder = tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let file = at("cal.npz");
    // More than what is held of a stored file.
    otfhpc(["simulate", "--set=simulate.records=9000", "--out", text(&file)]).ended(0);
    std::fs::copy(&file, at("kept.npz")).unwrap();
    let values = vec![Complex64::new(0.5, -0.25); 5 * 7];
    write_npz(&at("good.npz"), |npz| npz.add("emissivity", (5, 7), &values)).unwrap();
    let script = "cd \"${0%/*}\"; [ ! -e now ] || { rm now; : > cal.npz; }; cp good.npz \"$2\"\n";
    std::fs::write(at("program.sh"), script).unwrap();
    let path = format!("data.path={}", text(&file));
    let program =
        format!("method=[{{name=\"other\",command=[\"sh\",\"{}\"]}}]", text(&at("program.sh")));
    let local = |out: &str| {
        let settings = [
            "data.source=npz",
            &path,
            "data.sigma=1.0",
            "fit.bins=5-9",
            "study.resampling=bootstrap",
            "study.trials=3",
            &program,
            r#"fit.methods=["wls","other"]"#,
        ];
        let settings = settings.map(|setting| format!("--set={setting}"));
        let out = at(out);
        let words = ["local", "--threads=1", "--shards=1", "--out", text(&out)];
        otfhpc(words.map(str::to_owned).into_iter().chain(settings))
    };
    local("undisturbed").ended(0);
    std::fs::write(at("now"), "").unwrap();
    let said = local("results").ended(2).stderr;
    let expected = format!("key 'ifg_ll' of '{}' changed while it was read (row 0)", text(&file));
    assert!(said.contains(&expected), "{said}");
    assert!(at("results/journals/shard-00000.journal").exists());
    assert!(!at("results/partials/shard-00000.bin").exists());
    std::fs::copy(at("kept.npz"), &file).unwrap();
    local("results").ended(0);
    let [expected, found] = ["undisturbed", "results"].map(|name| products(&at(name)));
    assert_same(&expected, &found, "after a change");
}
