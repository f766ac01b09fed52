//! The array and the merge on a real Slurm: the private one of `scripts/slurm-testbed.sh`.

use std::fs;

use crate::support::cluster::{
    Cluster, Jobs, PRODUCTS, assert_same_as_local, line_after, next_lines, number, reason_against,
    succeeded, testbed_script, wait_for,
};
use crate::support::{Trial, trial_unless};
use libtest_mimic::Failed;
use serde_json::Value;

/// 2 noise levels x 2 trials x 2 methods x 20 bins = 160 units.
const SMALL: [&str; 5] = [
    "simulate.records=60",
    "simulate.plateau_records=5",
    "study.noise_levels=[0.01,0.1]",
    "study.trials=2",
    "fit.bins=0,4-22",
];

pub(crate) fn trials() -> Vec<Trial> {
    let reason = reason_against();
    let test = |name: &str, run: fn() -> Result<(), Failed>| -> Trial {
        trial_unless(reason.clone(), name, run)
    };
    vec![
        test("the_unedited_scripts_give_the_bytes_of_a_local_run", unedited),
        test("fewer_shards_than_tasks", fewer_shards_than_tasks),
        test("another_results_folder", another_folder),
        test("a_cancelled_task_is_named_and_mended", cancelled_task),
        test("submit_needs_no_script_and_no_line_by_hand", submitted),
        test("more_shards_than_an_array_can_have", more_shards_than_an_array),
        test("submit_mends_what_a_cancelled_task_left", submitted_again),
        test("the_same_folder_by_another_path", another_path),
        test("the_environment_changes_nothing_that_the_scripts_rely_on", environment),
        test("a_part_now_and_the_rest_by_the_merge", portions),
        test("threads_without_cpus_per_task", share_of_node),
        test("a_testbed_that_runs_is_left_alone", testbed),
        test("a_task_warned_of_its_time_limit_stops_and_is_requeued_alone", warned_task),
    ]
}

fn unedited() -> Result<(), Failed> {
    let cluster = Cluster::start()?;
    let plan = cluster.otfhpc(&["plan", "--shards", "32"], &SMALL)?;
    let lines = next_lines(&plan)?;
    // These are the commands of the scripts' own headers, with nothing added.
    let first = "job=$(sbatch --parsable results/slurm/otf_array.sh)";
    let second = "sbatch --dependency=afterany:${job%%;*} results/slurm/otf_merge.sh";
    assert_eq!(lines, format!("{first}\n{second}"));
    let jobs = cluster.submit(&lines)?;
    cluster.wait_until_empty()?;

    let tasks = cluster.tasks(&jobs.array)?;
    assert_eq!(tasks.len(), 32);
    for (task, ended) in &tasks {
        assert_eq!(ended, "COMPLETED 0:0", "task {task}");
        let log = cluster.array_log("results", &jobs, *task)?;
        assert!(log.contains("1 shard of 8 configurations on 2 threads"), "task {task}: {log}");
    }
    let partials = fs::read_dir(cluster.path("results/partials"))?.count();
    assert_eq!(partials, 32);
    let log = cluster.merge_log("results", &jobs)?;
    assert!(log.contains("0 failed, 8 no signal, 0 missing, 0 corrupt"), "{log}");
    assert!(log.contains("160 units: 152 converged"), "{log}");
    assert!(log.contains("results/solution.npz"), "{log}");
    assert_eq!(cluster.ended(&jobs.merge)?, "COMPLETED 0:0");
    assert_same_as_local("results", &cluster, &SMALL)?;
    assert_provenance(&cluster, &jobs, 32)
}

/// Once with the array as it was printed, once with that of the script, which is too long.
fn fewer_shards_than_tasks() -> Result<(), Failed> {
    let cluster = Cluster::start()?;
    let plan = cluster.otfhpc(&["plan", "--shards", "8"], &SMALL)?;
    let printed = next_lines(&plan)?;
    assert!(
        printed.contains("sbatch --parsable --array=0-7 results/slurm/otf_array.sh"),
        "{printed}"
    );
    let jobs = cluster.submit(&printed)?;
    cluster.wait_until_empty()?;
    assert_eq!(cluster.tasks(&jobs.array)?.len(), 8);
    assert_eq!(cluster.ended(&jobs.merge)?, "COMPLETED 0:0");
    assert_same_as_local("results", &cluster, &SMALL)?;

    fs::remove_dir_all(cluster.path("results"))?;
    cluster.otfhpc(&["plan", "--shards", "8"], &SMALL)?;
    let jobs = cluster.submit(&printed.replace(" --array=0-7", ""))?;
    cluster.wait_until_empty()?;
    let tasks = cluster.tasks(&jobs.array)?;
    assert_eq!(tasks.len(), 32);
    for (task, ended) in &tasks {
        let expected = if *task < 8 { "COMPLETED 0:0" } else { "FAILED 2:0" };
        assert_eq!(ended, expected, "task {task}");
        if *task >= 8 {
            let log = cluster.array_log("results", &jobs, *task)?;
            let clear = format!(
                "otfhpc: SLURM_ARRAY_TASK_ID is {task}, but the plan in results has shards 0 to \
                 7; submit with --array=0-7\n"
            );
            // Besides, there are the lines that the program writes for itself.
            let tagged = |line: &&str| {
                line.starts_with("otfhpc: begin {") || line.starts_with("otfhpc: end {")
            };
            assert_eq!(log.lines().filter(tagged).count(), 2, "{log}");
            let told: Vec<&str> = log.lines().filter(|line| !tagged(line)).collect();
            assert_eq!(told, [clear.trim_end()]);
        }
    }
    assert_eq!(cluster.ended(&jobs.merge)?, "COMPLETED 0:0");
    assert_same_as_local("results", &cluster, &SMALL)?;
    assert_provenance(&cluster, &jobs, 8)
}

/// The folder's name needs quotes, in every place where it is printed.
fn another_folder() -> Result<(), Failed> {
    let cluster = Cluster::start()?;
    let folder = "runs/it's 50% mine";
    let plan = cluster.otfhpc(&["plan", "--shards", "5", "--out", folder], &SMALL)?;
    let lines = next_lines(&plan)?;
    assert_eq!(lines.matches("--output=").count(), 2, "{lines}");
    let jobs = cluster.submit(&lines)?;
    cluster.wait_until_empty()?;
    assert!(cluster.tasks(&jobs.array)?.values().all(|ended| ended == "COMPLETED 0:0"));
    for task in 0..5 {
        cluster.array_log(folder, &jobs, task)?;
    }
    let log = cluster.merge_log(folder, &jobs)?;
    assert!(log.contains("runs/it's 50% mine/solution.npz"), "{log}");
    // Nothing was put anywhere else.
    let mut here: Vec<_> =
        fs::read_dir(cluster.path(""))?.flatten().map(|e| e.file_name()).collect();
    here.sort();
    assert_eq!(here, ["runs", "slurm"]);
    assert_same_as_local(folder, &cluster, &SMALL)
}

fn cancelled_task() -> Result<(), Failed> {
    // Shards of seconds, so that one can be hit in the middle.
    let long = ["simulate.records=60", "simulate.plateau_records=5", "study.trials=600"];
    let cluster = Cluster::start()?;
    let plan = cluster.otfhpc(&["plan", "--shards", "4"], &long)?;
    let jobs = cluster.submit(&next_lines(&plan)?)?;
    let journal = cluster.path("results/journals/shard-00002.journal");
    wait_for("task 2 to fit", || Ok(journal.exists()))?;
    succeeded(cluster.bash(&format!("scancel {}_2", jobs.array))?)?;
    cluster.wait_until_empty()?;

    let tasks = cluster.tasks(&jobs.array)?;
    assert!(tasks[&2].starts_with("CANCELLED"), "{tasks:?}");
    assert!(!cluster.path("results/partials/shard-00002.bin").exists());
    assert_eq!(cluster.ended(&jobs.merge)?, "FAILED 3:0");
    assert!(PRODUCTS.iter().all(|name| !cluster.path("results").join(name).exists()));
    let log = cluster.merge_log("results", &jobs)?;
    assert!(log.contains("incomplete: nothing was written"), "{log}");
    assert!(log.contains("results/partials/shard-00002.bin: "), "{log}");
    let mend = line_after(&log, "all at once, Slurm: ")?;
    assert!(mend.ends_with("/otfhpc resume results"), "{mend}");

    let mended = succeeded(cluster.bash(mend)?)?;
    assert!(mended.contains(": shards 2\n"), "{mended}");
    cluster.wait_until_empty()?;
    succeeded(cluster.bash(line_after(&log, "then: ")?)?)?;
    assert_same_as_local("results", &cluster, &long)
}

/// Twice, and once more as if the first had been killed before it wrote down the last number: the
/// jobs are held, so that all are in the queue.
fn submitted() -> Result<(), Failed> {
    let cluster = Cluster::start()?;
    // No checkout is needed: the scripts come with the program.
    fs::remove_dir_all(cluster.path("slurm"))?;
    let settings = [&SMALL[..], &["slurm.extra=[\"--hold\"]", "slurm.throttle=3"]].concat();
    let plan = cluster.otfhpc(&["plan", "--shards", "6"], &settings)?;
    let submit = line_after(&plan, "next:").map(|_| "\"$OTFHPC\" submit")?;
    let first = cluster.line(submit)?;
    assert!(first.contains("6: 0 done, 0 in the queue, 6 to submit"), "{first}");
    let jobs = Jobs { array: number(&first, "array")?, merge: number(&first, "merge")? };
    let queue = cluster.line("squeue --noheader --array")?;
    assert_eq!(queue.lines().count(), 7, "{queue}");

    let record = cluster.path("results/submissions.jsonl");
    let lines = fs::read_to_string(&record)?;
    let cut = lines.trim_end().rfind('\n').ok_or("one line")?;
    for recorded in [&lines[..], &lines[..=cut], &lines[..cut + 20]] {
        fs::write(&record, recorded)?;
        let again = cluster.line(submit)?;
        assert!(again.contains("6: 0 done, 6 in the queue, 0 to submit"), "{again}");
        assert!(again.contains(&format!("{} is in the queue: nothing", jobs.merge)), "{again}");
        assert_eq!(cluster.line("squeue --noheader --array")?, queue);
    }

    cluster.line(&format!("scontrol release {} {}", jobs.array, jobs.merge))?;
    cluster.wait_until_empty()?;
    assert!(cluster.tasks(&jobs.array)?.values().all(|ended| ended == "COMPLETED 0:0"));
    assert_eq!(cluster.ended(&jobs.merge)?, "COMPLETED 0:0");
    cluster.array_log("results", &jobs, 5)?;
    cluster.merge_log("results", &jobs)?;
    assert_same_as_local("results", &cluster, &SMALL)?;
    assert_provenance(&cluster, &jobs, 6)?;
    let done = cluster.line(submit)?;
    assert!(done.contains("nothing to submit: results/solution.npz"), "{done}");
    assert_eq!(cluster.line("squeue --noheader")?, "");
    Ok(())
}

fn more_shards_than_an_array() -> Result<(), Failed> {
    let cluster = Cluster::start_with(&[("OTFHPC_TESTBED_MAXARRAYSIZE", "8")])?;
    let folder = "runs/it's 100% mine";
    cluster.otfhpc(&["plan", "--shards", "30", "--out", folder], &SMALL)?;
    let submit = "\"$OTFHPC\" submit \"runs/it's 100% mine\"";
    let first = cluster.line(submit)?;
    assert_eq!(first.matches("\narray ").count(), 4, "{first}");
    // Some have ended by now, some have not.
    let second = cluster.line(submit)?;
    assert!(second.contains(" 0 to submit"), "{second}");
    cluster.wait_until_empty()?;
    let merge = number(&first, "merge")?;
    assert_eq!(cluster.ended(&merge)?, "COMPLETED 0:0");
    let logs = fs::read_dir(cluster.path(folder).join("logs"))?.count();
    assert_eq!(logs, 31, "one a shard, one of the merge");
    assert_same_as_local(folder, &cluster, &SMALL)
}

fn submitted_again() -> Result<(), Failed> {
    let cluster = Cluster::start()?;
    cluster.otfhpc(&["plan", "--shards", "5"], &SMALL)?;
    let submit = "\"$OTFHPC\" submit --quiet results";
    cluster.line(&format!("{submit} --sbatch-arg=--hold"))?;
    let queue = cluster.line("squeue --noheader --array --format='%i %k'")?;
    let job = queue.lines().find_map(|line| line.split_once("_2 ")).ok_or("no task 2")?.0;
    cluster.line(&format!("scancel {job}_2 && scontrol release {job}"))?;
    wait_for("the other tasks", || {
        Ok(fs::read_dir(cluster.path("results/partials")).is_ok_and(|found| found.count() == 4))
    })?;
    // The first merge is still held; it does not wait for the new job, so there is another.
    let again = cluster.line("\"$OTFHPC\" submit results")?;
    assert!(again.contains(": shards 2\n"), "{again}");
    let merge = number(&again, "merge")?;
    wait_for("the second merge", || Ok(cluster.ended(&merge)? == "COMPLETED 0:0"))?;
    cluster.line("scancel --me")?;
    cluster.wait_until_empty()?;
    assert_same_as_local("results", &cluster, &SMALL)
}

/// As login nodes have other paths to a home: here by a bind mount, or, where nobody may mount, by a
/// link.
fn another_path() -> Result<(), Failed> {
    let cluster = Cluster::start()?;
    cluster.otfhpc(&["plan", "--shards", "4"], &SMALL)?;
    let first = cluster.line("\"$OTFHPC\" submit --sbatch-arg=--hold results")?;
    let jobs = Jobs { array: number(&first, "array")?, merge: number(&first, "merge")? };
    let queue = cluster.line("squeue --noheader --array")?;
    assert_eq!(queue.lines().count(), 5, "{queue}");
    let by_another_path = "mkdir elsewhere\n\
        if mount --bind results elsewhere 2>/dev/null; then trap 'umount elsewhere' EXIT\n\
        else rmdir elsewhere && ln -s results elsewhere; fi\n";
    for command in ["submit elsewhere", "resume elsewhere", "submit results"] {
        let again = cluster.line(&format!("{by_another_path}\"$OTFHPC\" {command}"))?;
        assert!(again.contains("0 to submit"), "{again}");
        assert_eq!(cluster.line("squeue --noheader --array")?, queue);
        cluster.line("rm -d elsewhere")?;
    }
    let status = cluster.line(&format!("{by_another_path}\"$OTFHPC\" status elsewhere; "))?;
    assert!(status.contains("4 shards: 4 waiting"), "{status}");
    cluster.line(&format!("scontrol release {} {}", jobs.array, jobs.merge))?;
    cluster.wait_until_empty()?;
    assert_eq!(cluster.ended(&jobs.merge)?, "COMPLETED 0:0");
    assert_same_as_local("results", &cluster, &SMALL)
}

/// A user's and a site's own variables: as many tasks, the same logs, the same bytes, and nothing
/// that waits.
fn environment() -> Result<(), Failed> {
    let cluster = Cluster::start()?;
    cluster.otfhpc(&["plan", "--shards", "4"], &SMALL)?;
    let variables = "SBATCH_JOB_NAME=mine SBATCH_WAIT=1 SBATCH_ARRAY_INX=0-99 SBATCH_EXPORT=NONE \
                     SBATCH_OUTPUT=/dev/null SBATCH_OPEN_MODE=truncate SBATCH_SIGNAL=KILL@3000 \
                     SBATCH_TIMELIMIT=2 SBATCH_ERROR=/dev/null SLURM_TIME_FORMAT=relative \
                     SQUEUE_FORMAT=%A SQUEUE_STATES=RUNNING";
    let first =
        cluster.line(&format!("{variables} \"$OTFHPC\" submit --sbatch-arg=--hold results"))?;
    let jobs = Jobs { array: number(&first, "array")?, merge: number(&first, "merge")? };
    let queue = cluster.line("squeue --noheader --array --format='%j %l'")?;
    assert_eq!(queue.matches("otfhpc 2:00\n").count(), 4, "{queue}");
    assert_eq!(queue.matches("otfhpc-merge 2:00\n").count(), 1, "{queue}");
    let status = cluster.line(&format!("{variables} \"$OTFHPC\" status results"))?;
    assert!(status.contains("4 shards: 4 waiting"), "{status}");
    let again = cluster.line(&format!("{variables} \"$OTFHPC\" submit results"))?;
    assert!(again.contains("4 in the queue, 0 to submit"), "{again}");
    cluster.line(&format!("scontrol release {} {}", jobs.array, jobs.merge))?;
    cluster.wait_until_empty()?;
    assert!(cluster.tasks(&jobs.array)?.values().all(|ended| ended == "COMPLETED 0:0"));
    assert_eq!(cluster.ended(&jobs.merge)?, "COMPLETED 0:0");
    for task in 0..4 {
        cluster.array_log("results", &jobs, task)?;
    }
    cluster.merge_log("results", &jobs)?;
    assert_same_as_local("results", &cluster, &SMALL)?;
    assert_provenance(&cluster, &jobs, 4)
}

/// The merge of the first part submits the second from within its job, and so on.
fn portions() -> Result<(), Failed> {
    let cluster = Cluster::start()?;
    cluster.otfhpc(&["plan", "--shards", "7"], &SMALL)?;
    let first = cluster.line("\"$OTFHPC\" submit --at-most 5 results")?;
    assert!(first.contains("7: 0 done, 0 in the queue, 4 to submit now, 3 later"), "{first}");
    assert!(first.contains("; it first submits 3 shards\n"), "{first}");
    wait_for("the run to be merged", || {
        Ok(cluster.path("results/provenance.json").exists()
            && cluster.line("squeue --noheader")?.is_empty())
    })?;
    // Three shards, with this one and the next merge, are five jobs.
    let merges: Vec<_> = fs::read_dir(cluster.path("results/logs"))?
        .flatten()
        .filter(|log| log.file_name().to_string_lossy().starts_with("otfhpc-merge-"))
        .collect();
    assert_eq!(merges.len(), 2);
    assert_same_as_local("results", &cluster, &SMALL)
}

/// A job of one's own, of which nothing is said but the tasks.
fn share_of_node() -> Result<(), Failed> {
    let cluster = Cluster::start()?;
    cluster.otfhpc(&["plan", "--shards", "3"], &SMALL)?;
    cluster.line(
        "sbatch --output=one.log --wrap='\"$OTFHPC\" run results --shard 0'\n\
         sbatch --output=two.log --exclusive --wrap='\"$OTFHPC\" run results --shard 1'\n\
         sbatch --output=half.log --ntasks=2 --wrap='\"$OTFHPC\" run results --shard 2'",
    )?;
    cluster.wait_until_empty()?;
    let log = |name: &str| fs::read_to_string(cluster.path(name));
    // Without cgroups all of the machine's processors are in the affinity mask.
    assert!(log("one.log")?.contains("on 1 thread\n"), "{}", log("one.log")?);
    assert!(log("half.log")?.contains("on 1 thread\n"), "{}", log("half.log")?);
    assert!(log("two.log")?.contains("on 2 threads\n"), "{}", log("two.log")?);
    Ok(())
}

fn testbed() -> Result<(), Failed> {
    let cluster = Cluster::start()?;
    let up = format!("'{}' up \"$OTFHPC_TESTBED\"", testbed_script().display());
    let again = cluster.bash(&up)?;
    assert!(!again.status.success());
    let said = String::from_utf8_lossy(&again.stderr).into_owned();
    assert!(said.contains("there is a testbed in ") && said.contains("left alone"), "{said}");
    let nodes = cluster.line("sinfo --noheader --Node --partition=debug --format=%t")?;
    assert_eq!(nodes, "idle\n".repeat(4));
    Ok(())
}

/// The signal is the one that the script asks for, sent as Slurm sends it; earlier, though.
fn warned_task() -> Result<(), Failed> {
    let long = ["simulate.records=60", "simulate.plateau_records=5", "study.trials=1200"];
    for requeue in ["0", "1"] {
        let cluster = Cluster::start()?;
        let plan = cluster.otfhpc(&["plan", "--shards", "4"], &long)?;
        let lines = next_lines(&plan)?;
        let jobs = cluster.submit(&format!("export OTFHPC_REQUEUE={requeue}\n{lines}"))?;
        let journal = cluster.path("results/journals/shard-00002.journal");
        // More than a header and an attempt: units are kept.
        let has_units = || Ok(fs::metadata(&journal).is_ok_and(|m| m.len() > 10_000));
        wait_for("task 2 to keep units", has_units)?;
        succeeded(cluster.bash(&format!("scancel --batch --signal=USR1 {}_2", jobs.array))?)?;
        let log = || cluster.array_log("results", &jobs, 2);
        wait_for("task 2 to stop", || Ok(log()?.contains("otfhpc: stopped by SIGUSR1: ")))?;
        cluster.wait_until_empty()?;
        let (log, tasks) = (log()?, cluster.tasks(&jobs.array)?);
        if requeue == "0" {
            assert_eq!(tasks[&2], "FAILED 75:0", "{log}");
            assert!(journal.exists());
            let go_on = line_after(&log, "to go on, Slurm: ")?;
            assert!(go_on.contains(" resume "), "{go_on}");
            // Nearly an hour is left: this is no time limit, and the shard is not to be cut.
            let dry = succeeded(cluster.bash("\"$OTFHPC\" resume --dry-run results")?)?;
            assert!(dry.contains("shard 2: stopped, by SIGUSR1: once more\n"), "{dry}");
            succeeded(cluster.bash("\"$OTFHPC\" submit results")?)?;
            cluster.wait_until_empty()?;
            succeeded(cluster.bash("\"$OTFHPC\" merge results")?)?;
        } else {
            let said = format!("otfhpc: asking for a requeue: scontrol requeue {}_2\n", jobs.array);
            assert!(log.contains(&said), "{log}");
            assert!(tasks.values().all(|ended| ended == "COMPLETED 0:0"), "{tasks:?}: {log}");
            assert_eq!(cluster.ended(&jobs.merge)?, "COMPLETED 0:0");
        }
        assert_same_as_local("results", &cluster, &long)?;
        let provenance: Value =
            serde_json::from_slice(&fs::read(cluster.path("results/provenance.json"))?)?;
        for (number, attempts) in [1, 1, 2, 1].into_iter().enumerate() {
            let shard = &provenance["shards"][number];
            assert_eq!(shard["attempts"], attempts, "requeue {requeue}: {shard}");
            let resumed = shard["units_from_journal"].as_u64().unwrap_or(0);
            assert_eq!(resumed > 0, attempts == 2, "{shard}");
        }
    }
    Ok(())
}

/// Every shard was fitted by the task of its number, on the processors that the script asks for.
fn assert_provenance(cluster: &Cluster, jobs: &Jobs, shards: u64) -> Result<(), Failed> {
    let provenance: Value =
        serde_json::from_slice(&fs::read(cluster.path("results/provenance.json"))?)?;
    let listed = provenance["shards"].as_array().ok_or("no list of shards")?;
    assert_eq!(listed.len() as u64, shards);
    for (number, shard) in listed.iter().enumerate() {
        assert_eq!(shard["shard"], number);
        assert_eq!(shard["job"], format!("{}_{number}", jobs.array));
        assert_eq!(shard["threads"], 2, "SLURM_CPUS_PER_TASK");
    }
    Ok(())
}
