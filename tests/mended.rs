//! What a cluster does to a run, on a real Slurm, and that `otfhpc resume` mends it: the products
//! have the bytes of a run that nobody disturbed.

#[path = "support/cluster.rs"]
mod cluster;
mod support;

use std::fs;
use std::time::{Duration, Instant};

use cluster::{Cluster, assert_same_as_local, number, reason_against, succeeded, wait_for};
use libtest_mimic::{Failed, Trial};
use serde_json::Value;
use support::trial_unless;

fn main() {
    let reason = reason_against();
    let test = |name: &str, run: fn() -> Result<(), Failed>| -> Trial {
        trial_unless(reason.clone(), name, run)
    };
    support::run(vec![
        test("a_time_limit_of_one_minute_on_a_longer_shard", warned_of_its_time_limit),
        test("a_time_limit_of_one_minute_without_a_warning", ended_at_its_time_limit),
        test("a_node_that_is_lost", lost_node),
        test("a_task_that_is_requeued", requeued),
        test("a_task_that_is_told_to_stop", told_to_stop),
        test("a_task_that_is_preempted", preempted),
        test("an_error_is_shown_and_not_retried", error),
        test("the_commands_of_the_readme", readme),
    ])
}

/// A study whose tasks take long and need no processor: one method fits, another sleeps before it
/// fails, one configuration at a time.
struct Slow {
    cluster: Cluster,
    settings: Vec<String>,
}

impl Slow {
    /// Plans so many trials in so many shards.
    fn plan(trials: u32, shards: u32, more: &[&str]) -> Result<Self, Failed> {
        let sleeper = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/standins/sleeper");
        let settings = [
            "simulate.records=60",
            "simulate.plateau_records=5",
            "fit.bins=4-9",
            r#"fit.methods=["wls","sleeper"]"#,
            &format!(r#"method=[{{name="sleeper",command=["{sleeper}"]}}]"#),
            &format!("study.trials={trials}"),
        ];
        let settings = settings.iter().chain(more).map(|s| (*s).to_owned()).collect();
        let slow = Self { cluster: Cluster::start()?, settings };
        let shards = shards.to_string();
        slow.cluster.otfhpc(&["plan", "--shards", &shards], &slow.settings())?;
        Ok(slow)
    }

    fn settings(&self) -> Vec<&str> {
        self.settings.iter().map(String::as_str).collect()
    }

    /// Submits; each sleeper of a task waits for the one before.
    fn submit(&self, seconds: u32, more: &str) -> Result<String, Failed> {
        let variables = format!("OTFHPC_EXTERNAL_JOBS=1 SLEEPER_SECONDS={seconds}");
        let printed = self.cluster.line(&format!("{variables} \"$OTFHPC\" submit {more}"))?;
        number(&printed, "array")
    }

    /// Waits until shards have kept units, and are not done.
    fn wait_until_begun(&self, shards: &[u32]) -> Result<(), Failed> {
        wait_for("shards to be begun", || {
            let states = self.status()?;
            Ok(shards.iter().all(|shard| {
                let state = &states[*shard as usize];
                state["state"] == "running" && state["units_done"].as_u64() > Some(0)
            }))
        })
    }

    fn status(&self) -> Result<Vec<Value>, Failed> {
        let printed = self.cluster.line("\"$OTFHPC\" status --json")?;
        let status: Value = serde_json::from_str(&printed)?;
        Ok(status["shards"].as_array().ok_or("no shards")?.clone())
    }

    fn shard(&self, shard: u64) -> Result<Value, Failed> {
        let found = self.status()?.into_iter().find(|state| state["shard"] == shard);
        Ok(found.ok_or_else(|| format!("no shard {shard}"))?)
    }

    /// What `resume` says, which must not hold anything back. What it submits does not sleep.
    fn resume(&self) -> Result<String, Failed> {
        self.cluster.line("SLEEPER_SECONDS=0 \"$OTFHPC\" resume")
    }

    /// Waits for the jobs; then everything is there, as if nothing had happened, and nothing was
    /// fitted twice that had been kept.
    fn assert_complete(&self) -> Result<(), Failed> {
        self.cluster.wait_until_empty()?;
        let again = self.cluster.line("\"$OTFHPC\" resume")?;
        assert!(again.contains("nothing to resume: results/solution.npz"), "{again}");
        assert_eq!(fs::read_dir(self.cluster.path("results/journals"))?.count(), 0);
        assert_same_as_local("results", &self.cluster, &self.settings())
    }
}

fn warned_of_its_time_limit() -> Result<(), Failed> {
    time_limit("")
}

/// With another signal than the one that asks for an end, there is no warning.
fn ended_at_its_time_limit() -> Result<(), Failed> {
    time_limit("--sbatch-arg=--signal=B:CONT@1")
}

/// 15 sleepers of 8 s, one after another, are two minutes.
fn time_limit(more: &str) -> Result<(), Failed> {
    let slow = Slow::plan(30, 2, &["slurm.time=1"])?;
    slow.submit(8, more)?;
    slow.cluster.wait_until_empty()?;
    for shard in slow.status()? {
        assert_eq!((&shard["state"], &shard["cause"]), (&"failed".into(), &"time limit".into()));
        assert!(shard["units_done"].as_u64() > Some(0), "{shard}");
    }
    let done: u64 = slow.status()?.iter().filter_map(|shard| shard["units_done"].as_u64()).sum();
    let said = slow.resume()?;
    assert!(said.contains("shard 0: time limit: cut into shards 2-"), "{said}");
    slow.assert_complete()?;
    // What had been done was taken up by the parts.
    let provenance: Value =
        serde_json::from_slice(&fs::read(slow.cluster.path("results/provenance.json"))?)?;
    let shards = provenance["shards"].as_array().ok_or("no shards")?;
    let resumed: u64 = shards.iter().filter_map(|s| s["units_from_journal"].as_u64()).sum();
    assert_eq!(resumed, done);
    assert!(shards.len() > 2);
    Ok(())
}

/// Its slurmd and all processes of its job are killed, as if the power had failed.
fn lost_node() -> Result<(), Failed> {
    let slow = Slow::plan(12, 3, &[r#"slurm.extra=["--no-requeue"]"#])?;
    slow.submit(600, "")?;
    slow.wait_until_begun(&[0, 1, 2])?;
    let shard = slow.shard(1)?;
    let node = shard["node"].as_str().ok_or("no node")?.to_owned();
    slow.cluster.kill_node(&node)?;
    wait_for("Slurm to miss the node", || Ok(slow.shard(1)?["cause"] == "node lost"))?;
    assert_eq!(slow.shard(1)?["node"], node.as_str());
    // The others would sleep on.
    slow.cluster.line("scancel --me")?;
    slow.cluster.wait_until_empty()?;
    let said = slow.resume()?;
    assert!(said.contains(&format!("shard 1: failed, node lost: without {node}\n")), "{said}");
    assert!(said.contains("shards 0,2: stopped, cancelled: once more\n"), "{said}");
    let record = fs::read_to_string(slow.cluster.path("results/submissions.jsonl"))?;
    assert!(record.contains(&format!("\"--exclude={node}\"")), "{record}");
    slow.assert_complete()
}

fn requeued() -> Result<(), Failed> {
    let slow = Slow::plan(6, 2, &[])?;
    let job = slow.submit(4, "")?;
    slow.wait_until_begun(&[1])?;
    slow.cluster.line(&format!("scontrol requeue {job}_1"))?;
    wait_for("the task to start again", || {
        Ok(slow.shard(1)?["attempts"] == 2 || slow.shard(1)?["state"] == "done")
    })?;
    slow.assert_complete()
}

fn told_to_stop() -> Result<(), Failed> {
    let slow = Slow::plan(6, 2, &[])?;
    let job = slow.submit(600, "")?;
    slow.wait_until_begun(&[0, 1])?;
    slow.cluster.line(&format!("scancel --batch --signal=TERM {job}"))?;
    slow.cluster.wait_until_empty()?;
    let tasks = slow.cluster.tasks(&job)?;
    assert!(tasks.values().all(|ended| ended == "FAILED 75:0"), "{tasks:?}");
    let shard = slow.shard(1)?;
    assert_eq!((&shard["state"], &shard["message"]), (&"stopped".into(), &"by SIGTERM".into()));
    let said = slow.resume()?;
    assert!(said.contains("shards 0-1: stopped, by SIGTERM: once more\n"), "{said}");
    slow.assert_complete()
}

/// An urgent job that wants all nodes takes the place of ours: one is requeued by Slurm, the other
/// may not be.
fn preempted() -> Result<(), Failed> {
    for (more, cause) in [("", None), ("--sbatch-arg=--no-requeue", Some("preempted"))] {
        let slow = Slow::plan(6, 2, &[])?;
        slow.submit(if cause.is_some() { 600 } else { 4 }, more)?;
        slow.wait_until_begun(&[0, 1])?;
        slow.cluster.line(
            "sbatch --partition=urgent --nodes=4 --exclusive --output=/dev/null --wrap='sleep 2'",
        )?;
        let begun = Instant::now();
        slow.cluster.wait_until_empty()?;
        assert!(begun.elapsed() > Duration::from_secs(1));
        if let Some(cause) = cause {
            for shard in slow.status()? {
                assert_eq!((&shard["state"], &shard["cause"]), (&"stopped".into(), &cause.into()));
            }
            let said = slow.resume()?;
            assert!(said.contains("shards 0-1: stopped, preempted: once more\n"), "{said}");
        } else {
            let attempts: u64 = {
                let provenance = fs::read(slow.cluster.path("results/provenance.json"))?;
                let provenance: Value = serde_json::from_slice(&provenance)?;
                let shards = provenance["shards"].as_array().ok_or("no shards")?.clone();
                shards.iter().filter_map(|shard| shard["attempts"].as_u64()).sum()
            };
            assert!(attempts > 2, "{attempts}");
        }
        slow.assert_complete()?;
    }
    Ok(())
}

/// A program that cannot go on would not be helped by another try; `submit` tries again when its
/// cause is mended, and so does `resume --local`.
fn error() -> Result<(), Failed> {
    let slow = Slow::plan(4, 2, &[])?;
    // In the place of a journal of shard 1, what cannot be replaced by one.
    let journals = slow.cluster.path("results/journals");
    fs::create_dir_all(&journals)?;
    fs::create_dir(journals.join("shard-00001.lock"))?;
    slow.submit(0, "")?;
    slow.cluster.wait_until_empty()?;
    let shard = slow.shard(1)?;
    assert_eq!((&shard["state"], &shard["cause"]), (&"failed".into(), &"error".into()));
    let resumed = slow.cluster.bash("\"$OTFHPC\" resume")?;
    assert_eq!(resumed.status.code(), Some(3));
    let said = String::from_utf8_lossy(&resumed.stdout).into_owned();
    assert!(said.contains("shard 1: not retried: "), "{said}");
    assert!(said.contains("shard-00001.lock"), "{said}");
    assert!(
        said.contains("1 done, 0 in the queue or running, 0 to submit, 1 not retried"),
        "{said}"
    );
    assert_eq!(slow.cluster.line("squeue --noheader")?, "");
    fs::remove_dir(journals.join("shard-00001.lock"))?;
    let finished = slow.cluster.bash("\"$OTFHPC\" resume --local")?;
    // The sleepers fail.
    assert_eq!(finished.status.code(), Some(1), "{}", String::from_utf8_lossy(&finished.stderr));
    slow.assert_complete()
}

/// Every command of the README's section on clusters, in its order, as a person would type it.
fn readme() -> Result<(), Failed> {
    let cluster = Cluster::start()?;
    let readme = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md"))?;
    let section = readme.split("\n## ").find(|text| text.starts_with("On a cluster\n"));
    let commands = commands(section.ok_or("README has no section on clusters")?);
    assert!(commands.len() > 10, "{commands:?}");
    for word in ["plan", "submit", "status", "resume", "merge"] {
        let is_there = commands.iter().any(|line| line.starts_with(&format!("otfhpc {word}")));
        assert!(is_there, "no otfhpc {word}");
    }
    let path = std::path::Path::new(env!("CARGO_BIN_EXE_otfhpc")).parent().ok_or("no folder")?;
    for command in commands {
        // Partitions and accounts have other names here.
        let command = command
            .replace("slurm.partition=short", "slurm.partition=urgent")
            .replace(" --set slurm.account=firas --set slurm.memory=4G", "")
            .replace("--sbatch-arg=--qos=high", "--sbatch-arg=--nice");
        let line = format!("export PATH={}:$PATH\nset -o pipefail\n{command}", path.display());
        succeeded(cluster.bash(&line)?).map_err(|error| {
            Failed::from(format!("{command}: {}", error.message().unwrap_or_default()))
        })?;
        // The next command is typed when the jobs of this one are over.
        cluster.wait_until_empty()?;
    }
    Ok(())
}

/// The lines of the blocks of shell commands, and, in the text, the commands between backticks that
/// begin with the program's name.
fn commands(section: &str) -> Vec<String> {
    let (mut found, mut block) = (Vec::new(), None::<String>);
    for line in section.lines() {
        match (&mut block, line) {
            (None, "```sh") => block = Some(String::new()),
            (Some(text), "```") => {
                found.push(std::mem::take(text));
                block = None;
            }
            (Some(text), line) if line.starts_with("otfhpc ") && !text.ends_with("\\\n") => {
                found.extend(Some(std::mem::take(text)).filter(|text| !text.is_empty()));
                text.push_str(&format!("{line}\n"));
            }
            (Some(text), line) => text.push_str(&format!("{line}\n")),
            (None, line) => {
                let quoted = line.split('`').skip(1).step_by(2);
                found.extend(quoted.filter(|q| q.starts_with("otfhpc ")).map(str::to_owned));
            }
        }
    }
    found.retain(|command| !command.trim().is_empty());
    found
}
