//! Runs the program in a folder of its own, and reads and compares what it leaves.

use std::collections::BTreeMap;
use std::error::Error;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use ndarray::{Array2, Array3, ArrayD, ArrayView1, ArrayView2};
use ndarray_npy::NpzReader;
use num_complex::Complex64;
use otfhpc::foundations::numerics::math::modulus;

/// What a test returns: the harness prints the error.
pub(crate) type Checked<T = ()> = Result<T, Box<dyn Error>>;

/// One row of a table, by the names of its columns.
pub(crate) type Row = BTreeMap<String, String>;

/// A finished run of the program, and the temporary folder that it ran in.
pub(crate) struct Run {
    folder: tempfile::TempDir,
    output: Output,
}

impl Run {
    /// Runs `otfhpc local` with these `--set` assignments, on two threads.
    ///
    /// It runs in the folder `checkout` beside `shared`, as a user's would, so that paths such as
    /// `../shared/data/cal.npz` stand for the same files; the results go to `results`.
    pub(crate) fn local(assignments: &[&str]) -> Checked<Self> {
        let folder = tempfile::tempdir()?;
        let checkout = folder.path().join("checkout");
        std::fs::create_dir(&checkout)?;
        let shared = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared");
        if let Ok(shared) = shared.canonicalize() {
            std::os::unix::fs::symlink(shared, folder.path().join("shared"))?;
        }
        let mut command = Command::new(env!("CARGO_BIN_EXE_otfhpc"));
        command.arg("local").current_dir(checkout);
        for assignment in assignments {
            command.args(["--set", assignment]);
        }
        let ours = |name: &str| name.starts_with("SLURM_") || name.starts_with("OTFHPC_");
        for (name, _) in std::env::vars().filter(|(name, _)| ours(name)) {
            command.env_remove(name);
        }
        let output = command.env("OTFHPC_THREADS", "2").output()?;
        Ok(Self { folder, output })
    }

    /// The same, for a run that must end with exit code 0.
    pub(crate) fn local_done(assignments: &[&str]) -> Checked<Self> {
        let run = Self::local(assignments)?;
        match run.code() {
            Some(0) => Ok(run),
            code => Err(format!("{assignments:?} ended with {code:?}: {}", run.stderr()).into()),
        }
    }

    pub(crate) fn code(&self) -> Option<i32> {
        self.output.status.code()
    }

    pub(crate) fn stdout(&self) -> String {
        String::from_utf8_lossy(&self.output.stdout).into_owned()
    }

    pub(crate) fn stderr(&self) -> String {
        String::from_utf8_lossy(&self.output.stderr).into_owned()
    }

    /// The path of a file of the results.
    pub(crate) fn product(&self, name: &str) -> PathBuf {
        self.folder.path().join("checkout/results").join(name)
    }

    pub(crate) fn json(&self, name: &str) -> Checked<serde_json::Value> {
        Ok(serde_json::from_reader(File::open(self.product(name))?)?)
    }

    /// The rows of a table of the results.
    pub(crate) fn table(&self, name: &str) -> Checked<Vec<Row>> {
        let mut reader = csv::Reader::from_path(self.product(name))?;
        Ok(reader.deserialize().collect::<Result<_, _>>()?)
    }

    /// The index of the only configuration whose row has all of these values.
    pub(crate) fn configuration(&self, values: &[(&str, &str)]) -> Checked<usize> {
        let rows = self.table("configurations.csv")?;
        let has = |row: &Row| {
            values.iter().all(|(column, value)| row.get(*column).is_some_and(|v| v == value))
        };
        let mut found = (0..rows.len()).filter(|&index| has(&rows[index]));
        match (found.next(), found.next()) {
            (Some(index), None) => Ok(index),
            _ => Err(format!("not exactly one configuration with {values:?}: {rows:?}").into()),
        }
    }

    pub(crate) fn solution(&self) -> Checked<Solution> {
        Solution::read(&self.product("solution.npz"))
    }
}

/// The arrays of `solution.npz`.
pub(crate) struct Solution {
    /// [configuration, bin, emitter].
    pub(crate) emissivity: Array3<Complex64>,
    /// [configuration, bin, emitter].
    pub(crate) sigma: Array3<f64>,
    /// [configuration, bin].
    pub(crate) rss: Array2<f64>,
    /// [configuration, bin].
    pub(crate) condition: Array2<f64>,
    /// [configuration, bin].
    pub(crate) status: Array2<u8>,
    /// [bin], or [data set, bin] where there are several.
    pub(crate) frequency_ghz: ArrayD<f64>,
    /// [data set, bin, emitter], for simulated data.
    pub(crate) truth: Option<Array3<Complex64>>,
}

impl Solution {
    fn read(path: &Path) -> Checked<Self> {
        let mut archive = NpzReader::new(File::open(path)?)?;
        let has_truth = archive.names()?.iter().any(|name| name == "truth");
        Ok(Self {
            emissivity: archive.by_name("emissivity")?,
            sigma: archive.by_name("sigma")?,
            rss: archive.by_name("rss")?,
            condition: archive.by_name("condition")?,
            status: archive.by_name("status")?,
            frequency_ghz: archive.by_name("frequency_ghz")?,
            truth: if has_truth { Some(archive.by_name("truth")?) } else { None },
        })
    }

    /// [bin, emitter] of one configuration.
    pub(crate) fn emissivity_of(&self, configuration: usize) -> ArrayView2<'_, Complex64> {
        self.emissivity.index_axis(ndarray::Axis(0), configuration)
    }

    /// [bin, emitter] of one configuration.
    pub(crate) fn sigma_of(&self, configuration: usize) -> ArrayView2<'_, f64> {
        self.sigma.index_axis(ndarray::Axis(0), configuration)
    }

    /// [bin, emitter] of one data set.
    pub(crate) fn truth_of(&self, set: usize) -> Checked<ArrayView2<'_, Complex64>> {
        let truth = self.truth.as_ref().ok_or("solution.npz has no truth")?;
        Ok(truth.index_axis(ndarray::Axis(0), set))
    }

    /// Fails unless each value is a number where something was fitted and NaN everywhere else.
    pub(crate) fn check_not_fitted_is_nan(&self) -> Checked {
        for ((configuration, bin), &status) in self.status.indexed_iter() {
            let emissivity = self.emissivity_of(configuration);
            let emissivity = emissivity.row(bin);
            let mut values: Vec<f64> = emissivity.iter().flat_map(|e| [e.re, e.im]).collect();
            values.extend(self.sigma_of(configuration).row(bin));
            values.extend([self.rss[[configuration, bin]], self.condition[[configuration, bin]]]);
            let sound = match status {
                CONVERGED => values.iter().all(|value| value.is_finite()),
                _ => values.iter().all(|value| value.is_nan()),
            };
            if !sound {
                let place = format!("configuration {configuration}, bin {bin}");
                return Err(format!("{place}: status {status}, but {values:?}").into());
            }
        }
        Ok(())
    }
}

/// Status code of a bin that was fitted.
pub(crate) const CONVERGED: u8 = 0;
/// Status code of a bin at which every Planck function is zero.
pub(crate) const NO_SIGNAL: u8 = 3;
/// Status code of a bin that was not asked for.
pub(crate) const NOT_SELECTED: u8 = 255;

/// A difference and the bin that it was found at.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Worst {
    pub(crate) error: f64,
    pub(crate) bin: usize,
}

impl Worst {
    /// The largest of the errors of some bins; infinite where one is NaN.
    pub(crate) fn of(bins: &[usize], error: impl Fn(usize) -> f64) -> Self {
        let mut worst = Self { error: 0.0, bin: bins.first().copied().unwrap_or(0) };
        for &bin in bins {
            let error = Some(error(bin)).filter(|e| !e.is_nan()).unwrap_or(f64::INFINITY);
            if error > worst.error {
                worst = Self { error, bin };
            }
        }
        worst
    }

    /// Fails unless the error is within `tolerance`.
    pub(crate) fn check(self, what: &str, tolerance: f64) -> Checked {
        let Self { error, bin } = self;
        if error <= tolerance {
            return Ok(());
        }
        Err(format!("{what}: off by {error:.2e} at bin {bin}; allowed are {tolerance:.0e}").into())
    }
}

/// The largest modulus.
pub(crate) fn largest(values: ArrayView1<'_, Complex64>) -> f64 {
    values.iter().map(|&value| modulus(value)).fold(0.0, f64::max)
}

/// The largest difference of a bin, relative to the bin's largest expected value; NaN if any
/// difference is.
pub(crate) fn difference(
    found: ArrayView1<'_, Complex64>,
    expected: ArrayView1<'_, Complex64>,
) -> f64 {
    if found.len() != expected.len() {
        return f64::NAN;
    }
    let differences = found.iter().zip(expected).map(|(f, e)| modulus(f - e));
    // Not f64::max, which prefers a number to NaN.
    let worst = differences.fold(0.0, |a: f64, b| if a > b || a.is_nan() { a } else { b });
    worst / largest(expected)
}

/// The largest relative difference of real numbers; NaN if any is.
pub(crate) fn relative_difference(
    found: ArrayView1<'_, f64>,
    expected: ArrayView1<'_, f64>,
) -> f64 {
    if found.len() != expected.len() {
        return f64::NAN;
    }
    let differences = found.iter().zip(expected).map(|(f, e)| (f - e).abs() / e.abs());
    differences.fold(0.0, |a: f64, b| if a > b || a.is_nan() { a } else { b })
}

/// The bins at which any emitter of the truth is not zero.
pub(crate) fn band_of(truth: ArrayView2<'_, Complex64>) -> Vec<usize> {
    (0..truth.nrows()).filter(|&bin| largest(truth.row(bin)) > 0.0).collect()
}

/// Root mean square error of each emitter over that of the truth, over some bins.
pub(crate) fn nrmse(
    found: ArrayView2<'_, Complex64>,
    truth: ArrayView2<'_, Complex64>,
    bins: &[usize],
) -> Vec<f64> {
    let of_emitter = |emitter: usize| {
        let sum = |f: &dyn Fn(usize) -> f64| bins.iter().map(|&bin| f(bin)).sum::<f64>();
        let error = sum(&|bin| (found[[bin, emitter]] - truth[[bin, emitter]]).norm_sqr());
        (error / sum(&|bin| truth[[bin, emitter]].norm_sqr())).sqrt()
    };
    (0..truth.ncols()).map(of_emitter).collect()
}
