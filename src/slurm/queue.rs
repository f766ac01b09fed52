//! What Slurm's commands print, understood.

use super::token::Token;

/// A job, or one task of an array, that `squeue` lists: it waits, runs, or is ending.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Queued {
    /// The number of the job, of the whole array if it is one.
    pub job: String,
    /// The task, in an array.
    pub task: Option<u32>,
    /// What was given with `--comment`.
    pub comment: String,
}

/// Reads `squeue --array --noheader --format=%i|%k`: one line a task.
///
/// # Errors
/// Returns the line that is not understood, if it may be one of ours. Other jobs may have anything
/// in their comments, line breaks included.
pub(super) fn parse_queue(text: &str) -> Result<Vec<Queued>, String> {
    let mut found = Vec::new();
    for line in text.lines() {
        match queued(line) {
            Some(queued) => found.push(queued),
            None if line.contains(Token::PREFIX) => return Err(line.to_owned()),
            None => {}
        }
    }
    Ok(found)
}

fn queued(line: &str) -> Option<Queued> {
    let (id, comment) = line.trim().split_once('|')?;
    let (job, task) = match id.split_once('_') {
        Some((job, task)) => (job, Some(task.parse().ok()?)),
        None => (id, None),
    };
    is_number(job).then(|| Queued { job: job.into(), task, comment: comment.trim().into() })
}

/// Reads the setting `MaxArraySize` in `scontrol show config`.
pub(super) fn parse_max_array_size(text: &str) -> Option<u32> {
    text.lines().find_map(|line| {
        let (name, value) = line.split_once('=')?;
        (name.trim() == "MaxArraySize").then(|| value.trim().parse().ok())?
    })
}

/// Reads what `sbatch --parsable` prints: the job's number, and `;` and the cluster's name where
/// there are several.
pub(super) fn parse_job(text: &str) -> Option<String> {
    let last = text.lines().rfind(|line| !line.trim().is_empty())?;
    let job = last.split(';').next()?.trim();
    is_number(job).then(|| job.to_owned())
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_queue_is_one_line_a_task() {
        let text = "CLUSTER: one\n12_0|otfhpc:a:b:0:shards+0\n12_31|otfhpc:a:b:0:shards+0\n\
                    13|(null)\n14|mine | and\nyours\n  15|\n";
        let queued = |job: &str, task, comment: &str| Queued {
            job: job.into(),
            task,
            comment: comment.into(),
        };
        let expected = vec![
            queued("12", Some(0), "otfhpc:a:b:0:shards+0"),
            queued("12", Some(31), "otfhpc:a:b:0:shards+0"),
            queued("13", None, "(null)"),
            queued("14", None, "mine | and"),
            queued("15", None, ""),
        ];
        assert_eq!(parse_queue(text), Ok(expected));
        assert_eq!(parse_queue(""), Ok(Vec::new()));
    }

    #[test]
    fn a_line_of_ours_that_is_not_understood_is_not_passed_over() {
        let line = "12_[0-3,...]|otfhpc:a:b:0:shards+0";
        assert_eq!(parse_queue(line), Err(line.into()));
        assert_eq!(parse_queue("12_[0-3,...]|(null)"), Ok(Vec::new()));
    }

    #[test]
    fn the_limit_is_found_among_the_settings() {
        let text =
            "Configuration data as of 2026\nMaxArraySizeX = 5\nMaxArraySize            = 1001\n";
        assert_eq!(parse_max_array_size(text), Some(1001));
        assert_eq!(parse_max_array_size("MaxArraySize = many"), None);
        assert_eq!(parse_max_array_size(""), None);
    }

    #[test]
    fn the_number_of_a_job_stands_alone() {
        assert_eq!(parse_job("123\n").as_deref(), Some("123"));
        assert_eq!(parse_job("a site's greeting\n123;east\n").as_deref(), Some("123"));
        for bad in ["", "Submitted", "12x", ";east"] {
            assert_eq!(parse_job(bad), None, "{bad}");
        }
    }
}
