//! Trials of measured data: plateaus are resampled, and methods are judged by how well they
//! predict the records that were held out.

use std::path::{Path, PathBuf};

use crate::support::program::{assert_same, otfhpc, products, text};
use crate::support::solution::{Checked, Run};
use otfhpc::otf::study::{Config, Study};
use otfhpc::science::data::{Campaign, Draw, Resampling};

/// A calibration set with noise of a known size, and the settings that fit it.
struct Measured {
    folder: tempfile::TempDir,
    settings: Vec<String>,
}

impl Measured {
    fn new() -> Checked<Self> {
        let folder = tempfile::tempdir()?;
        let file = folder.path().join("cal.npz");
        let campaign = [
            "--set=simulate.records=240",
            "--set=simulate.plateau_records=5",
            "--set=study.noise_levels=[0.05]",
        ];
        let ran = otfhpc(["simulate", "--out", text(&file)].iter().chain(&campaign)).ended(0);
        let sigma =
            ran.stdout.split("data.sigma=").nth(1).and_then(|t| t.split_whitespace().next());
        let settings = [
            "data.source=npz".to_owned(),
            format!("data.path={}", text(&file)),
            format!("data.sigma={}", sigma.ok_or("simulate does not say the noise")?),
            "fit.bins=5-37".into(),
            "fit.methods=[\"wls\",\"huber\",\"smooth\",\"tsvd\"]".into(),
            "fit.options.tsvd.cutoff=0.3".into(),
        ];
        Ok(Self { folder, settings: settings.into() })
    }

    fn settings<'a>(&'a self, more: &[&'a str]) -> Vec<&'a str> {
        self.settings.iter().map(String::as_str).chain(more.iter().copied()).collect()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

/// `prediction_error` by configuration and bin, from the data themselves.
fn by_hand(run: &Run, settings: &[&str], resampling: Resampling, trials: u64) -> Checked<Vec<f64>> {
    let settings: Vec<String> = settings.iter().map(|s| (*s).to_owned()).collect();
    let config = Config::load(None, &settings)?;
    let study = Study::new(&config)?;
    let campaign = Campaign::prepare(study.sets[0], &study.recipe(&config))?;
    let (bins, solution): (Vec<usize>, _) = ((5..=37).collect(), run.solution()?);
    let mut errors = Vec::new();
    for row in run.table("configurations.csv")? {
        let (configuration, trial): (usize, u64) =
            (row["configuration"].parse()?, row["trial"].parse()?);
        let draw = Draw { noise_level: 0.0, trial, trials, resampling };
        let realisation = campaign.realise(&draw, &bins)?;
        let found = solution.emissivity_of(configuration);
        let mut squares = 0.0;
        for (position, &bin) in bins.iter().enumerate() {
            let held = campaign.held_out(&realisation, position).ok_or("nothing was held out")?;
            let records = held.data.len();
            let of_record = |j: usize| {
                let predicted: num_complex::Complex64 =
                    (0..7).map(|i| found[[bin, i]] * held.design[i][j]).sum();
                (held.data[j] - predicted).norm_sqr() / held.variance[j]
            };
            squares += (0..records).map(of_record).sum::<f64>() / records as f64;
        }
        errors.push((squares / bins.len() as f64).sqrt());
    }
    Ok(errors)
}

fn check(resampling: Resampling, word: &str, trials: u64) -> Checked {
    let measured = Measured::new()?;
    let (word, trials_set) = (format!("study.resampling={word}"), format!("study.trials={trials}"));
    let settings = measured.settings(&[&word, &trials_set]);
    let run = Run::local_done(&settings)?;
    let expected = by_hand(&run, &settings, resampling, trials)?;
    let mut worst_of = std::collections::BTreeMap::<String, f64>::new();
    for row in run.table("errors.csv")? {
        let configuration: usize = row["configuration"].parse()?;
        let found: f64 = row["prediction_error"].parse()?;
        let expected = expected[configuration];
        assert!((found / expected - 1.0).abs() < 1e-9, "{configuration}: {found}, not {expected}");
        let worst = worst_of.entry(row["method"].clone()).or_default();
        *worst = worst.max(found);
        assert_eq!(row["nrmse"], "");
        let chi2: f64 = row["chi2_per_degree"].parse()?;
        // A right model leaves the noise, also where some records were drawn twice.
        assert!(row["method"] == "tsvd" || (0.9..1.1).contains(&chi2), "{row:?}");
    }
    // A right model predicts to the noise; one that leaves out directions cannot.
    assert!((0.9..1.3).contains(&worst_of["wls"]), "{worst_of:?}");
    assert!(worst_of["tsvd"] > 2.0 * worst_of["wls"], "{worst_of:?}");
    let stdout = run.stdout();
    assert!(
        stdout.contains("error in predicting held-out records against that of wls"),
        "{stdout}"
    );
    let summary = run.table("summary.csv")?;
    assert_eq!(summary.len(), 4 * 7);
    for row in summary {
        let number = |column: &str| row[column].parse::<f64>();
        let (least, mean) = (number("prediction_error_min")?, number("prediction_error_mean")?);
        let (most, std) = (number("prediction_error_max")?, number("prediction_error_std")?);
        assert!(least < mean && mean < most && std > 0.0, "{row:?}");
    }
    Ok(())
}

#[test]
fn folds_are_predicted_from_the_others() -> Checked {
    check(Resampling::CrossValidation, "cross-validation", 4)
}

#[test]
fn a_bootstrap_predicts_the_plateaus_that_it_left_out() -> Checked {
    check(Resampling::Bootstrap, "bootstrap", 3)
}

#[test]
fn the_bytes_do_not_depend_on_the_cut() -> Checked {
    let measured = Measured::new()?;
    let settings = measured.settings(&["study.resampling=bootstrap", "study.trials=3"]);
    let local = |out: &Path, shards: &str, threads: &str| {
        let start = ["local", "--out", text(out), "--shards", shards, "--threads", threads];
        let set = settings.iter().flat_map(|setting| ["--set", setting]);
        otfhpc(start.into_iter().chain(set)).ended(0);
        products(out)
    };
    let whole = local(&measured.path("whole"), "1", "1");
    assert_same(&whole, &local(&measured.path("cut"), "9", "3"), "9 shards, 3 threads");
    Ok(())
}

/// Folds of plateaus, not of records: there must be enough of them.
#[test]
fn more_folds_than_plateaus_are_refused() -> Checked {
    let measured = Measured::new()?;
    let settings = measured.settings(&["study.resampling=cross-validation", "study.trials=99"]);
    let run = Run::local(&settings)?;
    assert_eq!(run.code(), Some(2));
    assert!(run.stderr().contains("plateaus of temperature"), "{}", run.stderr());
    Ok(())
}
