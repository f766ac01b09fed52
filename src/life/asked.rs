//! What a task was given, as options for sbatch say it, and what the next one is given.

use std::collections::BTreeSet;

use super::remedy::Remedy;

/// Reads what `--mem` takes, as in 4G: megabytes if no unit is said. None for 0, which is all that
/// a node has, and for what is no memory.
#[must_use]
pub fn megabytes(text: &str) -> Option<u64> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let number: u64 = digits.parse().ok()?;
    let megabytes = match text[digits.len()..].to_ascii_uppercase().as_str() {
        "K" | "KB" => number.div_ceil(1024),
        "" | "M" | "MB" => number,
        "G" | "GB" => number.checked_mul(1024)?,
        "T" | "TB" => number.checked_mul(1024 * 1024)?,
        _ => return None,
    };
    (megabytes > 0).then_some(megabytes)
}

/// The memory that options for sbatch ask for: the last of them counts.
#[must_use]
pub fn memory_of(options: &[String]) -> Option<u64> {
    let value = |word: &String| word.strip_prefix("--mem=").and_then(megabytes);
    options.iter().rev().find_map(value)
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
/// and what earlier remedies added, as the options of its last submission tell.
#[must_use]
pub fn next_options(given: &[String], last: &[String], remedy: &Remedy) -> Vec<String> {
    let mut options = given.to_vec();
    let memory = match remedy {
        Remedy::Memory(megabytes) => Some(*megabytes),
        _ => memory_of(last),
    };
    if let (Some(megabytes), None) = (memory, memory_of(given)) {
        options.push(format!("--mem={megabytes}M"));
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn remedies_add_up() {
        let words = |words: &[&str]| words.iter().map(|w| (*w).to_owned()).collect::<Vec<String>>();
        let without = |node: &str| Remedy::Without(node.into());
        let given = words(&["--qos=high"]);
        assert_eq!(next_options(&given, &[], &Remedy::Again), given);
        let first = next_options(&given, &[], &Remedy::Memory(2000));
        assert_eq!(first, words(&["--qos=high", "--mem=2000M"]));
        let second = next_options(&[], &first, &without("n3"));
        assert_eq!(second, words(&["--mem=2000M", "--exclude=n3"]));
        let third = next_options(&[], &second, &without("n[1-2,7]"));
        assert_eq!(third, words(&["--mem=2000M", "--exclude=n3,n[1-2,7]"]));
        // What the user gives now counts more.
        let given = words(&["--mem=1G"]);
        assert_eq!(next_options(&given, &first, &Remedy::Memory(4000)), given);
        let excluded = excluded_by(&words(&["--exclude=a,b[1,2],c", "--exclude=d"]));
        assert_eq!(excluded, ["a", "b[1,2]", "c", "d"].map(String::from).into());
    }

    #[test]
    fn memory_is_read_as_slurm_reads_it() {
        for (text, expected) in [("4G", 4096), ("500", 500), ("8192M", 8192), ("2t", 2 << 20)] {
            assert_eq!(megabytes(text), Some(expected), "{text}");
        }
        assert_eq!(megabytes("1500K"), Some(2));
        for bad in ["", "0", "G", "4X", "-1", "1.5G"] {
            assert_eq!(megabytes(bad), None, "{bad}");
        }
        let options = ["--mem=1G", "--qos=high", "--mem=2G", "--mem-per-cpu=9G"].map(String::from);
        assert_eq!(memory_of(&options), Some(2048));
    }
}
