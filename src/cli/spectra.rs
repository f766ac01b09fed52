//! `otfhpc spectra`: writes the spectra that a configuration was fitted to, with its residuals.

use anyhow::Result;

use crate::otf::export::write_spectra;
use crate::runner::slurm::quoted_path;

use super::args::SpectraArgs;
use super::display::{counted, say};
use super::exit::{Exit, Volume};
use super::needs;
use super::opened::{Opened, check_names, file_for};

pub(super) fn command(args: &SpectraArgs, volume: Volume) -> Result<Exit> {
    let opened = Opened::open(&args.choice.folder)?;
    let wanted = opened.wanted(args.choice.wanted())?;
    let of = |set: crate::science::instrument::ChannelScan| set.to_string();
    let files: Vec<_> = wanted.iter().map(|c| file_for(&args.out, opened.set_of(*c), of)).collect();
    check_names("--out", &args.out, &files, args.replace)?;
    opened.check_data()?;
    for (&configuration, path) in wanted.iter().zip(&files) {
        let fitted = opened.fitted(configuration)?;
        needs::check_written_spectra(&opened.otf, fitted.id.set)?;
        let records = write_spectra(&opened.otf, path, &fitted)?;
        if volume > Volume::Quiet {
            let study = opened.otf.study();
            say(&format!(
                "{}: {}, {}, {} x {}\n",
                quoted_path(path),
                opened.set_of(configuration),
                study.methods[fitted.method].label,
                counted(records as u64, "record"),
                counted(study.bins.len() as u64, "bin"),
            ));
        }
    }
    Ok(Exit::Done)
}
