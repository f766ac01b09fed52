//! A few spoilt records: what they do to least squares, and what robust methods make of them.

use crate::support::solution::{Checked, Run};

/// `nrmse_mean` of `summary.csv` by emitter, of one method.
fn errors(run: &Run, method: &str) -> Checked<Vec<f64>> {
    let rows = run.table("summary.csv")?;
    let of_method = rows.iter().filter(|row| row["method"] == method);
    Ok(of_method.map(|row| row["nrmse_mean"].parse()).collect::<Result<_, _>>()?)
}

/// Glitches of 50 standard deviations in one record of twenty.
#[test]
fn robust_methods_do_not_mind_gross_outliers() -> Checked {
    let methods = r#"fit.methods=["wls","huber","tukey","student_t","lad"]"#;
    let study = [methods, "study.trials=40", "study.noise_levels=[0.02]", "fit.bins=5-37"];
    let glitches = ["simulate.glitch_fraction=0.05", "simulate.glitch_sigma=50"];
    let clean = Run::local_done(&study)?;
    let spoilt = Run::local_done(&[&study[..], &glitches].concat())?;
    let least = errors(&clean, "wls")?;
    assert_eq!(least.len(), 7);
    let worse = |method: &str| -> Checked<Vec<f64>> {
        Ok(errors(&spoilt, method)?
            .iter()
            .zip(&least)
            .map(|(error, least)| error / least)
            .collect())
    };
    let plain = worse("wls")?;
    assert!(plain.iter().all(|ratio| *ratio >= 10.0), "wls: {plain:?}");
    for method in ["huber", "tukey", "student_t", "lad"] {
        let robust = worse(method)?;
        assert!(robust.iter().all(|ratio| *ratio <= 2.0), "{method}: {robust:?}");
    }
    Ok(())
}

/// The last bin of a plain transform is real, and so is its noise: robust methods find the minimum
/// there too, which for `lad` is a corner, and their error bars are as large as the errors, which lie
/// on a line. Nothing shines there, so that what is found is the error.
#[test]
fn the_last_bin_whose_noise_is_real_is_a_bin_like_others() -> Checked {
    const TRIALS: usize = 400;
    let methods = ["wls", "huber", "tukey", "student_t", "lad"];
    let list = format!("fit.methods={methods:?}");
    let trials = format!("study.trials={TRIALS}");
    let study = [&*list, &trials, "study.noise_levels=[0.02]", "fit.bins=256"];
    // All converged, or it would not end as done.
    let run = Run::local_done(&[&study[..], &["simulate.records=300"]].concat())?;
    let solution = run.solution()?;
    for (index, method) in methods.iter().enumerate() {
        let mut squares = [0.0; 7];
        for trial in 0..TRIALS {
            for (emitter, square) in squares.iter_mut().enumerate() {
                let place = [trial * methods.len() + index, 256, emitter];
                let sigma = solution.sigma[place];
                *square += (solution.emissivity[place] / sigma).norm_sqr() / TRIALS as f64;
            }
        }
        println!("{method}: {squares:.3?}");
        // One sigma of the mean square of 400 real errors is 0.07.
        assert!(squares.iter().all(|square| (square - 1.0).abs() < 0.25), "{method}: {squares:?}");
    }
    Ok(())
}

/// The noise of every record is the same with glitches and without: only those hit differ.
#[test]
fn a_glitch_changes_nothing_but_its_record() -> Checked {
    let methods = r#"fit.methods=["wls","huber"]"#;
    let study = [methods, "simulate.records=120", "fit.bins=22", "study.noise_levels=[0.02]"];
    let none = Run::local_done(&study)?.solution()?;
    let never = ["simulate.glitch_fraction=0", "simulate.glitch_sigma=1000"];
    let same = Run::local_done(&[&study[..], &never].concat())?.solution()?;
    assert!(none.emissivity.iter().zip(&same.emissivity).all(|(a, b)| a == b || a.is_nan()));
    let some = Run::local_done(&[&study[..], &["simulate.glitch_fraction=0.05"]].concat())?;
    // One record of twenty, 50 standard deviations: chi^2 per record rises by 2500 / 20.
    let (before, after) = (none.rss[[0, 22]] / 120.0, some.solution()?.rss[[0, 22]] / 120.0);
    assert!(before < 1.5 && (20.0..300.0).contains(&after), "{before} {after}");
    Ok(())
}
