//! What a calibration model of ours has beside the published layout: errors, quality and shared
//! parameters, in double precision.

use num_complex::Complex64;

/// Name of the table with one row a point.
pub(super) const POINTS: &str = "OTFHPC_POINTS";
/// Name of the table with one row a shared parameter.
pub(super) const PARAMETERS: &str = "OTFHPC_PARAMETERS";
/// Name of the table with one row a plateau and body.
pub(super) const PLATEAUS: &str = "OTFHPC_PLATEAUS";

/// Errors, quality and shared parameters of a model.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ModelDetails {
    /// Names of the emitters, in the order of every list of them below.
    pub emitters: Vec<String>,
    /// Their columns in the layout, without `R` or `I`; empty for those that have none.
    pub columns: Vec<String>,
    /// One a point of the model.
    pub points: Vec<ModelPoint>,
    /// The shared parameters: those of the layout first.
    pub parameters: Vec<ModelParameter>,
    /// Errors of the temperatures of plateaus, where these were fitted.
    pub plateaus: Vec<ModelParameter>,
}

/// One point of a model. What is not known is NaN.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelPoint {
    /// Bin of the transform.
    pub bin: usize,
    /// Optical frequency, GHz.
    pub frequency_ghz: f64,
    /// Code of how the fit ended.
    pub status: u8,
    /// Whether it lies in the channel's optical band.
    pub is_in_band: bool,
    /// Weighted sum of squared residuals over its complex degrees of freedom.
    pub chi2_per_degree: f64,
    /// Weighted sum of squared residuals.
    pub rss: f64,
    /// Condition number of the weighted design, its columns scaled.
    pub condition: f64,
    /// One an emitter.
    pub emissivity: Vec<Complex64>,
    /// `sqrt(E|dE|^2)`, one an emitter.
    pub sigma: Vec<f64>,
    /// 1 where the data determine the value, one an emitter.
    pub determined: Vec<u8>,
    /// `E[dE_i conj(dE_k)]`, `[emitter][emitter]`.
    pub covariance: Vec<Complex64>,
    /// `E[dE_i^2]`, one an emitter.
    pub relation: Vec<Complex64>,
    /// Response of the bolometer in the mission-average state, V/(erg/s).
    pub response: Complex64,
    /// Emissivity times response, one an emitter: what the data determine, whatever the responsivity.
    pub product: Vec<Complex64>,
    /// `sqrt(E|d product|^2)`, one an emitter.
    pub product_sigma: Vec<f64>,
}

/// A parameter that all points share.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelParameter {
    /// As in `parameters.csv`.
    pub name: String,
    /// Its column in the published layout; empty if it has none.
    pub column: String,
    /// Its unit; 1 if it has none.
    pub unit: String,
    /// Its value.
    pub value: f64,
    /// Standard error of that; NaN where it was assumed.
    pub sigma: f64,
    /// What was known beforehand; NaN where it was assumed.
    pub prior: f64,
    /// Standard error of that; infinite if nothing was known, NaN where it was assumed.
    pub prior_sigma: f64,
    /// Covariance with every parameter of the list; NaN where either was assumed, empty if not kept.
    pub covariance: Vec<f64>,
}

impl ModelParameter {
    /// Whether it was fitted rather than assumed.
    #[must_use]
    pub fn is_fitted(&self) -> bool {
        !self.sigma.is_nan()
    }
}
