//! The spectra that a configuration was fitted to, and what it left of them.

use std::io;
use std::path::Path;
use std::sync::Arc;

use num_complex::Complex64;

use super::fitted::FittedConfiguration;
use super::{ExportError, instrument};
use crate::foundations::npz::{Label, NpzArchive, write_npz};
use crate::otf::Otf;
use crate::otf::products::configuration_name;
use crate::otf::study::Study;
use crate::science::data::{Campaign, DataError, Draw, Resampling};
use crate::science::instrument::planck_mjy_sr;

/// Arrays of records, record after record.
struct Arrays {
    records: usize,
    spectrum: Vec<Complex64>,
    variance: Vec<f64>,
    residual: Vec<Complex64>,
    planck: Vec<f64>,
    temperatures: Vec<f64>,
}

/// Writes spectra, variances, Planck functions and residuals of all records of the data set of a
/// configuration, as its fit sees them: by the shared parameters that it found, if it fitted them.
///
/// # Errors
/// If the data cannot be read, or the file cannot be written.
pub fn write_spectra(
    otf: &Otf,
    path: &Path,
    fitted: &FittedConfiguration,
) -> Result<usize, ExportError> {
    let study = &otf.study;
    let campaign = campaign(otf, fitted)?;
    let arrays = arrays(study, &campaign, fitted)?;
    write_npz(path, |npz| {
        let (n, b, e) = (arrays.records, study.bins.len(), study.emitters.len());
        npz.add("spectrum", (n, b), &arrays.spectrum)?;
        npz.add("variance", (n, b), &arrays.variance)?;
        npz.add("planck", (n, b, e), &arrays.planck)?;
        npz.add("residual", (n, b), &arrays.residual)?;
        npz.add("temperatures", (n, e), &arrays.temperatures)?;
        add_axes(npz, study, &campaign, fitted)
    })?;
    Ok(arrays.records)
}

/// The data set, by the shared parameters with which it was fitted.
fn campaign(otf: &Otf, fitted: &FittedConfiguration) -> Result<Arc<Campaign>, ExportError> {
    let (study, set) = (&otf.study, fitted.id.set);
    if fitted.shared.is_none() {
        return Ok(otf.campaigns().get(&otf.config, study, set)?);
    }
    // One of its own, which nobody else goes on with.
    let own = Campaign::prepare(study.sets[set], &study.recipe(&otf.config))?;
    let values = instrument::values(study, &own, fitted);
    let adjusted = own.adjusted(values).map_err(|reason| ExportError::Bolometer {
        configuration: fitted.configuration,
        reason: reason.to_string(),
    })?;
    Ok(Arc::new(adjusted))
}

fn arrays(
    study: &Study,
    campaign: &Campaign,
    fitted: &FittedConfiguration,
) -> Result<Arrays, DataError> {
    let draw = Draw { resampling: Resampling::None, ..study.draw(fitted.id) };
    let realisation = campaign.realise(&draw, &study.bins)?;
    let (n, b, e) = (campaign.records(), study.bins.len(), study.emitters.len());
    let nan = Complex64::new(f64::NAN, f64::NAN);
    let mut arrays = Arrays {
        records: n,
        spectrum: vec![nan; n * b],
        variance: vec![f64::NAN; n * b],
        residual: vec![nan; n * b],
        planck: vec![f64::NAN; n * b * e],
        temperatures: vec![f64::NAN; n * e],
    };
    let errors = plateau_errors(study, campaign, fitted);
    for (position, &bin) in study.bins.iter().enumerate() {
        let gathered = campaign.bin_data(&realisation, position);
        let temperatures = realisation.context(&gathered).temperatures;
        let emissivity = fitted.emissivity(bin);
        for record in 0..n {
            let place = record * b + position;
            let planck = &mut arrays.planck[place * e..(place + 1) * e];
            for (emitter, planck) in planck.iter_mut().enumerate() {
                let error = errors.as_ref().map_or(0.0, |errors| errors[emitter][record]);
                let temperature = temperatures[emitter][record] + error;
                arrays.temperatures[record * e + emitter] = temperature;
                *planck = match error == 0.0 {
                    true => gathered.design[emitter][record],
                    false => planck_mjy_sr(gathered.frequency_hz, temperature),
                };
            }
            arrays.spectrum[place] = gathered.data[record];
            arrays.variance[place] = gathered.variance[record];
            if let Some(emissivity) = emissivity {
                let terms = emissivity.iter().zip(planck.iter()).map(|(value, p)| value * p);
                arrays.residual[place] = gathered.data[record] - terms.sum::<Complex64>();
            }
        }
    }
    Ok(arrays)
}

/// The temperature errors of plateaus that a joint fit found, K, `[emitter][record]`.
fn plateau_errors(
    study: &Study,
    campaign: &Campaign,
    fitted: &FittedConfiguration,
) -> Option<Vec<Vec<f64>>> {
    let found = instrument::plateaus(study, fitted);
    if found.is_empty() || study.resampling != Resampling::None {
        return None;
    }
    let mut errors = vec![vec![0.0; campaign.records()]; study.emitters.len()];
    let mut runs: Vec<usize> = Vec::new();
    for (run, records) in campaign.plateaus().chunk_by(|a, b| a == b).enumerate() {
        runs.extend(records.iter().map(|_| run));
    }
    for parameter in &found {
        let mut words = parameter.name.splitn(3, '_');
        let (unit, number, body) = (words.next(), words.next(), words.next());
        let number = number.and_then(|number| number.parse::<usize>().ok());
        let body = study.emitters.iter().position(|emitter| Some(emitter.name()) == body);
        let (Some(number), Some(body)) = (number, body) else { continue };
        let is_own = |record: usize| match unit {
            Some("record") => record == number,
            _ => runs[record] == number,
        };
        for (record, error) in errors[body].iter_mut().enumerate() {
            if is_own(record) {
                *error = parameter.value;
            }
        }
    }
    Some(errors)
}

/// Adds what stands along the axes, and the fit.
fn add_axes(
    npz: &mut NpzArchive,
    study: &Study,
    campaign: &Campaign,
    fitted: &FittedConfiguration,
) -> io::Result<()> {
    let (b, e) = (study.bins.len(), study.emitters.len());
    let nan = vec![Complex64::new(f64::NAN, f64::NAN); e];
    let values = |bin: &usize| fitted.emissivity(*bin).unwrap_or(&nan).to_vec();
    let emissivity: Vec<Complex64> = study.bins.iter().flat_map(values).collect();
    npz.add("emissivity", (b, e), &emissivity)?;
    let bins: Vec<i64> = study.bins.iter().map(|bin| *bin as i64).collect();
    npz.add("bins", b, &bins)?;
    let axis = campaign.axis();
    let ghz: Vec<f64> = study.bins.iter().map(|bin| axis.frequency_ghz(*bin)).collect();
    npz.add("frequency_ghz", b, &ghz)?;
    let emitters: Vec<Label> = study.emitters.iter().map(|e| Label::new(e.name())).collect();
    npz.add("emitters", e, &emitters)?;
    let used = campaign.reasons().iter().enumerate().filter(|(_, reason)| reason.is_none());
    let records: Vec<i64> = used.map(|(record, _)| record as i64).collect();
    npz.add("record", records.len(), &records)?;
    let plateaus: Vec<i64> = campaign.plateaus().iter().map(|number| *number as i64).collect();
    npz.add("plateau", plateaus.len(), &plateaus)?;
    let name = Label::new(&configuration_name(study, fitted.configuration));
    npz.add("configuration", (), &[name])
}
