//! Error bars hold the truth as often as they say: 68 % and 95 %, over 200 draws of noise, for
//! every emitter, as `errors.csv` tells it.

#[path = "support/solution.rs"]
mod solution;
mod support;

use std::collections::BTreeMap;

use solution::{Checked, Row, Run};

/// What a fraction may be off by.
const POINTS: f64 = 0.03;

/// The parts of the bins whose error bars hold the truth, at 68 % and 95 %.
#[derive(Default)]
struct Coverage {
    bins: f64,
    of_68: f64,
    of_95: f64,
}

/// Fits 200 draws of noise in the optical band, and checks every method and emitter.
fn check(methods: &str, settings: &[&str]) -> Checked {
    let methods = format!("fit.methods={methods}");
    let study = [
        "study.trials=200",
        "study.noise_levels=[0.02]",
        "fit.bins=5-37",
        "simulate.records=600",
        &methods,
    ];
    let run = Run::local_done(&[&study, settings].concat())?;
    let mut sums: BTreeMap<(String, String), Coverage> = BTreeMap::new();
    for row in run.table("errors.csv")? {
        let number = |row: &Row, column: &str| -> Checked<f64> { Ok(row[column].parse()?) };
        let bins = number(&row, "bins")?;
        let sum = sums.entry((row["method"].clone(), row["emitter"].clone())).or_default();
        sum.bins += bins;
        sum.of_68 += bins * number(&row, "coverage_68")?;
        sum.of_95 += bins * number(&row, "coverage_95")?;
    }
    assert_eq!(sums.len() % 7, 0, "every emitter of every method");
    for ((method, emitter), sum) in sums {
        // 6,600 bins: the standard error of the 68 % is 0.6 points.
        assert_eq!(sum.bins, 6600.0, "{method}, {emitter}");
        let (of_68, of_95) = (sum.of_68 / sum.bins, sum.of_95 / sum.bins);
        println!("{method}, {emitter}: {of_68:.4} {of_95:.4}");
        let honest = (of_68 - 0.68).abs() <= POINTS && (of_95 - 0.95).abs() <= POINTS;
        assert!(honest, "{method}, {emitter}: {of_68:.3} and {of_95:.3}");
    }
    Ok(())
}

#[test]
fn of_weighted_least_squares() -> Checked {
    check(r#"["wls","wls+kirchhoff"]"#, &[])
}

/// The prior is what the simulation draws the errors of its model from.
#[test]
fn of_the_prior() -> Checked {
    check(r#"["map","map+kirchhoff"]"#, &["simulate.model_error=0.1"])
}

#[test]
fn of_huber_with_gross_outliers() -> Checked {
    check(r#"["huber"]"#, &["simulate.glitch_fraction=0.05"])
}
