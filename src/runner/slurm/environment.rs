//! What Slurm tells a task, read in one place.

use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::foundations::Shown;

use super::chunks::shard_of;

/// The variables of an array task.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Environment {
    /// `SLURM_ARRAY_TASK_ID`: the shard, counted from the offset.
    pub array_task: Option<u32>,
    /// `OTFHPC_SHARD_OFFSET`: the shard of task 0. A cluster limits the numbers of tasks, so a
    /// plan with more shards is submitted as several arrays.
    pub shard_offset: u32,
    /// `SLURM_CPUS_PER_TASK`: the threads.
    pub cpus_per_task: Option<usize>,
    /// Memory of the job on this machine, bytes: `SLURM_MEM_PER_NODE`, or `SLURM_MEM_PER_CPU` for each
    /// of `SLURM_CPUS_ON_NODE`.
    pub memory: Option<u64>,
    /// `SLURM_CPUS_ON_NODE`: the processors of the job on this machine, over its tasks there; what a
    /// task may use where nobody said `--cpus-per-task`.
    pub share_of_node: Option<usize>,
    /// Job and task as `squeue` shows them, for the provenance.
    pub job: Option<String>,
    /// `SLURM_ARRAY_JOB_ID`: the number that all tasks of the array share.
    pub array_job: Option<String>,
    /// `SLURMD_NODENAME`: what Slurm calls this machine.
    pub node: Option<String>,
}

/// Variables that Slurm, or `otfhpc submit`, would not set so.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum EnvironmentError {
    /// Not a number.
    #[error("{variable} is `{value}`: expected {expected}; unset it, or run inside a Slurm task")]
    NoNumber {
        /// The variable.
        variable: &'static str,
        /// As found.
        value: String,
        /// What it should be.
        expected: &'static str,
    },
    /// Two numbers whose sum is no shard.
    #[error(
        "SLURM_ARRAY_TASK_ID is {task} and OTFHPC_SHARD_OFFSET is {offset}: shard {}, but the plan \
         in {} has shards 0 to {}; next: otfhpc submit {}",
        u64::from(*task) + u64::from(*offset), Shown(root), shards.saturating_sub(1),
        super::quoted_path(root)
    )]
    NoSuchShard {
        /// The task.
        task: u32,
        /// The offset.
        offset: u32,
        /// Shards in the plan.
        shards: u32,
        /// The results folder.
        root: PathBuf,
    },
}

impl Environment {
    /// Reads the variables through `get`, so that a test can stand in for the environment.
    ///
    /// # Errors
    /// If a variable is set to something that is no number.
    pub fn read(get: impl Fn(&str) -> Option<String>) -> Result<Self, EnvironmentError> {
        let array_task = number(&get, "SLURM_ARRAY_TASK_ID", "a shard number, 0 or more")?;
        let offset = number(&get, "OTFHPC_SHARD_OFFSET", "a number of shards, 0 or more")?;
        let cpus = number(&get, "SLURM_CPUS_PER_TASK", "a number of processors, 1 or more")?;
        let array_job = get("SLURM_ARRAY_JOB_ID").filter(|job| !job.is_empty());
        let job = array_job.clone().or_else(|| get("SLURM_JOB_ID"));
        let job = job.map(|job| match array_task {
            Some(task) => format!("{job}_{task}"),
            None => job,
        });
        let (shard_offset, cpus_per_task) = (offset.unwrap_or(0), cpus.filter(|n| *n > 0));
        let node = get("SLURMD_NODENAME").filter(|node| !node.is_empty());
        let (memory, share_of_node) = (memory(&get), share_of_node(&get)?);
        Ok(Self {
            array_task,
            shard_offset,
            cpus_per_task,
            memory,
            share_of_node,
            job,
            array_job,
            node,
        })
    }

    /// The shard of an array task. Without an offset it is the task's number, whatever the plan.
    ///
    /// # Errors
    /// If task and offset together are beyond the plan's shards.
    pub fn shard(&self, task: u32, shards: u32, root: &Path) -> Result<u32, EnvironmentError> {
        let offset = self.shard_offset;
        match shard_of(task, offset) {
            Some(shard) if offset == 0 || shard < shards => Ok(shard),
            _ => Err(EnvironmentError::NoSuchShard { task, offset, shards, root: root.into() }),
        }
    }
}

/// Bytes; Slurm tells megabytes, and 0 for all that the machine has.
fn memory(get: &impl Fn(&str) -> Option<String>) -> Option<u64> {
    let number = |name: &str| get(name)?.parse::<u64>().ok().filter(|number| *number > 0);
    let by_processor = || number("SLURM_MEM_PER_CPU")?.checked_mul(number("SLURM_CPUS_ON_NODE")?);
    number("SLURM_MEM_PER_NODE").or_else(by_processor)?.checked_mul(1 << 20)
}

/// The processors of the job on this machine, over its tasks there.
fn share_of_node(get: &impl Fn(&str) -> Option<String>) -> Result<Option<usize>, EnvironmentError> {
    let cpus = number::<usize>(get, "SLURM_CPUS_ON_NODE", "a number of processors, 1 or more")?;
    // As in 2(x3),1: two on each of the first three machines. Where nobody said how many tasks there
    // are, Slurm counts one for each processor.
    let first = |list: String| list.split(['(', ',']).next().and_then(|n| n.parse().ok());
    let is_said = get("SLURM_NTASKS").or_else(|| get("SLURM_NTASKS_PER_NODE")).is_some();
    let tasks: Option<usize> = get("SLURM_TASKS_PER_NODE").filter(|_| is_said).and_then(first);
    let share = |cpus: usize| (cpus / tasks.unwrap_or(1).max(1)).max(1);
    Ok(cpus.filter(|cpus| *cpus > 0).map(share))
}

fn number<T: std::str::FromStr>(
    get: impl Fn(&str) -> Option<String>,
    variable: &'static str,
    expected: &'static str,
) -> Result<Option<T>, EnvironmentError> {
    let Some(value) = get(variable).filter(|value| !value.is_empty()) else { return Ok(None) };
    match value.parse() {
        Ok(number) => Ok(Some(number)),
        Err(_) => Err(EnvironmentError::NoNumber { variable, value, expected }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<Environment, EnvironmentError> {
        Environment::read(|name| {
            variables.iter().find(|(n, _)| *n == name).map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn an_array_task_is_known_by_its_variables() {
        let found = read(&[
            ("SLURM_ARRAY_TASK_ID", "7"),
            ("SLURM_CPUS_PER_TASK", "4"),
            ("SLURM_MEM_PER_NODE", "512"),
            ("SLURM_ARRAY_JOB_ID", "120"),
            ("SLURM_JOB_ID", "127"),
            ("SLURMD_NODENAME", "n7"),
        ])
        .unwrap();
        let expected = Environment {
            array_task: Some(7),
            shard_offset: 0,
            cpus_per_task: Some(4),
            memory: Some(512 << 20),
            share_of_node: None,
            job: Some("120_7".into()),
            array_job: Some("120".into()),
            node: Some("n7".into()),
        };
        assert_eq!(found, expected);
        assert_eq!(read(&[]).unwrap(), Environment::default());
        assert_eq!(read(&[("SLURM_JOB_ID", "9")]).unwrap().job.as_deref(), Some("9"));
    }

    #[test]
    fn the_memory_of_a_job_may_be_told_by_processor_or_not_at_all() {
        let memory = |variables: &[(&str, &str)]| read(variables).unwrap().memory;
        let by_processor = [("SLURM_MEM_PER_CPU", "100"), ("SLURM_CPUS_ON_NODE", "3")];
        assert_eq!(memory(&by_processor), Some(300 << 20));
        assert_eq!(memory(&[("SLURM_MEM_PER_NODE", "0")]), None);
        assert_eq!(memory(&by_processor[..1]), None);
    }

    #[test]
    fn the_offset_is_added_to_the_task() {
        let root = Path::new("results");
        let with = |offset| read(&[("OTFHPC_SHARD_OFFSET", offset)]).unwrap();
        assert_eq!(with("1000").shard(7, 1008, root), Ok(1007));
        assert_eq!(with("0").shard(7, 8, root), Ok(7));
        for (task, offset) in [(8, "1000"), (u32::MAX, "1"), (0, "4294967295")] {
            let error = with(offset).shard(task, 1008, root).unwrap_err().to_string();
            assert!(error.contains(&format!("SLURM_ARRAY_TASK_ID is {task} ")), "{error}");
            assert!(error.contains(&format!("OTFHPC_SHARD_OFFSET is {offset}:")), "{error}");
            assert!(error.contains("shards 0 to 1007; next: otfhpc submit results"), "{error}");
        }
        // Without an offset, the plan's own check has the clearer words.
        assert_eq!(with("").shard(9, 8, root), Ok(9));
        let error = read(&[("OTFHPC_SHARD_OFFSET", "-3")]).unwrap_err().to_string();
        assert!(error.contains("OTFHPC_SHARD_OFFSET is `-3`"), "{error}");
    }

    #[test]
    fn a_task_without_processors_of_its_own_has_its_share_of_the_node() {
        let share = |cpus: &str, tasks: &str| {
            let (cpus, tasks) = (("SLURM_CPUS_ON_NODE", cpus), ("SLURM_TASKS_PER_NODE", tasks));
            read(&[cpus, tasks, ("SLURM_NTASKS", "7")]).unwrap().share_of_node
        };
        let alone = [("SLURM_CPUS_ON_NODE", "8"), ("SLURM_TASKS_PER_NODE", "8")];
        assert_eq!(read(&alone).unwrap().share_of_node, Some(8));
        assert_eq!(share("8", "1"), Some(8));
        assert_eq!(share("8", "3(x2),1"), Some(2));
        assert_eq!(share("1", "2"), Some(1));
        assert_eq!(share("6", ""), Some(6));
        assert_eq!(share("", "2"), None);
        assert!(read(&[("SLURM_CPUS_ON_NODE", "many")]).is_err());
    }

    #[test]
    fn nonsense_is_refused_by_name() {
        for value in ["x", "-1", "1.5", "99999999999"] {
            let error = read(&[("SLURM_ARRAY_TASK_ID", value)]).unwrap_err().to_string();
            assert!(error.contains("SLURM_ARRAY_TASK_ID") && error.contains(value), "{error}");
        }
    }
}
