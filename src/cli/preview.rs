//! `otfhpc preview`: a look at the results that there are so far.

use anyhow::{Error, Result, bail};

use crate::foundations::files;
use crate::runner::merge::preview;
use crate::runner::store::RunDir;

use super::args::FolderArgs;
use super::display::{complain, counted, folder, program, say};
use super::exit::{Exit, Volume};
use super::session::Session;

pub(super) fn command(args: &FolderArgs, volume: Volume) -> Result<Exit> {
    let session = Session::open(RunDir::new(&args.folder))?;
    let Session { run, plan, workload } = &session;
    files::check_writable(run.root())?;
    let Some(previewer) = workload.previewer(run)? else {
        bail!(
            "there is no preview of a fit: when all is done, `{} merge {}` writes it",
            program(),
            folder(run)
        );
    };
    let (units, report) = preview(run, plan, previewer).map_err(Error::from)?;
    if volume > Volume::Quiet {
        let of = counted(plan.plan.units, "unit");
        let how = if units == plan.plan.units {
            format!("all are there: {} merge {} makes products", program(), folder(run))
        } else {
            "incomplete".to_owned()
        };
        say(&format!("{:<11}{units} of {of}: {how}\n{}", "preview", report.text));
        report.warnings.iter().for_each(|warning| complain(warning));
    }
    Ok(Exit::Done)
}
