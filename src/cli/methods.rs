//! `otfhpc methods`: lists the methods, or explains one.

use anyhow::{Result, bail};

use crate::foundations::text::{did_you_mean, tabular};
use crate::science::fit::joint::{self, described_parameters, described_settings};
use crate::science::fit::{EACH_EMITTER, Registered, method, methods};

use super::args::MethodsArgs;
use super::display::say;
use super::exit::Exit;

pub(super) fn command(args: &MethodsArgs) -> Result<Exit> {
    match &args.name {
        None => list(),
        Some(name) => explain(name)?,
    }
    Ok(Exit::Done)
}

fn list() {
    let line = |m: &&Registered| vec![m.info.name.into(), m.info.summary.into()];
    let lines: Vec<Vec<String>> = methods().iter().map(line).collect();
    say(&tabular(1, &lines));
}

fn explain(name: &str) -> Result<()> {
    let Some(Registered { info, .. }) = method(name) else {
        let valid: Vec<_> = methods().iter().map(|m| m.info.name).collect();
        let meant = did_you_mean(name, valid.iter().copied());
        bail!("there is no method `{name}`{meant}; the methods are {}", valid.join(", "));
    };
    say(&format!(
        "{}: {}\n\
         \x20 minimises    {}\n\
         \x20 error bars   {}\n\
         \x20 bins         {}\n\
         \x20 constraint   fit.constraint, or in the name: {name}+none, {name}+kirchhoff\n\
         \x20 reference    {}\n",
        info.name,
        info.summary,
        info.minimises,
        info.error_bars,
        if info.couples_bins { "fitted together" } else { "fitted each for itself" },
        info.reference
    ));
    for option in info.options {
        let each = option.name.contains(EACH_EMITTER);
        let each = if each { "; for EMITTER put the name of one" } else { "" };
        say(&format!(
            "  option       fit.options.{name}.{}={}: {} ({} to {}){each}\n",
            option.name, option.default, option.meaning, option.least, option.most
        ));
    }
    if name == joint::NAME {
        explain_joint();
    }
    Ok(())
}

/// The settings of the joint fit, and the parameters that it can fit.
fn explain_joint() {
    for setting in described_settings() {
        say(&format!(
            "  option       fit.options.joint.{}={}: {}\n",
            setting.name, setting.default, setting.meaning
        ));
    }
    let header = ["group", "parameters", "unit", "prior by default", "enters as"];
    let mut lines = vec![header.map(String::from).to_vec()];
    for parameter in described_parameters() {
        let group = if parameter.group.is_empty() { "(by name)" } else { parameter.group };
        lines.push(vec![
            group.into(),
            braced(&parameter.names),
            parameter.unit.into(),
            parameter.prior,
            parameter.enters_as.into(),
        ]);
    }
    say(&format!("\n{}", tabular(1, &lines)));
    say(&format!("for {EACH_EMITTER} put the name of one\n"));
}

/// Names as a shell would abbreviate them: what all begin with once, and the rest in braces.
fn braced(names: &[String]) -> String {
    let [first, others @ ..] = names else { return String::new() };
    if others.is_empty() {
        return first.clone();
    }
    let shared = |end: &usize| {
        first.is_char_boundary(*end) && others.iter().all(|name| name.starts_with(&first[..*end]))
    };
    let end = (0..first.len()).rev().find(shared).unwrap_or(0);
    let rest: Vec<&str> = names.iter().map(|name| &name[end..]).collect();
    format!("{}{{{}}}", &first[..end], rest.join(","))
}

#[cfg(test)]
mod tests {
    use super::braced;

    #[test]
    fn names_share_their_beginning() {
        let of =
            |names: &[&str]| braced(&names.iter().map(|n| (*n).to_owned()).collect::<Vec<_>>());
        assert_eq!(of(&["xcal_offset"]), "xcal_offset");
        assert_eq!(of(&["vp0", "vp1", "vp2"]), "vp{0,1,2}");
        assert_eq!(of(&["b_r0", "b_rho"]), "b_r{0,ho}");
    }
}
