//! The weighted, constrained, column-scaled system that the estimators solve.

use num_complex::Complex64;
use thiserror::Error;

use super::problem::{Constraint, Problem};
use super::vector::norm;

/// Why a design cannot be solved. The text is recorded as the reason of the failed bin.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum Unusable {
    /// Fewer equations than unknowns.
    #[error("{records} records cannot determine {unknowns} emissivities")]
    TooFewRecords {
        /// Records left after screening.
        records: usize,
        /// Free emissivities.
        unknowns: usize,
    },
    /// A value that is not a number or is infinite.
    #[error("the {what} hold a value that is not finite")]
    NotFinite {
        /// Which input.
        what: &'static str,
    },
    /// A variance that no noise can have.
    #[error("record {record} has a noise variance of {variance}: expected more than zero")]
    Variance {
        /// Index among the records used.
        record: usize,
        /// Its variance, (MJy/sr)^2.
        variance: f64,
    },
    /// An emitter whose Planck function is zero, or equal to the eliminated one, in every record.
    #[error("emitter {emitter} cannot be told apart: its column of the design is zero")]
    ZeroColumn {
        /// Index of the emitter.
        emitter: usize,
    },
    /// Emitters that were driven together and cannot be told apart.
    #[error("the design has rank {rank} of {unknowns}: emitters that cannot be told apart")]
    RankDeficient {
        /// Singular values above the rounding error.
        rank: usize,
        /// Free emissivities.
        unknowns: usize,
    },
}

/// A least-squares system whose columns all have length one: the unknowns are the emissivities
/// times `scale`.
#[derive(Debug, Clone)]
pub(super) struct System {
    /// Equations, one a record.
    pub(super) rows: usize,
    /// Columns one after another, each of `rows` elements and of unit length.
    pub(super) columns: Vec<f64>,
    /// Real part of the weighted data.
    pub(super) re: Vec<f64>,
    /// Imaginary part of the weighted data.
    pub(super) im: Vec<f64>,
    /// Length that each column had, MJy/sr (times the weight).
    pub(super) scale: Vec<f64>,
    /// Under a constraint, the emitter that the others determine.
    eliminated: Option<usize>,
}

impl System {
    /// Weights every record by `root_weight` (the square root of its weight; `None`: all one),
    /// applies the constraint, and scales the columns.
    pub(super) fn new(problem: &Problem, root_weight: Option<&[f64]>) -> Result<Self, Unusable> {
        let (rows, unknowns) = (problem.records(), problem.unknowns());
        if unknowns == 0 || rows < unknowns {
            return Err(Unusable::TooFewRecords { records: rows, unknowns });
        }
        let weighted = |values: &[f64]| -> Vec<f64> {
            match root_weight {
                Some(root) => values.iter().zip(root).map(|(v, w)| v * w).collect(),
                None => values.to_vec(),
            }
        };
        let mut emitters: Vec<Vec<f64>> = problem.design.iter().map(|c| weighted(c)).collect();
        let eliminated = eliminate(problem.constraint, &mut emitters);
        let (columns, scale) = scale_columns(&emitters, eliminated)?;
        let part = |f: fn(&Complex64) -> f64| -> Vec<f64> {
            let values = problem.data.iter().map(f);
            match root_weight {
                Some(root) => values.zip(root).map(|(v, w)| v * w).collect(),
                None => values.collect(),
            }
        };
        let (re, im) = (part(|z| z.re), part(|z| z.im));
        if !norm(&re).is_finite() || !norm(&im).is_finite() {
            return Err(Unusable::NotFinite { what: "data" });
        }
        Ok(Self { rows, columns, re, im, scale, eliminated })
    }

    /// Free unknowns.
    pub(super) fn unknowns(&self) -> usize {
        self.scale.len()
    }

    /// The same system with its data divided by their length, and that length.
    pub(super) fn with_unit_data(mut self) -> (Self, f64) {
        let length = norm(&[norm(&self.re), norm(&self.im)]);
        let unit = if length > 0.0 { length } else { 1.0 };
        self.re.iter_mut().chain(&mut self.im).for_each(|value| *value /= unit);
        (self, unit)
    }

    /// One column, of unit length.
    pub(super) fn column(&self, i: usize) -> &[f64] {
        &self.columns[i * self.rows..(i + 1) * self.rows]
    }

    /// Turns scaled unknowns into the emissivities of all emitters.
    pub(super) fn emissivities(&self, scaled: &[Complex64]) -> Vec<Complex64> {
        let mut all: Vec<Complex64> = scaled.iter().zip(&self.scale).map(|(x, s)| x / s).collect();
        if let Some(emitter) = self.eliminated {
            let sum: Complex64 = all.iter().sum();
            all.insert(emitter, -sum);
        }
        all
    }

    /// Turns the emissivities of all emitters into scaled unknowns.
    pub(super) fn scaled(&self, emissivity: &[Complex64]) -> Vec<Complex64> {
        let mut free = emissivity.to_vec();
        if let Some(emitter) = self.eliminated {
            free.remove(emitter);
        }
        free.iter().zip(&self.scale).map(|(e, s)| e * s).collect()
    }

    /// Turns a slope with respect to all emissivities into one with respect to scaled unknowns.
    pub(super) fn scaled_slope(&self, slope: &[Complex64]) -> Vec<Complex64> {
        let mut free = slope.to_vec();
        if let Some(emitter) = self.eliminated {
            let gone = free.remove(emitter);
            free.iter_mut().for_each(|value| *value -= gone);
        }
        free.iter().zip(&self.scale).map(|(slope, scale)| slope / scale).collect()
    }

    /// Standard errors of all emissivities for data of unit variance, from the columns of the
    /// transposed inverse factor: `(R^T R)^-1` is the covariance of the scaled unknowns.
    pub(super) fn unit_sigmas(&self, solve_transposed: impl Fn(Vec<f64>) -> Vec<f64>) -> Vec<f64> {
        let unknowns = self.unknowns();
        let unit = |i: usize| (0..unknowns).map(|k| if k == i { 1.0 } else { 0.0 }).collect();
        let mut sigmas: Vec<f64> =
            (0..unknowns).map(|i| norm(&solve_transposed(unit(i))) / self.scale[i]).collect();
        if let Some(emitter) = self.eliminated {
            let all = self.scale.iter().map(|s| 1.0 / s).collect();
            sigmas.insert(emitter, norm(&solve_transposed(all)));
        }
        sigmas
    }
}

/// Under the Kirchhoff constraint, replaces one emitter by minus the sum of the others.
///
/// The emitter with the smallest column goes: its column is then a small change to the others,
/// which keeps as many digits of the well-determined ones as there are. At high frequency the
/// columns differ by fifty orders of magnitude, so this choice matters.
fn eliminate(constraint: Constraint, emitters: &mut [Vec<f64>]) -> Option<usize> {
    if constraint == Constraint::None {
        return None;
    }
    let lengths: Vec<f64> = emitters.iter().map(|column| norm(column)).collect();
    let smallest = (0..lengths.len()).min_by(|&a, &b| lengths[a].total_cmp(&lengths[b]))?;
    let gone = emitters[smallest].clone();
    for (emitter, column) in emitters.iter_mut().enumerate() {
        if emitter != smallest {
            column.iter_mut().zip(&gone).for_each(|(value, gone)| *value -= gone);
        }
    }
    Some(smallest)
}

fn scale_columns(
    emitters: &[Vec<f64>],
    eliminated: Option<usize>,
) -> Result<(Vec<f64>, Vec<f64>), Unusable> {
    let rows = emitters.first().map_or(0, Vec::len);
    let (mut columns, mut scale) = (Vec::with_capacity(rows * emitters.len()), Vec::new());
    for (emitter, column) in emitters.iter().enumerate() {
        if Some(emitter) == eliminated {
            continue;
        }
        let length = norm(column);
        if !length.is_finite() {
            return Err(Unusable::NotFinite { what: "Planck functions or weights" });
        }
        if length == 0.0 {
            return Err(Unusable::ZeroColumn { emitter });
        }
        // Where the inverse would overflow, division does not.
        let inverse = 1.0 / length;
        match inverse.is_finite() {
            true => columns.extend(column.iter().map(|value| value * inverse)),
            false => columns.extend(column.iter().map(|value| value / length)),
        }
        scale.push(length);
    }
    Ok((columns, scale))
}
