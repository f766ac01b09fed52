//! The command line with all that its help says: what clap makes of the arguments, and the variables
//! that a command reads.

use std::io::stdout;

use clap::{Command, CommandFactory};

use super::args::{Cli, EXIT_CODES};
use super::terminal;
use super::variables;

/// Columns of a help text, at most.
const WIDEST: usize = 100;

/// The command line.
pub(super) fn command() -> Command {
    let columns = std::env::var("COLUMNS").ok().and_then(|text| text.parse().ok());
    let columns = columns.or_else(|| terminal::columns(&stdout())).unwrap_or(WIDEST).min(WIDEST);
    let all = variables::section(None, columns);
    let of_program = format!("{EXIT_CODES}\n\n{all}");
    let command = Cli::command().after_help(EXIT_CODES).after_long_help(of_program);
    command.mut_subcommands(|command| {
        let section = variables::section(Some(command.get_name()), columns);
        let told = command.get_after_help().map(ToString::to_string);
        let parts: Vec<String> =
            told.into_iter().chain(Some(section).filter(|s| !s.is_empty())).collect();
        if parts.is_empty() { command } else { command.after_help(parts.join("\n\n")) }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        command().debug_assert();
    }

    #[test]
    fn the_help_of_a_command_has_its_variables() {
        let help = |name: &str| {
            let mut command = command();
            let found = command.find_subcommand_mut(name).unwrap();
            found.render_help().to_string()
        };
        assert!(help("submit").contains("OTFHPC_SETTLE_SECONDS"));
        assert!(help("submit").contains("submits nothing twice"));
        assert!(!help("merge").contains("OTFHPC_"));
        assert!(command().render_long_help().to_string().contains("OTFHPC_SITE_CONFIG"));
    }
}
