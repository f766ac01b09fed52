//! What a cluster does to a run, on a real Slurm, and that `otfhpc resume` mends it: the products
//! have the bytes of a run that nobody disturbed.

use std::fs;
use std::time::{Duration, Instant};

use crate::support::cluster::{
    Cluster, assert_same_as_local, number, reason_against, succeeded, wait_for,
};
use crate::support::{Trial, trial_unless};
use libtest_mimic::Failed;
use serde_json::Value;

pub(crate) fn trials() -> Vec<Trial> {
    let reason = reason_against();
    let test = |name: &str, run: fn() -> Result<(), Failed>| -> Trial {
        trial_unless(reason.clone(), name, run)
    };
    vec![
        test("a_time_limit_of_one_minute_on_a_longer_shard", warned_of_its_time_limit),
        test("a_time_limit_of_one_minute_without_a_warning", ended_at_its_time_limit),
        test("a_node_that_is_lost", lost_node),
        test("a_task_that_is_requeued", requeued),
        test("a_task_that_is_told_to_stop", told_to_stop),
        test("a_task_that_is_preempted", preempted),
        test("a_task_that_is_warned_before_it_is_preempted", warned_of_preemption),
        test("memory_is_doubled_as_it_was_asked_for", out_of_memory),
        test("a_program_that_the_nodes_do_not_have", missing_program),
        test("an_input_that_changed_and_an_epilog_that_talks", changed_input),
        test("logs_that_cannot_be_written", no_logs),
        test("a_controller_that_is_away_for_a_while", controller_away),
        test("tasks_that_are_held", held),
        test("an_error_is_shown_and_not_retried", error),
        test("the_commands_of_the_readme", readme),
    ]
}

/// A study whose tasks take long and need no processor: one method fits, another sleeps before it
/// fails, one configuration at a time. It fails on purpose, so it is not tried before.
struct Slow {
    cluster: Cluster,
    settings: Vec<String>,
}

impl Slow {
    /// Plans so many trials in so many shards.
    fn plan(trials: u32, shards: u32, more: &[&str]) -> Result<Self, Failed> {
        Self::plan_on(Cluster::start()?, trials, shards, more)
    }

    /// The same on a Slurm that is there.
    fn plan_on(cluster: Cluster, trials: u32, shards: u32, more: &[&str]) -> Result<Self, Failed> {
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
        let slow = Self { cluster, settings };
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
        let printed =
            self.cluster.line(&format!("{variables} \"$OTFHPC\" submit --untried {more}"))?;
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
        self.cluster.line("SLEEPER_SECONDS=0 \"$OTFHPC\" resume --untried")
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

/// As `preempted`, but the tasks have some seconds left, and the warning that they get is the one
/// that they asked for before their time limit.
fn warned_of_preemption() -> Result<(), Failed> {
    for more in ["", "--sbatch-arg=--no-requeue"] {
        let cluster = Cluster::start_with(&[("OTFHPC_TESTBED_GRACE", "8")])?;
        let slow = Slow::plan_on(cluster, 6, 2, &[])?;
        let job = slow.submit(if more.is_empty() { 4 } else { 600 }, more)?;
        slow.wait_until_begun(&[0, 1])?;
        slow.cluster.line(
            "sbatch --partition=urgent --nodes=4 --exclusive --output=/dev/null --wrap='sleep 2'",
        )?;
        let log = || {
            let path = format!("results/logs/otfhpc-{job}_1.log");
            Ok::<_, Failed>(fs::read_to_string(slow.cluster.path(&path))?)
        };
        wait_for("the warning", || Ok(log()?.contains("otfhpc: stopped by SIGUSR1")))?;
        slow.cluster.wait_until_empty()?;
        assert!(log()?.contains("\"preempted\":true"), "{}", log()?);
        if !more.is_empty() {
            for shard in slow.status()? {
                assert_eq!(shard["cause"], "preempted", "{shard}");
            }
            let said = slow.resume()?;
            assert!(said.contains("shards 0-1: stopped, preempted: once more\n"), "{said}");
        }
        // Slurm's own requeue was enough, where it is allowed: nobody resumed.
        slow.assert_complete()?;
        assert!(!slow.cluster.path("results/revisions.json").exists(), "something was cut");
    }
    Ok(())
}

/// A method takes more memory than its task has: by the site's default, by `--mem-per-cpu`, and by
/// `--mem`. Slurm kills the tasks; the next ones get twice as much.
fn out_of_memory() -> Result<(), Failed> {
    let cluster = Cluster::start_with(&[("OTFHPC_TESTBED_MEMORY", "110")])?;
    let eater = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/standins/eater");
    let method = format!(r#"method=[{{name="eater",command=["{eater}"]}}]"#);
    let settings = [
        "simulate.records=60",
        "simulate.plateau_records=5",
        "fit.bins=4-9",
        r#"fit.methods=["wls","eater"]"#,
        &method,
    ];
    for (folder, asked, had, next, shown) in [
        ("default", "", ("per-cpu", 110), "--mem-per-cpu=220M", "MinMemoryCPU=220M"),
        ("cpu", "--mem-per-cpu=150", ("per-cpu", 150), "--mem-per-cpu=300M", "MinMemoryCPU=300M"),
        ("node", "--mem=260", ("per-node", 260), "--mem=520M", "MinMemoryNode=520M"),
    ] {
        cluster.otfhpc(&["plan", "--shards", "1", "--out", folder], &settings)?;
        let asked = if asked.is_empty() { String::new() } else { format!("--sbatch-arg={asked}") };
        cluster
            .line(&format!("EATER_MEGABYTES=900 \"$OTFHPC\" submit --untried {folder} {asked}"))?;
        cluster.wait_until_empty()?;
        let status: Value =
            serde_json::from_str(&cluster.line(&format!("\"$OTFHPC\" status --json {folder}"))?)?;
        let shard = &status["shards"][0];
        assert_eq!(shard["cause"], "out of memory", "{shard}");
        assert_eq!(shard["memory"][had.0], had.1, "{shard}");
        // The second attempt is not given what the first one was told.
        let said = cluster.line(&format!("\"$OTFHPC\" resume --untried {folder}"))?;
        assert!(said.contains(&format!("out of memory: with {next}\n")), "{said}");
        cluster.wait_until_empty()?;
        let job = number(&said, "array")?;
        let second = cluster.line(&format!("scontrol --oneliner show job {job}"))?;
        assert!(second.contains(shown), "{second}");
        let status = cluster.line(&format!("\"$OTFHPC\" status {folder}"))?;
        assert!(status.contains(&format!("merged: {folder}/solution.npz")), "{status}");
    }
    Ok(())
}

/// What is shown of shard 1, which `resume` must not try again.
fn assert_not_retried(cluster: &Cluster, message: &str) -> Result<(), Failed> {
    let status = cluster.line("\"$OTFHPC\" status")?;
    assert!(status.contains(message), "{message}: {status}");
    assert!(status.contains("would fail again: when the cause is mended, next: "), "{status}");
    assert!(!status.contains(" resume results\n"), "{status}");
    let resumed = cluster.bash("\"$OTFHPC\" resume --untried")?;
    assert!(!resumed.status.success(), "{resumed:?}");
    assert_eq!(cluster.line("squeue --noheader")?, "");
    Ok(())
}

fn missing_program() -> Result<(), Failed> {
    let slow = Slow::plan(4, 2, &[])?;
    // The same program at another path, where it is no longer when the tasks begin.
    slow.cluster
        .line("cp \"$OTFHPC\" ./gone && ./gone submit --untried --sbatch-arg=--hold && rm gone")?;
    slow.cluster.line("scontrol release $(squeue --noheader --format=%F | sort -u)")?;
    slow.cluster.wait_until_empty()?;
    assert_eq!(slow.shard(1)?["cause"], "not started");
    assert_not_retried(&slow.cluster, "the program could not be started: ")?;
    assert_not_retried(&slow.cluster, "/gone: No such file or directory")?;
    slow.cluster.line("\"$OTFHPC\" submit --untried")?;
    slow.assert_complete()
}

fn changed_input() -> Result<(), Failed> {
    let stage = tempfile::tempdir()?;
    let epilog = stage.path().join("epilog");
    let talk = "#!/bin/bash\nfor log in \"$(<\"${0%/*}/logs\")\"/*.log; do\n  for ((i = 0; i < 40; i++)); do\n    echo \"site epilog: line $i of what a site has to say\" >>\"$log\"\n  done\ndone\n";
    fs::write(&epilog, talk)?;
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    fs::set_permissions(&epilog, mode)?;
    let text = epilog.to_str().ok_or("no text")?;
    let cluster = Cluster::start_with(&[("OTFHPC_TESTBED_EPILOG", text)])?;
    fs::write(stage.path().join("logs"), cluster.path("results/logs").display().to_string())?;
    let small = ["simulate.records=60", "simulate.plateau_records=5"];
    cluster.otfhpc(&["simulate", "--out", "cal.npz"], &small)?;
    let data = ["data.source=npz", "data.path=cal.npz", "data.sigma=0.02", "fit.bins=4-9"];
    cluster.otfhpc(&["plan", "--shards", "2"], &data)?;
    cluster.line("cp cal.npz kept.npz && \"$OTFHPC\" submit --sbatch-arg=--hold")?;
    cluster
        .line("echo >>cal.npz && scontrol release $(squeue --noheader --format=%F | sort -u)")?;
    cluster.wait_until_empty()?;
    let log = cluster.line("cat results/logs/*_1.log")?;
    assert!(log.matches("site epilog: ").count() >= 40, "{log}");
    assert_not_retried(&cluster, "cal.npz: this input changed since the plan was made")?;
    cluster.line("mv kept.npz cal.npz && \"$OTFHPC\" submit")?;
    cluster.wait_until_empty()?;
    let status = cluster.line("\"$OTFHPC\" status")?;
    assert!(status.contains("merged: results/solution.npz"), "{status}");
    Ok(())
}

/// A file stands in the place of the folder of the logs: no task gets as far as to say so.
fn no_logs() -> Result<(), Failed> {
    let slow = Slow::plan(4, 2, &[])?;
    slow.cluster.line("\"$OTFHPC\" submit --untried --sbatch-arg=--hold")?;
    slow.cluster.line("mv results/logs away")?;
    slow.cluster.line("echo >results/logs")?;
    slow.cluster.line("scontrol release $(squeue --noheader --format=%F | sort -u)")?;
    slow.cluster.wait_until_empty()?;
    assert_not_retried(&slow.cluster, "Slurm could not open its log, in logs/ of the results")?;
    slow.cluster.line("rm results/logs && \"$OTFHPC\" submit --untried")?;
    slow.assert_complete()
}

/// So long the controller is away at least.
const AWAY: Duration = Duration::from_secs(60);

/// The controller does not answer for longer than anybody waits for it.
fn controller_away() -> Result<(), Failed> {
    let slow = Slow::plan(6, 2, &[])?;
    slow.submit(8, "")?;
    slow.wait_until_begun(&[0, 1])?;
    let watch = "\"$OTFHPC\" status --watch=1 >watched 2>complaints";
    let watched = std::thread::scope(|scope| {
        let watching = scope.spawn(|| slow.cluster.bash(watch).map_err(|e| format!("{e:?}")));
        let controller =
            "kill -s $signal $(awk '$1 == \"slurmctld\" { print $2 }' $OTFHPC_TESTBED/pids)";
        let read = |name: &str| fs::read_to_string(slow.cluster.path(name)).unwrap_or_default();
        wait_for("the watch to begin", || Ok(!read("watched").is_empty()))?;
        slow.cluster.line(&format!("signal=STOP; {controller}"))?;
        let stopped = Instant::now();
        let noticed = wait_for("the watch to say so", || {
            Ok(read("complaints").contains("otfhpc: asking again in 1 s"))
        });
        std::thread::sleep(AWAY.saturating_sub(stopped.elapsed()));
        slow.cluster.line(&format!("signal=CONT; {controller}"))?;
        noticed?;
        watching.join().map_err(|_| Failed::from("the watch broke off"))?.map_err(Failed::from)
    })?;
    assert_eq!(watched.status.code(), Some(0), "{watched:?}");
    let said = fs::read_to_string(slow.cluster.path("watched"))?;
    assert!(said.contains("merged: results/solution.npz"), "{said}");
    let complaints = fs::read_to_string(slow.cluster.path("complaints"))?;
    assert!(complaints.contains("what waits in the queue is not known"), "{complaints}");
    slow.assert_complete()
}

/// What `status` names releases all that is held, and no more.
fn held() -> Result<(), Failed> {
    let slow = Slow::plan(6, 3, &[])?;
    let job = slow.submit(0, "--sbatch-arg=--hold")?;
    slow.cluster.line(&format!("scontrol release {job}_1"))?;
    wait_for("shard 1", || Ok(slow.shard(1)?["state"] == "done"))?;
    let status = slow.cluster.line("\"$OTFHPC\" status")?;
    let release = format!("scontrol release {job}_[0,2]");
    assert!(status.contains(&format!("held: they wait until you say: {release}\n")), "{status}");
    slow.cluster.line(&release)?;
    wait_for("all shards", || Ok(slow.status()?.iter().all(|shard| shard["state"] == "done")))?;
    let status = slow.cluster.line("\"$OTFHPC\" status")?;
    let merge = slow.cluster.line("squeue --noheader --format=%i")?;
    let release = format!("scontrol release {}", merge.trim());
    assert!(status.contains(&format!("merge: held until you say: {release}\n")), "{status}");
    slow.cluster.line(&release)?;
    slow.assert_complete()
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
    let resumed = slow.cluster.bash("\"$OTFHPC\" resume --untried")?;
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
