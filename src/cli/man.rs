//! `otfhpc man`: manual pages, made of what `--help` says.

use std::io::Write as _;
use std::path::Path;

use anyhow::{Result, bail};
use clap::Command;
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};

use crate::foundations::text::did_you_mean;
use crate::foundations::{Shown, files};
use crate::runner::plan::VERSION;

use super::args::{EXIT_CODES, ManArgs};
use super::display::{counted, say, write_out};
use super::exit::Exit;
use super::{help, variables};

const PROGRAM: &str = "otfhpc";

pub(super) fn command(args: &ManArgs) -> Result<Exit> {
    let mut all = help::command();
    // Full names of commands in their synopses.
    all.build();
    if let Some(folder) = &args.dir {
        write_all(&all, folder)?;
        return Ok(Exit::Done);
    }
    write_out(&page(chosen(&all, args.command.as_deref())?)?);
    Ok(Exit::Done)
}

fn chosen<'a>(all: &'a Command, name: Option<&str>) -> Result<&'a Command> {
    let Some(name) = name else { return Ok(all) };
    let Some(command) = commands(all).find(|command| command.get_name() == name) else {
        let names: Vec<&str> = commands(all).map(Command::get_name).collect();
        let meant = did_you_mean(name, names.iter().copied());
        bail!("there is no command `{name}`{meant}; the commands are {}", names.join(", "));
    };
    Ok(command)
}

/// The commands that have a page.
fn commands(all: &Command) -> impl Iterator<Item = &Command> {
    all.get_subcommands().filter(|command| command.get_name() != "help")
}

fn write_all(all: &Command, folder: &Path) -> Result<()> {
    files::make_folder(folder)?;
    let mut count = 0;
    for command in std::iter::once(all).chain(commands(all)) {
        let page = page(command)?;
        let path = folder.join(format!("{}.1", page_name(command)));
        files::write_whole(&path, |file| file.write_all(&page))?;
        count += 1;
    }
    say(&format!("wrote {} into {}\n", counted(count, "manual page"), Shown(folder)));
    Ok(())
}

fn page_name(command: &Command) -> String {
    match command.get_name() {
        PROGRAM => PROGRAM.into(),
        name => format!("{PROGRAM}-{name}"),
    }
}

/// A page. What the help says at its end becomes sections of their usual names.
fn page(command: &Command) -> Result<Vec<u8>> {
    let is_program = command.get_name() == PROGRAM;
    let plain = command.clone().after_help("").after_long_help("");
    let man = Man::new(plain);
    // With a date that is empty, which the title of clap's pages would leave out.
    let title = format!(".TH \"{}\" 1 \"\" \"otfhpc {VERSION}\" \"otfhpc\"\n", page_name(command));
    let mut page = title.into_bytes();
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    man.render_options_section(&mut page)?;
    if is_program {
        man.render_subcommands_section(&mut page)?;
    }
    let mut more = Roff::new();
    let notes = help_notes(command);
    if !is_program && !notes.is_empty() {
        more.control("SH", ["NOTES"]).text([roman(notes)]);
    }
    environment(&mut more, if is_program { None } else { Some(command.get_name()) });
    more.control("SH", ["EXIT STATUS"]).text([roman(EXIT_CODES)]);
    more.control("SH", ["SEE ALSO"]).text([roman(if is_program {
        "otfhpc-config(1), otfhpc-local(1), otfhpc-plan(1), otfhpc-submit(1), otfhpc-status(1)"
    } else {
        "otfhpc(1)"
    })]);
    more.to_writer(&mut page)?;
    Ok(page)
}

/// What the help of a command says before its variables.
fn help_notes(command: &Command) -> String {
    let text = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    text.split("Environment:").next().unwrap_or_default().trim().to_owned()
}

fn environment(page: &mut Roff, command: Option<&str>) {
    let mut variables = variables::of(command).peekable();
    if variables.peek().is_none() {
        return;
    }
    page.control("SH", ["ENVIRONMENT"]);
    for variable in variables {
        page.control("TP", []).text([bold(variable.name)]).text([roman(variable.meaning)]);
    }
}
