//! A simulated campaign as a calibration set, for other programs to try their methods on.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use num_complex::Complex64;

use crate::foundations::FileError;
use crate::foundations::npz::{NpzArchive, write_npz};
use crate::science::instrument::{Channel, IFG_LENGTH, SPECTRUM_BINS};

use super::campaign::{Campaign, Interferograms};
use super::emitters::{BOLOMETER, Emitter, split_reading};
use super::simulate::{Noise, SimulatedCampaign};

/// Writes simulated campaigns with the noise of one level and trial into one `.npz` file, in the
/// format that [`super::Campaign::prepare`] reads. Data sets of one channel follow each other.
///
/// For each data set the file also says what was put in: `truth_{set}` and `frequency_ghz_{set}`
/// (257 bins), and `sigma_{set}`, the noise of a sample in counts per gain and sweep. Campaigns
/// that are not simulated are left out.
///
/// # Errors
/// If the file cannot be written.
pub fn write_calibration_set(
    path: &Path,
    campaigns: &[Campaign],
    noise_level: f64,
    trial: u64,
) -> Result<(), FileError> {
    let mut channels: BTreeMap<Channel, Vec<(&Campaign, &SimulatedCampaign)>> = BTreeMap::new();
    for campaign in campaigns {
        if let Interferograms::Simulated(simulated) = &campaign.selected.interferograms {
            let channel = campaign.axis.channel_scan().channel;
            channels.entry(channel).or_default().push((campaign, simulated));
        }
    }
    write_npz(path, |npz| {
        for (channel, sets) in &channels {
            write_interferograms(npz, *channel, sets, noise_level, trial)?;
            write_housekeeping(npz, *channel, sets)?;
            write_temperatures(npz, *channel, sets, noise_level, trial)?;
            for (campaign, simulated) in sets {
                write_truth(npz, campaign, noise_level * simulated.null_rms)?;
            }
        }
        Ok(())
    })
}

type Sets<'a> = [(&'a Campaign, &'a SimulatedCampaign)];

fn noise_of(campaign: &Campaign, simulated: &SimulatedCampaign, level: f64, trial: u64) -> Noise {
    let sigma = level * simulated.null_rms;
    Noise::new(sigma, campaign.seed, campaign.axis.channel_scan(), level, trial)
}

fn write_interferograms(
    npz: &mut NpzArchive,
    channel: Channel,
    sets: &Sets,
    noise_level: f64,
    trial: u64,
) -> io::Result<()> {
    let (mut samples, mut gains) = (Vec::new(), Vec::new());
    for (campaign, simulated) in sets {
        let noise = noise_of(campaign, simulated, noise_level, trial);
        for record in 0..simulated.len() {
            let mut ifg = vec![0.0; IFG_LENGTH];
            gains.push(simulated.telemetry(record, &noise, &mut ifg));
            samples.append(&mut ifg);
        }
    }
    let name = format!("ifg_{channel}");
    let shape = (gains.len(), IFG_LENGTH);
    if sets.iter().all(|(_, simulated)| simulated.rounded()) {
        // Whole counts in range; a peak out of range saturates, as it does in the instrument.
        npz.add(&name, shape, &samples.iter().map(|s| *s as i16).collect::<Vec<_>>())?;
    } else {
        npz.add(&name, shape, &samples)?;
    }
    npz.add(&format!("gain_{channel}"), gains.len(), &gains)
}

fn write_housekeeping(npz: &mut NpzArchive, channel: Channel, sets: &Sets) -> io::Result<()> {
    let records = sets.iter().map(|(_, simulated)| simulated.len()).sum::<usize>();
    let mut add = |name: &str, of_set: &dyn Fn(&Campaign, &SimulatedCampaign) -> Vec<f64>| {
        let values: Vec<f64> = sets.iter().flat_map(|(c, s)| of_set(c, s)).collect();
        npz.add(&format!("{name}_{channel}"), records, &values)
    };
    let all = |value: f64, simulated: &SimulatedCampaign| vec![value; simulated.len()];
    add("sweeps", &|_, s| all(s.sweeps, s))?;
    add("bol_cmd_bias", &|_, s| s.bias_counts.clone())?;
    add("bol_volt", &|_, s| s.volts.clone())?;
    add("adds_per_group", &|c, s| all(f64::from(c.axis.channel_scan().adds_per_group()), s))?;
    add("mtm_length", &|c, s| all(f64::from(c.axis.channel_scan().scan.mtm_length()), s))?;
    add("mtm_speed", &|c, s| all(f64::from(c.axis.channel_scan().scan.mtm_speed()), s))?;
    let ticks: Vec<i64> = sets.iter().flat_map(|(_, s)| s.ticks.iter().copied()).collect();
    npz.add(&format!("midpoint_time_{channel}"), records, &ticks)
}

/// The temperatures as the thermometers gave them, which is what a fit is given.
fn write_temperatures(
    npz: &mut NpzArchive,
    channel: Channel,
    sets: &Sets,
    noise_level: f64,
    trial: u64,
) -> io::Result<()> {
    let read = |(campaign, simulated): &(&Campaign, &SimulatedCampaign)| {
        let noise = noise_of(campaign, simulated, noise_level, trial);
        simulated.readings(&noise).unwrap_or_else(|| simulated.read_without_noise().to_vec())
    };
    let readings: Vec<Vec<Vec<f64>>> = sets.iter().map(read).collect();
    let emitters: &[Emitter] = sets.first().map_or(&[], |(campaign, _)| &campaign.emitters);
    if emitters.iter().all(|emitter| emitter.name() != BOLOMETER) {
        let baths: Vec<f64> = sets.iter().flat_map(|(_, s)| s.baths.clone()).collect();
        npz.add(&format!("{BOLOMETER}_{channel}"), baths.len(), &baths)?;
    }
    for (i, emitter) in emitters.iter().enumerate() {
        let of = emitter.reading.channel.unwrap_or(channel);
        let values: Vec<f64> = readings.iter().flat_map(|set| &set[i]).copied().collect();
        for (name, values) in split_reading(&emitter.reading, &values) {
            npz.add(&format!("{name}_{of}"), values.len(), &values)?;
        }
    }
    Ok(())
}

fn write_truth(npz: &mut NpzArchive, campaign: &Campaign, sigma: f64) -> io::Result<()> {
    let set = campaign.axis.channel_scan();
    if let Some(truth) = campaign.known.as_ref().map(|known| &known.model) {
        let values: Vec<Complex64> =
            truth.on(&campaign.axis, &campaign.emitters).into_iter().flatten().collect();
        let shape = (SPECTRUM_BINS, campaign.emitters.len());
        npz.add(&format!("truth_{set}"), shape, &values)?;
    }
    npz.add(&format!("frequency_ghz_{set}"), SPECTRUM_BINS, &campaign.axis.frequencies_ghz())?;
    npz.add(&format!("sigma_{set}"), (), &[sigma])
}
