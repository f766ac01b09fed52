//! Whole commands, from the start of the process to its end: the fixed cost of a task, large joint fits, two
//! threads against one. `scripts/bench.sh` measures the fits that others do too, in turn with them.
//!
//! `cargo bench --bench whole -- [--quick]` prints one line of JSON: the median seconds of each. With --quick,
//! everything is measured once, and what takes long is made smaller.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use ndarray::Array0;
use ndarray_npy::NpzReader;
use otfhpc::foundations::numerics::math::median;
use otfhpc::runner::store::RunDir;
use tempfile::TempDir;

const COMPREHENSIVE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/configs/comprehensive.toml");
/// Makes ten emitters of seven.
const OTHER_BOLOMETERS: &str = "data.other_bolometers=[\"rh\",\"rl\",\"lh\"]";
/// What a quick run makes of the comprehensive study.
const PART: [&str; 3] = ["study.noise_levels=[0.01]", "study.trials=2", "simulate.records=120"];
/// What a campaign has for the joint fit to find.
const TO_BE_FOUND: [&str; 3] = [
    "simulate.biases=[25,35,45]",
    "simulate.bolometer_error=0.007",
    "simulate.corrections={xcal_offset_k=-1.457e-3,h2=1.1e-3,h3=-1.2e-3}",
];
/// With the temperatures of the plateaus.
const PLATEAUS: &str = "fit.options.joint.free=[\"bolometer\",\"xcal_offset\",\"ical_drift\",\
     \"offsets\",\"harmonics\",\"vibration\",\"plateau_temperatures\"]";

/// Lines of `--profile` of a method, and what they are called here.
fn phases_of(method: &str) -> [(String, &'static str); 5] {
    [
        ("read".into(), "read"),
        ("transform".into(), "transform"),
        ("design".into(), "design"),
        (format!("factor {method}"), "factor"),
        (format!("solve {method}"), "solve"),
    ]
}

fn main() {
    let asked = |flag: &str| std::env::args().any(|argument| argument == flag);
    let bench = Bench {
        folder: tempfile::tempdir().expect("the temporary folder can be written"),
        quick: asked("--quick"),
    };
    let (mut seconds, mut phases) = (BTreeMap::new(), BTreeMap::new());
    seconds.insert("start", bench.median(9, || bench.otfhpc(&["--version"])));
    seconds.insert("task_simulated", bench.task(&[]));
    let [small, large] = [1200, 12_000].map(|records| bench.calibration_set(records, &[]));
    for (data, task) in [(&small, "task_1200"), (&large, "task_12000")] {
        seconds.insert(task, bench.task(data));
    }
    let kirchhoff = settings(&["fit.constraint=kirchhoff"]);
    for (records, whole) in [(1200, "joint_plateaus_1200"), (12_000, "joint_plateaus_12000")] {
        // What was simulated is not told to the fit.
        let data = [bench.simulated(records, &TO_BE_FOUND), kirchhoff.clone()].concat();
        if records > 1200 {
            phases.insert("joint_12000", bench.phases(&data, "joint"));
        }
        let plateaus = [&data[..], &settings(&["fit.methods=joint", PLATEAUS])].concat();
        let command = ["--quiet", "local", "--replace", "--threads", "2"].map(String::from);
        let run = || {
            bench.clear();
            bench.otfhpc(&[&command[..], &plateaus].concat())
        };
        seconds.insert(whole, bench.median(3, run));
    }
    let ten = bench.calibration_set(1200, &[OTHER_BOLOMETERS]);
    seconds.insert("fit_ten_emitters", bench.fit(&ten));
    seconds.insert("task_ten_emitters", bench.task(&ten));
    // In turn, so that what else the machine does falls on both.
    let rounds = if bench.quick { 1 } else { 3 };
    let studies = (0..rounds).map(|_| (bench.comprehensive("1"), bench.comprehensive("2")));
    let (one, two): (Vec<f64>, Vec<f64>) = studies.unzip();
    seconds.insert("study_on_1_thread", median(&one));
    seconds.insert("study_on_2_threads", median(&two));
    let (one, two): (Vec<f64>, Vec<f64>) = (0..if bench.quick { 1 } else { 7 })
        .map(|_| (bench.fitting(&large, "1"), bench.fitting(&large, "2")))
        .unzip();
    seconds.insert("fitting_on_1_thread", median(&one));
    seconds.insert("fitting_on_2_threads", median(&two));
    let measured = serde_json::json!({ "seconds": seconds, "phases": phases });
    println!("{measured}");
}

struct Bench {
    folder: TempDir,
    quick: bool,
}

impl Bench {
    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The median time of a command that returns its own, s.
    fn median(&self, times: usize, mut run: impl FnMut() -> f64) -> f64 {
        let times = if self.quick { 1 } else { times };
        median(&(0..times).map(|_| run()).collect::<Vec<_>>())
    }

    /// Runs the program in the folder; the seconds that it takes.
    fn otfhpc<S: AsRef<str>>(&self, arguments: &[S]) -> f64 {
        self.told(arguments).0
    }

    /// The same, with what it prints.
    fn told<S: AsRef<str>>(&self, arguments: &[S]) -> (f64, String) {
        let arguments = arguments.iter().map(AsRef::as_ref);
        let mut command = Command::new(env!("CARGO_BIN_EXE_otfhpc"));
        command.args(arguments).current_dir(self.folder.path()).stderr(Stdio::inherit());
        let start = Instant::now();
        let output = command.output().expect("the program starts");
        let seconds = start.elapsed().as_secs_f64();
        assert!(output.status.success(), "{command:?}: {}", output.status);
        (seconds, String::from_utf8(output.stdout).expect("it prints text"))
    }

    /// Simulates a calibration set of whole counts, as telemetry has them; the settings that fit it,
    /// those of its emitters among them.
    fn calibration_set(&self, records: u32, emitters: &[&str]) -> Vec<String> {
        [self.simulated(records, emitters), settings(emitters)].concat()
    }

    /// The same, with settings that are those of the simulation alone.
    fn simulated(&self, records: u32, more: &[&str]) -> Vec<String> {
        let name = format!("cal-{records}-{}.npz", more.len());
        let size = format!("simulate.records={records}");
        let command = ["--quiet", "simulate", "--out", &name].map(String::from);
        let simulated = settings(&[&[&size, "simulate.rounding=true"], more].concat());
        self.otfhpc(&[&command[..], &simulated].concat());
        let sigma = format!("data.sigma={:e}", sigma(&self.path(&name)));
        settings(&["data.source=npz", &format!("data.path={name}"), &sigma])
    }

    /// All bins by `wls` on one thread, from the calibration set to the products.
    fn fit(&self, data: &[String]) -> f64 {
        let command = ["--quiet", "local", "--replace", "--threads", "1"].map(String::from);
        let wls = settings(&["fit.methods=[\"wls\"]"]);
        self.median(5, || {
            self.clear();
            self.otfhpc(&[&command[..], data, &wls].concat())
        })
    }

    /// The parts of that from opening the calibration set to the emissivities, as the program tells;
    /// those of the run with the median sum.
    fn phases(&self, data: &[String], method: &str) -> BTreeMap<&'static str, f64> {
        let command = ["local", "--replace", "--threads", "1", "--profile"].map(String::from);
        let methods = settings(&[&format!("fit.methods=[\"{method}\"]")]);
        let lines = phases_of(method);
        let mut runs: Vec<BTreeMap<&str, f64>> = Vec::new();
        for _ in 0..if self.quick { 1 } else { 5 } {
            self.clear();
            let (_, told) = self.told(&[&command[..], data, &methods].concat());
            runs.push(lines.iter().map(|(line, name)| (*name, seconds_of(&told, line))).collect());
        }
        let sum = |run: &BTreeMap<&str, f64>| run.values().sum::<f64>();
        runs.sort_by(|a, b| sum(a).total_cmp(&sum(b)));
        runs.swap_remove(runs.len() / 2)
    }

    /// What the fit of all bins by `wls` takes on some threads, from the telemetry in memory on, as the
    /// program tells.
    fn fitting(&self, data: &[String], threads: &str) -> f64 {
        self.clear();
        let command = ["local", "--replace", "--threads", threads].map(String::from);
        let wls = settings(&["fit.methods=[\"wls\"]"]);
        let (_, told) = self.told(&[&command[..], data, &wls].concat());
        let words: Vec<&str> = told.split_whitespace().collect();
        let place = words.iter().position(|word| *word == "fitting").expect("it tells its time");
        words[place - 2].parse().expect("seconds stand before their unit")
    }

    /// A task whose shard is one bin of one method: what each task of an array costs at least.
    fn task(&self, data: &[String]) -> f64 {
        let one = settings(&["fit.methods=[\"wls\"]", "fit.bins=20"]);
        self.clear();
        let plan = ["--quiet", "plan", "--replace", "--shards", "1"].map(String::from);
        self.otfhpc(&[&plan[..], data, &one].concat());
        let partial = RunDir::new(self.path(RunDir::DEFAULT)).partial(0);
        self.median(9, || {
            let _ = std::fs::remove_file(&partial);
            self.otfhpc(&["--quiet", "run", "--shard", "0", "--threads", "1"])
        })
    }

    /// The comprehensive study, or a part of it with few records.
    fn comprehensive(&self, threads: &str) -> f64 {
        let command = ["--quiet", "local", "--threads", threads, "--config", COMPREHENSIVE];
        let changed = settings(if self.quick { &PART } else { &[] });
        self.clear();
        self.otfhpc(&[&command.map(String::from)[..], &changed].concat())
    }

    fn clear(&self) {
        let _ = std::fs::remove_dir_all(self.path(RunDir::DEFAULT));
    }
}

fn settings(assignments: &[&str]) -> Vec<String> {
    assignments.iter().flat_map(|setting| ["--set".to_owned(), (*setting).to_owned()]).collect()
}

/// What `--profile` says of a phase, s.
fn seconds_of(told: &str, phase: &str) -> f64 {
    let line = told.lines().find_map(|line| line.strip_prefix(phase)?.strip_prefix("  "));
    let seconds = line.and_then(|rest| rest.split_whitespace().next()?.parse().ok());
    seconds.expect("the profile has every phase")
}

/// The noise of a sample, as the calibration set says.
fn sigma(path: &Path) -> f64 {
    let file = File::open(path).expect("the set was written");
    let mut archive = NpzReader::new(file).expect("the set is an archive");
    let sigma: Array0<f64> = archive.by_name("sigma_llss").expect("the set has its noise");
    sigma[()]
}
