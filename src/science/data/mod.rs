//! From a calibration set, or a simulation of one, to the spectra that are fitted.
//!
//! The path through the science has five steps: settings, [`Campaign`], [`Realisation`], the
//! [`Problem`](crate::science::fit::Problem) of a bin, and its [`Outcome`](crate::science::fit::Outcome). Here a small
//! campaign is simulated, and the optical transfer function (OTF: the emissivity of the first
//! emitter, the external calibrator) is fitted at one bin:
//!
//! ```
//! use otfhpc::science::data::settings::{DataSettings, InstrumentSettings, SimulateSettings};
//! use otfhpc::science::data::{BolometerTemperature, Campaign, Draw, Recipe, choose_emitters};
//! use otfhpc::science::fit::{Constraint, fit_bin, method};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let data = DataSettings::default(); // simulated, data set llss
//! let emitters = choose_emitters(&data, &[], BolometerTemperature::Operating)?;
//! let recipe = Recipe {
//!     data: &data,
//!     simulate: &SimulateSettings { records: 240, ..SimulateSettings::default() },
//!     instrument: &InstrumentSettings::default(),
//!     emitters: &emitters,
//!     seed: 1,
//! };
//! let campaign = Campaign::prepare("llss".parse()?, &recipe)?;
//!
//! // The first trial, with noise of 1e-3 of the median RMS of the interferograms; only bin 20.
//! let realisation = campaign.realise(&Draw::of_noise(1e-3, 1), &[20])?;
//! let bin = campaign.bin_data(&realisation, 0);
//! let columns = bin.columns();
//! let problem = realisation.problem(&bin, &columns, Constraint::None);
//!
//! let wls = method("wls").ok_or("there is no such method")?.with_defaults();
//! let outcome = fit_bin(wls.as_ref(), &problem);
//! let solution = outcome.solution().ok_or("bin 20 could not be fitted")?;
//! let otf = solution.emissivity[0];
//! println!("{:.0} GHz: OTF {otf:.5} +- {:.5}", bin.frequency_hz / 1e9, solution.sigma[0]);
//!
//! # let truth = otfhpc::science::data::truth_of("llss".parse()?, &data, &emitters)?;
//! # let truth = truth.ok_or("simulated")?.on(campaign.axis(), &emitters)[20][0];
//! # assert!((otf - truth).norm_sqr().sqrt() < 5.0 * solution.sigma[0], "{otf} {truth}");
//! # assert!(solution.sigma[0] < 0.01, "{}", solution.sigma[0]);
//! # Ok(())
//! # }
//! ```
//!
//! A calibration set (an `.npz` archive in the format of docs/DATA.md) takes the place of the
//! simulation, with all bins of the spectrum and every emitter:
//!
//! ```no_run
//! use otfhpc::science::data::settings::{DataSettings, InstrumentSettings, SimulateSettings, Source};
//! use otfhpc::science::data::{BolometerTemperature, Campaign, Draw, Recipe, choose_emitters};
//! use otfhpc::science::fit::{Constraint, fit_bin, method};
//! use otfhpc::science::instrument::SPECTRUM_BINS;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let path = std::env::args().nth(1).ok_or("name a calibration set")?;
//! let data = DataSettings { source: Source::Npz, path: Some(path.into()), ..Default::default() };
//! let emitters = choose_emitters(&data, &[], BolometerTemperature::Operating)?;
//! let recipe = Recipe {
//!     data: &data,
//!     simulate: &SimulateSettings::default(), // not used
//!     instrument: &InstrumentSettings::default(),
//!     emitters: &emitters,
//!     seed: 1,
//! };
//! let campaign = Campaign::prepare("llss".parse()?, &recipe)?;
//! println!("{}", campaign.screening()); // how many records are used, and why not the others
//!
//! let bins: Vec<usize> = (0..SPECTRUM_BINS).collect();
//! let realisation = campaign.realise(&Draw::of_noise(0.0, 1), &bins)?; // measured data bring their noise
//! let wls = method("wls").ok_or("there is no such method")?.with_defaults();
//! for position in 0..bins.len() {
//!     let bin = campaign.bin_data(&realisation, position);
//!     let columns = bin.columns();
//!     let outcome = fit_bin(wls.as_ref(), &realisation.problem(&bin, &columns, Constraint::None));
//!     match outcome.solution() {
//!         Some(solution) => println!("{} {:?}", bin.bin, solution.emissivity),
//!         None => println!("{} {}", bin.bin, outcome.status().name()),
//!     }
//! }
//! # Ok(())
//! # }
//! ```

pub mod model;
pub mod settings;

mod baseline;
mod campaign;
mod conventions;
mod corrections;
mod emitters;
mod error;
mod exclusion;
mod export;
mod known;
mod matching;
mod plateaus;
mod random;
mod recipe;
mod records;
mod resample;
mod resolved;
mod schema;
mod screening;
mod simulate;
mod transform;
mod truth;

pub use campaign::{
    BinData, Campaign, Design, JointBin, JointRecords, Realisation, SharedInputs, Surveyed,
    as_corrections, kept_bytes, survey,
};
pub use conventions::{BolometerTemperature, Conventions};
pub use corrections::CorrectionChoice;
pub use emitters::{
    Emitter, EmitterError, EmitterSettings, choose_emitters, published_columns, published_names,
};
pub use error::DataError;
pub use export::write_calibration_set;
pub use random::noise_key;
pub use recipe::Recipe;
pub use records::{RecordsError, telemetry_size};
pub use resample::{Draw, Resampling};
pub use resolved::{published_of, truth_of};
pub use screening::{Reason, Screening};
pub use simulate::TrueParameters;
pub use truth::Truth;
