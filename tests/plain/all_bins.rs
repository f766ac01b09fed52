//! What is fitted of a bin does not depend on bins that say nothing of it: with all 257 bins, up to
//! 4.3 THz, where a fit finds 1e47 for the emissivity of the bolometer, the band is as it is alone.

use crate::support::solution::{Checked, Run, Solution, band_of};
use otfhpc::foundations::numerics::math::modulus;

/// All bins of the band but seven at either edge.
const INNER: std::ops::RangeInclusive<usize> = 12..=29;
/// The band without its first bin.
const BAND: std::ops::RangeInclusive<usize> = 5..=37;

/// The solutions of some bins, of a method.
fn fitted(method: &str, bins: &str) -> Checked<Solution> {
    let (method, bins) = (format!("fit.methods=[\"{method}\"]"), format!("fit.bins={bins}"));
    Run::local_done(&[&method, &bins, "study.noise_levels=[0.02]"])?.solution()
}

/// The largest difference over some bins and all emitters, in error bars, and that of the error
/// bars, relative.
fn difference(a: &Solution, b: &Solution, bins: impl Iterator<Item = usize>) -> (f64, f64) {
    let mut worst = (0.0f64, 0.0f64);
    for (bin, emitter) in bins.flat_map(|bin| (0..7).map(move |i| (bin, i))) {
        let place = [0, bin, emitter];
        let (sigma, other) = (a.sigma[place], b.sigma[place]);
        assert!(sigma > 0.0 && other > 0.0, "bin {bin}, emitter {emitter}: {sigma} {other}");
        let step = modulus(a.emissivity[place] - b.emissivity[place]) / sigma;
        worst = (worst.0.max(step), worst.1.max((other / sigma - 1.0).abs()));
    }
    worst
}

/// Smoothing ties a bin to all others, but what they say of it fades. Bins above the band, where
/// nothing determines the bolometer, change nothing. Those next to it, where all emissivities are
/// zero and found to be so, are information: the truth bends there, so that the last bins move by
/// an error bar or so, those three bins away by 0.23 of one, and those seven away by 0.03.
#[test]
fn smoothing_is_not_disturbed_by_bins_that_determine_nothing() -> Checked {
    let [band, some, all] = ["5-37", "1-60", "all"].map(|bins| fitted("smooth", bins));
    let (band, some, all) = (band?, some?, all?);
    let (steps, sigmas) = difference(&some, &all, BAND);
    println!("1-60 and all: {steps:.1e} {sigmas:.1e}");
    assert!(steps < 0.01 && sigmas < 0.01, "1-60 and all: {steps} {sigmas}");
    let (steps, sigmas) = difference(&band, &all, INNER);
    println!("5-37 and all: {steps:.1e} {sigmas:.1e}");
    assert!(steps < 0.05 && sigmas < 0.01, "5-37 and all: {steps} {sigmas}");
    let (steps, sigmas) = difference(&band, &all, BAND);
    assert!(steps < 2.0 && sigmas < 0.5, "the edges: {steps} {sigmas}");
    // It is still of use: without the prior, the bolometer is lost at the upper edge.
    let without = fitted("wls", "all")?;
    let error = |solution: &Solution| -> Checked<f64> {
        let truth = solution.truth_of(0)?.to_owned();
        let square = |bin: usize| (solution.emissivity[[0, bin, 6]] - truth[[bin, 6]]).norm_sqr();
        Ok((BAND.map(square).sum::<f64>()
            / BAND.map(|bin| truth[[bin, 6]].norm_sqr()).sum::<f64>())
        .sqrt())
    };
    let (alone, smooth, plain) = (error(&band)?, error(&all)?, error(&without)?);
    println!("bolometer: {alone} alone, {smooth} with all bins, {plain} by wls");
    assert!(smooth < 1.2 * alone && smooth < 0.3 * plain, "{alone} {smooth} {plain}");
    Ok(())
}

/// Below the band of a high channel, where nothing shines, cold bodies are known best; in the band the
/// collimator and the bolometer are lost but at its lower edge. The errors of what is smoothed are
/// as large as it says, or smaller, since the truth bends less there than the prior allows.
#[test]
fn smoothing_a_high_channel_with_all_bins_errs_by_what_it_says() -> Checked {
    for constraint in ["fit.constraint=none", "fit.constraint=kirchhoff"] {
        let study =
            ["fit.methods=[\"smooth\"]", "data.sets=[\"rhss\"]", "study.noise_levels=[0.02]"];
        let solution = Run::local_done(&[&study[..], &[constraint]].concat())?.solution()?;
        let truth = solution.truth_of(0)?.to_owned();
        let band = band_of(truth.view());
        assert!(band.len() > 100, "{band:?}");
        for emitter in 0..7 {
            let square = |bin: &usize| {
                let error = solution.emissivity[[0, *bin, emitter]] - truth[[*bin, emitter]];
                (error / solution.sigma[[0, *bin, emitter]]).norm_sqr()
            };
            let rms = (band.iter().map(square).sum::<f64>() / band.len() as f64).sqrt();
            println!("{constraint}, emitter {emitter}: {rms:.3}");
            assert!((0.1..1.3).contains(&rms), "{constraint}, emitter {emitter}: {rms}");
        }
    }
    Ok(())
}

/// A search that starts from the bin before it ends at the same minimum, to what it leaves; a prior
/// of each bin alone gives the same bits.
#[test]
fn other_methods_do_not_look_further_either() -> Checked {
    for (method, allowed) in [("map", 0.0), ("warm_start", 1e-3)] {
        let (band, all) = (fitted(method, "5-37")?, fitted(method, "all")?);
        let (steps, sigmas) = difference(&band, &all, BAND);
        assert!(steps <= allowed && sigmas <= allowed, "{method}: {steps} {sigmas}");
    }
    Ok(())
}
