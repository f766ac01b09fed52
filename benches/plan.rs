//! Planning a million configurations: time, and at the end the peak memory of this process.

use otfhpc::otf::Otf;
use otfhpc::otf::study::Config;
use otfhpc::runner::engine::Workload;
use otfhpc::runner::plan::{Build, Plan};

fn main() {
    divan::main();
    println!("peak memory of this process: {}", peak_memory());
}

/// 1,000,000 configurations x 257 bins in 10,000 shards, as `otfhpc plan` makes and writes it.
#[divan::bench]
fn million_configurations(bencher: divan::Bencher) {
    let assignments = ["study.trials=500000".into(), "fit.methods=[\"ols\",\"wls\"]".into()];
    let config = Config::load(None, &assignments).expect("these settings are valid");
    let folder = tempfile::tempdir().expect("the temporary folder can be written");
    let run = otfhpc::runner::store::RunDir::new(folder.path());
    bencher.bench_local(|| {
        let study = Otf::new(config.clone()).expect("the study is valid");
        let work = study.planned().expect("the study is valid");
        let program = Build::running().expect("it runs");
        let plan = Plan::make(work, 10_000, program).expect("there are pieces");
        plan.write(&run).expect("the temporary folder can be written");
        plan
    });
}

/// The high-water mark of resident memory, as the kernel counts it.
fn peak_memory() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.map_or("unknown".into(), |line| line.trim().to_owned())
}
