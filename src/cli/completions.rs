//! `otfhpc completions`: what a shell needs to complete commands and options.

use anyhow::Result;
use clap_complete::generate;

use super::args::CompletionsArgs;
use super::display::write_out;
use super::exit::Exit;
use super::help;

pub(super) fn command(args: &CompletionsArgs) -> Result<Exit> {
    let mut script = Vec::new();
    generate(args.shell, &mut help::command(), "otfhpc", &mut script);
    write_out(&script);
    Ok(Exit::Done)
}
