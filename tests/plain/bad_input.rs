//! Input that cannot be used: exit code 2, and one message that names the file or setting, the
//! value, what was expected, and what to do next.

#![allow(clippy::unwrap_used)] // helpers of tests fail as the tests themselves do

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::support::program::{Ran, SMALL, otfhpc, otfhpc_with, shell, text};
use flate2::Compression;
use flate2::write::GzEncoder;
use ndarray::{Array1, Array2, ArrayView1};
use ndarray_npy::NpzWriter;
use num_complex::Complex64;
use otfhpc::runner::store::RunDir;
use tempfile::{TempDir, tempdir};

const RECORDS: usize = 16;

/// A small calibration set of channel ll that passes the screening.
struct Calibration {
    ifg: Array2<i16>,
    columns: BTreeMap<&'static str, Vec<f64>>,
}

impl Calibration {
    fn new() -> Self {
        let ifg = Array2::from_shape_fn((RECORDS, 512), |(record, sample)| {
            (((record + 3) * (sample + 7) * 7919) % 2001) as i16 - 1000
        });
        let constant = |value: f64| vec![value; RECORDS];
        // Each body has its own temperatures, so that they can be told apart.
        let kelvin = |body: usize| {
            (0..RECORDS).map(|record| 2.7 + ((record * (body + 2)) % 13) as f64 * 0.9).collect()
        };
        let columns = [
            ("gain_ll", constant(30.0)),
            ("sweeps_ll", constant(16.0)),
            ("bol_cmd_bias_ll", constant(35.0)),
            ("bol_volt_ll", constant(2.0657)),
            ("adds_per_group_ll", constant(3.0)),
            ("mtm_length_ll", constant(0.0)),
            ("mtm_speed_ll", constant(0.0)),
            ("xcal_cone_ll", kelvin(0)),
            ("ical_ll", kelvin(1)),
            ("dihedral_ll", kelvin(2)),
            ("refhorn_ll", kelvin(3)),
            ("skyhorn_ll", kelvin(4)),
            ("collimator_ll", kelvin(5)),
            ("bolometer_ll", constant(1.53)),
        ];
        Self { ifg, columns: columns.into() }
    }

    fn column(&mut self, name: &str) -> &mut Vec<f64> {
        self.columns.get_mut(name).unwrap()
    }

    /// Writes everything but the key `without`.
    fn writer(&self, path: &Path, without: &str) -> NpzWriter<fs::File> {
        let mut npz = NpzWriter::new_compressed(fs::File::create(path).unwrap());
        if without != "ifg_ll" {
            npz.add_array("ifg_ll", &self.ifg).unwrap();
        }
        for (name, values) in self.columns.iter().filter(|(name, _)| **name != without) {
            npz.add_array(*name, &ArrayView1::from(values)).unwrap();
        }
        npz
    }

    fn write(&self, path: &Path) {
        self.writer(path, "").finish().unwrap();
    }
}

/// A folder with a sound calibration set.
struct Place {
    folder: TempDir,
}

impl Place {
    fn new() -> Self {
        let place = Self { folder: tempdir().unwrap() };
        Calibration::new().write(&place.at("cal.npz"));
        place
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn out(&self) -> String {
        text(&self.at("out")).to_owned()
    }

    /// A plan of measured data with more settings.
    fn plan_of(&self, file: &str, more: &[&str]) -> Vec<String> {
        let path = format!("--set=data.path={}", text(&self.at(file)));
        let out = format!("--out={}", self.out());
        let common = ["plan", "--shards=2", "--set=data.source=npz", &path, &out];
        common.iter().chain(more).map(|word| (*word).to_owned()).collect()
    }

    /// A plan of simulated data with more arguments.
    fn plan(&self, more: &[&str]) -> Vec<String> {
        let out = format!("--out={}", self.out());
        ["plan", &out].iter().chain(&SMALL).chain(more).map(|word| (*word).to_owned()).collect()
    }

    /// The plan that a test is about to spoil.
    fn planned(&self) -> RunDir {
        otfhpc(self.plan(&["--shards=2", "--set=fit.bins=1-9"])).ended(0);
        RunDir::new(self.at("out"))
    }
}

/// That the command could not run, and that its one message says all of this.
#[track_caller]
fn refused<S: AsRef<std::ffi::OsStr>>(arguments: impl IntoIterator<Item = S>, says: &[&str]) {
    refused_with(&[], arguments, says);
}

#[track_caller]
fn refused_with<S: AsRef<std::ffi::OsStr>>(
    variables: &[(&str, &str)],
    arguments: impl IntoIterator<Item = S>,
    says: &[&str],
) {
    let backtrace = [("RUST_BACKTRACE", "1")];
    let variables: Vec<_> = variables.iter().chain(&backtrace).copied().collect();
    let ran = otfhpc_with(&variables, arguments).ended(2);
    let error = &ran.stderr;
    assert_eq!(ran.stdout, "", "{error}");
    let starts = |line: &&str| line.starts_with("otfhpc: ") || line.starts_with("error: ");
    assert_eq!(error.lines().filter(starts).count(), 1, "{error}");
    assert!(error.lines().next().is_some_and(|first| starts(&first)), "{error}");
    for noise in ["panicked", "backtrace", "RUST_", "Error {", "Os {", "src/"] {
        assert!(!error.contains(noise), "{noise}: {error}");
    }
    assert!(error.matches("os error").count() <= 1, "said twice: {error}");
    for part in says {
        assert!(error.contains(part), "does not say {part:?}: {error}");
    }
}

#[test]
fn the_sound_calibration_set_is_taken() {
    let place = Place::new();
    let ran = otfhpc(place.plan_of("cal.npz", &[])).ended(0);
    assert!(ran.stdout.contains("llss: 16 of 16 records used\n"), "{}", ran.stdout);
    let out = place.out();
    let ran = otfhpc(["run", &out, "--shard=0-1"]).ended(0);
    assert!(ran.stdout.contains("512 converged, 2 no signal"), "{}", ran.stdout);
    otfhpc(["merge", &out]).ended(0);
}

#[test]
fn a_missing_file() {
    let place = Place::new();
    let path = text(&place.at("no.npz")).to_owned();
    refused(place.plan_of("no.npz", &[]), &[&path, "cannot read", "check the path"]);

    let out = format!("--out={}", place.out());
    refused(
        ["plan", &out, "--set=data.source=npz"],
        &["data.source", "\"npz\"", "data.path is not set", "--set data.path="],
    );
    let model = format!("--set=data.model={}", text(&place.at("no.FITS")));
    refused(place.plan(&[&model]), &["no.FITS", "cannot read", "check the path"]);
    let config = format!("--config={}", text(&place.at("no.toml")));
    refused(place.plan(&[&config]), &["no.toml", "there is no such file", "check the path"]);
    assert!(!place.at("out").exists(), "a plan that cannot be made leaves nothing");
}

#[test]
fn a_missing_key() {
    let place = Place::new();
    let calibration = Calibration::new();
    let keys = calibration.columns.keys().copied().chain(["ifg_ll"]);
    for key in keys {
        calibration.writer(&place.at("less.npz"), key).finish().unwrap();
        let quoted = format!("has no key '{key}'");
        refused(
            place.plan_of("less.npz", &[]),
            &["less.npz", &quoted, "it holds", "add the key to the file"],
        );
    }
    // The data are of another channel.
    refused(
        place.plan_of("cal.npz", &["--set=data.sets=[\"rlss\"]", BOLOMETER]),
        &["cal.npz", "has no key 'ifg_rl'", "ifg_ll", "check the channel in the settings"],
    );
    refused(
        place.plan_of("cal.npz", &["--set=data.other_bolometers=[\"rh\"]"]),
        &["cal.npz", "has no key 'bolometer_rh'"],
    );
}

const BOLOMETER: &str = "--set=instrument.bolometer={r0_ohm=11.9,t0_k=90.0,g1=2.1e-8,beta=1.17,\
                         rho_k_per_v=2.3,c1=5.9e-10,c3=2.4e-10,j0_v=1.7,jg=0.92,rl_ohm=4e7}";

#[test]
fn measured_data_of_a_channel_without_a_known_bolometer() {
    let place = Place::new();
    refused(
        place.plan_of("cal.npz", &["--set=data.sets=[\"rlss\"]"]),
        &["rlss", "no bolometer parameters for channel rl", "--set data.model="],
    );
}

#[test]
fn wrong_shapes() {
    let place = Place::new();
    let path = place.at("shape.npz");
    let sound = Calibration::new();
    let refuse = |key: &str, found: &str, expected: &str| {
        let key = format!("key '{key}'");
        let (found, expected) = (format!("has the shape {found}"), format!("expected {expected};"));
        let says = ["shape.npz", &key, &found, &expected, "write the file again"];
        refused(place.plan_of("shape.npz", &[]), &says);
    };

    let mut short = Calibration::new();
    short.column("gain_ll").pop();
    short.write(&path);
    refuse("gain_ll", "(15,)", "(16,)");

    let mut long = Calibration::new();
    long.column("skyhorn_ll").push(2.7);
    long.write(&path);
    refuse("skyhorn_ll", "(17,)", "(16,)");

    let mut narrow = Calibration::new();
    narrow.ifg = Array2::zeros((RECORDS, 511));
    narrow.write(&path);
    refuse("ifg_ll", "(16, 511)", "(N, 512)");

    let mut npz = sound.writer(&path, "ifg_ll");
    npz.add_array("ifg_ll", &Array1::<i16>::zeros(512)).unwrap();
    npz.finish().unwrap();
    refuse("ifg_ll", "(512,)", "(N, 512)");

    let mut npz = sound.writer(&path, "bolometer_ll");
    npz.add_array("bolometer_ll", &Array2::<f64>::zeros((RECORDS, 1))).unwrap();
    npz.finish().unwrap();
    refuse("bolometer_ll", "(16, 1)", "(16,)");
}

#[test]
fn an_array_of_the_wrong_kind_or_without_records() {
    let place = Place::new();
    let mut npz = Calibration::new().writer(&place.at("kind.npz"), "gain_ll");
    npz.add_array("gain_ll", &Array1::<Complex64>::zeros(RECORDS)).unwrap();
    npz.finish().unwrap();
    refused(
        place.plan_of("kind.npz", &[]),
        &["kind.npz", "'gain_ll'", "complex numbers", "expected", "write it again: python3 -c"],
    );
    let mut none = Calibration::new();
    none.ifg = Array2::zeros((0, 512));
    none.columns.values_mut().for_each(Vec::clear);
    none.write(&place.at("none.npz"));
    refused(
        place.plan_of("none.npz", &[]),
        &["none.npz", "`ifg_ll` holds 0 rows", "choose another channel with --set data.sets"],
    );
}

#[test]
fn files_that_are_no_npz() {
    let place = Place::new();
    let whole = fs::read(place.at("cal.npz")).unwrap();
    for (bytes, says) in [
        (&b"record,gain\n1,2\n"[..], ["is not an .npz file", "it starts with \"record,gain"]),
        (b"", ["the file is empty", "write it again"]),
        (b"\x93NUMPY\x01\0", ["this is a single array", "numpy.savez_compressed"]),
        (b"SIMPLE  =        T", ["this is a FITS file", "name it as the published model"]),
        (&whole[..whole.len() / 2], ["is a damaged .npz file", "copy it again"]),
    ] {
        fs::write(place.at("other.npz"), bytes).unwrap();
        let says = ["other.npz", "expected", says[0], says[1]];
        refused(place.plan_of("other.npz", &[]), &says);
    }
    // A bit of an array flipped: the archive's own checksum tells.
    let mut flipped = whole.clone();
    flipped[whole.len() / 4] ^= 4;
    fs::write(place.at("other.npz"), flipped).unwrap();
    refused(place.plan_of("other.npz", &[]), &["other.npz", "damaged", "expected", "copy"]);
    fs::create_dir(place.at("folder.npz")).unwrap();
    refused(place.plan_of("folder.npz", &[]), &["folder.npz", "is not a regular file", "expected"]);
    refused(
        place.plan(&["--set=data.model=", "--set=data.model=Cargo.toml"]),
        &["Cargo.toml", "expected"],
    );
}

#[test]
fn files_that_somebody_compressed() {
    let place = Place::new();
    let gzip = |from: &Path, to: &Path| {
        let mut file = GzEncoder::new(fs::File::create(to).unwrap(), Compression::default());
        file.write_all(&fs::read(from).unwrap()).unwrap();
        file.finish().unwrap();
    };
    // By what is in it, not by its name.
    gzip(&place.at("cal.npz"), &place.at("packed.npz"));
    let ran = otfhpc(place.plan_of("packed.npz", &[])).ended(0);
    assert!(ran.stdout.contains("16 of 16 records used"), "{}", ran.stdout);
    let whole = fs::read(place.at("packed.npz")).unwrap();
    fs::write(place.at("packed.npz"), &whole[..whole.len() / 2]).unwrap();
    refused(
        place.plan_of("packed.npz", &[]),
        &["packed.npz", "compressed with gzip and cannot be decompressed", "expected", "copy it"],
    );
    fs::write(place.at("text"), b"no archive").unwrap();
    gzip(&place.at("text"), &place.at("packed.npz"));
    let says = ["is not an .npz file (it starts with \"no archive\")", "expected", "check that"];
    refused(place.plan_of("packed.npz", &[]), &says);
    for (start, says) in [
        (&b"BZh91AY"[..], "`bunzip2`"),
        (b"\xfd7zXZ\0", "`unxz`"),
        (b"\x28\xb5\x2f\xfd", "`unzstd`"),
        (b"\x89HDF\r\n", "h5py"),
        (b"\x80\x04\x95", "pickle"),
    ] {
        fs::write(place.at("other"), start).unwrap();
        refused(place.plan_of("other", &[]), &["is not an .npz file", "expected", says]);
    }
}

#[test]
fn no_record_left_after_screening() {
    let place = Place::new();
    let mut none = Calibration::new();
    none.column("mtm_speed_ll")[..3].fill(1.0);
    none.column("xcal_cone_ll")[3..6].fill(f64::NAN);
    none.column("gain_ll")[6..].fill(0.0);
    none.write(&place.at("none.npz"));
    refused(
        place.plan_of("none.npz", &[]),
        &[
            "no record of data set llss left after screening: 0 of 16 records used",
            "3 left out: another scan mode",
            "3 left out: missing temperature",
            "10 left out: missing or impossible gain",
            "check data.sets and data.path",
            "none.npz",
        ],
    );
}

#[test]
fn unknown_or_impossible_settings() {
    let place = Place::new();
    for (setting, says) in [
        (
            "study.trails=5",
            &["no setting study.trails", "did you mean study.trials?", "seed, tr"][..],
        ),
        ("studdy.trials=5", &["no setting studdy.trials", "did you mean study.trials?", "study, "]),
        ("trials=5", &["no setting trials", "did you mean study.trials?"]),
        ("study.records=5", &["no setting study.records", "did you mean simulate.records?"]),
        ("data.zebra=5", &["no setting data.zebra; data has source, path"]),
        ("study.trials", &["study.trials", "expected key=value", "--set study.trials=5"]),
        ("=5", &["=5", "expected key=value", "--set study.trials=5"]),
        ("simulate=5", &["simulate is 5: expected a table of settings"]),
        ("study.trials=-1", &["study.trials=-1", "-1"]),
        ("study.trials=five", &["study.trials is \"five\": expected a whole number, 1 or more"]),
        ("study.trials=1.5", &["study.trials is 1.5: expected a whole number, 1 or more"]),
        ("study.trials=[1]", &["study.trials is a list: expected a whole number"]),
        ("study.seed=x", &["study.seed is \"x\": expected a whole number, 0 or more"]),
        ("study.trials=0", &["study.trials is 0", "expected a whole number, 1 to 1000000000"]),
        ("simulate.records=0", &["simulate.records is 0", "expected a whole number, 1 to 1000"]),
        ("simulate.rounding=yes", &["simulate.rounding is \"yes\": expected true or false"]),
        ("study.noise_levels=few", &["`few` is not a number", "[0.01, 0.1]"]),
        ("data.sigma=true", &["data.sigma: expected a number of counts", "\"estimate\""]),
        ("instrument.bolometer=5", &["instrument.bolometer is 5: expected a table, as in {"]),
        ("data.sigma=-1", &["data.sigma=-1", "expected zero or more counts"]),
        (
            "data.source=nzp",
            &["data.source is \"nzp\"", "`simulate`", "`npz`", "did you mean \"npz\"?"],
        ),
        ("data.sets=[\"lxss\"]", &["lxss", "expected", "did you mean lhss?"]),
        ("data.sets=lsls", &["`lsls` is not a channel and scan mode", "did you mean lhls?"]),
        ("data.sets=[]", &["data.sets is empty", "expected", "--set data.sets="]),
        ("fit.bins=300", &["fit.bins=300", "300", "256"]),
        ("fit.constraint=some", &["fit.constraint is \"some\"", "`none`", "`kirchhoff`"]),
        (
            "fit.methods=[\"wsl\"]",
            &["no method `wsl`; did you mean wls?", "ols, wls, plateau, huber"],
        ),
        (
            "fit.options.huber.max_iteration=3",
            &["no option `max_iteration`; did you mean max_iter"],
        ),
        ("fit.methods=[]", &["fit.methods is empty", "--set fit.methods="]),
        ("fit.methods=[\"ols\",\"ols\"]", &["fit.methods lists ols twice", "expected each once"]),
        ("instrument.transform_length=500", &["500", "512", "640"]),
        ("instrument.peak_sample=512", &["instrument.peak_sample is 512", "expected 0 to 511"]),
        ("instrument.apodise=true", &["instrument.apodise", "--set data.model="]),
    ] {
        refused(place.plan(&["--set", setting]), says);
    }
    assert!(!place.at("out").exists(), "a plan that cannot be made leaves nothing");
    refused(
        ["methods", "wsl"],
        &["no method `wsl`; did you mean wls?", "ols, wls, plateau, huber"],
    );
}

/// What `methods joint` says can be set is what can be set.
#[test]
fn the_joint_fit_is_explained() {
    let explained = otfhpc(["methods", "joint"]).stdout;
    for part in [
        "fit.options.joint.plateau=\"plateau\": ",
        "fit.options.joint.together=[]: ",
        "bolometer_{r0,t0,g1,beta,rho,c1,c3,j0,jg}",
        "0.01 of its value",
        "EMITTER_offset",
        "plateau_temperatures",
    ] {
        assert!(explained.contains(part), "no `{part}` in: {explained}");
    }
}

#[test]
fn a_config_file_with_a_mistake() {
    let place = Place::new();
    let config = format!("--config={}", text(&place.at("mine.toml")));
    for (text, says) in [
        ("[study]\nseed = 3\ntrails = 5\n", ["line 3", "no setting study.trails", "study.trials?"]),
        ("[study]\nseed = \n", ["line 2", "mine.toml", "seed"]),
        (
            "[study]\ntrials = \"two\"\n",
            ["line 2", "study.trials is \"two\"", "whole number, 1 or"],
        ),
        ("[studdy]\n", ["line 1", "no setting studdy", "did you mean study?"]),
        ("[fit]\nconstraint = \"non\"\n", ["line 2", "fit.constraint is \"non\"", "\"none\"?"]),
        (
            "[[method]]\nname = \"a\"\ncommand = \"b\"\n",
            ["line 3", "method.command is \"b\"", "a list"],
        ),
    ] {
        fs::write(place.at("mine.toml"), text).unwrap();
        refused(place.plan(&[&config]), &["mine.toml", says[0], says[1], says[2]]);
    }
}

#[test]
fn settings_may_be_written_as_one_thinks_of_them() {
    let place = Place::new();
    let methods = "--set=data.other_bolometers=rh";
    for settings in [
        &["--set=fit.methods=wls", "--set=fit.bins=7", "--set=study.noise_levels=0.1"][..],
        &[
            "--set=fit.methods=wls,ols",
            "--set=study.noise_levels=1e-4,1e-2",
            "--set=data.sets=llss",
        ],
        &["--set=fit.methods=[wls, ols]", "--set=fit.bins=[5,6,'9-11']", methods],
    ] {
        otfhpc(place.plan(settings).iter().map(String::as_str).chain(["--shards=1"])).ended(0);
        fs::remove_dir_all(place.at("out")).unwrap();
    }
    let settings = "[fit]\nmethods = \"wls, ols\"\nbins = 7\n[study]\nnoise_levels = 0.1\n";
    fs::write(place.at("mine.toml"), settings).unwrap();
    let config = format!("--config={}", text(&place.at("mine.toml")));
    let ran = otfhpc(place.plan(&[&config, "--shards=1"])).ended(0);
    assert!(ran.stdout.contains("wls, ols") && ran.stdout.contains("2 = 2 conf"), "{}", ran.stdout);
}

/// A number that no memory holds is refused before any is asked for.
#[test]
fn numbers_of_records_that_no_memory_holds() {
    let place = Place::new();
    let out = format!("--out={}", place.out());
    let file = format!("--out={}", text(&place.at("new.npz")));
    for records in ["9223372036854775807", "4000000000", "100000000"] {
        for command in [["plan", &out], ["local", &out], ["simulate", &file]] {
            let set = format!("--set=simulate.records={records}");
            let started = Instant::now();
            let is = format!("simulate.records is {records}");
            refused(command.iter().chain(&[&*set]), &[&is, "a whole number, 1 to 10000000"]);
            assert!(started.elapsed() < Duration::from_secs(20));
        }
    }
    refused(
        ["plan", &out, "--set=simulate.records=99999999999999999999"],
        &["simulate.records is \"99999999999999999999\"", "expected a whole number"],
    );
    for (set, says) in [
        ("simulate.plateau_records=9223372036854775807", "simulate.plateau_records is 92233"),
        ("study.trials=9223372036854775807", "study.trials is 9223372036854775807: expected"),
        ("slurm.cpus_per_task=4294967295", "slurm.cpus_per_task is 4294967295: expected"),
        ("slurm.throttle=4294967295", "slurm.throttle is 4294967295: expected"),
        ("fit.unit_seconds=1e300", "fit.unit_seconds is 1000000"),
        ("fit.options.huber.max_iterations=1e18", "fit.options.huber: `max_iterations` is 1000"),
        ("instrument.peak_sample=9223372036854775807", "instrument.peak_sample is 92233720"),
        ("instrument.transform_length=9223372036854775807", "9223372036854775807"),
    ] {
        refused(["plan", &out, "--set", set], &[says, "expected"]);
    }
    let method = "method=[{name=\"a\",command=[\"true\"],timeout_seconds=1e30}]";
    refused(["plan", &out, "--set", method], &["timeout_seconds is 1000000", "up to 1000000000"]);
    refused(["resume", "--attempts=4000000000"], &["'4000000000'", "--attempts", "1 to 1000"]);
    refused(["simulate", "--trial=0"], &["'0'", "--trial", "a whole number, 1 to 1000000000"]);
    refused(["status", "--watch=1e300"], &["'1e300'", "--watch", "up to 1000000000"]);
    assert!(!place.at("out").exists() && !place.at("new.npz").exists());
}

/// A run that needs more memory than there is does not begin: `ulimit` stands for a small machine.
#[test]
fn a_run_that_needs_more_memory_than_there_is() {
    let place = Place::new();
    let out = place.out();
    let limited = |words: &str| {
        let program = env!("CARGO_BIN_EXE_otfhpc");
        shell(&format!("ulimit -d 200000; RUST_BACKTRACE=1 exec '{program}' {words}"))
    };
    let many = "--set=simulate.records=1000000 --set=fit.bins=5-9";
    let settings = format!("--out '{out}' --threads 2 {many}");
    let says = |ran: &Ran, parts: &[&str]| {
        let told = |part: &&str| ran.stderr.contains(*part);
        assert!(ran.code == Some(2) && parts.iter().all(told), "{ran:?}");
    };
    let refusal = ["not enough memory: the fit on 2 threads needs about ", "ulimit -d leaves "];
    let local = limited(&format!("local {settings}"));
    says(&local, &[&refusal[..], &["use fewer records"]].concat());
    assert!(!place.at("out").exists());
    says(
        &limited(&format!("simulate {many} --out '{out}.npz'")),
        &["not enough memory: the simul"],
    );
    otfhpc(
        ["plan", "--out", &out, "--shards=2"].iter().chain(&many.split(' ').collect::<Vec<_>>()),
    )
    .ended(0);
    says(&limited(&format!("run '{out}' --shard 0 --threads 2")), &refusal);
    says(&limited(&format!("resume '{out}' --local --threads 2")), &refusal);
    // In a job of Slurm, what the job was given counts.
    let job = [("SLURM_MEM_PER_NODE", "50")];
    let says = ["the fit on 1 thread needs about", "its Slurm job was given 52 MB", "--mem"];
    refused_with(&job, ["run", &out, "--shard=0", "--threads=1"], &says);
    // Submitting it with too little is refused before it waits in the queue.
    let says = ["needs about", "asks for 50M", "--sbatch-arg=--mem="];
    refused(["submit", &out, "--dry-run", "--sbatch-arg=--mem=50M"], &says);
    assert!(!place.at("out/partials").exists());
}

/// What a terminal would obey does not reach it.
#[test]
fn names_of_files_with_control_characters() {
    let place = Place::new();
    let evil = "a\u{1b}[31m\nb.npz";
    let quoted = r"a\033[31m\nb.npz'";
    let silent = |ran: &Ran| {
        let lines = ran.stderr.lines().count();
        assert!(!ran.stderr.contains('\u{1b}') && lines == 1, "{lines}: {ran:?}");
    };
    let missing = otfhpc(place.plan_of(evil, &[])).ended(2);
    assert!(missing.stderr.contains(quoted), "{missing:?}");
    silent(&missing);
    fs::write(place.at(evil), b"no archive").unwrap();
    silent(&otfhpc(place.plan_of(evil, &[])).ended(2));
    Calibration::new().write(&place.at(evil));
    otfhpc(place.plan_of(evil, &["--set=fit.bins=5-6"])).ended(0);
    fs::write(place.at(evil), b"changed").unwrap();
    let changed = otfhpc(["run", &place.out(), "--shard=0"]).ended(2);
    assert!(changed.stderr.contains("this input changed"), "{changed:?}");
    silent(&changed);
    let folder = place.at("out\u{7}\n");
    let listed = otfhpc(["status", text(&folder)]).ended(2);
    assert!(listed.stderr.contains(r"out\007\n/plan.json'"), "{listed:?}");
    silent(&listed);
    let bytes = std::ffi::OsStr::from_bytes(b"no-\xff-text");
    let ran = otfhpc([std::ffi::OsStr::new("merge"), bytes]).ended(2);
    assert!(ran.stderr.contains(r"$'no-\377-text/plan.json'"), "{ran:?}");
    // The whole way, with what is printed to be typed.
    let out = format!("--out={}", text(&folder));
    let ran = otfhpc(["local", &out, "--set=fit.bins=5-6"].iter().chain(&SMALL)).ended(0);
    assert!(!ran.stdout.contains(['\u{7}', '\u{1b}']), "{ran:?}");
    assert!(ran.stdout.contains(r"out\007\n"), "{ran:?}");
    let set = format!("--set={}=5", "stu\u{1b}[2Jdy");
    silent(&otfhpc(place.plan(&[&set])).ended(2));
}

#[test]
fn impossible_numbers_of_shards() {
    let place = Place::new();
    for command in ["plan", "local"] {
        for arguments in [&["--shards", "-3"][..], &["--shards=-3"]] {
            let says = ["'-3'", "--shards", "expected a whole number, 1 to 1000000", "--help"];
            refused([command].iter().chain(arguments), &says);
        }
        for value in ["0", "2.5", "x", "4000000000", "9223372036854775807"] {
            let (given, quoted) = (format!("--shards={value}"), format!("'{value}'"));
            refused([command, &given], &[&quoted, "--shards", "expected a whole number, 1 to"]);
        }
    }
    refused(
        place.plan(&["--shards=515"]),
        &["--shards is 515", "only 514 pieces", "use --shards 514 or fewer"],
    );
    assert!(!place.at("out").exists());
}

#[test]
fn a_shard_that_is_none_of_the_plan() {
    let place = Place::new();
    place.planned();
    let out = place.out();
    let task = "SLURM_ARRAY_TASK_ID";
    let run = ["run", &out];
    refused_with(
        &[(task, "2")],
        run,
        &["SLURM_ARRAY_TASK_ID is 2", &out, "shards 0 to 1", "submit with --array=0-1"],
    );
    for value in ["x", "-1", "1.5", "99999999999"] {
        let says = format!("{task} is `{value}`");
        refused_with(&[(task, value)], run, &[&says, "expected a shard number", "unset it"]);
    }
    refused(run, &["which shard?", "--shard K, from 0 to 1", "`otfhpc submit`"]);
    refused(["run", &out, "--shard=2"], &["--shard is 2", &out, "shards 0 to 1"]);
    refused(["run", &out, "--shard=0-9"], &["--shard is 2", &out, "shards 0 to 1"]);
    for value in ["-1", "x", "1-0", "1,", "0-4294967295"] {
        let says = format!("'{value}'");
        let shard = format!("--shard={value}");
        refused(["run", &out, &shard], &[&says, "--shard", "expected a shard number, 0 or more"]);
    }
    refused(["run", &out, "--shard", "-1"], &["'-1'", "--shard", "expected a shard number"]);
    assert!(!place.at("out/partials").exists(), "nothing was fitted");
}

#[test]
fn a_plan_whose_input_changed_since() {
    let place = Place::new();
    otfhpc(place.plan_of("cal.npz", &["--set=fit.bins=1-9"])).ended(0);
    let (out, path) = (place.out(), place.at("cal.npz"));
    let run = ["run", &out, "--shard=0"];

    let mut changed = Calibration::new();
    changed.column("ical_ll")[5] += 1e-9;
    changed.write(&path);
    let says =
        [text(&path), "changed since the plan was made", "put the old file back", "plan again"];
    refused(run, &says);
    refused(["merge", &out], &says);

    fs::remove_file(&path).unwrap();
    refused(run, &[text(&path), "cannot read", "check the path"]);
    assert!(!place.at("out/partials/shard-00000.bin").exists());

    Calibration::new().write(&path);
    otfhpc(run).ended(0);
    otfhpc(["run", &out, "--shard=1"]).ended(0);
    // What was fitted can be merged where the data are not.
    fs::remove_file(&path).unwrap();
    let merged = otfhpc(["merge", &out]).ended(0);
    assert!(merged.stderr.contains("is not there, so "), "{}", merged.stderr);
    assert!(!place.at("out/records.csv").exists() && place.at("out/solution.npz").exists());
    Calibration::new().write(&path);
    otfhpc(["merge", &out]).ended(0);
    assert!(place.at("out/records.csv").exists());
}

#[test]
fn a_plan_that_was_edited_cut_off_or_made_by_another_version() {
    let place = Place::new();
    let run = place.planned();
    let (out, file) = (place.out(), text(&run.plan()).to_owned());
    let sound = fs::read_to_string(run.plan()).unwrap();
    let spoilt = |from: &str, to: &str| {
        assert!(sound.contains(from), "{sound}");
        sound.replacen(from, to, 1)
    };
    let version = format!("\"version\": \"{}\"", env!("CARGO_PKG_VERSION"));
    for (content, says) in [
        (
            spoilt("\"seed\": 1", "\"seed\": 2"),
            ["changed after it was made", "plan again", "--set"],
        ),
        (
            spoilt("\"units\": 18", "\"units\": 17"),
            ["changed after it was made", "plan again", "--set"],
        ),
        (
            sound[..sound.len() / 2].to_owned(),
            ["not a plan that this program can read", "EOF", "plan again"],
        ),
        (String::new(), ["not a plan that this program can read", "EOF", "plan again"]),
        ("[study]\n".into(), ["not a plan that this program can read", "line 1", "plan again"]),
        ("{}".into(), ["not a plan that this program can read", "missing field", "plan again"]),
        (spoilt("\"seed\"", "\"sead\""), ["changed after it was made", "plan again", "--set"]),
        (
            spoilt("\"inputs\"", "\"imputs\""),
            ["not a plan that this program can read", "unknown field `imputs`", "plan again"],
        ),
        (
            spoilt(&version, "\"version\": \"9.8.7\""),
            ["made by otfhpc 9.8.7", env!("CARGO_PKG_VERSION"), "plan again, or use that version"],
        ),
    ] {
        fs::write(run.plan(), &content).unwrap();
        let says = [&file, says[0], says[1], says[2]];
        refused(["run", &out, "--shard=0"], &says);
        refused(["merge", &out], &says);
        refused(["status", &out], &says);
    }
    fs::write(run.plan(), &sound).unwrap();
    otfhpc(["run", &out, "--shard=0"]).ended(0);
}

#[test]
fn no_plan_at_all() {
    let place = Place::new();
    let out = place.out();
    let says =
        [&format!("{out}/plan.json"), "no plan here", "make one with `otfhpc plan --out", &out];
    refused(["run", &out, "--shard=0"], &says);
    refused(["merge", &out], &says);
    refused(["status", &out], &says);
    fs::create_dir_all(place.at("out/plan.json")).unwrap();
    refused(["merge", &out], &["plan.json is a folder: expected a file", "move it away"]);
}

#[test]
fn a_results_folder_that_cannot_be_made() {
    let place = Place::new();
    fs::write(place.at("out"), b"a file").unwrap();
    let out = place.out();
    for command in [place.plan(&[]), vec!["local".into(), format!("--out={out}"), SMALL[0].into()]]
    {
        refused(command, &[&out, "a file stands where a folder should", "--out"]);
    }
    let below = format!("--out={out}/below");
    refused(["plan", &below, SMALL[0]], &[&out, "a file stands where a folder should", "--out"]);
    assert_eq!(fs::read(place.at("out")).unwrap(), b"a file");
}

#[test]
fn impossible_numbers_of_threads() {
    let place = Place::new();
    place.planned();
    let out = place.out();
    let run = ["run", &out, "--shard=0"];
    for value in ["abc", "0", "-2", "1.5", "", "4000000000"] {
        let says = [
            &format!("OTFHPC_THREADS is `{value}`"),
            "expected a whole number, 1 to 4096",
            "unset it",
        ];
        refused_with(&[("OTFHPC_THREADS", value)], run, &says);
    }
    refused_with(
        &[("SLURM_CPUS_PER_TASK", "two")],
        run,
        &["SLURM_CPUS_PER_TASK is `two`", "expected a number of processors, 1 or more", "unset it"],
    );
    refused_with(
        &[("SLURM_CPUS_PER_TASK", "4000000000")],
        run,
        &["4000000000 threads (SLURM_CPUS_PER_TASK)", "expected 1 to 4096", "--threads"],
    );
    for arguments in
        [&["--threads", "0"][..], &["--threads=-1"], &["--threads", "many"], &["--threads=4097"]]
    {
        let says = ["--threads", "expected a whole number, 1 to 4096", "--help"];
        refused(run.iter().chain(arguments), &says);
    }
    assert!(!place.at("out/partials").exists(), "nothing was fitted");
}

#[test]
fn mistakes_on_the_command_line() {
    refused(["frobnicate"], &["'frobnicate'", "--help"]);
    refused(["plan", "--shard=3"], &["'--shard'", "--shards", "--help"]);
    refused(["plan", "--quiet", "--verbose"], &["--quiet", "--verbose", "cannot be used with"]);
    let unset = otfhpc([""; 0]);
    assert_eq!(unset.code, Some(2));
}
