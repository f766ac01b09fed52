//! Every config that comes with the program is run, at reduced size, as its comments say.

use std::path::Path;

use crate::support::program::otfhpc_in;
use crate::support::{Trial, required, trial, trial_unless};
use libtest_mimic::Failed;

/// Runs `otfhpc local` with a config and some settings; returns what it printed.
fn local(config: &str, settings: &[&str]) -> Result<String, Failed> {
    let folder = tempfile::tempdir()?;
    let config = Path::new(env!("CARGO_MANIFEST_DIR")).join("configs").join(config);
    let config = config.display().to_string();
    let settings = settings.iter().flat_map(|setting| ["--set", setting]);
    let ran = otfhpc_in(folder.path(), ["local", "--config", &config].into_iter().chain(settings));
    // 1: some units did not converge, which a study of searches may well find.
    match ran.code {
        Some(0 | 1) => Ok(ran.stdout),
        code => Err(format!("exit {code:?}: {}", ran.stderr).into()),
    }
}

fn contains(text: &str, parts: &[&str]) -> Result<(), Failed> {
    match parts.iter().find(|part| !text.contains(**part)) {
        None => Ok(()),
        Some(part) => Err(format!("no `{part}` in: {text}").into()),
    }
}

fn default() -> Result<(), Failed> {
    let out = local("default.toml", &["simulate.records=120"])?;
    contains(
        &out,
        &[
            "512 converged, 0 not converged, 0 failed, 2 no signal",
            "error against that of wls on the same noise",
        ],
    )
}

fn quickstart() -> Result<(), Failed> {
    let out = local("quickstart.toml", &["simulate.records=120", "study.trials=1"])?;
    contains(
        &out,
        &[
            "12 configurations x 60 bins",
            "720 converged",
            "huber+kirchhoff",
            "error against that of",
        ],
    )
}

/// Every method that there is stands in the comprehensive study, but the joint fit, which has its own.
fn comprehensive() -> Result<(), Failed> {
    let settings = ["simulate.records=120", "study.trials=1", "fit.bins=8-20"];
    let out = local("comprehensive.toml", &settings)?;
    contains(
        &out,
        &[
            "133 configurations x 13 bins",
            "1729 converged",
            "0 failed",
            "error against that of wls",
        ],
    )?;
    let names = otfhpc::science::fit::methods().iter().map(|method| method.info.name);
    contains(&out, &names.filter(|name| *name != "joint").collect::<Vec<_>>())
}

fn measured() -> Result<(), Failed> {
    let path = format!("data.path={}", required("cal.npz")?.display());
    let folder = required("FIRAS_CALIBRATION_MODEL_LLSS.FITS")?;
    let folder = folder.parent().ok_or("a file is in a folder")?.display().to_string();
    let model = format!("data.model={folder}/FIRAS_CALIBRATION_MODEL_{{set}}.FITS");
    let out = local("measured.toml", &[&path, &model, "fit.bins=5-60"])?;
    contains(&out, &["1175 of 1260 records used", "168 converged", "relative error bar"])?;
    // As its last lines suggest.
    let folds = ["study.resampling=cross-validation", "study.trials=3"];
    let settings = [&[&path[..], &model, "fit.bins=5-37"], &folds[..]].concat();
    contains(&local("measured.toml", &settings)?, &["3 (folds)", "predicting held-out records"])
}

/// One trial of a short campaign: the joint fit is nearer to the truth than the fit that knows nothing.
fn joint() -> Result<(), Failed> {
    let settings = ["simulate.records=400", "study.trials=1", "fit.bins=5-40"];
    let out = local("joint.toml", &settings)?;
    contains(&out, &["2 configurations x 36 bins", "72 converged", "one trial  joint   -"])
}

fn joint_measured() -> Result<(), Failed> {
    let path = format!("data.path={}", required("cal_joint.npz")?.display());
    let folder = required("FIRAS_CALIBRATION_MODEL_LLSS.FITS")?;
    let folder = folder.parent().ok_or("a file is in a folder")?.display().to_string();
    let model = format!("data.model={folder}/FIRAS_CALIBRATION_MODEL_{{set}}.FITS");
    let out = local("joint_measured.toml", &[&path, &model])?;
    contains(&out, &["1200 of 1200 records used", "corrected  by data.model", "86 converged"])
}

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial_unless(None, "default", default),
        trial_unless(None, "quickstart", quickstart),
        trial_unless(None, "comprehensive", comprehensive),
        trial("measured", &["cal.npz", "FIRAS_CALIBRATION_MODEL_LLSS.FITS"], measured),
        trial_unless(None, "joint", joint),
        trial(
            "joint_measured",
            &["cal_joint.npz", "FIRAS_CALIBRATION_MODEL_LLSS.FITS"],
            joint_measured,
        ),
    ]
}
