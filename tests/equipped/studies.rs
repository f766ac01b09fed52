//! The worked example of docs/STUDIES.md, against a plain loop; and a study of a command on a real
//! Slurm, of which a node dies and tasks come to their time limit.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::cluster::{
    Cluster, program, reason_against, repository, succeeded, wait_for, without_slurm,
};
use crate::support::command::assert_same;
use crate::support::{Trial, no_scipy, python, run_script, trial_unless};
use libtest_mimic::Failed;
use serde_json::Value;

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial_unless(no_scipy(), "the_example_has_the_table_of_a_plain_loop", example),
        trial_unless(reason_against(), "a_node_is_lost_and_time_is_up", on_slurm),
    ]
}

/// `local` of the example on a small grid, with the Python of the tests.
fn run_example(out: &Path, shards: &str) -> Result<(), Failed> {
    let python = python().ok_or("there is no Python")?.display().to_string();
    let run = |setting: &str, words: &[&str]| {
        let words: Vec<&str> = [python.as_str()].into_iter().chain(words.iter().copied()).collect();
        format!("{setting}={words:?}")
    };
    let unit = ["study.py", "--noise", "{noise}", "--seed", "{seed}", "{output}"];
    let mut command = program(repository());
    command.args(["local", "--config", "tests/studies/differentiation_small.toml"]);
    command.args(["--quiet", "--shards", shards, "--out"]).arg(out);
    command.args(["--set", &run("command.run", &unit)]);
    command.args(["--set", &run("reduce.run", &["tables.py", "{outputs}", "{output_folder}"])]);
    succeeded(command.output()?).map(drop)
}

fn example() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let (results, looped) = (folder.path().join("results"), folder.path().join("looped"));
    run_example(&results, "1")?;
    fs::create_dir(&looped)?;
    run_script(
        "scripts/studies/differentiation/loop.py",
        &[results.join("units.csv"), looped.clone()],
    )?;
    let of_loop = fs::read_to_string(looped.join("results.csv"))?;
    assert_eq!(fs::read_to_string(results.join("tables/results.csv"))?, of_loop);
    // 4 units of 5 methods with 8 orders, and one with 5.
    assert_eq!(of_loop.lines().count(), 1 + 4 * (5 * 8 + 5));
    let mean = field(&results.join("summary.csv"), "1e-8,gaussian_process,1,nrmse,", 6)?;
    assert!(mean > 1e-7 && mean < 5.9e-5, "{mean}");
    let reduced = field(&results.join("reduced/means.csv"), "gaussian_process,1,", 2)?;
    assert!((reduced / mean - 1.0).abs() < 1e-4, "{reduced} {mean}");
    let in_shards = folder.path().join("in shards");
    run_example(&in_shards, "4")?;
    assert_same(&results, &in_shards, "in four shards");
    Ok(())
}

/// A number of the row that has a text in it.
fn field(path: &Path, row: &str, place: usize) -> Result<f64, Failed> {
    let text = fs::read_to_string(path)?;
    let row = text.lines().find(|line| line.contains(row)).ok_or("no such row")?;
    Ok(row.split(',').nth(place).ok_or("no such field")?.parse()?)
}

/// Says in `done`, at its end, that it ran.
const STUDY: &str = "\
    sleep \"${STUDY_SECONDS:-0}\"\n\
    echo \"{\\\"trial\\\": $1, \\\"seed\\\": $2}\" >\"$3\"\n\
    echo \"$1\" >>done\n";
const UNITS: u64 = 18;
/// Two threads a unit, as a task has: one unit at a time.
const SETTINGS: &str = "\
    run = [\"sh\", \"study.sh\", \"{trial}\", \"{seed}\", \"{output}\"]\n\
    threads = 2\n\
    timeout_seconds = 60\n\
    [[grid]]\n\
    name = \"trial\"\n\
    from = 1\n\
    to = 18\n\
    [slurm]\n\
    time = \"1\"\n\
    extra = [\"--no-requeue\"]\n";

fn on_slurm() -> Result<(), Failed> {
    let cluster = Cluster::start()?;
    let (script, config) = (cluster.path("study.sh"), cluster.path("study.toml"));
    let directory = cluster.path("");
    fs::write(script, STUDY)?;
    let start = format!("workload = \"command\"\n[command]\ndirectory = {directory:?}\n");
    fs::write(&config, start + SETTINGS)?;
    let planned = cluster.otfhpc(&["plan", "--config", "study.toml", "--shards", "3"], &[])?;
    assert!(planned.contains("warning: one unit may take 60 s"), "{planned}");
    // Six units of a shard take more than its minute.
    cluster.line("STUDY_SECONDS=13 \"$OTFHPC\" submit --untried")?;
    wait_for("shards to be begun", || {
        Ok(status(&cluster)?.iter().all(|shard| shard["units_done"].as_u64() > Some(0)))
    })?;
    let node = status(&cluster)?[1]["node"].as_str().ok_or("no node")?.to_owned();
    cluster.kill_node(&node)?;
    wait_for("Slurm to miss the node", || Ok(status(&cluster)?[1]["cause"] == "node lost"))?;
    cluster.wait_until_empty()?;
    let causes: Vec<Value> = status(&cluster)?.iter().map(|s| s["cause"].clone()).collect();
    assert_eq!(causes, ["time limit", "node lost", "time limit"]);
    let kept: u64 = status(&cluster)?.iter().filter_map(|s| s["units_done"].as_u64()).sum();
    let preview = cluster.line("\"$OTFHPC\" preview")?;
    assert!(preview.contains(&format!("{kept} of {UNITS} units: incomplete")), "{preview}");
    let before = done(&cluster.path("done"))?;
    let said = cluster.line("\"$OTFHPC\" resume --untried")?;
    assert!(said.contains("time limit: cut into shards"), "{said}");
    assert!(said.contains(&format!("node lost: without {node}")), "{said}");
    cluster.wait_until_empty()?;
    let again = cluster.line("\"$OTFHPC\" resume")?;
    assert!(again.contains("nothing to resume: results/units.csv"), "{again}");
    // What was kept did not run again.
    let after = done(&cluster.path("done"))?;
    assert_eq!((after.len() - before.len()) as u64, UNITS - kept);
    assert_eq!(after.iter().collect::<BTreeSet<_>>().len() as u64, UNITS);
    let units = fs::read_to_string(cluster.path("results/units.csv"))?;
    assert_eq!(units.lines().filter(|row| row.contains(",done,")).count() as u64, UNITS);
    assert_eq!(fs::read_dir(cluster.path("results/outputs"))?.count() as u64, UNITS);
    let local = cluster.path("local");
    let mut command = Command::new(env!("CARGO_BIN_EXE_otfhpc"));
    command.args(["local", "--config"]).arg(&config).arg("--out").arg(&local);
    succeeded(without_slurm(&mut command).output()?)?;
    assert_same(&local, &cluster.path("results"), "on Slurm");
    Ok(())
}

fn status(cluster: &Cluster) -> Result<Vec<Value>, Failed> {
    let status: Value = serde_json::from_str(&cluster.line("\"$OTFHPC\" status --json")?)?;
    Ok(status["shards"].as_array().ok_or("no shards")?.clone())
}

/// The trials that ran to their end.
fn done(path: &PathBuf) -> Result<Vec<String>, Failed> {
    Ok(fs::read_to_string(path)?.lines().map(str::to_owned).collect())
}
