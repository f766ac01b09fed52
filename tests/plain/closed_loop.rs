//! Simulate a campaign from a known truth, fit it, and find the truth again.
//!
//! The 512-point transform can be inverted exactly, so without noise nothing but the rounding of
//! double precision stands between the truth and the fit.

use std::collections::{BTreeMap, BTreeSet};

use crate::support::solution::{
    Checked, Run, Solution, Worst, band_of, difference, largest, nrmse,
};
use ndarray::ArrayView2;
use num_complex::Complex64;
use otfhpc::foundations::numerics::ScratchVec;
use otfhpc::foundations::numerics::math::modulus;
use otfhpc::otf::study::{Config, Study};
use otfhpc::science::data::{Campaign, Draw};
use otfhpc::science::instrument::ChannelScan;

/// Every channel in every scan mode in which a calibration was taken.
const PUBLISHED_MODES: &[&str] = &[
    "rhss", "rhsf", "rhlf", "rlss", "rlsf", "rllf", "lhss", "lhsf", "lhlf", "llss", "llsf", "lllf",
];
const LONG_SLOW: &[&str] = &["rhls", "rlls", "lhls", "llls"];
const METHODS: [&str; 2] = ["ols", "wls"];
const NOISE_FREE: &str = "study.noise_levels=[0]";

/// Assignments for a campaign of 300 records.
fn campaign(sets: &[&str], assignments: &[&str]) -> Vec<String> {
    let mut all = vec![format!("data.sets={sets:?}"), "simulate.records=300".into()];
    if !assignments.iter().any(|a| a.starts_with("simulate.plateau_records")) {
        all.push("simulate.plateau_records=5".into());
    }
    all.extend(assignments.iter().map(|a| (*a).to_string()));
    all
}

fn simulate(sets: &[&str], assignments: &[&str]) -> Checked<(Run, Solution)> {
    let all = campaign(sets, assignments);
    let run = Run::local_done(&all.iter().map(String::as_str).collect::<Vec<_>>())?;
    let solution = run.solution()?;
    solution.check_not_fitted_is_nan()?;
    Ok((run, solution))
}

/// How much of the interferogram an emitter can be, [bin][emitter]: root mean square over the
/// records of gain times Planck function times the bin's largest emissivity, relative to the
/// largest of all.
///
/// Rounding leaves an error of 1e-16 or so of the whole interferogram in every bin, so what is
/// fitted of an emitter is uncertain by that over its share. In the high channels the cold bodies
/// have none: at 2900 GHz the bolometer (1.6 K at most) shines 1e-35 of a body at 20 K. No
/// arithmetic of doubles can find it again, and the unconstrained fit says so in its sigma.
fn shares(
    set: &str,
    assignments: &[&str],
    truth: ArrayView2<'_, Complex64>,
) -> Checked<Vec<Vec<f64>>> {
    let config = Config::load(None, &campaign(&[set], assignments))?;
    let set: ChannelScan = set.parse()?;
    let study = Study::new(&config)?;
    let campaign = Campaign::prepare(set, &study.recipe(&config))?;
    let bins: Vec<usize> = (0..truth.nrows()).collect();
    let realisation = campaign.realise(&Draw::of_noise(0.0, 1), &bins)?;
    let mut shares: Vec<Vec<f64>> = Vec::new();
    for &bin in &bins {
        let problem = campaign.bin_data(&realisation, bin);
        let strength = |column: &ScratchVec| {
            // The variance of a noise-free bin is 512 / |G|^2.
            let pairs = column.iter().zip(&problem.variance);
            let power = pairs.map(|(p, v)| if *p > 0.0 { p * p * 512.0 / v } else { 0.0 });
            (power.sum::<f64>() / column.len() as f64).sqrt() * largest(truth.row(bin))
        };
        shares.push(problem.design.iter().map(strength).collect());
    }
    let whole = shares.iter().flatten().copied().fold(0.0, f64::max);
    shares.iter_mut().flatten().for_each(|share| *share /= whole);
    Ok(shares)
}

/// Share of the interferogram from which on an emitter must be found within [`FOUND`].
const ENOUGH: f64 = 1e-8;
/// Error of an emissivity that counts as found, relative to the bin's largest. Measured: 8e-8.
const FOUND: f64 = 1e-6;
/// What an emitter may be off by in light, relative to the interferogram, however faint it is.
/// Measured: 1.3e-15.
const ROUNDING: f64 = 2e-14;

/// The bins of the band at which an emitter must be found: all of them in the low channels, and
/// for the bodies that are driven (2.7 to 20 K). In the high channels, those where the dihedral
/// and the collimator have a share that doubles can hold; the bolometer has none at any bin.
fn bins_to_find(set: &str, body: &str, band: &[usize], has_enough: &[bool]) -> Vec<usize> {
    let high = set[1..].starts_with('h');
    let (all, least) = match body {
        "dihedral" if high => (false, 80),
        "collimator" if high => (false, 30),
        "bolometer" if high => (false, 0),
        _ => (true, band.len()),
    };
    let bins: Vec<usize> = band.iter().copied().filter(|&bin| all || has_enough[bin]).collect();
    assert!(bins.len() >= least, "{set}: the {body} is asked for at {} bins only", bins.len());
    bins
}

/// What shines, in the order of the products.
const EMITTERS: [&str; 7] =
    ["xcal", "ical", "dihedral", "refhorn", "skyhorn", "collimator", "bolometer"];

/// Checks every emitter at every bin of the band.
fn check_loop(
    set: &str,
    found: ArrayView2<'_, Complex64>,
    truth: ArrayView2<'_, Complex64>,
    shares: &[Vec<f64>],
) -> Checked {
    let band = band_of(truth);
    let error = |bin: usize, emitter: usize| {
        modulus(found[[bin, emitter]] - truth[[bin, emitter]]) / largest(truth.row(bin))
    };
    for (emitter, body) in EMITTERS.into_iter().enumerate() {
        let light = Worst::of(&band, |bin| error(bin, emitter) * shares[bin][emitter]);
        light.check(&format!("{set}: light of the {body}"), ROUNDING)?;
        let enough: Vec<bool> = shares.iter().map(|share| share[emitter] > ENOUGH).collect();
        let bins = bins_to_find(set, body, &band, &enough);
        let worst = Worst::of(&bins, |bin| error(bin, emitter));
        worst.check(&format!("{set}: emissivity of the {body}"), FOUND)?;
    }
    Ok(())
}

fn check_loops(sets: &[&str], assignments: &[&str]) -> Checked {
    let (run, solution) = simulate(sets, assignments)?;
    for (index, set) in sets.iter().enumerate() {
        let truth = solution.truth_of(index)?;
        let shares = shares(set, assignments, truth)?;
        for method in METHODS {
            let configuration = run.configuration(&[("data_set", set), ("method", method)])?;
            let found = solution.emissivity_of(configuration);
            check_loop(set, found, truth, &shares).map_err(|e| format!("{method}: {e}"))?;
        }
    }
    Ok(())
}

#[test]
fn every_mode_closes_the_loop() -> Checked {
    check_loops(PUBLISHED_MODES, &[NOISE_FREE])?;
    check_loops(PUBLISHED_MODES, &[NOISE_FREE, "simulate.plateau_records=10"])
}

#[test]
fn every_mode_closes_the_loop_under_kirchhoff() -> Checked {
    let assignments = [NOISE_FREE, "fit.constraint=kirchhoff"];
    check_loops(PUBLISHED_MODES, &assignments)?;
    let (_, solution) = simulate(PUBLISHED_MODES, &assignments)?;
    for configuration in 0..2 * PUBLISHED_MODES.len() {
        let found = solution.emissivity_of(configuration);
        // The electronics of the low channels' short fast scans block the last two.
        let has_signal = |bin: &usize| !found[[*bin, 0]].is_nan();
        let bins: Vec<usize> = (1..found.nrows()).filter(has_signal).collect();
        assert!(bins.len() >= 254);
        let sum = |bin: usize| modulus(found.row(bin).sum()) / largest(found.row(bin));
        Worst::of(&bins, sum).check("sum over the largest", 1e-15)?;
    }
    Ok(())
}

#[test]
fn long_slow_scans_close_the_loop_with_a_peak_sample() -> Checked {
    for constraint in ["fit.constraint=none", "fit.constraint=kirchhoff"] {
        check_loops(LONG_SLOW, &[NOISE_FREE, constraint])?;
        check_loops(LONG_SLOW, &[NOISE_FREE, "instrument.peak_sample=300.25", constraint])?;
    }
    let all = campaign(LONG_SLOW, &[NOISE_FREE, "instrument.peaks=legacy"]);
    let run = Run::local(&all.iter().map(String::as_str).collect::<Vec<_>>())?;
    assert_eq!(run.code(), Some(2), "{}", run.stderr());
    let message =
        "data set rhls: the table of peaks that instrument.peaks names has none for scan mode ls";
    assert!(run.stderr().contains(message), "{}", run.stderr());
    Ok(())
}

#[test]
fn without_offset_no_baseline_is_needed() -> Checked {
    let none = ["instrument.baseline=none", "simulate.dither_counts=0"];
    check_loops(PUBLISHED_MODES, &[NOISE_FREE, none[0], none[1]])
}

/// Error of the transfer function over the band, of each set and method.
fn otf_errors(sets: &[&str], assignments: &[&str]) -> Checked<Vec<(String, f64)>> {
    let (run, solution) = simulate(sets, assignments)?;
    let mut errors = Vec::new();
    for (index, set) in sets.iter().enumerate() {
        let truth = solution.truth_of(index)?;
        for method in METHODS {
            let configuration = run.configuration(&[("data_set", set), ("method", method)])?;
            let found = solution.emissivity_of(configuration);
            let error = nrmse(found, truth, &band_of(truth))[0];
            errors.push((format!("{set} {method}"), error));
        }
    }
    Ok(errors)
}

/// What zero padding and polynomials cost, without noise: nRMSE of the transfer function.
#[derive(Clone, Copy)]
struct Cost {
    /// At least: it is a cost of the method, not rounding.
    least: f64,
    /// At most, in the low channels' short fast scans.
    low_short_fast: f64,
    /// At most, elsewhere.
    most: f64,
}

fn check_cost(assignments: &[&str], cost: Cost) -> Checked {
    for (name, error) in otf_errors(PUBLISHED_MODES, assignments)? {
        let short_fast = name[1..].starts_with("lsf");
        let most = if short_fast { cost.low_short_fast } else { cost.most };
        assert!(error > cost.least && error < most, "{name}: {error:.2e}, allowed {most:.0e}");
    }
    Ok(())
}

/// The campaign is made on 512 points, so its interferograms go round: what lies before the first
/// sample comes back at the end. Padded to 640 points, that part ends up in the wrong place, and
/// the spectrum is that of a truncated interferogram. Measured: 2e-4 to 1.4e-2 of the transfer
/// function; 4.4e-2 in the low channels' short fast scans, whose light is in few bins and whose
/// peak is at sample 90. An axis that took one length for the other would be off by about one.
#[test]
fn padding_costs_the_truncation() -> Checked {
    let padded = [NOISE_FREE, "instrument.transform_length=640"];
    check_cost(&padded, Cost { least: 1e-5, low_short_fast: 0.1, most: 3e-2 })?;
    let (_, solution) = simulate(&["llss"], &padded)?;
    let ghz: Vec<f64> = solution.frequency_ghz.iter().copied().collect();
    assert_eq!(ghz.len(), 257);
    let published = [(5, 68.020812), (6, 68.020812 + 13.604162)];
    for (bin, expected) in published {
        assert!((ghz[bin] / expected - 1.0).abs() < 1e-6, "{} is not {expected}", ghz[bin]);
    }
    Ok(())
}

/// A polynomial of degree four takes a little of the light of the lowest bins with it. Measured:
/// 8e-6 to 3e-3 of the transfer function; 3.8e-2 in the low channels' short fast scans.
#[test]
fn a_polynomial_baseline_costs_a_little_signal() -> Checked {
    let legendre = [NOISE_FREE, "instrument.baseline=legendre"];
    check_cost(&legendre, Cost { least: 1e-6, low_short_fast: 0.1, most: 1e-2 })
}

/// It takes away what the offset is, whatever it is.
#[test]
fn a_polynomial_baseline_removes_the_offset() -> Checked {
    let fit =
        |dither: &str| simulate(&["llss"], &[NOISE_FREE, "instrument.baseline=legendre", dither]);
    let (_, with) = fit("simulate.dither_counts=500")?;
    let (_, without) = fit("simulate.dither_counts=0")?;
    let band = band_of(with.truth_of(0)?);
    for configuration in 0..METHODS.len() {
        let (with, without) =
            (with.emissivity_of(configuration), without.emissivity_of(configuration));
        let worst = Worst::of(&band, |bin| difference(with.row(bin), without.row(bin)));
        worst.check("with an offset and without", 1e-7)?;
    }
    Ok(())
}

/// Rounding to counts is the only noise. Its variance (a twelfth of a count) differs between
/// records by their gains, which are low where a hot body shines: weights matter.
///
/// Measured: 7e-6 (low channels, wls) to 9e-3 (lhlf) of the transfer function.
#[test]
fn rounding_to_counts_limits_the_fit_and_weights_help() -> Checked {
    let (run, solution) = simulate(PUBLISHED_MODES, &[NOISE_FREE, "simulate.rounding=true"])?;
    for (index, set) in PUBLISHED_MODES.iter().enumerate() {
        let truth = solution.truth_of(index)?;
        let mut medians = Vec::new();
        for method in METHODS {
            let configuration = run.configuration(&[("data_set", set), ("method", method)])?;
            let found = solution.emissivity_of(configuration);
            let mut errors = nrmse(found, truth, &band_of(truth));
            assert!(errors[0] > 1e-7 && errors[0] < 3e-2, "{set} {method}: OTF {:.1e}", errors[0]);
            errors.sort_by(f64::total_cmp);
            medians.push(errors[errors.len() / 2]);
        }
        assert!(medians[1] <= medians[0], "{set}: wls {:.1e}, ols {:.1e}", medians[1], medians[0]);
    }
    Ok(())
}

/// chi2 per degree of freedom and sigma of the transfer function in the middle of the band, of
/// wls in each set.
fn chi2_and_sigma(sets: &[&str], assignments: &[&str]) -> Checked<Vec<(f64, f64)>> {
    let (run, solution) = simulate(sets, assignments)?;
    let mut found = Vec::new();
    for (index, set) in sets.iter().enumerate() {
        let band = band_of(solution.truth_of(index)?);
        let configuration = run.configuration(&[("data_set", set), ("method", "wls")])?;
        let rss: f64 = band.iter().map(|&bin| solution.rss[[configuration, bin]]).sum();
        let chi2 = rss / (band.len() * (300 - 7)) as f64;
        found.push((chi2, solution.sigma[[configuration, band[band.len() / 2], 0]]));
    }
    Ok(found)
}

/// The variance given to the fit is that of the noise: chi2 is one.
///
/// With rounding, only where white noise is there too, of a count or so: without any, the error
/// of rounding depends on the signal, and chi2 is between 0.6 and 1.4. So rounding is tested in
/// the short scans of the low channels, at a level of noise where it still makes most of sigma.
#[test]
fn the_variance_is_that_of_the_noise_and_the_rounding() -> Checked {
    let level = "study.noise_levels=[0.02]";
    for (set, (chi2, _)) in PUBLISHED_MODES.iter().zip(chi2_and_sigma(PUBLISHED_MODES, &[level])?) {
        assert!((0.95..1.05).contains(&chi2), "{set}: chi2 per degree of freedom {chi2:.3}");
    }
    let sets = ["rlss", "rlsf", "llss", "llsf"];
    let plain = chi2_and_sigma(&sets, &[level])?;
    let rounded = chi2_and_sigma(&sets, &[level, "simulate.rounding=true"])?;
    for (set, (plain, rounded)) in sets.iter().zip(plain.into_iter().zip(rounded)) {
        let (chi2, more) = (rounded.0, rounded.1 / plain.1);
        assert!((0.95..1.05).contains(&chi2), "{set}, rounded: chi2 {chi2:.3}");
        assert!(more > 1.5, "{set}: rounding makes sigma {more:.2} times as large only");
    }
    Ok(())
}

/// The bolometers of the other channels do not shine into this one: their fitted emissivities are
/// noise, of the size that sigma says.
#[test]
fn bolometers_of_other_channels_are_zero_within_sigma() -> Checked {
    let others = "data.other_bolometers=[\"rh\",\"rl\",\"lh\"]";
    let (run, solution) = simulate(&["llss"], &[others, "study.noise_levels=[1e-4]"])?;
    assert_eq!(solution.emissivity.dim(), (2, 257, 10));
    let names = run.json("summary.json")?["emitters"].to_string();
    assert!(names.ends_with(r#""bolometer_rh","bolometer_rl","bolometer_lh"]"#), "{names}");
    let band = band_of(solution.truth_of(0)?);
    for method in METHODS {
        let configuration = run.configuration(&[("method", method)])?;
        let (found, sigma) =
            (solution.emissivity_of(configuration), solution.sigma_of(configuration));
        let ratio = |bin: usize, i: usize| modulus(found[[bin, i]]) / sigma[[bin, i]];
        let ratios: Vec<f64> =
            band.iter().flat_map(|&bin| (7..10).map(move |i| ratio(bin, i))).collect();
        // Complex normal numbers: the mean of the square is one, and few are above three.
        let square = ratios.iter().map(|r| r * r).sum::<f64>() / ratios.len() as f64;
        assert!((0.6..1.6).contains(&square), "{method}: mean square {square:.2} of sigma");
        assert!(ratios.iter().all(|&r| r < 4.0), "{method}: {ratios:?}");
    }
    Ok(())
}

/// All methods see the same noise, and no two data sets, levels or trials do.
#[test]
fn noise_belongs_to_data_set_level_and_trial() -> Checked {
    let study = ["study.noise_levels=[1e-4,0.02]", "study.trials=3", "fit.bins=10-12"];
    let (run, _) = simulate(&["llss", "rhss"], &study)?;
    let rows = run.table("configurations.csv")?;
    assert_eq!(rows.len(), 2 * 2 * 3 * METHODS.len());
    let mut methods_of_key: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    let mut places_of_key: BTreeMap<&str, BTreeSet<[&str; 3]>> = BTreeMap::new();
    for row in &rows {
        let place = [&*row["data_set"], &*row["noise_level"], &*row["trial"]];
        methods_of_key.entry(&row["noise_key"]).or_default().insert(&row["method"]);
        places_of_key.entry(&row["noise_key"]).or_default().insert(place);
    }
    assert_eq!(places_of_key.len(), 12, "one key for each data set, level and trial: {rows:?}");
    assert!(places_of_key.values().all(|places| places.len() == 1), "{places_of_key:?}");
    assert!(methods_of_key.values().all(|m| *m == METHODS.into()), "{methods_of_key:?}");
    Ok(())
}
