//! Runs the program that makes something of the complete results, once.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::command::environment;
use crate::command::folder::Folder;
use crate::command::runner::{LONGER, kept, program};
use crate::command::study::CommandStudy;
use crate::command::template::Slot;
use crate::foundations::FileError;
use crate::foundations::files::listing;
use crate::process::{Logs, Running, how_it_ended, judge_end, one_line, start};

use super::products::{OUTPUTS, REDUCED};
use super::publish::{put, sync, sync_names};

/// What the program is run with.
#[derive(Clone, Copy)]
pub(crate) struct ReduceContext<'a> {
    /// The folder of results, with all products in place.
    pub results: &'a Path,
    /// A folder of nobody else's, on the disk of the results.
    pub private: &'a Path,
    /// Where its standard output and error are kept, as `reduce.out` and `reduce.err`.
    pub logs: &'a Path,
    /// Whether everything is to stop. It is asked some twenty times a second.
    pub stop: &'a (dyn Fn() -> bool + 'a),
}

/// How it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Reduced {
    /// What it wrote is in `reduced/`.
    Done {
        /// How many files that is.
        files: u64,
    },
    /// It did not do its work. All other products are in place.
    Failed {
        /// Why.
        reason: String,
    },
    /// Everything is to stop.
    Stopped,
}

/// Runs `reduce.run` on the complete results; none if there is no such program.
///
/// It runs as a unit does: without a shell, in `command.directory`, with the same time limit and
/// threads, and with what `command.env` says for all units alike. `{output_folder}` is an empty
/// folder, which becomes `reduced/` when it ended well.
///
/// # Errors
/// If what it wrote cannot be put in place.
pub(crate) fn reduce(
    study: &CommandStudy,
    context: &ReduceContext<'_>,
) -> Result<Option<Reduced>, FileError> {
    if study.reduce().is_empty() {
        return Ok(None);
    }
    let folder = match Folder::make(context.private, "reduced") {
        Ok(folder) => folder,
        Err(reason) => return Ok(Some(Reduced::Failed { reason })),
    };
    let ended = match run(study, context, &folder) {
        Ok(Some(())) => Reduced::Done { files: publish(&folder, context)? },
        Ok(None) => Reduced::Stopped,
        Err(reason) => Reduced::Failed { reason: folder.without_paths(&reason, study.directory()) },
    };
    Ok(Some(ended))
}

/// Runs it to its end; none if everything is to stop.
fn run(
    study: &CommandStudy,
    context: &ReduceContext<'_>,
    folder: &Folder,
) -> Result<Option<()>, String> {
    let settings = &study.settings().command;
    let mut logs = Logs::make(context.logs, "reduce", kept(settings))?;
    let mut command = command(study, context, folder);
    let (out, err) = logs.files()?;
    command.stdin(Stdio::null()).stdout(out).stderr(err);
    let name = name_of(study);
    let running = Running::start(&mut command).map_err(|error| {
        format!("`{name}` cannot be started: {error}; set reduce.run to a program that can")
    })?;
    let timeout = Duration::from_secs_f64(settings.timeout_seconds);
    let ending = running.wait(timeout, context.stop, &mut || logs.limit());
    let limit = (settings.timeout_seconds, LONGER);
    let judged = match ending {
        _ if (context.stop)() => Ok(None),
        ending => judge_end(ending, &name, how_it_ended, limit).map(Some),
    };
    let without_paths = |text: &str| folder.without_paths(text, study.directory());
    let judged = judged.map_err(|why| format!("{why}{}", logs.quote(without_paths)));
    logs.finish();
    judged
}

fn command(study: &CommandStudy, context: &ReduceContext<'_>, folder: &Folder) -> Command {
    let outputs = context.results.join(OUTPUTS);
    let value = |slot| -> OsString {
        match slot {
            Slot::Outputs => outputs.clone().into(),
            Slot::Results => context.results.into(),
            Slot::OutputFolder => folder.outputs().into(),
            Slot::Scratch => folder.scratch().into(),
            Slot::Threads => study.threads().to_string().into(),
            _ => OsString::new(),
        }
    };
    let mut words = study.reduce().iter().map(|word| word.fill(value));
    let program = program(study.directory(), words.next().unwrap_or_default());
    let mut command = Command::new(program);
    command.args(words).current_dir(study.directory());
    let inherited = std::env::vars_os().map(|(name, _)| name);
    for name in environment::removed(&study.env_clear, inherited) {
        command.env_remove(name);
    }
    command.envs(
        environment::set(study, value).into_iter().filter(|(name, _)| is_for_all(study, name)),
    );
    let of_reduce = [
        ("OTFHPC_OUTPUTS", Slot::Outputs),
        ("OTFHPC_RESULTS", Slot::Results),
        ("OTFHPC_OUTPUT_FOLDER", Slot::OutputFolder),
        ("OTFHPC_SCRATCH", Slot::Scratch),
        ("OTFHPC_THREADS", Slot::Threads),
    ];
    command.envs(of_reduce.map(|(name, slot)| (name, value(slot))));
    command
}

/// Whether a variable is the same for all units: it has no placeholder that is a unit's.
fn is_for_all(study: &CommandStudy, name: &str) -> bool {
    let template = study.env.iter().find(|(of_study, _)| of_study == name);
    let is_same = |slot| matches!(slot, Slot::Threads | Slot::Scratch | Slot::OutputFolder);
    !name.starts_with("OTFHPC_") && template.is_none_or(|(_, text)| text.slots().all(is_same))
}

/// What messages call the program: as it was typed.
fn name_of(study: &CommandStudy) -> String {
    let words = study.settings().reduce.as_ref().map_or(&[][..], |reduce| &reduce.run);
    start(&one_line(&words.join(" "))).to_string()
}

/// Puts what it wrote in its place, and counts the files.
fn publish(folder: &Folder, context: &ReduceContext<'_>) -> Result<u64, FileError> {
    let (from, to) = (folder.outputs(), context.private.join(REDUCED));
    fs::rename(&from, &to).map_err(|e| FileError::new("move", &from, e))?;
    let files = count(&to).map_err(|e| FileError::new("read the folder", &to, e))?;
    sync(&to, files)?;
    put(REDUCED, context.private, context.results)?;
    sync_names(context.results)?;
    Ok(files)
}

/// The files below a folder; no link is followed.
fn count(folder: &Path) -> io::Result<u64> {
    let mut files = 0;
    for name in listing::names(folder)? {
        let path = folder.join(name);
        files += if path.symlink_metadata()?.is_dir() { count(&path)? } else { 1 };
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn study(script: &str, rest: &str) -> CommandStudy {
        let text = format!(
            "workload=\"command\"\n[command]\nrun=\"x\"\nenv={{ A = \"all\", B = \"{{seed}}\" }}\n{rest}\n\
             [reduce]\nrun=[\"sh\", \"-c\", '''{script}''', \"sh\", \"{{outputs}}\", \"{{results}}\", \"{{output_folder}}\"]\n"
        );
        CommandStudy::new(&toml::from_str(&text).unwrap()).unwrap()
    }

    /// Runs it in a folder of results with one output.
    fn reduced(study: &CommandStudy, stop: bool) -> (tempfile::TempDir, Option<Reduced>) {
        let results = tempfile::tempdir().unwrap();
        fs::create_dir(results.path().join(OUTPUTS)).unwrap();
        fs::write(results.path().join("outputs/a.json"), "[1]").unwrap();
        let private = tempfile::tempdir_in(results.path()).unwrap();
        let logs = results.path().join("logs");
        let stop = move || stop;
        let context = ReduceContext {
            results: results.path(),
            private: private.path(),
            logs: &logs,
            stop: &stop,
        };
        let ended = reduce(study, &context).unwrap();
        (results, ended)
    }

    #[test]
    fn what_it_writes_becomes_the_folder_reduced() {
        let script = "cat \"$1\"/*.json \"$2/outputs/a.json\" > \"$3/all\"; mkdir \"$3/b\"; \
                      echo \"$A,$B,$OTFHPC_SEED,$OMP_NUM_THREADS\" > \"$3/b/env\"; \
                      test \"$OTFHPC_OUTPUT_FOLDER\" = \"$3\"";
        let (results, ended) = reduced(&study(script, "threads=3"), false);
        assert_eq!(ended, Some(Reduced::Done { files: 2 }));
        let read = |name| fs::read_to_string(results.path().join("reduced").join(name)).unwrap();
        assert_eq!(read("all"), "[1][1]");
        assert_eq!(read("b/env"), "all,,,3\n");
    }

    #[test]
    fn its_failure_is_told_and_costs_no_product() {
        let script = "echo half > \"$3/half\"; echo \"no $3/x\" >&2; exit 3";
        let (results, ended) = reduced(&study(script, ""), false);
        let Some(Reduced::Failed { reason }) = ended else { panic!("{ended:?}") };
        assert!(reason.contains("ended with exit status: 3: expected exit status: 0"), "{reason}");
        assert!(reason.ends_with("its standard error ends: no x"), "{reason}");
        assert!(!results.path().join("reduced").exists());
        assert_eq!(fs::read(results.path().join("outputs/a.json")).unwrap(), b"[1]");
        let log = fs::read_to_string(results.path().join("logs/reduce.err")).unwrap();
        assert!(log.starts_with("no /"), "{log}");
    }

    #[test]
    fn it_may_hang_be_stopped_or_not_be_there() {
        let hangs = study("sleep 60", "timeout_seconds=0.2");
        let (_, ended) = reduced(&hangs, false);
        let Some(Reduced::Failed { reason }) = ended else { panic!("{ended:?}") };
        assert!(reason.contains("did not end within 0.2 s and was killed"), "{reason}");
        let (results, ended) = reduced(&study("sleep 60", ""), true);
        assert_eq!(ended, Some(Reduced::Stopped));
        assert!(!results.path().join("reduced").exists());
        let absent = "workload=\"command\"\n[command]\nrun=\"x\"\n[reduce]\nrun=\"./no-such\"\n";
        let absent = CommandStudy::new(&toml::from_str(absent).unwrap()).unwrap();
        let (_, ended) = reduced(&absent, false);
        let Some(Reduced::Failed { reason }) = ended else { panic!("{ended:?}") };
        assert!(reason.starts_with("`./no-such` cannot be started: No such file"), "{reason}");
        let none = "workload=\"command\"\n[command]\nrun=\"x\"\n";
        let none = CommandStudy::new(&toml::from_str(none).unwrap()).unwrap();
        assert_eq!(reduced(&none, false).1, None);
    }
}
