//! Physical constants, each with its unit and source.

/// Speed of light, m/s (exact, SI).
pub const SPEED_OF_LIGHT: f64 = 299_792_458.0;
/// Planck constant, J s (exact, SI 2019 / CODATA 2018).
pub const PLANCK: f64 = 6.626_070_15e-34;
/// Boltzmann constant, J/K (exact, SI 2019 / CODATA 2018).
pub const BOLTZMANN: f64 = 1.380_649e-23;
/// Frequency of a wave of one wavenumber, GHz per 1/cm: the speed of light in 1e7 m/s.
pub const GHZ_PER_ICM: f64 = 29.979_245_8;
/// Turns erg/s/cm2/sr/(1/cm) into MJy/sr.
///
/// Rounded to 3.33564e6 in older documents; the difference, 2.9e-7, is seen in the last digits
/// of a fitted emissivity, so the exact quotient is used.
pub const MJY_SR_PER_ERG: f64 = 1e8 / GHZ_PER_ICM;
/// Rate at which the on-board processor samples the bolometer, Hz (FIRAS Explanatory Supplement).
pub const SAMPLING_HZ: f64 = 681.43;
