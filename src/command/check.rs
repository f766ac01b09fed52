//! Settings checked against each other, and the names of environment variables.

use std::collections::HashMap;

use super::axis::{Axis, RESERVED};
use super::error::CommandError;
use super::settings::CommandSettings;
use crate::foundations::text::did_you_mean;

/// Longest time that anything may take, s: some thirty years.
const MOST_SECONDS: f64 = 1e9;
/// Most threads of a unit.
const MOST_THREADS: u32 = 4096;
/// Most attempts after the first.
const MOST_RETRIES: u32 = 100;
/// Most bytes of a log.
const MOST_LOG_BYTES: u64 = 1 << 40;
/// Most bytes of the outputs of a unit: they are held in memory.
const MOST_OUTPUT_BYTES: u64 = 1 << 40;

/// How the names of the variables that a program is given begin.
pub(super) const PREFIX: &str = "OTFHPC_";

/// The name of the variable that is given what stands for a placeholder: `noise.index` is
/// `OTFHPC_NOISE_INDEX`.
pub(super) fn variable(placeholder: &str) -> String {
    let letter = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' };
    format!("{PREFIX}{}", placeholder.chars().map(letter).collect::<String>())
}

/// Checks that no two things would be given as one variable.
pub(super) fn variables(axes: &[Axis]) -> Result<(), CommandError> {
    let reserved = RESERVED.iter().map(|name| (variable(name), *name));
    let mut known: HashMap<String, &str> = reserved.collect();
    for name in axes.iter().map(Axis::name) {
        for placeholder in [name.to_owned(), format!("{name}.index"), format!("{name}.value")] {
            let written = variable(&placeholder);
            if let Some(before) = known.insert(written.clone(), name) {
                return Err(CommandError::Alike {
                    setting: "[[grid]]".into(),
                    one: before.into(),
                    other: name.into(),
                    written,
                    mend: "another name",
                });
            }
        }
    }
    Ok(())
}

/// The axes whose values enter a seed.
pub(super) fn seed_over(
    settings: &CommandSettings,
    axes: &[Axis],
) -> Result<Vec<usize>, CommandError> {
    if let Some(trials) = &settings.study.trials {
        find("study.trials", trials, axes)?;
    }
    let Some(names) = &settings.study.seed_over else {
        return Ok((0..axes.len()).collect());
    };
    let mut over = Vec::with_capacity(names.len());
    for name in names {
        let axis = find("study.seed_over", name, axes)?;
        if over.contains(&axis) {
            let setting = "study.seed_over".into();
            return Err(CommandError::Twice { setting, value: name.clone() });
        }
        over.push(axis);
    }
    Ok(over)
}

fn find(setting: &str, name: &str, axes: &[Axis]) -> Result<usize, CommandError> {
    let names: Vec<&str> = axes.iter().map(Axis::name).collect();
    names.iter().position(|axis| *axis == name).ok_or_else(|| CommandError::Unknown {
        setting: setting.into(),
        name: name.into(),
        valid: if names.is_empty() { "the names in [[grid]]".into() } else { names.join(", ") },
        hint: did_you_mean(name, names),
    })
}

/// Checks each setting on its own.
pub(super) fn ranges(settings: &CommandSettings) -> Result<(), CommandError> {
    let command = &settings.command;
    words("command.run", &command.run)?;
    if let Some(reduce) = &settings.reduce {
        words("reduce.run", &reduce.run)?;
    }
    seconds("command.timeout_seconds", Some(command.timeout_seconds))?;
    within("command.threads", command.threads, 1, MOST_THREADS)?;
    within("command.retries", command.retries, 0, MOST_RETRIES)?;
    within("command.log_bytes", command.log_bytes, 0, MOST_LOG_BYTES)?;
    within("command.output_bytes", command.output_bytes, 0, MOST_OUTPUT_BYTES)?;
    if let Some(code) = command.fatal.iter().find(|code| !(1..=255).contains(*code)) {
        return Err(CommandError::range("command.fatal", code, "exit codes, 1 to 255"));
    }
    variables_of(settings)?;
    within("study.seed_bits", settings.study.seed_bits, 31, 53)?;
    audit(settings)?;
    seconds("stop.budget_seconds", settings.stop.budget_seconds)
}

fn words(setting: &str, words: &[String]) -> Result<(), CommandError> {
    let first = words.first().ok_or_else(|| CommandError::Empty {
        setting: setting.into(),
        example: "run = [\"python3\", \"study.py\", \"{output}\"]",
    })?;
    if first.is_empty() {
        return Err(CommandError::range(setting, "\"\"", "a program first"));
    }
    match words.iter().find(|word| word.contains('\0')) {
        Some(word) => {
            Err(CommandError::range(setting, format!("{word:?}"), "no zero byte in a word"))
        }
        None => Ok(()),
    }
}

fn variables_of(settings: &CommandSettings) -> Result<(), CommandError> {
    for (name, value) in &settings.command.env {
        let refused =
            |expected: &str| Err(CommandError::range("command.env", format!("{name:?}"), expected));
        if name.is_empty() || name.contains(['=', '\0']) || value.contains('\0') {
            return refused("the name of a variable, without =, and no zero byte");
        }
        if name.starts_with(PREFIX) {
            return refused("another name: those with OTFHPC_ are set for every unit");
        }
    }
    Ok(())
}

fn audit(settings: &CommandSettings) -> Result<(), CommandError> {
    let audit = &settings.audit;
    let Some(tolerance) = audit.tolerance else { return Ok(()) };
    if !(0.0..1.0).contains(&tolerance) {
        let expected = "a relative difference, from 0 to less than 1, as in 1e-9";
        return Err(CommandError::range("audit.tolerance", tolerance, expected));
    }
    if !audit.repeatable {
        let expected = "nothing where audit.repeatable is false: no unit is compared";
        return Err(CommandError::range("audit.tolerance", "set", expected));
    }
    Ok(())
}

fn seconds(setting: &str, seconds: Option<f64>) -> Result<(), CommandError> {
    match seconds {
        Some(seconds) if !(seconds > 0.0 && seconds <= MOST_SECONDS) => {
            let expected = "a number of seconds, more than 0, at most 1e9";
            Err(CommandError::range(setting, seconds, expected))
        }
        _ => Ok(()),
    }
}

fn within<T: PartialOrd + ToString>(
    setting: &str,
    value: T,
    least: T,
    most: T,
) -> Result<(), CommandError> {
    if value >= least && value <= most {
        return Ok(());
    }
    let expected = format!("a whole number, {} to {}", least.to_string(), most.to_string());
    Err(CommandError::range(setting, value, expected))
}
