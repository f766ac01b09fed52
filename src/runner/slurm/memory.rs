//! The memory of a task, in the form in which it was asked for: `--mem` and `--mem-per-cpu` exclude
//! each other.

use serde::{Deserialize, Serialize};

/// The memory of a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TaskMemory {
    /// Megabytes on its node; 0 is all that the node has.
    PerNode(u64),
    /// Megabytes for each of its processors.
    PerCpu(u64),
}

impl TaskMemory {
    /// The option for sbatch that asks for it.
    #[must_use]
    pub fn option(self) -> String {
        match self {
            Self::PerNode(megabytes) => format!("--mem={megabytes}M"),
            Self::PerCpu(megabytes) => format!("--mem-per-cpu={megabytes}M"),
        }
    }

    /// What an option for sbatch asks for, if it is about memory.
    #[must_use]
    pub fn of_option(word: &str) -> Option<Self> {
        let (name, value) = word.split_once('=')?;
        match name {
            "--mem" if megabytes(value).is_none() && is_zero(value) => Some(Self::PerNode(0)),
            "--mem" => megabytes(value).map(Self::PerNode),
            "--mem-per-cpu" => megabytes(value).map(Self::PerCpu),
            _ => None,
        }
    }

    /// What Slurm told a task in its variables, defaults of the site included. Read through `get`,
    /// so that a test can stand in for the environment.
    #[must_use]
    pub fn of_task(get: impl Fn(&str) -> Option<String>) -> Option<Self> {
        let value = |name: &str| get(name)?.parse::<u64>().ok();
        let per_cpu = value("SLURM_MEM_PER_CPU").map(Self::PerCpu);
        per_cpu.or_else(|| value("SLURM_MEM_PER_NODE").map(Self::PerNode))
    }

    /// What Slurm's lists tell: what was asked for, and all that was given (as in
    /// `cpu=2,mem=200M,node=1`). Where both forms would give the same, the node's is told.
    pub(super) fn of_lists(asked: &str, given: &str) -> Option<Self> {
        let value = |name: &str| {
            given.split(',').find_map(|part| part.strip_prefix(name)?.strip_prefix('='))
        };
        let cpus = value("cpu").and_then(|cpus| cpus.parse::<u64>().ok()).unwrap_or(1);
        let total = value("mem").and_then(shown_megabytes);
        match (shown_megabytes(asked).filter(|asked| *asked > 0), total) {
            (Some(asked), Some(total)) if total == asked * cpus && cpus > 1 => {
                Some(Self::PerCpu(asked))
            }
            (_, Some(total)) => Some(Self::PerNode(total)),
            (asked, None) => asked.map(Self::PerNode),
        }
    }

    /// The same amount for a task of so many processors, in the form of another.
    #[must_use]
    pub fn like(self, other: Self, cpus: u64) -> Self {
        let cpus = cpus.max(1);
        match (self, other) {
            (Self::PerNode(megabytes), Self::PerCpu(_)) => Self::PerCpu(megabytes.div_ceil(cpus)),
            (Self::PerCpu(megabytes), Self::PerNode(_)) => {
                Self::PerNode(megabytes.saturating_mul(cpus))
            }
            _ => self,
        }
    }

    /// Megabytes, in whatever form.
    #[must_use]
    pub fn amount(self) -> u64 {
        let (Self::PerNode(megabytes) | Self::PerCpu(megabytes)) = self;
        megabytes
    }

    /// Another amount in the same form.
    #[must_use]
    pub fn with(self, megabytes: u64) -> Self {
        match self {
            Self::PerNode(_) => Self::PerNode(megabytes),
            Self::PerCpu(_) => Self::PerCpu(megabytes),
        }
    }
}

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

fn is_zero(text: &str) -> bool {
    text.trim_end_matches(|c: char| c.is_ascii_alphabetic()).parse() == Ok(0_u64)
}

/// Reads what Slurm's lists show, which may have a fraction, as in 1.50G.
fn shown_megabytes(text: &str) -> Option<u64> {
    let text = text.trim();
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let number: f64 = digits.parse().ok().filter(|number: &f64| *number >= 0.0)?;
    let unit = match text[digits.len()..].chars().next().unwrap_or('M').to_ascii_uppercase() {
        'K' => 1.0 / 1024.0,
        'M' => 1.0,
        'G' => 1024.0,
        'T' => 1024.0 * 1024.0,
        _ => return None,
    };
    Some((number * unit).ceil() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_read_as_slurm_reads_it() {
        for (text, expected) in [("4G", 4096), ("500", 500), ("8192M", 8192), ("2t", 2 << 20)] {
            assert_eq!(megabytes(text), Some(expected), "{text}");
        }
        assert_eq!(megabytes("1500K"), Some(2));
        for bad in ["", "0", "G", "4X", "-1", "1.5G"] {
            assert_eq!(megabytes(bad), None, "{bad}");
        }
    }

    #[test]
    fn options_read_back_in_their_form() {
        for memory in [TaskMemory::PerNode(2000), TaskMemory::PerCpu(500)] {
            assert_eq!(TaskMemory::of_option(&memory.option()), Some(memory));
        }
        assert_eq!(TaskMemory::of_option("--mem=0"), Some(TaskMemory::PerNode(0)));
        assert_eq!(TaskMemory::of_option("--mem-per-cpu=1G"), Some(TaskMemory::PerCpu(1024)));
        for other in ["--mem-per-gpu=1G", "--mem-bind=local", "--mem", "--mem=much", "--qos=mem"] {
            assert_eq!(TaskMemory::of_option(other), None, "{other}");
        }
    }

    #[test]
    fn a_task_and_slurms_lists_tell_the_form() {
        let told = |name: &'static str, value: &'static str| {
            TaskMemory::of_task(|asked| (asked == name).then(|| value.to_owned()))
        };
        assert_eq!(told("SLURM_MEM_PER_CPU", "100"), Some(TaskMemory::PerCpu(100)));
        assert_eq!(told("SLURM_MEM_PER_NODE", "1536"), Some(TaskMemory::PerNode(1536)));
        assert_eq!(told("SLURM_MEM", "1536"), None);
        for (asked, given, expected) in [
            ("100M", "cpu=2,mem=200M,node=1,billing=2", Some(TaskMemory::PerCpu(100))),
            ("300M", "cpu=2,mem=300M,node=1", Some(TaskMemory::PerNode(300))),
            ("1.50G", "cpu=4,mem=6G,node=1", Some(TaskMemory::PerCpu(1536))),
            ("2G", "cpu=1,mem=2G,node=1", Some(TaskMemory::PerNode(2048))),
            // All of the node, and a job that never ran.
            ("0", "cpu=2,mem=4000M,node=1", Some(TaskMemory::PerNode(4000))),
            ("4G", "", Some(TaskMemory::PerNode(4096))),
            ("0", "cpu=2,node=1", None),
            ("N/A", "", None),
        ] {
            assert_eq!(TaskMemory::of_lists(asked, given), expected, "{asked} {given}");
        }
    }

    #[test]
    fn an_amount_is_told_in_the_form_of_another() {
        let (node, cpu) = (TaskMemory::PerNode(301), TaskMemory::PerCpu(100));
        assert_eq!(node.like(cpu, 2), TaskMemory::PerCpu(151));
        assert_eq!(cpu.like(node, 2), TaskMemory::PerNode(200));
        assert_eq!((cpu.like(cpu, 2), node.like(node, 2)), (cpu, node));
        assert_eq!((cpu.with(7), node.with(7).amount()), (TaskMemory::PerCpu(7), 7));
    }
}
