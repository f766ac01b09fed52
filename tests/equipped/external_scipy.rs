//! The examples of external methods, which use SciPy, against our own methods.

use std::path::Path;
use std::time::Duration;

use crate::support::{Trial, no_scipy, python, trial_unless};
use libtest_mimic::Failed;
use num_complex::Complex64;
use otfhpc::foundations::numerics::math::modulus;
use otfhpc::otf::external::ExternalProgram;
use otfhpc::science::fit::{
    Constraint, Context, Deadline, OptionValues, Outcome, Problem, Registered, Solution,
    VarianceScale, external_solution, fit_bin, method,
};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};

const EMITTERS: usize = 7;
const RECORDS: usize = 60;
const BINS: [usize; 3] = [5, 6, 40];

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial_unless(no_scipy(), "scipy_lstsq_finds_what_wls_finds", lstsq),
        trial_unless(no_scipy(), "scipy_lbfgsb_comes_near_to_wls", lbfgsb),
        trial_unless(no_scipy(), "scipy_lstsq_leaves_out_what_cannot_be_solved", left_out),
    ]
}

fn lstsq() -> Result<(), Failed> {
    for scale in [VarianceScale::Absolute, VarianceScale::Relative] {
        for constraint in [Constraint::None, Constraint::Kirchhoff] {
            for (wls, found) in compare("scipy_lstsq.py", constraint, scale)? {
                let what = format!("{constraint}, {scale:?}: {found:?} instead of {wls:?}");
                assert!(distance(&wls, &found) < 1e-9, "{what}");
                let same = |(a, b): (&f64, &f64)| (a / b - 1.0).abs() < 1e-9;
                assert!(wls.sigma.iter().zip(&found.sigma).all(same), "{what}");
                assert!((found.rss / wls.rss - 1.0).abs() < 1e-9, "{what}");
            }
        }
    }
    Ok(())
}

fn lbfgsb() -> Result<(), Failed> {
    for constraint in [Constraint::None, Constraint::Kirchhoff] {
        for (wls, found) in compare("scipy_lbfgsb.py", constraint, VarianceScale::Absolute)? {
            let what = format!("{constraint}: {found:?} instead of {wls:?}");
            assert!(distance(&wls, &found) < 1e-5, "{what}");
            assert!(found.rss >= wls.rss * (1.0 - 1e-9), "{what}");
            assert!(found.sigma.iter().all(|sigma| sigma.is_nan()), "{what}");
        }
    }
    Ok(())
}

fn left_out() -> Result<(), Failed> {
    let mut campaign = Campaign::random(3);
    campaign.bins[1].design[4] = campaign.bins[1].design[2].clone();
    let outcomes = campaign
        .with(Constraint::None, VarianceScale::Absolute, |bins| run("scipy_lstsq.py", bins))?;
    assert_eq!(outcomes[1], Outcome::Failed("the program left this bin out".into()));
    solution(&outcomes[0])?;
    solution(&outcomes[2])?;
    Ok(())
}

/// What `wls` and an example find at each bin of a random problem.
fn compare(
    script: &str,
    constraint: Constraint,
    scale: VarianceScale,
) -> Result<Vec<(Solution, Solution)>, Failed> {
    let Registered { info, build } = method("wls").ok_or("there is no wls")?;
    let wls = build(&OptionValues::defaults(info));
    Campaign::random(7).with(constraint, scale, |bins| {
        let found = run(script, bins)?;
        bins.iter()
            .zip(found)
            .map(|(bin, found)| Ok((direct(&fit_bin(wls.as_ref(), bin), bin)?, solution(&found)?)))
            .collect()
    })
}

/// The solution of `wls` with its residual summed as those of external methods are.
fn direct(outcome: &Outcome, bin: &Problem) -> Result<Solution, Failed> {
    let Solution { emissivity, sigma, .. } = solution(outcome)?;
    Ok(external_solution(bin, emissivity, sigma))
}

fn solution(outcome: &Outcome) -> Result<Solution, Failed> {
    match outcome {
        Outcome::Converged(solution) => Ok(solution.clone()),
        other => Err(format!("not converged: {other:?}").into()),
    }
}

/// The largest difference of two emissivities, of the largest emissivity.
fn distance(a: &Solution, b: &Solution) -> f64 {
    let largest = a.emissivity.iter().copied().map(modulus).fold(0.0, f64::max);
    let differences = a.emissivity.iter().zip(&b.emissivity).map(|(a, b)| modulus(a - b));
    differences.fold(0.0, f64::max) / largest
}

/// Runs an example in the folder of the project, as a study does.
fn run(script: &str, bins: &[Problem]) -> Result<Vec<Outcome>, Failed> {
    let python = python().ok_or("there is no Python: set OTFHPC_TEST_PYTHON")?;
    let python = python.to_str().ok_or("the path of Python is not text")?;
    let logs = tempfile::tempdir()?;
    let program = ExternalProgram {
        name: script.to_owned(),
        command: vec![python.to_owned(), format!("scripts/methods/{script}")],
        timeout: Duration::from_secs(300),
    };
    Ok(program.fit(bins, &logs.path().join(Path::new(script).with_extension(""))))
}

/// The arrays of some bins.
struct Campaign {
    bins: Vec<Bin>,
    temperatures: Vec<Vec<f64>>,
    plateaus: Vec<usize>,
}

/// The arrays of one bin.
struct Bin {
    design: Vec<Vec<f64>>,
    data: Vec<Complex64>,
    variance: Vec<f64>,
}

impl Campaign {
    fn random(seed: u64) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut number = || (rng.next_u64() >> 11) as f64 / (1_u64 << 53) as f64;
        Self {
            bins: BINS.iter().map(|_| Bin::random(&mut number)).collect(),
            temperatures: vec![vec![2.7; RECORDS]; EMITTERS],
            plateaus: (0..RECORDS).map(|record| record / 5).collect(),
        }
    }

    fn with<T>(
        &self,
        constraint: Constraint,
        scale: VarianceScale,
        f: impl FnOnce(&[Problem]) -> T,
    ) -> T {
        let designs: Vec<Vec<&[f64]>> = self.bins.iter().map(Bin::columns).collect();
        let problem = |index: usize| Problem {
            design: &designs[index],
            data: &self.bins[index].data,
            variance: &self.bins[index].variance,
            scale,
            constraint,
            context: Context {
                bin: BINS[index],
                is_blocked: false,
                frequency_hz: 13.6e9 * BINS[index] as f64,
                temperatures: &self.temperatures,
                plateaus: &self.plateaus,
                model: None,
                deadline: Deadline::NONE,
            },
            shared: None,
        };
        f(&(0..self.bins.len()).map(problem).collect::<Vec<_>>())
    }
}

impl Bin {
    /// Columns over two orders of magnitude, as those of warm and cold bodies.
    fn random(number: &mut impl FnMut() -> f64) -> Self {
        let size = [100.0, 30.0, 10.0, 10.0, 3.0, 3.0, 1.0];
        let design: Vec<Vec<f64>> = size
            .iter()
            .map(|size| (0..RECORDS).map(|_| size * (0.2 + 2.0 * number())).collect())
            .collect();
        let mut truth: Vec<Complex64> =
            (1..EMITTERS).map(|_| Complex64::new(number() - 0.5, number() - 0.5)).collect();
        truth.push(-truth.iter().sum::<Complex64>());
        let variance: Vec<f64> = (0..RECORDS).map(|_| 1e-4 * (0.1 + number())).collect();
        let measured = |j: usize| {
            let signal: Complex64 = truth.iter().zip(&design).map(|(e, p)| e * p[j]).sum();
            signal + Complex64::new(number() - 0.5, number() - 0.5) * variance[j].sqrt()
        };
        let data = (0..RECORDS).map(measured).collect();
        Self { design, data, variance }
    }

    fn columns(&self) -> Vec<&[f64]> {
        self.design.iter().map(|column| &column[..]).collect()
    }
}
