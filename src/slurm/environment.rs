//! What Slurm tells a task, read in one place.

use thiserror::Error;

/// The variables of an array task.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Environment {
    /// `SLURM_ARRAY_TASK_ID`: the shard.
    pub array_task: Option<u32>,
    /// `SLURM_CPUS_PER_TASK`: the threads.
    pub cpus_per_task: Option<usize>,
    /// Job and task as `squeue` shows them, for the provenance.
    pub job: Option<String>,
}

/// A variable that Slurm would not set so.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("{variable} is `{value}`: expected {expected}; unset it, or run inside a Slurm task")]
pub struct EnvironmentError {
    variable: &'static str,
    value: String,
    expected: &'static str,
}

impl Environment {
    /// Reads the variables through `get`, so that a test can stand in for the environment.
    ///
    /// # Errors
    /// If a variable is set to something that is no number.
    pub fn read(get: impl Fn(&str) -> Option<String>) -> Result<Self, EnvironmentError> {
        let array_task = number(&get, "SLURM_ARRAY_TASK_ID", "a shard number, 0 or more")?;
        let cpus = number(&get, "SLURM_CPUS_PER_TASK", "a number of processors, 1 or more")?;
        let job = get("SLURM_ARRAY_JOB_ID").or_else(|| get("SLURM_JOB_ID"));
        let job = job.map(|job| match array_task {
            Some(task) => format!("{job}_{task}"),
            None => job,
        });
        Ok(Self { array_task, cpus_per_task: cpus.filter(|n| *n > 0), job })
    }
}

fn number<T: std::str::FromStr>(
    get: impl Fn(&str) -> Option<String>,
    variable: &'static str,
    expected: &'static str,
) -> Result<Option<T>, EnvironmentError> {
    let Some(value) = get(variable).filter(|value| !value.is_empty()) else { return Ok(None) };
    match value.parse() {
        Ok(number) => Ok(Some(number)),
        Err(_) => Err(EnvironmentError { variable, value, expected }),
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
            ("SLURM_ARRAY_JOB_ID", "120"),
            ("SLURM_JOB_ID", "127"),
        ])
        .unwrap();
        let job = Some("120_7".to_owned());
        assert_eq!(found, Environment { array_task: Some(7), cpus_per_task: Some(4), job });
        assert_eq!(read(&[]).unwrap(), Environment::default());
        assert_eq!(read(&[("SLURM_JOB_ID", "9")]).unwrap().job.as_deref(), Some("9"));
    }

    #[test]
    fn nonsense_is_refused_by_name() {
        for value in ["x", "-1", "1.5", "99999999999"] {
            let error = read(&[("SLURM_ARRAY_TASK_ID", value)]).unwrap_err().to_string();
            assert!(error.contains("SLURM_ARRAY_TASK_ID") && error.contains(value), "{error}");
        }
    }
}
