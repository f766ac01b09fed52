//! The command line: arguments, and one short file per command.

mod args;
mod audit;
mod compare;
mod completions;
mod config;
mod display;
mod exit;
mod extend;
mod foretell;
mod frozen;
mod help;
mod here;
mod jobs;
mod late;
mod local;
mod man;
mod merge;
mod methods;
mod model;
mod needs;
mod opened;
mod page;
mod plan;
mod preview;
mod profile_table;
mod prospects;
mod refit;
mod report;
mod requeue;
mod resume;
mod run;
mod session;
mod shard_table;
mod signals;
mod simulate;
mod sources;
mod spectra;
mod status;
mod submit;
mod task_log;
mod terminal;
mod tried;
mod variables;
mod version;

use std::process::ExitCode;

use anyhow::{Result, bail};
use clap::error::ErrorKind;
use clap::{FromArgMatches, Parser};

use crate::foundations::machine::check_limits;
use crate::foundations::threads::settle_common_pool;
use crate::runner::engine::TaskError;
use crate::runner::merge::MergeError;
use crate::runner::store::Replaced;

use args::{Cli, Command};
use display::complain;
use exit::{Exit, Volume};

/// Runs the program with the arguments of this process.
#[must_use]
pub fn main() -> ExitCode {
    // Before anything else, which may need what there is not.
    if let Err(error) = check_limits() {
        complain(&format!("otfhpc: {error}"));
        return ExitCode::from(Exit::CouldNotRun as u8);
    }
    // What helps is only worked out where there is something to say.
    let told = |_| help::command().try_get_matches().and_then(|m| Cli::from_arg_matches(&m));
    let mut cli = match Cli::try_parse().or_else(told) {
        Ok(cli) => cli,
        Err(said) => return ExitCode::from(say_usage(&said) as u8),
    };
    signals::survive_file_limits();
    cli.command.settle_folder();
    let volume = match (cli.quiet, cli.verbose) {
        (true, _) => Volume::Quiet,
        (_, true) => Volume::Verbose,
        _ => Volume::Normal,
    };
    let ended = check_volume(&cli.command, volume).and_then(|()| run_command(cli.command, volume));
    let exit = ended.unwrap_or_else(|error| {
        complain(&format!("otfhpc: {}", message(&error)));
        exit_of(&error)
    });
    let exit = if display::output_is_whole() { exit } else { exit.max(Exit::CouldNotRun) };
    ExitCode::from(exit as u8)
}

/// Says what is wrong with the arguments, or the help or the version that was asked for.
fn say_usage(said: &clap::Error) -> Exit {
    if said.kind() == ErrorKind::DisplayVersion {
        return version::say();
    }
    let written = said.print();
    match written {
        _ if said.use_stderr() => Exit::CouldNotRun,
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            complain(&format!("otfhpc: cannot write to standard output: {error}"));
            Exit::CouldNotRun
        }
        _ => Exit::Done,
    }
}

/// A plan that was replaced while a command worked for it leaves results that are not of it.
fn exit_of(error: &anyhow::Error) -> Exit {
    let is_replaced = error.chain().any(|cause| {
        let replaced = match (cause.downcast_ref(), cause.downcast_ref()) {
            (Some(TaskError::Replaced(replaced)), _)
            | (_, Some(MergeError::Replaced(replaced))) => Some(replaced),
            _ => cause.downcast_ref(),
        };
        matches!(replaced, Some(Replaced::ByAnother { .. }))
    });
    if is_replaced { Exit::Incomplete } else { Exit::CouldNotRun }
}

/// Refuses a wish that a command cannot fulfil, so that nobody waits for what does not come.
fn check_volume(command: &Command, volume: Volume) -> Result<()> {
    let (name, less, more) = command.volumes();
    match volume {
        Volume::Quiet if !less => {
            bail!("`otfhpc {name}` does nothing but say something; leave out --quiet")
        }
        Volume::Verbose if !more => {
            bail!("`otfhpc {name}` has no more to say; leave out --verbose")
        }
        _ => Ok(()),
    }
}

fn run_command(command: Command, volume: Volume) -> Result<Exit> {
    let uses_common_pool = matches!(
        command,
        Command::Submit(_)
            | Command::Resume(_)
            | Command::Merge(_)
            | Command::Simulate(_)
            | Command::Status(_)
    );
    // The others have threads of their own, or need none.
    if uses_common_pool {
        settle_common_pool()?;
    }
    match command {
        Command::Plan(args) => plan::command(&args, volume),
        Command::Run(args) => run::command(&args, volume),
        Command::Submit(args) => submit::command(&args, volume),
        Command::Resume(args) => resume::command(&args, volume),
        Command::Merge(args) => merge::command(&args, volume),
        Command::Preview(args) => preview::command(&args, volume),
        Command::Report(args) => page::command(&args, volume),
        Command::Local(args) => local::command(&args, volume),
        Command::Model(args) => model::command(&args, volume),
        Command::Compare(args) => compare::command(&args),
        Command::Spectra(args) => spectra::command(&args, volume),
        Command::Simulate(args) => simulate::command(&args, volume),
        Command::Status(args) => status::command(&args),
        Command::Audit(args) => audit::command(&args, volume),
        Command::Methods(args) => methods::command(&args),
        Command::Config(args) => config::command(&args),
        Command::Completions(args) => completions::command(&args),
        Command::Man(args) => man::command(&args),
    }
}

/// An error and its causes in one message; a cause that the message quotes already is not told
/// twice.
fn message(error: &anyhow::Error) -> String {
    error.chain().map(ToString::to_string).fold(String::new(), |said, cause| match said.as_str() {
        "" => cause,
        text if text.contains(&cause) => said,
        _ => format!("{said}: {cause}"),
    })
}
