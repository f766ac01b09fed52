//! One side of a comparison: a calibration model, of a run or of a file.

use std::path::Path;

use num_complex::Complex64;

use crate::otf::export::CalibrationModel;
use crate::science::data::model::details::ModelDetails;
use crate::science::data::model::{ModelError, PublishedModel};
use crate::science::data::{published_columns, published_names};
use crate::science::instrument::ChannelScan;

/// A calibration model to be compared.
#[derive(Debug, Clone, PartialEq)]
pub struct Side {
    /// What it is called.
    pub name: String,
    /// Its channel and scan mode, in small letters, as in `llss`.
    pub set: String,
    /// The method that made it; none of a file that does not say so.
    pub method: Option<String>,
    pub(super) emitters: Vec<String>,
    pub(super) points: Vec<SidePoint>,
    pub(super) parameters: Vec<SideParameter>,
}

/// One point. Errors that are not known are NaN. Lists have one value an emitter.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct SidePoint {
    pub(super) bin: Option<usize>,
    pub(super) frequency_ghz: f64,
    pub(super) emissivity: Vec<Complex64>,
    pub(super) sigma: Vec<f64>,
    pub(super) product: Vec<Complex64>,
    pub(super) product_sigma: Vec<f64>,
}

/// A parameter that all points share.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct SideParameter {
    pub(super) name: String,
    pub(super) unit: String,
    pub(super) value: f64,
    pub(super) sigma: f64,
}

impl Side {
    /// A configuration of a run.
    #[must_use]
    pub fn of_run(name: String, made: CalibrationModel) -> Self {
        let CalibrationModel { model, details, .. } = made;
        let method = Some(model.label.clone());
        Self::new(name, method, &model, Some(details))
    }

    /// A file, published or of ours.
    ///
    /// # Errors
    /// If it does not read.
    pub fn of_file(path: &Path) -> Result<Self, ModelError> {
        // Ours may have points without values, and not all columns: its own tables have everything.
        let (model, details) = PublishedModel::read_with_details(path, &[])?;
        let model = match details {
            Some(_) => model,
            None => PublishedModel::read(path, &published_columns())?,
        };
        let name = path.display().to_string();
        let method = details.is_some().then(|| model.label.clone());
        Ok(Self::new(name, method, &model, details))
    }

    fn new(
        name: String,
        method: Option<String>,
        model: &PublishedModel,
        details: Option<ModelDetails>,
    ) -> Self {
        let set = model.chanscan.to_lowercase();
        let mut emitters: Vec<String> = published_names().map(str::to_owned).to_vec();
        let (mut points, mut parameters) = (Vec::new(), Vec::new());
        match details {
            Some(details) => {
                points.extend(details.points.into_iter().map(|point| SidePoint {
                    bin: Some(point.bin),
                    frequency_ghz: point.frequency_ghz,
                    emissivity: point.emissivity,
                    sigma: point.sigma,
                    product: point.product,
                    product_sigma: point.product_sigma,
                }));
                emitters = details.emitters;
                let own = details.parameters.into_iter().map(|p| SideParameter {
                    name: p.name,
                    unit: p.unit,
                    value: p.value,
                    sigma: p.sigma,
                });
                parameters.extend(own);
            }
            None => {
                points.extend((0..model.bins).map(|row| published_point(model, row)));
                parameters.extend(model.shared_values().into_iter().map(|shared| SideParameter {
                    name: shared.name.into(),
                    unit: shared.unit.into(),
                    value: shared.value,
                    sigma: f64::NAN,
                }));
            }
        }
        Self { name, set, method, emitters, points, parameters }
    }

    /// The optical band of its channel, GHz; everything, where the channel is none that is known.
    pub(super) fn band_ghz(&self) -> (f64, f64) {
        let set: Option<ChannelScan> = self.set.parse().ok();
        set.map_or((0.0, f64::INFINITY), |set| set.channel.optical_band_ghz())
    }
}

/// A point of a published model, which has no errors.
fn published_point(model: &PublishedModel, row: usize) -> SidePoint {
    let response = model.state.response(model.omega_zero + model.delta_omega * row as f64);
    let emissivity: Vec<Complex64> = model.emissivity.iter().map(|column| column[row]).collect();
    let unknown = vec![f64::NAN; emissivity.len()];
    SidePoint {
        bin: None,
        frequency_ghz: model.frequencies_ghz()[row],
        product: emissivity.iter().map(|value| value * response).collect(),
        emissivity,
        sigma: unknown.clone(),
        product_sigma: unknown,
    }
}
