//! `otfhpc simulate`: writes a simulated campaign as a calibration set.

use anyhow::{Result, bail};

use crate::foundations::Shown;
use crate::otf::simulated;
use crate::otf::study::{Config, Study};
use crate::runner::slurm::quoted_path;
use crate::science::data::settings::Source;
use crate::science::data::{Campaign, write_calibration_set};

use super::args::SimulateArgs;
use super::display::{program, say};
use super::exit::{Exit, Volume};
use super::{needs, sources};

pub(super) fn command(args: &SimulateArgs, volume: Volume) -> Result<Exit> {
    // No job is started: a site has nothing to say.
    let given = sources::without_site(&args.source)?;
    let config = sources::placed(&given, Config::of(&given))?;
    if config.data.source != Source::Simulate {
        bail!(
            "data.source is \"npz\", as it is where data.path is given: there is nothing to \
             simulate; remove data.path and data.source"
        );
    }
    if args.out.exists() && !args.replace {
        bail!("{} is there already; choose another --out, or add --replace", Shown(&args.out));
    }
    let study = sources::placed(&given, Study::new(&config))?;
    needs::check_simulated(&config, &study)?;
    let level = study.noise_levels[0];
    let prepare = |set: &_| Campaign::prepare(*set, &study.recipe(&config));
    let campaigns = study.sets.iter().map(prepare).collect::<Result<Vec<_>, _>>()?;
    write_calibration_set(&args.out, &campaigns, level, args.trial)?;
    if volume > Volume::Quiet {
        say(&describe(args, &study, &campaigns, level));
    }
    Ok(Exit::Done)
}

fn describe(args: &SimulateArgs, study: &Study, campaigns: &[Campaign], level: f64) -> String {
    let file = quoted_path(&args.out);
    let of_set = |(set, campaign): (_, &Campaign)| format!("{set}: {} records", campaign.records());
    let sets: Vec<String> = study.sets.iter().zip(campaigns).map(of_set).collect();
    let mut text = simulated(&sets.join(", "));
    for (set, campaign) in study.sets.iter().zip(campaigns) {
        let (records, sigma) = (campaign.records(), campaign.sigma_at(level).unwrap_or(f64::NAN));
        text += &format!(
            "{file}: {set}, {records} records, noise {level:e} (sigma {sigma:e} counts), trial {}\n\
             next:\n  {} local --set data.path={file} \
             --set data.sets='[\"{set}\"]' --set data.sigma={sigma:e}\n",
            args.trial,
            program(),
        );
    }
    text
}
