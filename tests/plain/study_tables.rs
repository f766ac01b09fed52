//! The tables and the ranking of a study follow from `solution.npz`: recomputed here by hand.

use crate::support::solution::{Checked, Run, band_of, nrmse};
use ndarray::ArrayView2;
use num_complex::Complex64;
use otfhpc::foundations::numerics::math::{exp, ln, modulus};

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

/// The mean logarithm of the error of a method over that of the reference, in one trial.
fn mean_log_ratio(run: &Run, method: &str, place: [(&str, &str); 2]) -> Checked<f64> {
    let solution = run.solution()?;
    let (truth, [level, trial]) = (solution.truth_of(0)?, place);
    let configuration = |name| run.configuration(&[("method", name), level, trial]);
    let own = solution.emissivity_of(configuration(method)?);
    let reference = solution.emissivity_of(configuration("wls+kirchhoff")?);
    let (mut sum, mut count) = (0.0, 0.0);
    for bin in band_of(truth) {
        for emitter in 0..truth.ncols() {
            let place = [bin, emitter];
            let error = |fit: ArrayView2<Complex64>| modulus(fit[place] - truth[place]);
            sum += ln(error(own) / error(reference));
            count += 1.0;
        }
    }
    Ok(sum / count)
}

#[test]
fn the_ranking_is_that_of_the_errors_on_the_same_noise() -> Checked {
    let run = study()?;
    let stdout = run.stdout();
    let mut lines = stdout.lines().skip_while(|line| !line.contains("on the same noise"));
    let title = lines.next().ok_or("there is no ranking")?;
    assert!(title.contains("against that of wls+kirchhoff on the same noise"), "{title}");
    let header: Vec<&str> = lines.next().ok_or("no header")?.split_whitespace().collect();
    assert_eq!(header, ["method", "all", "two", "errors", "1e-3", "1e-1"]);
    let rows: Vec<&str> = lines.take_while(|line| !line.starts_with("( )")).collect();
    assert_eq!(rows.len(), 5, "{stdout}");
    assert!(!rows.concat().contains('*'), "{stdout}");
    for method in ["huber", "smooth", "ols"] {
        let mut means = Vec::new();
        for level in LEVELS {
            let of =
                |trial| mean_log_ratio(&run, method, [("noise_level", level), ("trial", trial)]);
            means.push((of("1")? + of("2")? + of("3")?) / 3.0);
        }
        let change = 100.0 * (exp((means[0] + means[1]) / 2.0) - 1.0);
        let row = rows.iter().find(|row| row.split_whitespace().any(|word| word == method));
        let row = row.ok_or("a method is missing")?;
        let expected = match change {
            large if large >= 100.0 => format!("x {:.2}", 1.0 + change / 100.0),
            small if small.abs() < 0.05 => "0 %".into(),
            _ => format!("{change:+.1} %"),
        };
        assert!(row.contains(&expected), "{method}: {expected} in\n{stdout}");
    }
    Ok(())
}
