//! `otfhpc methods`: lists the methods, or explains one.

use anyhow::{Result, bail};

use crate::foundations::aligned;
use crate::foundations::text::did_you_mean;
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
    say(&aligned(&lines));
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
    Ok(())
}
