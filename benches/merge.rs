//! Merging 10,000 partials: time and peak memory of `otfhpc merge`, and time of `otfhpc status`.

use num_complex::Complex64;
use otfhpc::foundations::Digest;
use otfhpc::otf::study::Config;
use otfhpc::otf::{Otf, UnitResult};
use otfhpc::runner::engine::Workload;
use otfhpc::runner::plan::{BoundPlan, Build, Plan};
use otfhpc::runner::store::RunDir;
use otfhpc::runner::store::{Partial, Provenance};
use otfhpc::science::fit::{Outcome, Solution};

mod support;

const SHARDS: u32 = 10_000;
/// 2 methods x 487 trials x 257 bins: 25 units a shard.
const SETTINGS: [&str; 2] = ["fit.methods=[\"ols\",\"wls\"]", "study.trials=487"];
const EMITTERS: usize = 7;
/// How often each command is measured; the first times differ, while the files are read from disk.
const TIMES: usize = 3;

fn main() {
    let folder = tempfile::tempdir().expect("the temporary folder can be written");
    let run = RunDir::new(folder.path());
    let units = leave_partials(&run);
    println!("{SHARDS} partials of {units} units");
    let root = run.root().to_str().expect("temporary paths are text");
    for command in ["status", "merge"] {
        for _ in 0..TIMES {
            let (time, memory) = support::measure(&[command, root]);
            println!("{command:7} {:6.2} s {memory}", time.as_secs_f64());
        }
    }
}

/// A run of which only the merge is left. Returns its units.
fn leave_partials(run: &RunDir) -> u64 {
    let config = Config::load(None, &SETTINGS.map(String::from)).expect("the settings are valid");
    let study = Otf::new(config).expect("the study is valid");
    let work = study.planned().expect("the study is valid");
    let program = Build::running().expect("it runs");
    let plan = Plan::make(work, SHARDS, program).expect("there are pieces");
    plan.write(run).expect("the temporary folder can be written");
    for shard in 0..SHARDS {
        let written = partial(&plan, shard).write(run, &plan, shard);
        assert!(written.expect("the temporary folder can be written"));
    }
    plan.plan.units
}

fn partial(plan: &BoundPlan, shard: u32) -> Partial {
    let provenance = Provenance {
        peak_memory_bytes: None,
        shard,
        host: format!("node{}", shard % 100),
        process: shard,
        job: Some(format!("120_{shard}")),
        attempts: 1,
        units_from_journal: 0,
        threads: 4,
        started: "2026-01-01T00:00:00.000Z".into(),
        finished: "2026-01-01T00:00:01.000Z".into(),
        wall_seconds: 1.0,
        unit_seconds: 3.9,
        times: Vec::new(),
        binary: Digest::of(b"this build"),
        earlier_binaries: Vec::new(),
    };
    let units = plan.plan.shards.units(shard).expect("the plan has this shard");
    Partial { results: units.map(|unit| result(unit).seal()).collect(), provenance }
}

/// Numbers that differ from unit to unit.
fn result(unit: u64) -> UnitResult {
    let value = 1.0 / (1.0 + unit as f64);
    let solution = Solution {
        emissivity: vec![Complex64::new(value, -value); EMITTERS],
        sigma: vec![1e-3 * value; EMITTERS],
        rss: 1000.0 + value,
        condition: 1e9 * value,
    };
    UnitResult {
        errors: None,
        shared: None,
        outcome: Outcome::Converged(solution),
        prediction_error: None,
        degrees_of_freedom: Some(1193),
    }
}
