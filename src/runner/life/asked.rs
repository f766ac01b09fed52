//! What a task was given, as options for sbatch say it, and what the next one is given.

use std::collections::BTreeSet;

use crate::runner::slurm::TaskMemory;

use super::remedy::Remedy;

/// The memory that options for sbatch ask for: the last of them counts.
#[must_use]
pub fn memory_of(options: &[String]) -> Option<TaskMemory> {
    options.iter().rev().find_map(|word| TaskMemory::of_option(word))
}

/// The nodes that options for sbatch leave out: all of them, since the next options name all.
#[must_use]
pub fn excluded_by(options: &[String]) -> BTreeSet<String> {
    let lists = options.iter().filter_map(|word| word.strip_prefix("--exclude="));
    lists.flat_map(nodes_of).collect()
}

/// The parts of a list of nodes: commas within brackets are part of a name, as in n[1-3,7].
fn nodes_of(list: &str) -> Vec<String> {
    let (mut nodes, mut depth) = (vec![String::new()], 0_i32);
    for c in list.chars() {
        depth += i32::from(c == '[') - i32::from(c == ']');
        match (c, nodes.last_mut()) {
            (',', _) if depth == 0 => nodes.push(String::new()),
            (c, Some(node)) => node.push(c),
            (_, None) => {}
        }
    }
    nodes.retain(|node| !node.is_empty());
    nodes
}

/// The options that a shard gets beyond the settings: what the user gave now, what the remedy adds,
/// and what earlier remedies added, as the options of its last submission tell. `settings` are the
/// options that every job has anyhow, `cpus` the processors of a task.
#[must_use]
pub fn next_options(
    settings: &[String],
    cpus: u64,
    given: &[String],
    last: &[String],
    remedy: &Remedy,
) -> Vec<String> {
    let mut options = given.to_vec();
    let memory = match remedy {
        Remedy::Memory(memory) => Some(*memory),
        _ => memory_of(last),
    };
    if let (Some(memory), None) = (memory, memory_of(given)) {
        options.extend(beyond(memory_of(settings), memory, cpus).map(TaskMemory::option));
    }
    let mut excluded = excluded_by(given);
    excluded.extend(excluded_by(last));
    if let Remedy::Without(node) = remedy {
        excluded.insert(node.clone());
    }
    // sbatch takes the last of several.
    if !excluded.is_empty() && excluded != excluded_by(given) {
        let list: Vec<String> = excluded.into_iter().collect();
        options.push(format!("--exclude={}", list.join(",")));
    }
    options
}

/// What is wanted, in the form of what the settings ask for, since the two exclude each other; none
/// if that is as much.
fn beyond(settings: Option<TaskMemory>, wanted: TaskMemory, cpus: u64) -> Option<TaskMemory> {
    let Some(settings) = settings else { return Some(wanted) };
    let wanted = wanted.like(settings, cpus);
    let is_all = |memory: TaskMemory| memory == TaskMemory::PerNode(0);
    let is_enough = is_all(settings) || (!is_all(wanted) && settings.amount() >= wanted.amount());
    (!is_enough).then_some(wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(words: &[&str]) -> Vec<String> {
        words.iter().map(|w| (*w).to_owned()).collect()
    }

    fn memory(megabytes: u64) -> Remedy {
        Remedy::Memory(TaskMemory::PerNode(megabytes))
    }

    #[test]
    fn remedies_add_up() {
        let without = |node: &str| Remedy::Without(node.into());
        let given = words(&["--qos=high"]);
        assert_eq!(next_options(&[], 2, &given, &[], &Remedy::Again), given);
        let first = next_options(&[], 2, &given, &[], &memory(2000));
        assert_eq!(first, words(&["--qos=high", "--mem=2000M"]));
        let second = next_options(&[], 2, &[], &first, &without("n3"));
        assert_eq!(second, words(&["--mem=2000M", "--exclude=n3"]));
        let third = next_options(&[], 2, &[], &second, &without("n[1-2,7]"));
        assert_eq!(third, words(&["--mem=2000M", "--exclude=n3,n[1-2,7]"]));
        // What the user gives now counts more.
        let given = words(&["--mem=1G"]);
        assert_eq!(next_options(&[], 2, &given, &first, &memory(4000)), given);
        let excluded = excluded_by(&words(&["--exclude=a,b[1,2],c", "--exclude=d"]));
        assert_eq!(excluded, ["a", "b[1,2]", "c", "d"].map(String::from).into());
    }

    #[test]
    fn memory_keeps_its_form_and_never_becomes_less_than_the_settings_ask_for() {
        let per_cpu = Remedy::Memory(TaskMemory::PerCpu(400));
        let last = words(&["--mem-per-cpu=200M"]);
        assert_eq!(next_options(&[], 2, &[], &last, &per_cpu), words(&["--mem-per-cpu=400M"]));
        assert_eq!(next_options(&[], 2, &[], &last, &Remedy::Again), last);
        // Planned anew with more than it had.
        let more = words(&["--mem=16G"]);
        assert_eq!(next_options(&more, 2, &[], &words(&["--mem=4G"]), &Remedy::Again), words(&[]));
        assert_eq!(next_options(&more, 2, &[], &words(&["--mem=4G"]), &memory(8192)), words(&[]));
        let less = words(&["--mem=1G"]);
        assert_eq!(next_options(&less, 2, &[], &[], &memory(8192)), words(&["--mem=8192M"]));
        // The two forms exclude each other.
        let other = words(&["--mem-per-cpu=1G"]);
        let wanted = words(&["--mem-per-cpu=4096M"]);
        assert_eq!(next_options(&other, 2, &[], &words(&["--mem=8G"]), &Remedy::Again), wanted);
        let given = words(&["--mem-per-cpu=1G"]);
        assert_eq!(next_options(&[], 2, &given, &words(&["--mem=4G"]), &Remedy::Again), given);
    }

    #[test]
    fn the_last_word_on_memory_counts() {
        let options = words(&["--mem=1G", "--qos=high", "--mem=2G", "--mem-bind=local"]);
        assert_eq!(memory_of(&options), Some(TaskMemory::PerNode(2048)));
        assert_eq!(memory_of(&words(&["--mem-per-cpu=9G"])), Some(TaskMemory::PerCpu(9216)));
    }
}
