//! Methods that solve the same problem find the same minimum: the truth of noise-free data, and,
//! on a calibration set, an objective that no search gets below.

use std::path::Path;

use crate::support::solution::{CONVERGED, Run, Worst, band_of, difference};
use crate::support::{Trial, no_scipy, python, required, shared, trial_unless};
use libtest_mimic::Failed;
use otfhpc::science::fit::methods;

const CALIBRATION_SET: &str = "cal.npz";
/// Their minimum is not that of the residual, by intent.
const REGULARISED: [&str; 4] = ["ridge", "tsvd", "map", "smooth"];
/// It weighs data against priors, and so must know the noise: without any it says so.
const OF_KNOWN_NOISE: &str = "joint";
/// They walk towards the minimum, and stop near it.
const SEARCHES: [&str; 3] = ["lbfgs", "warm_start", "nelder_mead"];

pub(crate) fn trials() -> Vec<Trial> {
    let no_data = || shared(CALIBRATION_SET).is_none().then(|| format!("needs {CALIBRATION_SET}"));
    vec![
        trial_unless(None, "noise_free_data_give_the_truth_by_every_method", noise_free),
        trial_unless(
            no_data().or_else(no_scipy),
            "no_search_gets_below_the_exact_methods",
            no_search_gets_below,
        ),
    ]
}

/// A new method is asked too, without being named here.
fn noise_free() -> Result<(), Failed> {
    let is_asked = |name: &&str| !REGULARISED.contains(name) && *name != OF_KNOWN_NOISE;
    let names = methods().iter().map(|method| method.info.name).filter(is_asked);
    let list = names.map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(",");
    let (methods, free) = (format!("fit.methods=[{list}]"), "study.noise_levels=[0]");
    for constraint in ["none", "kirchhoff"] {
        let imposed = format!("fit.constraint={constraint}");
        let run = Run::local_done(&[&methods, free, &imposed, "fit.bins=3-40"])?;
        let solution = run.solution()?;
        let truth = solution.truth_of(0)?;
        let band = band_of(truth);
        assert!(band.len() > 30 && band.iter().all(|bin| (3..=40).contains(bin)), "{band:?}");
        for row in run.table("configurations.csv")? {
            let (configuration, method) = (row["configuration"].parse()?, &row["method"]);
            for &bin in &band {
                let status = solution.status[[configuration, bin]];
                assert_eq!(status, CONVERGED, "{method}, {constraint}, bin {bin}");
            }
            let found = solution.emissivity_of(configuration);
            let worst = Worst::of(&band, |bin| difference(found.row(bin), truth.row(bin)));
            let allowed = if SEARCHES.contains(&method.as_str()) { 1e-4 } else { 1e-6 };
            println!("{method}, {constraint}: {worst:?}");
            worst.check(&format!("{method}, {constraint}"), allowed)?;
        }
    }
    Ok(())
}

/// The program in `scripts/methods` as a method.
fn program(name: &str) -> Result<String, Failed> {
    let python = python().ok_or("there is no Python")?;
    let script = format!("{}/scripts/methods/{name}.py", env!("CARGO_MANIFEST_DIR"));
    assert!(Path::new(&script).is_file(), "{script}");
    Ok(format!("{{name=\"{name}\",command=[\"{}\",\"{script}\"]}}", python.display()))
}

fn no_search_gets_below() -> Result<(), Failed> {
    const EXACT: [&str; 3] = ["wls", "levenberg_marquardt", "scipy_lstsq"];
    const SEARCHES: [&str; 4] = ["lbfgs", "nelder_mead", "warm_start", "scipy_lbfgsb"];
    let path = format!("data.path={}", required(CALIBRATION_SET)?.display());
    let programs = format!("method=[{},{}]", program("scipy_lstsq")?, program("scipy_lbfgsb")?);
    let quoted = |names: &[&str]| names.iter().map(|n| format!("\"{n}\"")).collect::<Vec<_>>();
    let methods =
        format!("fit.methods=[{}]", [quoted(&EXACT), quoted(&SEARCHES)].concat().join(","));
    for constraint in ["none", "kirchhoff"] {
        let imposed = format!("fit.constraint={constraint}");
        let settings = ["data.source=npz", &path, "data.sigma=0.02", &programs, &methods, &imposed];
        // 1: SciPy's search gives up at a few bins.
        let run = Run::local(&settings)?;
        assert!(matches!(run.code(), Some(0 | 1)), "{}", run.stderr());
        let solution = run.solution()?;
        let rss_of = |method: &str| -> Result<Vec<f64>, Failed> {
            let configuration = run.configuration(&[("method", method)])?;
            let rss = solution.rss.row(configuration).to_vec();
            // Bin 0 has no signal; a value that is NaN would compare as nothing.
            assert!(rss[1..].iter().all(|rss| rss.is_finite()), "{method}");
            Ok(rss)
        };
        for exact in EXACT {
            let least = rss_of(exact)?;
            for search in SEARCHES {
                let found = rss_of(search)?;
                for bin in 1..found.len() {
                    let above = found[bin] / least[bin] - 1.0;
                    assert!(above >= -1e-9, "{exact}, {search}, bin {bin}: {above:e}");
                }
            }
        }
    }
    Ok(())
}
