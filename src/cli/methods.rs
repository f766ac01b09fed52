//! `otfhpc methods`: lists the methods, or explains one.

use anyhow::{Result, bail};

use crate::fit::{method, methods};

use super::Exit;
use super::args::MethodsArgs;
use super::report::aligned;

pub(super) fn command(args: &MethodsArgs) -> Result<Exit> {
    match &args.name {
        None => list(),
        Some(name) => explain(name)?,
    }
    Ok(Exit::Done)
}

fn list() {
    let line = |m: &&dyn crate::fit::Method| vec![m.info().name.into(), m.info().summary.into()];
    let lines: Vec<Vec<String>> = methods().iter().map(line).collect();
    print!("{}", aligned(&lines));
}

fn explain(name: &str) -> Result<()> {
    let Some(method) = method(name) else {
        let valid: Vec<_> = methods().iter().map(|m| m.info().name).collect();
        bail!("there is no method `{name}`; the methods are {}", valid.join(", "));
    };
    let info = method.info();
    println!("{}: {}", info.name, info.summary);
    println!("  minimises    {}", info.minimises);
    println!("  error bars   {}", info.error_bars);
    println!("  constraint   fit.constraint: none, or kirchhoff (the emissivities sum to zero)");
    println!("  reference    {}", info.reference);
    Ok(())
}
