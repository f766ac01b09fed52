//! `otfhpc model`: writes a configuration as a calibration model in FITS, or as an array.

use std::path::PathBuf;

use anyhow::{Result, bail};

use crate::otf::export::{Wanted, calibration_model, write_array, write_model};
use crate::runner::slurm::quoted_path;
use crate::science::instrument::ChannelScan;

use super::args::ModelArgs;
use super::display::{folder, program, say};
use super::exit::{Exit, Volume};
use super::opened::{Opened, check_names, file_for};

pub(super) fn command(args: &ModelArgs, volume: Volume) -> Result<Exit> {
    if args.out.is_none() && args.npy.is_none() {
        bail!(
            "nothing is asked for: name the calibration model with --out FILE.FITS, the array of the \
             emissivities with --npy FILE.npy, or both"
        );
    }
    let opened = Opened::open(&args.choice.folder)?;
    let wanted = opened.wanted(args.choice.wanted())?;
    let names = |name: &Option<PathBuf>, of: fn(ChannelScan) -> String| -> Vec<PathBuf> {
        let Some(name) = name else { return Vec::new() };
        wanted.iter().map(|c| file_for(name, opened.set_of(*c), of)).collect()
    };
    let (models, arrays) = (names(&args.out, capital), names(&args.npy, parted));
    let given = [("--out", &args.out, &models), ("--npy", &args.npy, &arrays)];
    for (option, name, files) in given {
        name.as_ref().map_or(Ok(()), |name| check_names(option, name, files, args.replace))?;
    }
    if !models.is_empty() {
        opened.check_data()?;
    }
    let mut text = String::new();
    for (place, &configuration) in wanted.iter().enumerate() {
        let fitted = opened.fitted(configuration)?;
        let set = opened.set_of(configuration);
        let method = &opened.otf.study().methods[fitted.method].label;
        if let Some(path) = models.get(place) {
            let inputs = &opened.session.plan.plan.inputs;
            let made = calibration_model(&opened.otf, inputs, &fitted)?;
            write_model(path, &made)?;
            let (points, file) = (&made.details.points, quoted_path(path));
            let ends = (points.first(), points.last());
            if let (Some(first), Some(last)) = ends {
                text += &format!(
                    "{file}: {set}, {method}, {} points from {:.1} to {:.1} GHz\n\
                     next:\n  {} compare {} {file} --method {method}\n",
                    points.len(),
                    first.frequency_ghz,
                    last.frequency_ghz,
                    program(),
                    folder(&opened.session.run),
                );
            }
        }
        if let Some(path) = arrays.get(place) {
            write_array(path, &fitted)?;
            let (file, emitters) = (quoted_path(path), fitted.emitters());
            text += &format!("{file}: {set}, {method}, 257 bins x {emitters} emitters\n");
        }
    }
    if volume > Volume::Quiet {
        say(&text);
    }
    Ok(Exit::Done)
}

/// As published models are named.
fn capital(set: ChannelScan) -> String {
    set.to_string().to_uppercase()
}

/// As older programs name the arrays: `ll_ss`.
fn parted(set: ChannelScan) -> String {
    format!("{}_{}", set.channel, set.scan)
}

impl super::args::ChoiceArgs {
    /// Which configurations are meant.
    pub(super) fn wanted(&self) -> Wanted<'_> {
        Wanted { configuration: self.configuration, method: self.method.as_deref() }
    }
}
