//! What a program leaves: emissivities for some or all of its bins.

use std::path::Path;

use ndarray::{ArrayD, Axis};
use num_complex::Complex64;

use super::explain::explain;
use super::folder::OUTPUT;
use crate::foundations::npz::{NpzFile, SourceType, python_shape};
use crate::foundations::numerics::math::modulus;
use crate::process::{one_line, start};
use crate::science::fit::{Constraint, Outcome, Problem, external_solution};

/// Longest output that is read: some hundred times what is asked for.
const MOST_BYTES: u64 = 1 << 30;
/// The emissivities of a Kirchhoff fit may sum to this much of the largest.
const KIRCHHOFF_TOLERANCE: f64 = 1e-6;

/// Reads what a program left at `path` for these bins, and judges it: one outcome a bin.
///
/// # Errors
/// If it makes no sense as a whole: the reason, in one line.
pub(super) fn read(path: &Path, bins: &[Problem]) -> Result<Vec<Outcome>, String> {
    let read = NpzFile::open_stranger(path, MOST_BYTES).map_err(|error| explain(&error));
    let answer = read.and_then(|file| ProgramOutput::read(file, bins));
    // Names of arrays and types come from the file: they may be long, and hold anything.
    let answer = answer.map_err(|reason| start(&one_line(&reason)))?;
    Ok((0..bins.len()).map(|index| answer.outcome(&bins[index], index)).collect())
}

/// The arrays that a program left, of shapes that fit.
#[derive(Debug)]
struct ProgramOutput {
    /// For each bin of the input, the row that is for it.
    row: Vec<Option<usize>>,
    /// `[row, emitter]`.
    emissivity: ArrayD<Complex64>,
    /// `[row, emitter]`.
    sigma: Option<ArrayD<f64>>,
    /// `[row]`, zero for false.
    converged: Option<ArrayD<f64>>,
}

impl ProgramOutput {
    fn read(mut file: NpzFile, bins: &[Problem]) -> Result<Self, String> {
        let numbers =
            if file.contains("bin") { Some(whole_numbers(&mut file, "bin")?) } else { None };
        let row = rows(numbers.as_ref(), bins)?;
        let rows = numbers.map_or(bins.len(), |numbers| numbers.len());
        let emitters = bins.first().map_or(0, |bin| bin.design.len());

        let emissivity = file.array_complex("emissivity").map_err(|error| explain(&error))?;
        check_shape("emissivity", emissivity.shape(), &[rows, emitters], "[bin, emitter]")?;
        let sigma = if file.contains("sigma") {
            Some(file.array_f64("sigma").map_err(|error| explain(&error))?.0)
        } else {
            None
        };
        if let Some(sigma) = &sigma {
            check_shape("sigma", sigma.shape(), &[rows, emitters], "[bin, emitter]")?;
        }
        let converged = if file.contains("converged") {
            Some(whole_numbers(&mut file, "converged")?)
        } else {
            None
        };
        if let Some(converged) = &converged {
            check_shape("converged", converged.shape(), &[rows], "[bin]")?;
        }
        Ok(Self { row, emissivity, sigma, converged })
    }

    /// What it says of the bin with this index.
    fn outcome(&self, problem: &Problem, index: usize) -> Outcome {
        let Some(row) = self.row[index] else {
            return Outcome::Failed("the program left this bin out".to_owned());
        };
        let emissivity: Vec<_> = self.emissivity.index_axis(Axis(0), row).iter().copied().collect();
        let sigma = match &self.sigma {
            Some(sigma) => sigma.index_axis(Axis(0), row).iter().copied().collect(),
            None => vec![f64::NAN; problem.design.len()],
        };
        if let Some(reason) = unusable(problem.constraint, &emissivity, &sigma) {
            return Outcome::Failed(reason);
        }
        let solution = external_solution(problem, emissivity, sigma);
        if !solution.rss.is_finite() {
            let rss = solution.rss;
            return Outcome::Failed(format!(
                "the values of the program leave a residual of {rss}: expected a finite number"
            ));
        }
        if self.converged.as_ref().is_some_and(|converged| converged[[row]] == 0.0) {
            Outcome::NotConverged(solution, "the program did not converge here".to_owned())
        } else {
            Outcome::Converged(solution)
        }
    }
}

/// For each bin, the row that is for it; `numbers`: the bins that the rows are for, if it is said.
fn rows(numbers: Option<&ArrayD<f64>>, bins: &[Problem]) -> Result<Vec<Option<usize>>, String> {
    let Some(numbers) = numbers else {
        return Ok((0..bins.len()).map(Some).collect());
    };
    let expected = format!("(N,), N at most {}", bins.len());
    if numbers.ndim() != 1 || numbers.len() > bins.len() {
        let found = python_shape(numbers.shape());
        return Err(format!("`bin` in {OUTPUT} has the shape {found}: expected {expected}"));
    }
    let mut row_of = vec![None; bins.len()];
    for (row, &number) in numbers.iter().enumerate() {
        let Some(index) = bins.iter().position(|bin| bin.context.bin as f64 == number) else {
            return Err(format!("`bin` in {OUTPUT} holds {number}: expected bins of the input"));
        };
        if row_of[index].replace(row).is_some() {
            return Err(format!("`bin` in {OUTPUT} holds {number} twice: expected it once"));
        }
    }
    Ok(row_of)
}

/// An array of integers or booleans.
fn whole_numbers(file: &mut NpzFile, key: &str) -> Result<ArrayD<f64>, String> {
    match file.array_f64(key).map_err(|error| explain(&error))? {
        (array, SourceType::Integer) => Ok(array),
        (_, SourceType::Float) => Err(format!(
            "`{key}` in {OUTPUT} has a dtype of floating-point numbers: expected integers or bool"
        )),
    }
}

fn check_shape(key: &str, found: &[usize], expected: &[usize], axes: &str) -> Result<(), String> {
    if found == expected {
        return Ok(());
    }
    let (found, expected) = (python_shape(found), python_shape(expected));
    Err(format!("`{key}` in {OUTPUT} has the shape {found}: expected {expected}, {axes}"))
}

/// Why the values for a bin cannot be used, if they cannot.
fn unusable(constraint: Constraint, emissivity: &[Complex64], sigma: &[f64]) -> Option<String> {
    if let Some((i, value)) = emissivity.iter().enumerate().find(|(_, value)| !value.is_finite()) {
        return Some(format!(
            "the program gave emitter {i} the emissivity {value}: expected a finite number"
        ));
    }
    // NaN is how a program says that it knows none.
    let bad = |&(_, &value): &(usize, &f64)| value < 0.0 || value.is_infinite();
    if let Some((i, value)) = sigma.iter().enumerate().find(bad) {
        return Some(format!(
            "the program gave emitter {i} the error bar {value}: expected zero or more, or NaN \
             for none"
        ));
    }
    let sum = modulus(emissivity.iter().sum());
    let largest = emissivity.iter().copied().map(modulus).fold(0.0, f64::max);
    (constraint == Constraint::Kirchhoff && sum > KIRCHHOFF_TOLERANCE * largest).then(|| {
        format!(
            "the program's emissivities sum to {sum:.2e}: expected zero (kirchhoff is set), or at \
             most {KIRCHHOFF_TOLERANCE:e} of the largest, which is {largest:.2e}"
        )
    })
}
