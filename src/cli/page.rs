//! `otfhpc report`: the page for people, written again.

use anyhow::{Error, Result, bail};

use crate::foundations::{Shown, files};
use crate::runner::merge::rewrite;
use crate::runner::store::{Owned, RunDir};

use super::args::FolderArgs;
use super::display::{complain, folder, program, say};
use super::exit::{Exit, Volume};
use super::session::Session;

/// Its name.
pub(super) const PAGE: &str = "report.html";

pub(super) fn command(args: &FolderArgs, volume: Volume) -> Result<Exit> {
    let session = Session::open(RunDir::new(&args.folder))?;
    let Session { run, plan, workload } = &session;
    let merge = format!("{} merge {}", program(), folder(run));
    if run.provenance().symlink_metadata().is_err() {
        bail!("{}: nothing was merged here yet; `{merge}` writes {PAGE} too", Shown(run.root()));
    }
    files::check_writable(run.root())?;
    let owned = Owned::take(run)?;
    owned.remove_leftovers(run)?;
    plan.check_stands(run)?;
    plan.check_unchanged()?;
    let Some(writer) = workload.page_writer(run, plan)? else {
        bail!("a study of a command has no {PAGE}; its tables are what it says: `{merge}`");
    };
    let Some(report) = rewrite(run, plan, writer).map_err(Error::from)? else {
        complain(&format!(
            "otfhpc: incomplete: nothing was written; `{merge}` says what is missing"
        ));
        return Ok(Exit::Incomplete);
    };
    if volume > Volume::Quiet {
        say(&format!("{:<11}{}\n", "page", Shown(&run.product(PAGE))));
        report.warnings.iter().for_each(|warning| complain(warning));
    }
    Ok(Exit::Done)
}
