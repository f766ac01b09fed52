//! The lines that a person types to submit a plan.

use std::collections::BTreeMap;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use crate::foundations::text::{bash_quoted, is_plain};
use crate::runner::store::RunDir;

use super::environment::Environment;
use super::sbatch::log_folder;
use super::script::ARRAY_SHARDS;

/// The lines that submit a whole plan and the merge that waits for it.
#[must_use]
pub fn submit_all(run: &RunDir, shards: u32) -> String {
    let array = all_of(shards);
    let (flags, log) = (array_flag(&array), log_flag(run, "%A_%a"));
    let (merge_log, folder) = (log_flag(run, "%j"), folder(run));
    let script = |path: std::path::PathBuf| quoted(&path.display().to_string());
    let (fit, merge) = (script(run.array_script()), script(run.merge_script()));
    format!(
        "job=$(sbatch --parsable{flags}{log} {fit}{folder})\n\
         sbatch --dependency=afterany:${{job%%;*}}{merge_log} {merge}{folder}"
    )
}

/// The numbers of so many shards, as `--array` and `--shard` take them.
#[must_use]
pub fn all_of(shards: u32) -> String {
    if shards < 2 { "0".into() } else { format!("0-{}", shards - 1) }
}

/// The command that makes Slurm start this task of an array again. The number of the job alone
/// would start its siblings again too, so there is none for what is no task of an array.
#[must_use]
pub fn requeue_command(slurm: &Environment) -> Option<Vec<String>> {
    let (job, task) = (slurm.array_job.as_deref()?, slurm.array_task?);
    Some(vec!["scontrol".into(), "requeue".into(), format!("{job}_{task}")])
}

/// Numbers as `--array` and `--shard` take them: `1,5-7`.
#[must_use]
pub fn ranges(sorted: &[u32]) -> String {
    let runs = sorted.chunk_by(|a, b| a + 1 == *b);
    let text = runs.map(|run| match run {
        [one] => one.to_string(),
        _ => format!("{}-{}", run[0], run[run.len() - 1]),
    });
    text.collect::<Vec<_>>().join(",")
}

/// Tasks, as in `12_7`, as Slurm's commands take many: `12_[3,7-9],14_[0]`.
#[must_use]
pub fn tasks_of<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let mut by_job: BTreeMap<&str, Vec<u32>> = BTreeMap::new();
    for (job, task) in names.filter_map(|name| name.split_once('_')) {
        by_job.entry(job).or_default().extend(task.parse::<u32>());
    }
    let list = |(job, mut tasks): (&str, Vec<u32>)| {
        tasks.sort_unstable();
        format!("{job}_[{}]", ranges(&tasks))
    };
    by_job.into_iter().map(list).collect::<Vec<_>>().join(",")
}

/// Most numbers in a list of ranges: more than Slurm has array tasks, few enough to be listed.
const LONGEST_RANGE: u64 = 10_000_000;

/// Reads what [`ranges`] writes, and the same in any order; each number once, ascending.
#[must_use]
pub fn parse_ranges(text: &str) -> Option<Vec<u32>> {
    let mut numbers = Vec::new();
    for part in text.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last): (u32, u32) = (first.parse().ok()?, last.parse().ok()?);
        let listed = numbers.len() as u64 + u64::from(last.checked_sub(first)?);
        if listed >= LONGEST_RANGE {
            return None;
        }
        numbers.extend(first..=last);
    }
    numbers.sort_unstable();
    numbers.dedup();
    Some(numbers)
}

/// Nothing for the array that the script has written into it.
fn array_flag(array: &str) -> String {
    if array == format!("0-{}", ARRAY_SHARDS - 1) {
        return String::new();
    }
    format!(" --array={array}")
}

/// The scripts log under the default folder; another folder must be said.
fn log_flag(run: &RunDir, job: &str) -> String {
    if is_default(run) {
        return String::new();
    }
    format!(" --output={}", quoted(&format!("{}/%x-{job}.log", log_folder(run))))
}

fn folder(run: &RunDir) -> String {
    if is_default(run) {
        return String::new();
    }
    format!(" {}", quoted_path(run.root()))
}

fn is_default(run: &RunDir) -> bool {
    run.root() == Path::new(RunDir::DEFAULT)
}

/// A path as a word of a shell.
#[must_use]
pub fn quoted_path(path: &Path) -> String {
    let name = path.as_os_str();
    name.to_str().map_or_else(|| bash_quoted(name.as_bytes()), quoted)
}

/// Quotes a word for a POSIX shell, if it needs it; for bash, if it has control characters.
#[must_use]
pub fn quoted(word: &str) -> String {
    if !is_plain(word) {
        return bash_quoted(word.as_bytes());
    }
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+=:,%@".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_needs_no_flags() {
        let lines = submit_all(&RunDir::new("results"), 32);
        assert!(
            lines.starts_with("job=$(sbatch --parsable results/slurm/otf_array.sh)\n"),
            "{lines}"
        );
    }

    #[test]
    fn another_folder_is_said_and_quoted() {
        let lines = submit_all(&RunDir::new("my 5% results"), 8);
        assert!(lines.contains("--array=0-7"), "{lines}");
        // In the name of a log, % starts a pattern.
        assert!(lines.contains("--output='my 5%% results/logs/%x-%A_%a.log'"), "{lines}");
        assert!(lines.ends_with("'my 5% results/slurm/otf_merge.sh' 'my 5% results'"), "{lines}");
        assert_eq!(quoted("it's"), "'it'\\''s'");
        assert_eq!(quoted("a\nb"), r"$'a\nb'");
        assert_eq!(quoted_path(Path::new("my results")), "'my results'");
    }

    #[test]
    fn only_a_task_of_an_array_is_requeued_and_never_its_siblings() {
        let read = |variables: &[(&str, &str)]| {
            let get = |name: &str| {
                variables.iter().find(|(n, _)| *n == name).map(|(_, value)| (*value).to_owned())
            };
            requeue_command(&Environment::read(get).unwrap())
        };
        let (job, task) = (("SLURM_JOB_ID", "127"), ("SLURM_ARRAY_TASK_ID", "7"));
        let array = ("SLURM_ARRAY_JOB_ID", "120");
        let words = ["scontrol", "requeue", "120_7"].map(String::from).to_vec();
        assert_eq!(read(&[job, task, array]), Some(words));
        for variables in [&[job][..], &[job, task], &[job, array], &[]] {
            assert_eq!(read(variables), None, "{variables:?}");
        }
    }

    #[test]
    fn tasks_are_told_by_job() {
        let names = ["12_7", "14_0", "12_3", "12_8", "15"];
        assert_eq!(tasks_of(names.into_iter()), "12_[3,7-8],14_[0]");
        assert_eq!(tasks_of([].into_iter()), "");
    }

    #[test]
    fn ranges_are_compact() {
        assert_eq!(ranges(&[1, 5, 6, 7, 9]), "1,5-7,9");
        assert_eq!(ranges(&[]), "");
    }

    #[test]
    fn ranges_are_read_sorted_and_once() {
        assert_eq!(parse_ranges("9,3-5,4"), Some(vec![3, 4, 5, 9]));
        for bad in ["", "-1", "5-3", "a", "1,", "0-4294967295", "0-5999999,0-5999999"] {
            assert_eq!(parse_ranges(bad), None, "{bad}");
        }
    }
}
