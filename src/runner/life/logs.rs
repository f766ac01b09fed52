//! The logs of tasks, whatever their jobs are called.

use std::collections::BTreeMap;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use crate::foundations::FileError;
use crate::foundations::files::plain::{self, Kind};
use crate::runner::slurm::{LastWords, last_words};
use crate::runner::store::RunDir;

/// So many bytes at the end of a log are read, and, if nobody says anything there, so many.
const TAILS: [u64; 2] = [1 << 16, 1 << 20];

/// The logs in a run's folder by job and task: the folder is looked through once.
#[derive(Debug, Default)]
pub(super) struct Logs {
    by_task: BTreeMap<(String, u32), Vec<PathBuf>>,
}

impl Logs {
    /// Looks for logs; where there is no folder, there are none.
    ///
    /// # Errors
    /// If something that is no file stands in the place of one.
    pub(super) fn find(run: &RunDir) -> Result<Self, FileError> {
        let mut logs = Self::default();
        if run.has_file_for_logs() {
            return Ok(logs);
        }
        for name in plain::read_folder(&run.logs())?.into_iter().flatten() {
            if let Some(task) = task_of(&name.to_string_lossy()) {
                let path = run.logs().join(name);
                plain::check(&path, Kind::File)?;
                logs.by_task.entry(task).or_default().push(path);
            }
        }
        Ok(logs)
    }

    /// The last words of a task. Whoever submits by hand may have its errors in a file beside its
    /// log: the one that says more is taken.
    pub(super) fn last_words(&self, task: &(String, u32)) -> Option<LastWords> {
        let paths = self.by_task.get(task)?;
        let read = paths.iter().filter_map(|path| read(path).ok());
        read.max_by_key(|words| (words.word.is_some(), words.begun, !words.said.is_empty()))
    }
}

/// The job and the task in the name of a log: the script calls it NAME-JOB_TASK.log, and NAME is
/// anything.
fn task_of(name: &str) -> Option<(String, u32)> {
    let (stem, _) = name.rsplit_once('.')?;
    let (_, last) = stem.rsplit_once('-')?;
    let (job, task) = last.split_once('_')?;
    let is_number = !job.is_empty() && job.bytes().all(|byte| byte.is_ascii_digit());
    Some((job.to_owned(), task.parse().ok()?)).filter(|_| is_number)
}

fn read(path: &Path) -> std::io::Result<LastWords> {
    let mut words = LastWords::default();
    for length in TAILS {
        let (text, is_all) = tail(path, length)?;
        words = last_words(&text);
        if is_all || words.word.is_some() || words.begun {
            break;
        }
    }
    Ok(words)
}

/// The end of a file, and whether it is all of it.
fn tail(path: &Path, most: u64) -> std::io::Result<(String, bool)> {
    let mut file = plain::open_to_read(path)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(most)))?;
    let mut bytes = Vec::new();
    file.take(most).read_to_end(&mut bytes)?;
    Ok((String::from_utf8_lossy(&bytes).into_owned(), length <= most))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runner::slurm::{Begun, Word, begin_line, end_line};
    use crate::runner::store::Why;

    #[test]
    fn a_log_is_found_by_job_and_task_whatever_the_name() {
        for (name, expected) in [
            ("otfhpc-12_3.log", Some(("12", 3))),
            ("my job-2-12_3.log", Some(("12", 3))),
            ("mine-12_3.err", Some(("12", 3))),
            ("otfhpc-merge-12.log", None),
            ("otfhpc-x_3.log", None),
            ("audit-12_.log", None),
            ("methods", None),
        ] {
            let expected = expected.map(|(job, task)| (job.to_owned(), task));
            assert_eq!(task_of(name), expected, "{name}");
        }
    }

    #[test]
    fn what_others_append_does_not_hide_the_end() {
        let folder = tempfile::tempdir().unwrap();
        let run = RunDir::new(folder.path());
        std::fs::create_dir(run.logs()).unwrap();
        let why = Why::Error { message: "no space".into() };
        let task = ("12".to_owned(), 3);
        let own = format!("{}\n{}\n", begin_line(&Begun::default()), end_line(&why));
        for lines in [0, 40, 2000, 20_000] {
            let log = own.clone() + &"epilog: a line of a site's own\n".repeat(lines);
            std::fs::write(run.logs().join("mine-12_3.log"), log).unwrap();
            std::fs::write(run.logs().join("mine-12_3.out"), "120 units\n").unwrap();
            let words = Logs::find(&run).unwrap().last_words(&task).unwrap();
            assert_eq!(words.word, Some(Word::Ended(why.clone())), "{lines}");
        }
        assert_eq!(Logs::find(&run).unwrap().last_words(&("12".into(), 4)), None);
    }

    #[test]
    fn what_stands_in_the_place_of_a_log_is_named_and_not_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let run = RunDir::new(folder.path());
        std::fs::create_dir(run.logs()).unwrap();
        let path = run.task_log("12", 3);
        assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
        let error = Logs::find(&run).unwrap_err().to_string();
        let expected = "is a FIFO: expected a file; move it away, and type the same again";
        assert_eq!(error, format!("{} {expected}", path.display()));
        // It may take the place of one that was found.
        assert_eq!(tail(&path, 10).unwrap_err().kind(), std::io::ErrorKind::InvalidInput);
        std::fs::remove_file(&path).unwrap();
        std::os::unix::fs::symlink("/dev/zero", &path).unwrap();
        assert!(Logs::find(&run).is_err());
        // What is called otherwise is nobody's log.
        std::fs::rename(&path, run.logs().join("zero")).unwrap();
        assert!(Logs::find(&run).is_ok());
    }
}
