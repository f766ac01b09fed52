//! The tables and the ranking of a study follow from `solution.npz`: recomputed here by hand.

use std::collections::BTreeMap;

use crate::support::solution::{Checked, Run, band_of, nrmse};
use otfhpc::foundations::numerics::math::median;

const LEVELS: [&str; 2] = ["0.001", "0.1"];

fn study() -> Checked<Run> {
    Run::local_done(&[
        "simulate.records=120",
        "simulate.plateau_records=5",
        "study.noise_levels=[0.001,0.1]",
        "study.trials=3",
        "fit.bins=3-40",
        "fit.methods=[\"ols\",\"wls+kirchhoff\",\"huber\",\"smooth\",\"tsvd\"]",
    ])
}

#[test]
fn a_row_of_the_summary_is_the_statistics_of_its_trials() -> Checked {
    let run = study()?;
    let solution = run.solution()?;
    let truth = solution.truth_of(0)?;
    let band = band_of(truth);
    let (method, level, emitter) = ("huber", LEVELS[1], 4);
    let of_trial = |trial: &str| -> Checked<f64> {
        let place = [("method", method), ("noise_level", level), ("trial", trial)];
        let configuration = run.configuration(&place)?;
        Ok(nrmse(solution.emissivity_of(configuration), truth, &band)[emitter])
    };
    let trials = [of_trial("1")?, of_trial("2")?, of_trial("3")?];
    let mean = trials.iter().sum::<f64>() / 3.0;
    let square = |t: &f64| (t - mean) * (t - mean);
    let std = (trials.iter().map(square).sum::<f64>() / 2.0).sqrt();
    let rows = run.table("summary.csv")?;
    let found = rows
        .iter()
        .find(|row| {
            (&row["method"][..], &row["noise_level"][..], &row["emitter"][..])
                == (method, level, "skyhorn")
        })
        .ok_or("the row is missing")?;
    let expected = [
        ("nrmse_mean", mean),
        ("nrmse_std", std),
        ("nrmse_min", trials.iter().copied().fold(f64::INFINITY, f64::min)),
        ("nrmse_max", trials.iter().copied().fold(0.0, f64::max)),
    ];
    for (column, expected) in expected {
        let value: f64 = found[column].parse()?;
        assert!((value / expected - 1.0).abs() < 1e-12, "{column}: {value}, not {expected}");
    }
    assert_eq!((&found["trials"][..], &found["bins"][..]), ("3", &band.len().to_string()[..]));
    Ok(())
}

/// The median error of each method, over all rows of `summary.csv` or those of one noise level.
fn medians(run: &Run, level: Option<&str>) -> Checked<BTreeMap<String, f64>> {
    let mut errors: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    for row in run.table("summary.csv")? {
        if level.is_none_or(|level| row["noise_level"] == level) {
            let of_method = errors.entry(row["method"].clone()).or_default();
            of_method.push(row["nrmse_mean"].parse()?);
        }
    }
    Ok(errors.into_iter().map(|(method, errors)| (method, median(&errors))).collect())
}

#[test]
fn the_ranking_is_that_of_the_summary() -> Checked {
    let run = study()?;
    let stdout = run.stdout();
    let mut lines = stdout.lines().skip_while(|line| !line.starts_with("rank"));
    assert_eq!(
        lines.next().map(|l| l.split_whitespace().collect::<Vec<_>>()),
        Some(vec!["rank", "method", "all", "1e-3", "1e-1"])
    );
    let printed: Vec<Vec<&str>> =
        lines.take_while(|line| !line.is_empty()).map(|l| l.split_whitespace().collect()).collect();
    let mut expected: Vec<(String, f64)> = medians(&run, None)?.into_iter().collect();
    expected.sort_by(|a, b| a.1.total_cmp(&b.1));
    assert_eq!(printed.len(), 5);
    for (place, (cells, (method, error))) in printed.iter().zip(&expected).enumerate() {
        let start = [(place + 1).to_string(), method.clone(), format!("{error:.2e}")];
        assert_eq!(cells[..3], start.each_ref().map(String::as_str), "{stdout}");
    }
    for (column, level) in LEVELS.iter().enumerate() {
        let of_level = medians(&run, Some(level))?;
        let (best, error) = of_level.iter().min_by(|a, b| a.1.total_cmp(b.1)).ok_or("none")?;
        // A star stands after the best of a level: it is a cell of its own here.
        let marked = printed.iter().filter(|cells| {
            let after: Vec<&&str> = cells[3..].iter().collect();
            let numbers: Vec<usize> = (0..after.len()).filter(|i| *after[*i] != "*").collect();
            after.get(numbers[column] + 1).is_some_and(|next| **next == "*")
        });
        let marked: Vec<_> = marked.collect();
        assert_eq!(marked.len(), 1, "{stdout}");
        assert_eq!(marked[0][1], best, "{stdout}");
        assert!(marked[0].contains(&&format!("{error:.2e}")[..]), "{stdout}");
    }
    Ok(())
}
