//! The joint fit on measured data whose truth is known: the transfer function times the response, the
//! parameters that all bins share, and the figures of an independent program.
//!
//! The scale of the transfer function and that of the responsivity are one gauge, so it is their product
//! that is judged, over bins 5 to 37: at bin 4 the data have neither light nor corrections.

use std::fs::File;
use std::ops::RangeInclusive;

use crate::corrections::{campaign_of, path};
use crate::support::solution::{Checked, Row, Run};
use crate::support::{Trial, trial};
use ndarray::{Array1, Array2, Array3};
use ndarray_npy::NpzReader;
use num_complex::Complex64;
use otfhpc::foundations::numerics::math::modulus;
use otfhpc::science::data::{Campaign, Draw, JointRecords, Realisation};
use otfhpc::science::fit::joint::{self, JointFit, JointSettings};
use otfhpc::science::fit::{Constraint, Deadline};
use otfhpc::science::instrument::BolometerParameters;

const MODEL: &str = "FIRAS_CALIBRATION_MODEL_LLSS.FITS";
const PLAIN_FILES: [&str; 3] = [MODEL, "cal_joint.npz", "cal_joint_truth.npz"];
const PLATEAU_FILES: [&str; 3] = [MODEL, "cal_joint_plateaus.npz", "cal_joint_plateaus_truth.npz"];

/// Where the data have light.
const BINS: RangeInclusive<usize> = 5..=37;
/// Bins on which the shared parameters rest.
const BAND: RangeInclusive<usize> = 4..=37;
const RECORDS: f64 = 1200.0;
/// What may be between two programs, in standard errors, or relative of a standard error.
const BETWEEN_PROGRAMS: f64 = 1e-4;

const FREE: &str = "fit.options.joint.free=[\"bolometer\",\"xcal_offset\",\"ical_drift\",\"offsets\",\
                    \"harmonics\",\"vibration\"]";
const WITH_PLATEAUS: &str = "fit.options.joint.free=[\"bolometer\",\"xcal_offset\",\"ical_drift\",\
                             \"offsets\",\"harmonics\",\"vibration\",\"plateau_temperatures\"]";

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("with_one_error_for_all_plateaus", &PLAIN_FILES, || Ok(plain()?)),
        trial("with_errors_of_plateaus", &PLATEAU_FILES, || Ok(plateaus()?)),
        trial("errors_of_plateaus_that_are_ignored", &PLATEAU_FILES, || Ok(ignored()?)),
        trial("published_values_are_found_again", &[MODEL], || Ok(published()?)),
        trial("wherever_it_starts_it_ends_at_one_minimum", &PLAIN_FILES, || Ok(starts()?)),
        trial(
            "parameters_that_need_times_are_named",
            &[MODEL, "cal_clean.npz"],
            || Ok(no_times()?),
        ),
    ]
}

/// What `scripts/peers/numpy_joint.py` finds: it was written apart from this program, from the same
/// formulation, with NumPy and SciPy.
struct Reference {
    chi2: f64,
    degrees: f64,
    /// Name, value, standard error.
    parameters: [(&'static str, f64, f64); 24],
    /// Bin, transfer function times response, V/(erg/s), its standard error.
    products: [(usize, f64, f64, f64); 5],
}

/// Of `cal_joint.npz`.
const PLAIN: Reference = Reference {
    chi2: 40710.5234361207,
    degrees: 40587.153711195904,
    parameters: [
        ("bolometer_r0", 1.191015330e1, 1.061527479e-1),
        ("bolometer_t0", 3.711540454e2, 9.079212057e-1),
        ("bolometer_g1", 2.133747856e-8, 9.187969952e-11),
        ("bolometer_beta", 1.155657027e0, 2.892765263e-3),
        ("bolometer_rho", 2.320961044e0, 1.053353251e-2),
        ("bolometer_c1", 5.864200334e-10, 2.720562058e-12),
        ("bolometer_c3", 2.428755967e-10, 1.925044881e-12),
        ("bolometer_j0", 1.659062167e0, 2.215216698e-4),
        ("bolometer_jg", 9.213035223e-1, 7.507042255e-4),
        ("xcal_offset", -1.365085461e-3, 8.896557027e-5),
        ("ical_drift_amplitude", 3.984611735e-3, 1.774697449e-4),
        ("ical_drift_offset", -2.883819613e-3, 1.247057997e-4),
        ("dihedral_offset", -4.499254455e-5, 4.999490651e-3),
        ("refhorn_offset", -1.312884121e-4, 1.456401628e-3),
        ("skyhorn_offset", 2.259952848e-3, 1.425465543e-3),
        ("collimator_offset", 1.653066494e-3, 4.864366268e-3),
        ("h2", 8.841187885e-4, 1.117660790e-4),
        ("h3", -8.228673440e-4, 1.907928820e-4),
        ("vp0", 7.355852433e-6, 3.983763863e-6),
        ("vp1", 7.130012369e-5, 6.678727838e-6),
        ("vp2", -4.725050304e-4, 1.560404154e-5),
        ("vp3", 9.204478588e-4, 1.561346137e-5),
        ("vp4", -5.520105088e-4, 1.548326453e-5),
        ("vs", -5.922107398e-6, 4.432380418e-6),
    ],
    products: [
        (5, -5.462020357e-2, 7.901296964e-3, 4.427588818e-5),
        (13, -6.572815686e-2, 1.485180386e-2, 2.361364037e-6),
        (21, -2.907493012e-2, -2.288579505e-3, 1.154234107e-6),
        (29, -2.245149152e-2, -1.104962721e-2, 1.215822150e-6),
        (37, -3.008870639e-3, -3.309110504e-3, 6.269741092e-7),
    ],
};
/// The same of `cal_joint_plateaus.npz` with `--plateaus`.
const PLATEAUS: Reference = Reference {
    chi2: 40735.03078135227,
    degrees: 40556.29354963941,
    parameters: [
        ("bolometer_r0", 1.188307799e1, 1.103361817e-1),
        ("bolometer_t0", 3.692960745e2, 9.215791807e-1),
        ("bolometer_g1", 2.112464771e-8, 9.269219683e-11),
        ("bolometer_beta", 1.164856255e0, 3.174740304e-3),
        ("bolometer_rho", 2.343517053e0, 2.064727338e-2),
        ("bolometer_c1", 5.871539814e-10, 2.999130157e-12),
        ("bolometer_c3", 2.433469598e-10, 1.969034914e-12),
        ("bolometer_j0", 1.672167304e0, 4.030455058e-4),
        ("bolometer_jg", 9.182784071e-1, 1.280985338e-3),
        ("xcal_offset", -1.762075395e-3, 3.017961822e-4),
        ("ical_drift_amplitude", 4.193323107e-3, 7.103740620e-4),
        ("ical_drift_offset", -3.651475351e-3, 4.115225669e-4),
        ("dihedral_offset", 1.124629781e-5, 4.999656824e-3),
        ("refhorn_offset", -1.266976429e-3, 1.982827800e-3),
        ("skyhorn_offset", 1.974727654e-4, 2.095677091e-3),
        ("collimator_offset", -9.737398298e-4, 4.867262068e-3),
        ("h2", 1.087920649e-3, 1.162471963e-4),
        ("h3", -8.551774074e-4, 1.961403801e-4),
        ("vp0", 2.455849021e-6, 4.132818363e-6),
        ("vp1", 7.047275103e-5, 8.608976768e-6),
        ("vp2", -4.756817206e-4, 1.564278511e-5),
        ("vp3", 9.213776114e-4, 1.580806046e-5),
        ("vp4", -5.485417663e-4, 1.537931548e-5),
        ("vs", -1.228888862e-6, 4.474136469e-6),
    ],
    products: [
        (5, -5.334948514e-2, 7.727971086e-3, 4.273733947e-5),
        (13, -6.430862172e-2, 1.447041872e-2, 6.902681022e-6),
        (21, -2.844696546e-2, -2.259518042e-3, 3.082673690e-6),
        (29, -2.196337576e-2, -1.082560139e-2, 2.795200062e-6),
        (37, -2.942413531e-3, -3.239985444e-3, 7.495096435e-7),
    ],
};
/// The same of `cal_joint_plateaus.npz` without.
const IGNORED: Reference = Reference {
    chi2: 42048.95129805414,
    degrees: 40587.177031924286,
    parameters: [
        ("bolometer_r0", 1.155843687e1, 1.053788065e-1),
        ("bolometer_t0", 3.719701910e2, 9.098458289e-1),
        ("bolometer_g1", 2.087416163e-8, 9.068133608e-11),
        ("bolometer_beta", 1.191373762e0, 2.516898379e-3),
        ("bolometer_rho", 2.188031274e0, 1.051986403e-2),
        ("bolometer_c1", 5.916777323e-10, 2.824495812e-12),
        ("bolometer_c3", 2.421913315e-10, 1.929867629e-12),
        ("bolometer_j0", 1.668792223e0, 1.722353702e-4),
        ("bolometer_jg", 9.326331397e-1, 8.110476802e-4),
        ("xcal_offset", -7.776407944e-4, 8.034492097e-5),
        ("ical_drift_amplitude", 5.710967395e-3, 9.031688715e-5),
        ("ical_drift_offset", -1.706128171e-3, 1.069046314e-4),
        ("dihedral_offset", -7.519749496e-6, 4.999703465e-3),
        ("refhorn_offset", -8.301708486e-3, 1.436376887e-3),
        ("skyhorn_offset", -1.900107396e-3, 1.478168020e-3),
        ("collimator_offset", -4.408912159e-3, 4.823898069e-3),
        ("h2", 6.901117898e-4, 1.038263186e-4),
        ("h3", -4.429717017e-4, 1.811888489e-4),
        ("vp0", 3.943662621e-6, 4.070841376e-6),
        ("vp1", 7.076014539e-5, 8.516526638e-6),
        ("vp2", -4.767475447e-4, 1.559611286e-5),
        ("vp3", 9.219589682e-4, 1.578615984e-5),
        ("vp4", -5.502906392e-4, 1.531384293e-5),
        ("vs", -1.947464513e-6, 4.472840201e-6),
    ],
    products: [
        (5, -5.336101419e-2, 7.715990360e-3, 4.173690351e-5),
        (13, -6.430963947e-2, 1.446588755e-2, 2.635977658e-6),
        (21, -2.844755470e-2, -2.259661090e-3, 1.233107493e-6),
        (29, -2.196492595e-2, -1.082433182e-2, 1.186615831e-6),
        (37, -2.943066707e-3, -3.240272022e-3, 5.989080442e-7),
    ],
};
const OF_PLATEAUS: [(&str, f64, f64); 5] = [
    ("plateau_0_xcal", -4.412687996e-4, 5.563564523e-4),
    ("plateau_1_ical", -5.321991780e-4, 4.751007665e-4),
    ("plateau_17_xcal", 9.589213608e-4, 7.626931187e-4),
    ("plateau_33_skyhorn", -4.451169901e-6, 9.998488078e-4),
    ("plateau_59_refhorn", -2.323673320e-6, 9.993021497e-4),
];

/// What a file was made with.
struct Truth {
    transfer: Array1<Complex64>,
    bolometer: BolometerParameters,
    /// Offset of xcal (K), h2, h3.
    xcal_offset: f64,
    harmonics: [f64; 2],
    drift: [f64; 3],
    vibration: Vec<f64>,
    /// K, `[emitter][record]`.
    temperatures: Array2<f64>,
}

impl Truth {
    fn read(name: &str) -> Checked<Self> {
        let mut file = NpzReader::new(File::open(path(name)?)?)?;
        let mut numbers = |name: &str| -> Checked<Vec<f64>> {
            let values: ndarray::ArrayD<f64> = file.by_name(name)?;
            Ok(values.into_iter().collect())
        };
        let p = numbers("bolometer")?;
        let drift = numbers("drift")?;
        let mut vibration = numbers("vp")?;
        vibration.extend(numbers("vs")?);
        let truth = Self {
            bolometer: BolometerParameters {
                r0_ohm: p[0],
                t0_k: p[1],
                g1: p[2],
                beta: p[3],
                rho_k_per_v: p[4],
                c1: p[5],
                c3: p[6],
                j0_v: p[7],
                jg: p[8],
                rl_ohm: p[9],
            },
            xcal_offset: numbers("xcal_offset")?[0],
            harmonics: [numbers("h2")?[0], numbers("h3")?[0]],
            drift: [drift[0], drift[1], drift[2]],
            vibration,
            transfer: Array1::zeros(0),
            temperatures: Array2::zeros((0, 0)),
        };
        let emissivity: Array2<Complex64> = file.by_name("emissivity")?;
        let temperatures = file.by_name("temperatures")?;
        Ok(Self { transfer: emissivity.column(0).to_owned(), temperatures, ..truth })
    }

    fn of(&self, name: &str) -> Checked<f64> {
        if let Some(place) = BOLOMETER.iter().position(|known| *known == name) {
            return Ok(self.bolometer.fitted()[place]);
        }
        if let Some(place) = VIBRATION.iter().position(|known| *known == name) {
            return Ok(self.vibration[place]);
        }
        match name {
            "xcal_offset" => Ok(self.xcal_offset),
            "ical_drift_amplitude" => Ok(self.drift[0]),
            "ical_drift_offset" => Ok(self.drift[2]),
            "h2" => Ok(self.harmonics[0]),
            "h3" => Ok(self.harmonics[1]),
            other if other.ends_with("_offset") => Ok(0.0),
            other => Err(format!("no truth of {other}").into()),
        }
    }
}

const BOLOMETER: [&str; 9] = [
    "bolometer_r0",
    "bolometer_t0",
    "bolometer_g1",
    "bolometer_beta",
    "bolometer_rho",
    "bolometer_c1",
    "bolometer_c3",
    "bolometer_j0",
    "bolometer_jg",
];
const VIBRATION: [&str; 6] = ["vp0", "vp1", "vp2", "vp3", "vp4", "vs"];

/// The spectra of a file at some bins, with what the correction terms refer to.
fn realised(data: &str, bins: &[usize]) -> Checked<(Campaign, Realisation)> {
    let campaign = campaign_of(data, &[])?;
    let realisation = campaign.realise_with_support(&Draw::of_noise(0.0, 1), bins, [true; 4])?;
    Ok((campaign, realisation))
}

/// A finished run of `wls` and `joint` with Kirchhoff's constraint on a file, and its truth.
struct Judged {
    run: Run,
    truth: Truth,
    parameters: Vec<Row>,
    /// Each of the gauge-free pulls: over the bins, the root of the mean of `|z - truth|^2 / sigma^2`, with
    /// `sigma^2 = E|z - truth|^2`.
    pull_of_joint: f64,
    pull_of_wls: f64,
    /// Sum over the band of the squared residuals in variances, over the degrees of freedom: records less
    /// free emissivities, for each bin, less half of what the data determine of the shared parameters.
    chi2: f64,
    chi2_of_wls: f64,
    products: Vec<(Complex64, f64)>,
}

impl Judged {
    fn new(data: &str, free: &str) -> Checked<Self> {
        let path_of_data = format!("data.path={}", path(&format!("{data}.npz"))?);
        let model = format!("data.model={}", path(MODEL)?);
        let vs = "fit.options.joint.prior.vs=2e-5"; // otherwise it is held
        let settings =
            [&path_of_data, &model, "data.sigma=0.02", "fit.constraint=kirchhoff", free, vs];
        let run = Run::local_done(&[&settings[..], &["fit.methods=wls,joint"]].concat())?;
        let truth = Truth::read(&format!("{data}_truth.npz"))?;
        let bins: Vec<usize> = (0..257).collect();
        let (campaign, realisation) = realised(&format!("{data}.npz"), &bins)?;
        let records = campaign.joint_records(&realisation, [true; 4]);
        let set = records.set();
        let omega = |k: usize| set.bins.iter().find(|bin| bin.context.bin == k).map(|b| b.omega);
        let [bias_v, volt_v, bath_k] = set.state;
        let state = truth.bolometer.state(bias_v, volt_v, bath_k)?;

        let mut file = NpzReader::new(File::open(run.product("solution.npz"))?)?;
        let configurations: Array1<u64> = file.by_name("covariance_configurations")?;
        let row = configurations.iter().position(|c| *c == 1).ok_or("joint has no errors")?;
        let product: Array3<Complex64> = file.by_name("emissivity_response")?;
        let sigma: Array3<f64> = file.by_name("emissivity_response_sigma")?;
        let solution = run.solution()?;
        let (mut of_joint, mut of_wls) = (0.0, 0.0);
        for k in BINS {
            let expected = truth.transfer[k] * state.response(omega(k).ok_or("a dark bin")?);
            let (found, sigma) = (product[[row, k, 0]], sigma[[row, k, 0]]);
            of_joint += (found - expected).norm_sqr() / (sigma * sigma);
            let response = campaign.response_at(k).ok_or("no response")?;
            let sigma = solution.sigma[[0, k, 0]] * modulus(response);
            let found = solution.emissivity[[0, k, 0]] * response;
            of_wls += (found - expected).norm_sqr() / (sigma * sigma);
        }
        let count = BINS.count() as f64;
        let parameters = run.table("parameters.csv")?;
        let mut determined = 0.0;
        for row in &parameters {
            determined += 0.5 * number(row, "data_share")?;
        }
        let rss = |c: usize| BAND.map(|k| solution.rss[[c, k]]).sum::<f64>();
        let degrees = BAND.count() as f64 * (RECORDS - 6.0);
        Ok(Self {
            pull_of_joint: (of_joint / count).sqrt(),
            pull_of_wls: (of_wls / count).sqrt(),
            chi2: rss(1) / (degrees - determined),
            chi2_of_wls: rss(0) / degrees,
            products: (0..257).map(|k| (product[[row, k, 0]], sigma[[row, k, 0]])).collect(),
            truth,
            parameters,
            run,
        })
    }

    fn row(&self, name: &str) -> Checked<&Row> {
        let found = self.parameters.iter().find(|row| row["parameter"] == name);
        Ok(found.ok_or_else(|| format!("no parameter {name}"))?)
    }

    /// Value and standard error.
    fn parameter(&self, name: &str) -> Checked<(f64, f64)> {
        let row = self.row(name)?;
        Ok((number(row, "value")?, number(row, "sigma")?))
    }

    /// `d^T C^-1 d`, d the errors of all 24 shared parameters, C their covariance: what the data set says of
    /// all of them at once, however their errors are correlated.
    fn distance(&self) -> Checked<f64> {
        let mut file = NpzReader::new(File::open(self.run.product("solution.npz"))?)?;
        let covariance: Array3<f64> = file.by_name("parameter_covariance")?;
        let correlation: Array3<f64> = file.by_name("parameter_correlation")?;
        let names: Vec<&str> = self.parameters.iter().map(|row| &*row["parameter"]).collect();
        let n = covariance.shape()[1];
        let mut scaled = vec![0.0; n * n];
        let mut errors = Vec::new();
        for (i, name) in names[..n].iter().enumerate() {
            let (value, sigma) = self.parameter(name)?;
            assert!((covariance[[0, i, i]].sqrt() / sigma - 1.0).abs() < 1e-9, "{name}");
            errors.push((value - self.truth.of(name)?) / sigma);
            (0..n).for_each(|k| scaled[i * n + k] = correlation[[0, i, k]]);
        }
        Ok(quadratic(&scaled, &errors))
    }

    fn agrees_with(&self, reference: &Reference) -> Checked {
        for (name, value, sigma) in reference.parameters {
            self.agrees_on(name, (value, sigma))?;
        }
        for (bin, re, im, sigma) in reference.products {
            let (found, own) = self.products[bin];
            let error = modulus(found - Complex64::new(re, im)) / sigma;
            assert!(error < BETWEEN_PROGRAMS, "bin {bin}: {found}, {error} sigma off");
            assert!((own / sigma - 1.0).abs() < BETWEEN_PROGRAMS, "bin {bin}: {own} {sigma}");
        }
        let chi2 = reference.chi2 / reference.degrees;
        assert!((self.chi2 - chi2).abs() < 1e-6, "{} {chi2}", self.chi2);
        Ok(())
    }

    fn agrees_on(&self, name: &str, (value, sigma): (f64, f64)) -> Checked {
        let (found, own) = self.parameter(name)?;
        let error = (found - value).abs() / sigma;
        assert!(error < BETWEEN_PROGRAMS, "{name}: {found} is {error} sigma from {value}");
        assert!((own / sigma - 1.0).abs() < BETWEEN_PROGRAMS, "{name}: sigma {own}, not {sigma}");
        Ok(())
    }

    fn tell(&self) {
        println!(
            "gauge-free pull {:.4} (wls {:.1}), chi2 per degree {:.6} (wls {:.4})",
            self.pull_of_joint, self.pull_of_wls, self.chi2, self.chi2_of_wls
        );
    }
}

fn number(row: &Row, column: &str) -> Checked<f64> {
    let text = row.get(column).ok_or_else(|| format!("no column {column}"))?;
    Ok(text.parse().map_err(|_| format!("{column} is `{text}`"))?)
}

/// `d^T C^-1 d` by Cholesky's factor of C.
fn quadratic(matrix: &[f64], d: &[f64]) -> f64 {
    let n = d.len();
    let (mut l, mut z) = (vec![0.0; n * n], vec![0.0; n]);
    for i in 0..n {
        for k in 0..=i {
            let sum: f64 = (0..k).map(|m| l[i * n + m] * l[k * n + m]).sum();
            let rest = matrix[i * n + k] - sum;
            l[i * n + k] = if i == k { rest.sqrt() } else { rest / l[k * n + k] };
        }
        let sum: f64 = (0..i).map(|m| l[i * n + m] * z[m]).sum();
        z[i] = (d[i] - sum) / l[i * n + i];
    }
    z.iter().map(|z| z * z).sum()
}

/// Chi-square of 24 degrees lies within these in 99.8 % of all cases.
const CHI2_OF_24: RangeInclusive<f64> = 8.1..=51.2;

fn plain() -> Checked {
    let judged = Judged::new("cal_joint", FREE)?;
    judged.tell();
    assert!((0.8..1.2).contains(&judged.pull_of_joint), "{}", judged.pull_of_joint);
    assert!(judged.pull_of_wls > 20.0, "{}", judged.pull_of_wls);
    assert!((0.98..1.02).contains(&judged.chi2), "{}", judged.chi2);
    assert!(judged.chi2_of_wls > 1.4, "{}", judged.chi2_of_wls);
    let (offset, _) = judged.parameter("xcal_offset")?;
    assert!((offset - judged.truth.xcal_offset).abs() < 1e-4, "{offset}");
    for (name, truth) in ["h2", "h3"].into_iter().zip(judged.truth.harmonics) {
        let (value, sigma) = judged.parameter(name)?;
        assert!((value - truth).abs() < 2.1 * sigma, "{name}: {value} +- {sigma}, not {truth}");
    }
    let distance = judged.distance()?;
    println!("distance of all parameters {distance:.2}");
    assert!(CHI2_OF_24.contains(&distance), "{distance}");
    judged.agrees_with(&PLAIN)
}

/// Here the errors of all bins are nearly one: the square of one data set's pull scatters by 1.1. So it
/// says little, and the distance of all parameters from the truth says more.
fn plateaus() -> Checked {
    let judged = Judged::new("cal_joint_plateaus", WITH_PLATEAUS)?;
    judged.tell();
    let square = judged.pull_of_joint * judged.pull_of_joint;
    assert!(square < 1.0 + 3.0 * 1.1 && judged.pull_of_joint > 0.2, "{square}");
    assert!(judged.pull_of_wls > 20.0, "{}", judged.pull_of_wls);
    assert!((0.98..1.02).contains(&judged.chi2), "{}", judged.chi2);
    assert!(judged.chi2_of_wls > 2.0, "{}", judged.chi2_of_wls);
    let distance = judged.distance()?;
    println!("distance of all parameters {distance:.2}");
    assert!(CHI2_OF_24.contains(&distance), "{distance}");
    judged.agrees_with(&PLATEAUS)?;
    for (name, value, sigma) in OF_PLATEAUS {
        judged.agrees_on(name, (value, sigma))?;
    }
    temperatures_of_plateaus(&judged)
}

/// The error of each temperature that was set: what must be added to the reading besides the true
/// corrections.
fn temperatures_of_plateaus(judged: &Judged) -> Checked {
    let (campaign, realisation) = realised("cal_joint_plateaus.npz", &[10])?;
    let records = campaign.joint_records(&realisation, [true; 4]);
    let inputs = &records.inputs;
    let years = inputs.years.as_ref().ok_or("the file has times")?;
    let model = inputs.model_corrections.as_ref().ok_or("the model has corrections")?;
    let bodies = [("xcal", 0), ("ical", 1), ("refhorn", 3), ("skyhorn", 4)];
    let mut all = 0.0f64;
    let mut count = 0.0f64;
    for (body, place) in bodies {
        let (mut first, mut squares, mut plateaus) = (0, 0.0f64, 0.0f64);
        for (p, plateau) in inputs.plateaus.chunk_by(|a, b| a == b).enumerate() {
            let error = |record: usize| {
                let read = inputs.readings_k[place][record];
                let truth = judged.truth.temperatures[[place, record]];
                truth - model.temperature(body, read, years[record])
            };
            let range = first..first + plateau.len();
            first = range.end;
            let truth = range.clone().map(error).sum::<f64>() / range.len() as f64;
            assert!(range.clone().all(|r| (error(r) - truth).abs() < 1e-8), "{body} at {p}");
            let (value, sigma) = judged.parameter(&format!("plateau_{p}_{body}"))?;
            squares += (value - truth) * (value - truth) / (sigma * sigma);
            plateaus += 1.0;
        }
        assert_eq!(plateaus, 60.0);
        println!("{body}: rms pull {:.3}", (squares / plateaus).sqrt());
        (all, count) = (all + squares, count + plateaus);
    }
    let rms = (all / count).sqrt();
    assert!((0.9..1.2).contains(&rms), "{rms}");
    Ok(())
}

/// Errors of plateaus that nobody looks for hide in the other parameters, and chi2 alone tells it.
fn ignored() -> Checked {
    let judged = Judged::new("cal_joint_plateaus", FREE)?;
    judged.tell();
    // A standard deviation of it is 0.005.
    assert!((1.03..1.05).contains(&judged.chi2), "{}", judged.chi2);
    let distance = judged.distance()?;
    println!("distance of all parameters {distance:.0}");
    assert!(distance > 500.0, "{distance}");
    judged.agrees_with(&IGNORED)
}

/// The published values as the truth, and priors that know nothing of them.
fn published() -> Checked {
    for seed in [1, 2, 3] {
        let run = Run::local_done(&[
            &format!("data.model={}", path(MODEL)?),
            &format!("study.seed={seed}"),
            "simulate.corrections=model",
            "simulate.biases=[25,35,45]",
            "simulate.bolometer_error=0.01",
            "study.noise_levels=[1]",
            "fit.bins=4-37",
            "fit.methods=joint",
            "fit.constraint=kirchhoff",
            "fit.options.joint.value={xcal_offset=0,h2=0,h3=0}",
        ])?;
        for row in run.table("parameters.csv")? {
            let most = match &*row["parameter"] {
                "xcal_offset" => 1e-4,
                "h2" | "h3" => 2e-4,
                _ => continue,
            };
            let (value, sigma) = (number(&row, "value")?, number(&row, "sigma")?);
            let (truth, start) = (number(&row, "truth")?, number(&row, "start")?);
            println!("{}: {value:.3e} +- {sigma:.1e}, not {truth:.3e}", row["parameter"]);
            assert!(start == 0.0 && truth != 0.0 && 2.0 * sigma < most, "{row:?}");
            assert!((value - truth).abs() < most, "{row:?}");
            // Nine values: two standard errors would be too few.
            assert!((value - truth).abs() < 3.0 * sigma, "{row:?}");
        }
    }
    Ok(())
}

fn fitted(records: &JointRecords, settings: &JointSettings) -> Checked<JointFit> {
    Ok(joint::fit(&[records.set()], settings, Constraint::Kirchhoff, Deadline::NONE)?)
}

/// Each parameter up or down by so many prior standard errors, in three ways.
fn starts() -> Checked {
    let bins: Vec<usize> = BAND.collect();
    let (campaign, realisation) = realised("cal_joint.npz", &bins)?;
    let records = campaign.joint_records(&realisation, [true; 4]);
    let near = fitted(&records, &JointSettings::default())?;
    assert_eq!(near.parameters.len(), 23);
    for far in [1.0, 3.0, 8.0] {
        for way in 1..=3 {
            let mut settings = JointSettings::default();
            for (i, parameter) in near.parameters.iter().enumerate() {
                let sign = if (i * i + way * i) % (3 + way) < 2 { far } else { -far };
                let start = parameter.mean + sign * parameter.prior_sigma;
                settings.start.insert(parameter.name.clone(), start);
            }
            let there = fitted(&records, &settings)?;
            let mut worst = 0.0f64;
            for (a, b) in near.parameters.iter().zip(&there.parameters) {
                assert!((b.start - a.mean).abs() > 0.9 * far * a.prior_sigma, "{}", a.name);
                worst = worst.max((a.value - b.value).abs() / a.sigma);
            }
            println!("from {far} away, {way}: {} iterations, {worst:.1e}", there.iterations);
            assert!(worst < 1e-5, "from {far} away: {worst}");
        }
    }
    Ok(())
}

/// A file without times: what changes with time cannot be fitted, and is named.
fn no_times() -> Checked {
    let data = format!("data.path={}", path("cal_clean.npz")?);
    let common = [&*data, "data.sigma=0.02", "fit.methods=joint", "fit.bins=10,11"];
    for (free, name) in
        [("vibration", "vp1"), ("ical_drift", "ical_drift_amplitude"), ("vp3", "vp3")]
    {
        let free = format!("fit.options.joint.free={free}");
        let run = Run::local(&[&common[..], &[&free]].concat())?;
        assert_eq!(run.code(), Some(1), "{free}: {}", run.stderr());
        let why = run.table("failures.csv")?[0]["reason"].clone();
        assert!(why.contains(name) && why.contains("midpoint_time_ll"), "{free}: {why}");
    }
    Run::local_done(&[&common[..], &["fit.options.joint.free=bolometer,offsets"]].concat())?;
    Ok(())
}
