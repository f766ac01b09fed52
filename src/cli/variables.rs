//! The environment variables that the program reads, in one list: for `--help`, for the manual pages,
//! and for the test that none is read which is not here.

use crate::foundations::text::broken;

/// A variable.
pub(super) struct Variable {
    /// Its name, with a value where only that counts.
    pub(super) name: &'static str,
    /// What it does.
    pub(super) meaning: &'static str,
    /// The commands that read it; none: all.
    commands: &'static [&'static str],
}

/// Those that do shards.
const WORKING: &[&str] = &["run", "local", "resume", "audit"];

/// All of them.
pub(super) const VARIABLES: [Variable; 13] = [
    Variable {
        name: "OTFHPC_THREADS",
        meaning: "Worker threads, as --threads.",
        commands: WORKING,
    },
    Variable {
        name: "OTFHPC_EXTERNAL_JOBS",
        meaning: "Programs that run at once, as --external-jobs.",
        commands: WORKING,
    },
    Variable {
        name: "OTFHPC_LOG_SECONDS",
        meaning: "How often a line of progress is written where there is no terminal; 5 by default.",
        commands: &["run", "local", "resume"],
    },
    Variable {
        name: "OTFHPC_REQUEUE",
        meaning: "1: a task of a Slurm array that SIGUSR1 stops, which its script asks for before the \
                  time limit, requeues itself.",
        commands: &["run"],
    },
    Variable {
        name: "OTFHPC_ANY_BINARY",
        meaning: "1: go on although another build planned the run, as --any-binary.",
        commands: &["plan", "run", "submit", "resume", "local", "audit"],
    },
    Variable {
        name: "OTFHPC_SHARD_OFFSET",
        meaning: "What is added to SLURM_ARRAY_TASK_ID; submit sets it where an array cannot have \
                  numbers that high.",
        commands: &["run"],
    },
    Variable {
        name: "OTFHPC_SETTLE_SECONDS",
        meaning: "How long a job is looked for in the queue for which sbatch did not answer; 10 by \
                  default.",
        commands: &["submit", "resume"],
    },
    Variable {
        name: "OTFHPC_SITE_CONFIG",
        meaning: "A site's settings, below those of --config: [slurm] alone. By default \
                  /etc/otfhpc/site.toml, if it is there; set to nothing, none.",
        commands: &["plan", "local"],
    },
    Variable {
        name: "OTFHPC",
        meaning: "The program that the scripts in slurm/ start; submit sets it to itself.",
        commands: &["submit"],
    },
    Variable {
        name: "SLURM_ARRAY_TASK_ID",
        meaning: "The shard, where --shard does not name one. This and other SLURM_ variables say what \
                  a job was given.",
        commands: &["run"],
    },
    Variable {
        name: "SLURM_CPUS_PER_TASK",
        meaning: "Worker threads, where neither --threads nor OTFHPC_THREADS says how many; \
                  SLURM_CPUS_ON_NODE likewise.",
        commands: WORKING,
    },
    Variable {
        name: "COLUMNS",
        meaning: "Columns of the terminal, where it is not to be asked.",
        commands: &[],
    },
    Variable {
        name: "TERM",
        meaning: "dumb: progress is written in lines, and nothing moves the cursor.",
        commands: &[],
    },
];

/// Those that a command reads, or all.
pub(super) fn of(command: Option<&str>) -> impl Iterator<Item = &'static Variable> {
    VARIABLES
        .iter()
        .filter(move |variable| command.is_none_or(|command| variable.commands.contains(&command)))
}

/// They as a section of a help text of so many columns; nothing if there are none.
pub(super) fn section(command: Option<&str>, columns: usize) -> String {
    let mut text = String::new();
    for Variable { name, meaning, .. } in of(command) {
        let lines = broken(meaning, columns.saturating_sub(10).max(20));
        text += &format!("\n  {name}\n          {}", lines.join("\n          "));
    }
    if text.is_empty() { text } else { format!("Environment:{text}") }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    /// Where names like these are others': in the science those of tables in a file, in `command` those of
    /// variables that programs are given. Neither reads any.
    const WITHOUT: [&str; 4] = ["science", "command", "tests", "tests.rs"];

    /// The variables of this program that the sources name outside of tests.
    fn read_below(folder: &Path, names: &mut Vec<String>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            match WITHOUT.iter().any(|name| path.ends_with(name)) {
                true => {}
                false if path.is_dir() => read_below(&path, names),
                false => names.extend(names_in(&std::fs::read_to_string(&path).unwrap())),
            }
        }
    }

    fn names_in(text: &str) -> Vec<String> {
        let code = text.split("#[cfg(test)]").next().unwrap();
        let rest = code.split("\"OTFHPC_").skip(1).filter_map(|rest| rest.split('"').next());
        let is_name = |rest: &&str| {
            !rest.is_empty() && rest.chars().all(|c| c.is_ascii_uppercase() || c == '_')
        };
        rest.filter(is_name).map(|rest| format!("OTFHPC_{rest}")).collect()
    }

    #[test]
    fn every_variable_that_is_read_is_in_the_list() {
        let mut names = Vec::new();
        read_below(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut names);
        // What the build script hands on is no variable of a user's.
        names.retain(|name| name != "OTFHPC_COMMIT");
        assert!(names.len() >= 6, "{names:?}");
        for name in names {
            assert!(VARIABLES.iter().any(|variable| variable.name == name), "{name}");
        }
    }

    #[test]
    fn a_section_is_as_wide_as_it_may_be() {
        let text = section(Some("run"), 60);
        assert!(text.contains("OTFHPC_REQUEUE") && !text.contains("OTFHPC_SITE"), "{text}");
        assert!(text.lines().all(|line| line.len() <= 60), "{text}");
        assert_eq!(section(Some("merge"), 60), "");
    }
}
