//! Corrections that all bins share, on measured data whose truth is known, and as published.

use std::fs::File;

use crate::support::solution::{Checked, Run};
use crate::support::{Trial, required, trial};
use ndarray::{Array0, Array1, Array2};
use ndarray_npy::NpzReader;
use num_complex::Complex64;
use otfhpc::otf::study::{Config, Study};
use otfhpc::science::data::model::PublishedModel;
use otfhpc::science::data::{Campaign, Draw, published_columns};
use otfhpc::science::fit::{Constraint, fit_bin, method};

const MODEL: &str = "FIRAS_CALIBRATION_MODEL_LLSS.FITS";
const JOINT: [&str; 3] = [MODEL, "cal_joint.npz", "cal_joint_truth.npz"];

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("the_published_corrections_are_read", &[MODEL], || Ok(published()?)),
        trial("with_the_truth_the_transfer_function_is_right", &JOINT, || Ok(with_the_truth()?)),
        trial("without_it_it_is_wrong", &JOINT, || Ok(without_the_truth()?)),
        trial("times_that_are_needed_and_not_there_are_named", &[MODEL, "cal_clean.npz"], || {
            Ok(missing_times()?)
        }),
        trial("a_model_whose_corrections_are_not_used_is_told", &JOINT, || Ok(told()?)),
        trial("a_joint_fit_is_given_what_the_model_has", &JOINT, || Ok(shared_inputs()?)),
    ]
}

/// The path of a shared file, for a setting.
pub(crate) fn path(name: &str) -> Checked<String> {
    Ok(required(name)
        .map_err(|failed| failed.message().unwrap_or("missing").to_owned())?
        .display()
        .to_string())
}

fn published() -> Checked {
    let model = PublishedModel::read(path(MODEL)?.as_ref(), &published_columns())?;
    let found = model.corrections;
    let near = |found: f64, expected: f64| {
        assert!((found - expected).abs() <= 5e-4 * expected.abs(), "{found} is not {expected}");
    };
    near(found.xcal_offset_k, -1.457e-3);
    near(found.ical_drift.amplitude_k, 4.26e-3);
    near(found.ical_drift.time_yr, 0.3175);
    near(found.ical_drift.offset_k, -3.054e-3);
    near(found.h2, 1.1065e-3);
    near(found.h3, -1.2e-3);
    let expected = [1.122e-5, 6.684e-5, -4.738e-4, 9.262e-4, -5.443e-4];
    found.primary_vibration.into_iter().zip(expected).for_each(|(found, is)| near(found, is));
    assert_eq!(found.secondary_vibration, 0.0);
    assert!(found.offsets_k.is_empty() && found.depends_on_time());
    Ok(())
}

/// `cal_joint.npz` with these settings besides.
fn campaign(more: &[String]) -> Checked<Campaign> {
    campaign_of("cal_joint.npz", more)
}

/// A file of records of LLSS with the published model, and these settings besides.
pub(crate) fn campaign_of(data: &str, more: &[String]) -> Checked<Campaign> {
    let mut assignments = vec![
        format!("data.path={}", path(data)?),
        format!("data.model={}", path(MODEL)?),
        "data.sigma=0.02".to_owned(),
    ];
    assignments.extend_from_slice(more);
    let config = Config::load(None, &assignments)?;
    let study = Study::new(&config)?;
    Ok(Campaign::prepare("llss".parse()?, &study.recipe(&config))?)
}

fn truth() -> Checked<NpzReader<File>> {
    Ok(NpzReader::new(File::open(path("cal_joint_truth.npz")?)?)?)
}

/// The parameters that the data were made with, as settings.
fn true_settings() -> Checked<[String; 2]> {
    let mut file = truth()?;
    let mut number = |name: &str| -> Checked<f64> {
        let value: Array0<f64> = file.by_name(name)?;
        Ok(value.into_scalar())
    };
    let (xcal, h2, h3, vs) = (number("xcal_offset")?, number("h2")?, number("h3")?, number("vs")?);
    let drift: Array1<f64> = file.by_name("drift")?;
    let vp: Array1<f64> = file.by_name("vp")?;
    let p: Array1<f64> = file.by_name("bolometer")?;
    let corrections = format!(
        "instrument.corrections={{xcal_offset_k={xcal:e},ical_drift={{amplitude_k={:e},\
         time_yr={:e},offset_k={:e}}},h2={h2:e},h3={h3:e},secondary_vibration={vs:e},\
         primary_vibration=[{:e},{:e},{:e},{:e},{:e}]}}",
        drift[0], drift[1], drift[2], vp[0], vp[1], vp[2], vp[3], vp[4],
    );
    let bolometer = format!(
        "instrument.bolometer={{r0_ohm={:e},t0_k={:e},g1={:e},beta={:e},rho_k_per_v={:e},c1={:e},\
         c3={:e},j0_v={:e},jg={:e},rl_ohm={:e}}}",
        p[0], p[1], p[2], p[3], p[4], p[5], p[6], p[7], p[8], p[9],
    );
    Ok([corrections, bolometer])
}

/// Root mean square over the band of the error of the transfer function in its standard errors, and the
/// mean chi2 per degree of freedom, of `wls` with Kirchhoff's constraint.
fn pull(campaign: &Campaign) -> Checked<(f64, f64)> {
    let truth: Array2<Complex64> = truth()?.by_name("emissivity")?;
    let bins: Vec<usize> = (0..257).filter(|bin| truth[[*bin, 0]] != Complex64::ZERO).collect();
    let realisation = campaign.realise(&Draw::of_noise(0.0, 1), &bins)?;
    let wls = method("wls").ok_or("no wls")?.with_defaults();
    let (mut squares, mut chi2) = (0.0, 0.0);
    for (position, &k) in bins.iter().enumerate() {
        let bin = campaign.bin_data(&realisation, position);
        let columns = bin.columns();
        let problem = realisation.problem(&bin, &columns, Constraint::Kirchhoff);
        let outcome = fit_bin(wls.as_ref(), &problem);
        let solution = outcome.solution().ok_or("not fitted")?;
        let sigma = solution.sigma[0];
        squares += (solution.emissivity[0] - truth[[k, 0]]).norm_sqr() / (sigma * sigma);
        chi2 += solution.rss / (campaign.records() - 6) as f64;
    }
    let count = bins.len() as f64;
    assert!(count > 30.0, "{count} bins in the band");
    Ok(((squares / count).sqrt(), chi2 / count))
}

fn with_the_truth() -> Checked {
    let (rms, chi2) = pull(&campaign(&true_settings()?)?)?;
    println!("rms pull {rms:.3}, chi2 per degree {chi2:.4}");
    assert!((0.8..1.3).contains(&rms), "{rms}");
    assert!((0.98..1.02).contains(&chi2), "{chi2}");
    Ok(())
}

/// Each of the two makes a difference of many standard errors.
fn without_the_truth() -> Checked {
    let [corrections, bolometer] = true_settings()?;
    let model = "instrument.corrections=model".to_owned();
    for (settings, least) in
        [(vec![], 20.0), (vec![bolometer], 5.0), (vec![model], 20.0), (vec![corrections], 20.0)]
    {
        let (rms, chi2) = pull(&campaign(&settings)?)?;
        println!("{settings:?}: rms pull {rms:.1}, chi2 per degree {chi2:.3}");
        assert!(rms > least, "{settings:?}: {rms}");
    }
    Ok(())
}

/// Only corrections that change with time need times; without a model there are none to use.
fn missing_times() -> Checked {
    let data = format!("data.path={}", path("cal_clean.npz")?);
    let model = format!("data.model={}", path(MODEL)?);
    let of_model = "instrument.corrections=model";
    let run = Run::local(&[&data, &model, of_model, "fit.bins=10"])?;
    assert_eq!(run.code(), Some(2));
    let error = run.stderr();
    assert!(error.contains("cal_clean.npz") && error.contains("`midpoint_time_ll`"), "{error}");
    let constant =
        "instrument.corrections={xcal_offset_k=-1e-3,h2=1e-3,primary_vibration=[1e-5,0,0,0,0]}";
    Run::local_done(&[&data, &model, constant, "fit.bins=10"])?;
    let run = Run::local(&[&data, of_model, "fit.bins=10"])?;
    assert_eq!(run.code(), Some(2));
    let error = run.stderr();
    assert!(error.contains("instrument.corrections is \"model\""), "{error}");
    assert!(error.contains("--set data.model=FILE.FITS"), "{error}");
    Ok(())
}

fn told() -> Checked {
    let data = format!("data.path={}", path("cal_joint.npz")?);
    let model = format!("data.model={}", path(MODEL)?);
    let says = |more: &[&str]| -> Checked<String> {
        let run = Run::local_done(&[&[&data, &model, "fit.bins=10"], more].concat())?;
        Ok(run.stdout())
    };
    let unused = "use them with --set instrument.corrections=model";
    assert!(says(&[])?.contains(unused));
    let used = says(&["instrument.corrections=model"])?;
    assert!(used.contains("by data.model") && !used.contains(unused), "{used}");
    Ok(())
}

fn shared_inputs() -> Checked {
    let campaign = campaign(&[])?;
    let realisation = campaign.realise_with_support(&Draw::of_noise(0.0, 1), &[10], [true; 4])?;
    let shared = campaign.shared_inputs(&realisation);
    let model = shared.model_corrections.as_ref().ok_or("the model has corrections")?;
    assert!(shared.corrections.is_none() && model.xcal_offset_k < -1e-3);
    assert_eq!((shared.bias_v.len(), shared.operating), (1200, Some(6)));
    assert!((shared.mission_state.1 - 2.065_718).abs() < 1e-6, "{:?}", shared.mission_state);
    let years = shared.years.as_ref().ok_or("the file has times")?;
    assert!(years.iter().all(|years| (0.0..1.0).contains(years)), "{years:?}");
    // What the readings were made from.
    let temperatures: Array2<f64> = truth()?.by_name("temperatures")?;
    for (i, name) in ["xcal", "ical", "dihedral", "refhorn", "skyhorn"].into_iter().enumerate() {
        for (record, &years) in years.iter().enumerate() {
            let found = model.temperature(name, shared.readings_k[i][record], years);
            assert!((found - temperatures[[i, record]]).abs() < 1e-8, "{name}, record {record}");
        }
    }
    let bin = campaign.joint_bin(&realisation, 0, [true, true, true, false]);
    assert!(bin.is_in_band && bin.terms[2].is_some() && bin.terms[3].is_none());
    Ok(())
}
