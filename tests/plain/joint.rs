//! The joint fit on simulated campaigns, as a user runs it: what comes out, and what is refused.

use crate::support::program::{SMALL, otfhpc, text};
use crate::support::solution::{Checked, Row, Run};
use tempfile::tempdir;

/// Three biases, a bolometer that is off by its prior, and as much noise as in flight.
const CAMPAIGN: [&str; 8] = [
    "simulate.records=240",
    "simulate.plateau_records=8",
    "simulate.biases=[25,35,45]",
    "simulate.bolometer_error=0.01",
    "simulate.corrections={xcal_offset_k=-1.5e-3,h2=1e-3,h3=-1e-3}",
    "study.noise_levels=[2]",
    "fit.bins=4-37",
    "fit.constraint=kirchhoff",
];
const JOINT: &str = "fit.methods=[\"joint\"]";

fn run(more: &[&str]) -> Checked<Run> {
    Run::local_done(&[&CAMPAIGN[..], &[JOINT], more].concat())
}

fn number(row: &Row, column: &str) -> Checked<f64> {
    let text = row.get(column).ok_or_else(|| format!("no column {column}"))?;
    Ok(text.parse().map_err(|_| format!("{column} is `{text}`"))?)
}

/// A column of the parameters of one data set, by their names.
fn parameters(run: &Run, set: &str, column: &str) -> Checked<Vec<(String, f64)>> {
    let rows = run.table("parameters.csv")?;
    let of_set = rows.iter().filter(|row| row["data_set"] == set);
    of_set.map(|row| Ok((row["parameter"].clone(), number(row, column)?))).collect()
}

fn of(parameters: &[(String, f64)], name: &str) -> Checked<f64> {
    let found = parameters.iter().find(|(known, _)| known == name);
    Ok(found.ok_or_else(|| format!("no {name} in {parameters:?}"))?.1)
}

#[test]
fn data_sets_of_one_channel_share_bolometer_and_thermometers() -> Checked {
    let sets = "data.sets=[\"llss\",\"llsf\"]";
    let together = "fit.options.joint.together=[\"llss\",\"llsf\"]";
    let run = run(&[sets, together])?;
    let (ss, sf) = (parameters(&run, "llss", "value")?, parameters(&run, "llsf", "value")?);
    assert_eq!(ss, sf, "one fit, told of both");
    for name in ["bolometer_j0", "xcal_offset", "ical_drift_offset", "refhorn_offset"] {
        of(&ss, name)?;
    }
    // Harmonics and vibrations are those of a scan mode.
    for name in ["h2_llss", "h2_llsf", "h3_llsf", "vp0_llss", "vp4_llsf"] {
        of(&ss, name)?;
    }
    assert!(!ss.iter().any(|(name, _)| name == "h2" || name.starts_with("bolometer_j0_")));
    assert!(of(&ss, "h2_llss")? != of(&ss, "h2_llsf")?);
    // Each has its truth, and is near it.
    let z = parameters(&run, "llsf", "z")?;
    let worst = z.iter().map(|(_, z)| z.abs()).fold(0.0, f64::max);
    assert!(z.len() == ss.len() && worst < 4.0, "{z:?}");
    // Both together determine more than each alone.
    let apart = self::run(&[sets])?;
    let both = parameters(&run, "llss", "sigma")?;
    for set in ["llss", "llsf"] {
        let alone = parameters(&apart, set, "sigma")?;
        for name in ["bolometer_j0", "bolometer_jg", "xcal_offset", "ical_drift_offset"] {
            let (both, alone) = (of(&both, name)?, of(&alone, name)?);
            assert!(both < 0.995 * alone, "{name}: {both} together, {alone} in {set} alone");
        }
        of(&alone, "h2")?;
    }
    let alone = |set| of(&parameters(&apart, set, "value")?, "bolometer_j0");
    assert!(alone("llss")? != alone("llsf")?);
    Ok(())
}

#[test]
fn data_sets_of_two_channels_share_thermometers() -> Checked {
    let sets = "data.sets=[\"llss\",\"rlss\"]";
    let run = run(&[sets, "fit.options.joint.together=[\"llss\",\"rlss\"]"])?;
    let (ll, rl) = (parameters(&run, "llss", "value")?, parameters(&run, "rlss", "value")?);
    assert_eq!(ll, rl, "one fit, told of both");
    assert!(of(&ll, "bolometer_j0_ll")? != of(&ll, "bolometer_j0_rl")?);
    of(&ll, "xcal_offset")?;
    let z = parameters(&run, "rlss", "z")?;
    let worst = z.iter().map(|(_, z)| z.abs()).fold(0.0, f64::max);
    assert!(z.len() == ll.len() && worst < 4.0, "{z:?}");
    Ok(())
}

#[test]
fn glitches_spoil_squares_and_leave_robust_losses_alone() -> Checked {
    let glitches = ["simulate.glitch_fraction=0.03", "study.seed=3"];
    let determined = |run: &Run| -> Checked<f64> {
        let (z, share) = (parameters(run, "llss", "z")?, parameters(run, "llss", "data_share")?);
        // The secondary vibration is asked for at bins without light: of glitches, and of noise, it is
        // told what is not so.
        let is_judged = |name: &str, share: f64| share > 0.8 && name != "vs";
        let determined =
            z.iter().zip(&share).filter(|((name, _), (_, share))| is_judged(name, *share));
        Ok(determined.map(|((_, z), _)| z.abs()).fold(0.0, f64::max))
    };
    let squares = determined(&run(&glitches)?)?;
    println!("squares: off by up to {squares:.1} sigma");
    assert!(squares > 8.0, "{squares}");
    for loss in ["huber", "student_t"] {
        let loss = format!("fit.options.joint.loss={loss}");
        let robust = determined(&run(&[&glitches[..], &[&loss]].concat())?)?;
        println!("{loss}: off by up to {robust:.1} sigma");
        assert!(robust < 4.0, "{loss}: {robust}");
    }
    Ok(())
}

/// Without glitches a robust loss costs next to nothing.
#[test]
fn robust_losses_are_efficient() -> Checked {
    let least = parameters(&run(&[])?, "llss", "sigma")?;
    for loss in ["huber", "student_t"] {
        let set = format!("fit.options.joint.loss={loss}");
        let robust = parameters(&run(&[&set])?, "llss", "sigma")?;
        for ((name, least), (_, robust)) in least.iter().zip(&robust) {
            let ratio = robust / least;
            assert!((0.99..1.1).contains(&ratio), "{loss}, {name}: {ratio}");
        }
    }
    Ok(())
}

#[test]
fn every_record_may_have_temperatures_of_its_own() -> Checked {
    let free = "fit.options.joint.free=[\"bolometer\",\"xcal_offset\",\"harmonics\",\
                \"plateau_temperatures\"]";
    // One record a plateau, so that both ways mean the same; each reads with an error.
    let common = [
        "simulate.records=300",
        "simulate.plateau_records=1",
        "simulate.plateau_error_k=1e-3",
        "fit.bins=4-37",
        free,
    ];
    let plateaus = run(&common)?;
    let records = run(&[&common[..], &["fit.options.joint.plateau=record"]].concat())?;
    let of_records = parameters(&records, "llss", "value")?;
    let of_plateaus = parameters(&plateaus, "llss", "value")?;
    let count = |all: &[(String, f64)], start: &str| {
        all.iter().filter(|(name, _)| name.starts_with(start)).count()
    };
    assert_eq!(count(&of_records, "record_"), 1200);
    assert_eq!(count(&of_plateaus, "plateau_"), 1200);
    let renamed: Vec<(String, f64)> = of_plateaus
        .iter()
        .map(|(name, value)| (name.replacen("plateau_", "record_", 1), *value))
        .collect();
    assert_eq!(of_records, renamed);
    let z = parameters(&plateaus, "llss", "z")?;
    let of_errors: Vec<f64> =
        z.iter().filter(|(name, _)| name.starts_with("plateau_")).map(|(_, z)| z * z).collect();
    let rms = (of_errors.iter().sum::<f64>() / of_errors.len() as f64).sqrt();
    println!("rms z of 1200 temperatures {rms:.3}");
    assert!((0.93..1.07).contains(&rms), "{rms}");
    Ok(())
}

/// Data without noise, in a file, taken to have some: with nothing to correct the shared parameters stay
/// where they are, and the emissivities are those of `wls`.
#[test]
fn where_nothing_is_to_be_corrected_it_is_wls() -> Checked {
    let folder = tempdir()?;
    let file = folder.path().join("cal.npz");
    let simulate = ["simulate", "--set=study.noise_levels=[0]", "--out", text(&file)];
    let campaign = ["--set=simulate.records=240", "--set=simulate.biases=[25,35,45]"];
    otfhpc(simulate.iter().chain(&campaign)).ended(0);
    let data = format!("data.path={}", text(&file));
    let common = [
        &*data,
        "data.sigma=0.02",
        "fit.methods=[\"wls\",\"joint\"]",
        "fit.constraint=kirchhoff",
        "fit.bins=4-37",
    ];
    let fixed = "fit.options.joint.prior={bolometer=0,xcal_offset=0,ical_drift=0,offsets=0,\
                 harmonics=0,vibration=0}";
    for (more, most) in [(vec![], 1e-10), (vec![fixed], 0.0)] {
        let run = Run::local_done(&[&common[..], &more].concat())?;
        let solution = run.solution()?;
        let mut worst = 0.0f64;
        for bin in 4..=37 {
            let (wls, joint) = (solution.emissivity_of(0), solution.emissivity_of(1));
            let largest = crate::support::solution::largest(wls.row(bin));
            for (a, b) in wls.row(bin).iter().zip(joint.row(bin)) {
                worst = worst.max((a - b).norm_sqr().sqrt() / largest);
            }
        }
        println!("{more:?}: {worst:.1e}");
        assert!(worst <= most, "{more:?}: {worst}");
        for (name, pull) in parameters(&run, "llss", "value")? {
            let prior = of(&parameters(&run, "llss", "prior")?, &name)?;
            let sigma = of(&parameters(&run, "llss", "sigma")?, &name)?;
            assert!((pull - prior).abs() < 1e-3 * sigma, "{name}: {pull}, {prior}");
        }
    }
    Ok(())
}

/// With one bias most directions of the bolometer's parameters are open: no number, but a failure that
/// says which.
#[test]
fn directions_that_nothing_determines_are_a_failure() -> Checked {
    let run = Run::local(&[
        "simulate.records=240",
        "simulate.plateau_records=8",
        "study.noise_levels=[2]",
        "fit.bins=0-40",
        "fit.constraint=kirchhoff",
        JOINT,
        "fit.options.joint.prior.bolometer=none",
    ])?;
    assert_eq!(run.code(), Some(1), "{}", run.stderr());
    let failures = run.table("failures.csv")?;
    assert_eq!(failures.len(), 1, "{failures:?}");
    assert_eq!((&*failures[0]["status"], &*failures[0]["units"]), ("failed", "40"));
    let why = &failures[0]["reason"];
    println!("{why}");
    assert!(why.starts_with("the data do not determine "), "{why}");
    assert!(why.contains(" directions of the shared parameters: "), "{why}");
    assert!(why.contains(" bolometer_g1") && why.contains("fit.options.joint.prior"), "{why}");
    assert!(!run.product("parameters.csv").exists());
    assert!(run.solution()?.emissivity.iter().all(|e| e.re.is_nan()));
    Ok(())
}

#[test]
fn noise_that_is_not_known_fails_with_the_mend() -> Checked {
    let run = Run::local(&[&CAMPAIGN[..], &[JOINT, "study.noise_levels=[0]"]].concat())?;
    assert_eq!(run.code(), Some(1), "{}", run.stderr());
    let failures = run.table("failures.csv")?;
    assert_eq!(failures.iter().map(|row| number(row, "units").unwrap_or(0.0)).sum::<f64>(), 34.0);
    let why = &failures[0]["reason"];
    assert!(why.contains("the noise of llss is not known"), "{why}");
    assert!(why.contains("data.sigma") && why.contains("noise level above zero"), "{why}");
    assert!(!run.product("parameters.csv").exists());
    Ok(())
}

/// Refused before anything is planned or fitted.
#[test]
fn what_is_misspelt_is_refused_at_once() -> Checked {
    let folder = tempdir()?;
    let out = folder.path().join("results");
    for (setting, expected) in [
        ("free=bolometre", "free names `bolometre`: there is no such parameter; did you mean"),
        ("prior.xcal_ofset=1e-3", "did you mean xcal_offset?"),
        ("value.h4=0", "value names `h4`"),
        ("start.vp5=0", "start names `vp5`"),
        ("together=[\"llss\",\"lllf\"]", "names `lllf`, which is no data set of this study"),
    ] {
        for command in ["local", "plan"] {
            let set = format!("--set=fit.options.joint.{setting}");
            let ran = otfhpc(
                [command, "--out", text(&out), "--set=fit.methods=joint", &set]
                    .iter()
                    .chain(&SMALL),
            )
            .ended(2);
            assert!(ran.stderr.contains("fit.options.joint"), "{}", ran.stderr);
            assert!(ran.stderr.contains(expected), "{}", ran.stderr);
            assert!(!out.exists(), "{command} {setting}");
        }
    }
    Ok(())
}
