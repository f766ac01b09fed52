//! The command lines that submit the jobs of a run.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::foundations::files::{self, plain};
use crate::foundations::{FileError, Shown};
use crate::runner::store::RunDir;

use super::chunks::Chunk;
use super::commands::quoted;
use super::options::JobOptions;
use super::script::{array_script, merge_script};
use super::surroundings::in_the_way;
use super::token::Token;

/// What jobs cannot be told.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum LaunchError {
    /// A program that tasks cannot be told to run.
    #[error(
        "{}: tasks cannot be told to run this program, because {reason}; copy it to another path \
         and submit with that",
        Shown(path)
    )]
    Program {
        /// The program.
        path: PathBuf,
        /// Why.
        reason: &'static str,
    },
    /// A results folder in which Slurm cannot be told to log.
    #[error(
        "{}: Slurm cannot be told to write logs there, because the path has a backslash or a line \
         break; choose another folder with --out",
        Shown(path)
    )]
    Folder {
        /// The folder.
        path: PathBuf,
    },
}

/// One call of sbatch, as its arguments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sbatch {
    arguments: Vec<OsString>,
}

impl Sbatch {
    pub(super) fn arguments(&self) -> &[OsString] {
        &self.arguments
    }

    /// The same for a shell, without the variables of this environment that would change it.
    #[must_use]
    pub fn line(&self) -> String {
        let words = self.arguments.iter().map(|argument| word(&argument.to_string_lossy()));
        let unset: String = in_the_way().iter().map(|name| format!("-u {name} ")).collect();
        let start = if unset.is_empty() { String::new() } else { format!("env {unset}") };
        words.fold(start + "sbatch", |line, word| format!("{line} {word}"))
    }
}

/// What waits for jobs that are not submitted yet has shell variables in their place.
fn word(argument: &str) -> String {
    if argument.starts_with(DEPENDENCY) { argument.into() } else { quoted(argument) }
}

const DEPENDENCY: &str = "--dependency=afterany:";

/// Makes the calls of sbatch for one run. All paths are absolute, so that nothing depends on the
/// folder in which a job starts.
#[derive(Debug, Clone)]
pub struct Launcher<'a> {
    run: RunDir,
    program: PathBuf,
    any_binary: bool,
    options: JobOptions<'a>,
}

impl<'a> Launcher<'a> {
    /// Jobs run `program`, although another build planned if any may.
    ///
    /// # Errors
    /// If the program cannot be named to a job.
    pub fn new(
        run: &RunDir,
        program: PathBuf,
        any_binary: bool,
        options: JobOptions<'a>,
    ) -> Result<Self, LaunchError> {
        check_program(&program)?;
        check_folder(run)?;
        let root = std::path::absolute(run.root()).unwrap_or_else(|_| run.root().to_path_buf());
        Ok(Self { run: RunDir::new(root), program, any_binary, options })
    }

    /// Writes the scripts into the run's folder, and makes the folder of the logs.
    ///
    /// # Errors
    /// If they cannot be written.
    pub fn prepare(&self) -> Result<(), FileError> {
        write_scripts(&self.run)
    }

    /// The scripts and where they are.
    #[must_use]
    pub fn scripts(&self) -> [(PathBuf, String); 2] {
        scripts(&self.run)
    }

    /// The options of an array job that not every run has.
    #[must_use]
    pub fn array_options(&self) -> Vec<String> {
        self.options.array()
    }

    /// An array job.
    #[must_use]
    pub fn array(&self, token: &Token, chunk: &Chunk) -> Sbatch {
        let tasks = format!("--array={}{}", chunk.tasks(), self.options.throttle());
        let offset = format!(",OTFHPC_SHARD_OFFSET={}", chunk.offset);
        let (script, options) = (self.run.array_script(), self.options.array());
        self.sbatch(token, vec![tasks], &offset, "%A_%a", options, &script)
    }

    /// The merge, after some jobs. With arguments it submits with them what is left, before it
    /// merges.
    #[must_use]
    pub fn merge(&self, token: &Token, after: &[String], rest: &[String]) -> Sbatch {
        let after = match after {
            [] => Vec::new(),
            jobs => vec![format!("{DEPENDENCY}{}", jobs.join(":"))],
        };
        let (script, options) = (self.run.merge_script(), self.options.merge());
        let mut call = self.sbatch(token, after, "", "%j", options, &script);
        call.arguments.extend(rest.iter().map(OsString::from));
        call
    }

    fn sbatch(
        &self,
        token: &Token,
        own: Vec<String>,
        variables: &str,
        job: &str,
        options: Vec<String>,
        script: &Path,
    ) -> Sbatch {
        let mut export = OsString::from("--export=ALL,OTFHPC=");
        export.push(&self.program);
        export.push(variables);
        if self.any_binary {
            export.push(",OTFHPC_ANY_BINARY=1");
        }
        let mut arguments: Vec<OsString> =
            vec!["--parsable".into(), format!("--comment={token}").into()];
        // What the scripts have too: variables of a user's or a site's count more than they do.
        arguments.push(format!("--job-name={}", token.purpose.job_name()).into());
        arguments.push("--open-mode=append".into());
        arguments.extend(own.into_iter().map(OsString::from));
        arguments.push(export);
        arguments.push(format!("--output={}/%x-{job}.log", log_folder(&self.run)).into());
        arguments.extend(options.into_iter().map(OsString::from));
        arguments.push(script.into());
        arguments.push(self.run.root().into());
        Sbatch { arguments }
    }
}

/// Writes the scripts into a run's folder, and makes the folder of the logs: Slurm makes none.
///
/// # Errors
/// If they cannot be written.
pub fn write_scripts(run: &RunDir) -> Result<(), FileError> {
    plain::make_folder(&run.scripts())?;
    plain::make_folder(&run.logs())?;
    for (path, text) in scripts(run) {
        files::write_whole(&path, |w| std::io::Write::write_all(w, text.as_bytes()))?;
    }
    Ok(())
}

fn scripts(run: &RunDir) -> [(PathBuf, String); 2] {
    [(run.array_script(), array_script()), (run.merge_script(), merge_script())]
}

/// The folder of the logs as sbatch takes it: in the name of a log, % is the start of a pattern.
pub(super) fn log_folder(run: &RunDir) -> String {
    run.logs().display().to_string().replace('%', "%%")
}

/// In the name of a log, a backslash ends all patterns: there would be one log for all tasks.
///
/// # Errors
/// If Slurm cannot be told the name of the folder.
pub fn check_folder(run: &RunDir) -> Result<(), LaunchError> {
    let root = std::path::absolute(run.root()).unwrap_or_else(|_| run.root().to_path_buf());
    if root.to_string_lossy().contains(['\\', '\n', '\r']) {
        Err(LaunchError::Folder { path: run.root().into() })
    } else {
        Ok(())
    }
}

/// `--export` has no way to quote what it separates variables with.
fn check_program(program: &Path) -> Result<(), LaunchError> {
    let has = |c: char| program.to_string_lossy().contains(c);
    let reason = if !program.is_file() {
        "it is not there any more"
    } else if [',', '\'', '"', '\\', '\n'].into_iter().any(has) {
        "its path has a comma, a quotation mark or a backslash, which sbatch --export cannot pass on"
    } else {
        return Ok(());
    };
    Err(LaunchError::Program { path: program.into(), reason })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::foundations::Digest;
    use crate::runner::plan::LaunchSettings;
    use crate::runner::slurm::token::{Owner, Purpose};

    #[test]
    fn the_calls_have_everything_in_words_of_their_own() {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("ot f");
        std::fs::write(&program, "").unwrap();
        let settings = LaunchSettings { throttle: 2.try_into().ok(), ..Default::default() };
        let more = ["--qos=high".to_owned()];
        let options = JobOptions::new(&settings, &more).unwrap();
        let run = RunDir::new("/data/50% mine");
        let launcher = Launcher::new(&run, program.clone(), false, options).unwrap();
        let owner = Owner::new(&Digest::of(b"plan"), &run).unwrap();
        let token = owner.token(3, Purpose::Shards { offset: 8 });
        let chunk = Chunk { offset: 8, shards: vec![9, 11, 12] };
        let program = program.display();
        let expected = format!(
            "sbatch --parsable --comment={token} --job-name=otfhpc --open-mode=append \
             --array=1,3-4%2 '--export=ALL,OTFHPC={program},OTFHPC_SHARD_OFFSET=8' \
             '--output=/data/50%% mine/logs/%x-%A_%a.log' --signal=B:USR1@90 --time=01:00:00 \
             --qos=high \
             '/data/50% mine/slurm/otf_array.sh' '/data/50% mine'"
        );
        let line = launcher.array(&token, &chunk).line();
        assert_eq!(line, expected);
        let token = owner.token(4, Purpose::Merge);
        let line = launcher.merge(&token, &["12".into(), "${job2%%;*}".into()], &[]).line();
        assert!(line.contains(" --dependency=afterany:12:${job2%%;*} "), "{line}");
        assert!(line.contains(" --job-name=otfhpc-merge "), "{line}");
        let line = launcher.merge(&token, &[], &["--rest".into()]).line();
        assert!(!line.contains("--dependency"), "{line}");
        assert!(line.ends_with(" '/data/50% mine' --rest"), "{line}");
    }

    #[test]
    fn a_folder_whose_logs_slurm_cannot_name_is_refused() {
        for bad in ["a\\b", "a\nb"] {
            let error = check_folder(&RunDir::new(bad)).unwrap_err().to_string();
            assert!(error.contains("backslash"), "{error}");
        }
        assert_eq!(check_folder(&RunDir::new("it's 50% mine")), Ok(()));
    }

    #[test]
    fn a_program_that_export_cannot_name_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a,b");
        let check = |path: &Path| check_program(path).unwrap_err().to_string();
        assert!(check(&path).contains("not there"), "{}", check(&path));
        std::fs::write(&path, "").unwrap();
        assert!(check(&path).contains("a comma"), "{}", check(&path));
    }
}
