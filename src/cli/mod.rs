//! The command line: arguments, and one short file per command.

mod args;
mod audit;
mod display;
mod exit;
mod extend;
mod foretell;
mod frozen;
mod here;
mod jobs;
mod late;
mod local;
mod merge;
mod methods;
mod needs;
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
mod status;
mod submit;
mod task_log;
mod tried;

use std::process::ExitCode;

use anyhow::{Result, bail};
use clap::Parser;

use args::{Cli, Command};
use display::complain;
use exit::{Exit, Volume};

/// Runs the program with the arguments of this process.
#[must_use]
pub fn main() -> ExitCode {
    let mut cli = Cli::parse();
    cli.command.settle_folder();
    let volume = match (cli.quiet, cli.verbose) {
        (true, _) => Volume::Quiet,
        (_, true) => Volume::Verbose,
        _ => Volume::Normal,
    };
    let ended = check_volume(&cli.command, volume).and_then(|()| run_command(cli.command, volume));
    let exit = ended.unwrap_or_else(|error| {
        complain(&format!("otfhpc: {}", message(&error)));
        Exit::CouldNotRun
    });
    ExitCode::from(exit as u8)
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
    match command {
        Command::Plan(args) => plan::command(&args, volume),
        Command::Run(args) => run::command(&args, volume),
        Command::Submit(args) => submit::command(&args, volume),
        Command::Resume(args) => resume::command(&args, volume),
        Command::Merge(args) => merge::command(&args, volume),
        Command::Preview(args) => preview::command(&args, volume),
        Command::Local(args) => local::command(&args, volume),
        Command::Simulate(args) => simulate::command(&args, volume),
        Command::Status(args) => status::command(&args),
        Command::Audit(args) => audit::command(&args, volume),
        Command::Methods(args) => methods::command(&args),
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
