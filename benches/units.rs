//! Trivial units of a command: what a unit takes besides its program, the time of plan and merge,
//! and their peak memory.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

mod support;

/// As many units as the first argument says, or these.
const UNITS: u64 = 100_000;
const SHARDS: &str = "16";

fn main() {
    let units = std::env::args().skip(1).find_map(|word| word.parse().ok()).unwrap_or(UNITS);
    let folder = tempfile::tempdir().expect("the temporary folder can be written");
    let config = folder.path().join("study.toml");
    let settings = format!(
        "workload = \"command\"\n[command]\nrun = \"/bin/true\"\noutput = \"\"\n\
         [[grid]]\nname = \"trial\"\nfrom = 1\nto = {units}\n"
    );
    std::fs::write(&config, settings).expect("the temporary folder can be written");
    let results = folder.path().join("results");
    println!("{units} units of /bin/true in {SHARDS} shards");
    let alone = bare(units.min(2000));
    println!("bare     {alone:6.3} ms a unit, one after another");
    let plan = ["plan", "--shards", SHARDS, "--config", text(&config), "--out", text(&results)];
    report("plan", &plan);
    let last = format!("0-{}", SHARDS.parse::<u32>().map_or(0, |n| n - 1));
    let run = ["run", text(&results), "--shard", &last, "--threads", "2"];
    let time = report("run", &run);
    println!("overhead {:6.3} ms a unit on 2 threads", 1e3 * time.as_secs_f64() / units as f64);
    for command in ["status", "merge"] {
        report(command, &[command, text(&results)]);
    }
}

/// What starting the program takes alone, ms.
fn bare(times: u64) -> f64 {
    let start = Instant::now();
    for _ in 0..times {
        assert!(Command::new("/bin/true").status().expect("it starts").success());
    }
    1e3 * start.elapsed().as_secs_f64() / times as f64
}

fn report(name: &str, arguments: &[&str]) -> Duration {
    let (time, memory) = support::measure(arguments);
    println!("{name:8} {:6.2} s {memory}", time.as_secs_f64());
    time
}

fn text(path: &Path) -> &str {
    path.to_str().expect("temporary paths are text")
}
