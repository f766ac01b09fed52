//! Which configurations of a study are meant.

use super::ExportError;
use crate::foundations::text::did_you_mean;
use crate::otf::study::{RealisationId, Study};

/// What a user asked for.
#[derive(Debug, Clone, Copy, Default)]
pub struct Wanted<'a> {
    /// A row of `configurations.csv`.
    pub configuration: Option<u64>,
    /// A method.
    pub method: Option<&'a str>,
}

/// The configurations that are meant: one, or of a method those of every data set, at the first noise level,
/// in the first trial.
///
/// # Errors
/// If there is no such one, or it is not said which of several methods is meant.
pub fn configurations(study: &Study, wanted: Wanted) -> Result<Vec<u64>, ExportError> {
    if let Some(configuration) = wanted.configuration {
        let last = study.configurations() - 1;
        return match configuration <= last {
            true => Ok(vec![configuration]),
            false => Err(ExportError::Configuration { configuration, last }),
        };
    }
    let method = method(study, wanted.method)?;
    let of_set = |set| study.configuration_index(RealisationId { set, noise: 0, trial: 1 }, method);
    Ok((0..study.sets.len()).map(of_set).collect())
}

/// The index of a method; of the only one, if none is named.
fn method(study: &Study, name: Option<&str>) -> Result<usize, ExportError> {
    let labels: Vec<&str> = study.methods.iter().map(|method| method.label.as_str()).collect();
    let valid = || labels.join(", ");
    match name {
        None if labels.len() == 1 => Ok(0),
        None => Err(ExportError::SeveralMethods { valid: valid() }),
        Some(name) => labels.iter().position(|label| *label == name).ok_or_else(|| {
            let meant = did_you_mean(name, labels.iter().copied());
            ExportError::Method { method: name.into(), meant, valid: valid() }
        }),
    }
}
