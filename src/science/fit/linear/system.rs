//! The weighted, constrained, column-scaled system that the estimators solve.

use std::iter::Sum;
use std::ops::{Div, Neg};

use num_complex::Complex64;
use thiserror::Error;

use super::vector::{norm, short_norm};
use crate::foundations::numerics::{ScratchVec, with_widest_simd};
use crate::science::fit::constraint::Constraint;

/// Why a bin cannot be solved. The text is recorded as the reason of the failure.
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
    /// A value that is NaN or infinite.
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

/// `data[j] = sum_i E[i] design[i][j]`: the linear problem of one bin.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Equations<'a> {
    /// One slice of length N per emitter.
    pub(crate) design: &'a [&'a [f64]],
    /// Length N.
    pub(crate) data: &'a [Complex64],
    /// What is known of the emissivities beforehand.
    pub(crate) constraint: Constraint,
}

impl Equations<'_> {
    /// Number of unknown complex emissivities that are free.
    fn unknowns(&self) -> usize {
        self.constraint.free(self.design.len())
    }
}

/// A least-squares system with scaled columns: each is divided by its `scale`, by which its unknown
/// (an emissivity) is multiplied.
#[derive(Debug, Clone)]
pub(crate) struct System {
    /// Equations: one per record.
    pub(crate) rows: usize,
    /// The matrix, column by column, each of `rows` elements.
    pub(crate) columns: ScratchVec,
    /// Real part of the weighted data.
    pub(crate) re: ScratchVec,
    /// Imaginary part of the weighted data.
    pub(crate) im: ScratchVec,
    /// Length that each column had before it was scaled, MJy/sr (times the weight).
    pub(crate) scale: Vec<f64>,
    /// Under a constraint, the emitter that the others determine.
    eliminated: Option<usize>,
}

impl System {
    /// Weights every record by `root_weight` (the square root of its weight; `None`: all one),
    /// applies the constraint, and scales the columns.
    pub(crate) fn new(
        equations: &Equations,
        root_weight: Option<&[f64]>,
    ) -> Result<Self, Unusable> {
        let mut system = Self::unscaled(equations, root_weight)?;
        let rows = system.rows;
        let eliminated = system.eliminated;
        system.scale = with_widest_simd(
            #[inline(always)]
            || scale_columns(&mut system.columns, rows, eliminated),
        )?;
        if !system.data_norm().is_finite() {
            return Err(Unusable::NotFinite { what: "data" });
        }
        Ok(system)
    }

    /// As [`Self::new`], but without scaling the columns and without checks.
    pub(crate) fn unscaled(
        equations: &Equations,
        root_weight: Option<&[f64]>,
    ) -> Result<Self, Unusable> {
        let rows = equations.data.len();
        let unknowns = equations.unknowns();
        if unknowns == 0 || rows < unknowns {
            return Err(Unusable::TooFewRecords { records: rows, unknowns });
        }
        let eliminated = eliminated_emitter(equations.constraint, equations.design);
        Ok(Self::weighed(equations, root_weight, eliminated))
    }

    /// As [`Self::unscaled`], of however few records, and with an emitter of which it is known that the
    /// others determine it.
    fn weighed(
        equations: &Equations,
        root_weight: Option<&[f64]>,
        eliminated: Option<usize>,
    ) -> Self {
        let unknowns = equations.unknowns();
        let rows = equations.data.len();
        let mut columns = ScratchVec::with_len(rows * unknowns);
        let [mut re, mut im] = [ScratchVec::with_len(rows), ScratchVec::with_len(rows)];
        with_widest_simd(
            #[inline(always)]
            || {
                weigh_columns(equations.design, root_weight, eliminated, &mut columns);
                weigh_data(equations.data, root_weight, [&mut re, &mut im]);
            },
        );
        Self { rows, columns, re, im, scale: vec![1.0; unknowns], eliminated }
    }

    /// A portion of the records of a system, of which the [`eliminated_emitter`] is known.
    pub(crate) fn portion(
        equations: &Equations,
        root_weight: Option<&[f64]>,
        eliminated: Option<usize>,
    ) -> Self {
        debug_assert!(eliminated.is_some() == (equations.constraint == Constraint::Kirchhoff));
        Self::weighed(equations, root_weight, eliminated)
    }

    /// What is known of a system whose rows are gone.
    pub(crate) fn without_rows(rows: usize, unknowns: usize, eliminated: Option<usize>) -> Self {
        let nothing = || ScratchVec::with_len(0);
        let (columns, re, im) = (nothing(), nothing(), nothing());
        Self { rows, columns, re, im, scale: vec![1.0; unknowns], eliminated }
    }

    /// Number of free unknowns.
    pub(crate) fn unknowns(&self) -> usize {
        self.scale.len()
    }

    /// Length of the weighted data.
    fn data_norm(&self) -> f64 {
        with_widest_simd(
            #[inline(always)]
            || short_norm(&[norm(&self.re), norm(&self.im)]),
        )
    }

    /// The same system with its data divided by their length, and that length.
    pub(crate) fn with_unit_data(mut self) -> (Self, f64) {
        let length = self.data_norm();
        let unit = if length > 0.0 { length } else { 1.0 };
        self.re.iter_mut().chain(self.im.iter_mut()).for_each(|value| *value /= unit);
        (self, unit)
    }

    /// One column.
    pub(crate) fn column(&self, i: usize) -> &[f64] {
        &self.columns[i * self.rows..(i + 1) * self.rows]
    }

    /// Turns scaled unknowns, real or complex, into the emissivities of all emitters.
    pub(crate) fn emissivities<T>(&self, scaled: &[T]) -> Vec<T>
    where
        T: Copy + Div<f64, Output = T> + Neg<Output = T> + Sum,
    {
        let mut all = Vec::with_capacity(scaled.len() + 1);
        all.extend(scaled.iter().zip(&self.scale).map(|(x, scale)| *x / *scale));
        if let Some(emitter) = self.eliminated {
            let sum: T = all.iter().copied().sum();
            all.insert(emitter, -sum);
        }
        all
    }

    /// Turns the emissivities of all emitters into scaled unknowns.
    pub(crate) fn scaled(&self, emissivity: &[Complex64]) -> Vec<Complex64> {
        let mut free = emissivity.to_vec();
        if let Some(emitter) = self.eliminated {
            free.remove(emitter);
        }
        free.iter().zip(&self.scale).map(|(e, s)| e * s).collect()
    }

    /// Turns a gradient with respect to all emissivities into one with respect to scaled unknowns.
    pub(crate) fn scaled_gradient(&self, slope: &[Complex64]) -> Vec<Complex64> {
        let mut free = slope.to_vec();
        if let Some(emitter) = self.eliminated {
            let gone = free.remove(emitter);
            free.iter_mut().for_each(|value| *value -= gone);
        }
        free.iter().zip(&self.scale).map(|(slope, scale)| slope / scale).collect()
    }

    /// Covariance of all emissivities for data of unit variance, `[emitter][emitter]`, real since the
    /// noise is round. `solve_transposed` is that of [`Self::unit_sigmas`].
    pub(crate) fn unit_covariance(
        &self,
        solve_transposed: impl Fn(Vec<f64>) -> Vec<f64>,
    ) -> Vec<f64> {
        let unknowns = self.unknowns();
        let of_unknown = |i: usize| {
            (0..unknowns).map(|k| if k == i { 1.0 / self.scale[i] } else { 0.0 }).collect()
        };
        let mut rows: Vec<Vec<f64>> = (0..unknowns).map(of_unknown).collect();
        if let Some(emitter) = self.eliminated {
            rows.insert(emitter, self.scale.iter().map(|scale| -1.0 / scale).collect());
        }
        let solved: Vec<Vec<f64>> = rows.into_iter().map(solve_transposed).collect();
        let product = |a: &Vec<f64>, b: &Vec<f64>| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
        solved.iter().flat_map(|a| solved.iter().map(move |b| product(a, b))).collect()
    }

    /// Standard errors of all emissivities for data of unit variance, from the columns of the
    /// transposed inverse factor: `(R^T R)^-1` is the covariance of the scaled unknowns.
    pub(crate) fn unit_sigmas(&self, solve_transposed: impl Fn(Vec<f64>) -> Vec<f64>) -> Vec<f64> {
        let unknowns = self.unknowns();
        let unit = |i: usize| (0..unknowns).map(|k| if k == i { 1.0 } else { 0.0 }).collect();
        let mut sigmas: Vec<f64> =
            (0..unknowns).map(|i| short_norm(&solve_transposed(unit(i))) / self.scale[i]).collect();
        if let Some(emitter) = self.eliminated {
            let all = self.scale.iter().map(|s| 1.0 / s).collect();
            sigmas.insert(emitter, short_norm(&solve_transposed(all)));
        }
        sigmas
    }
}

/// Copies the design, each record multiplied by the square root of its weight. If one emitter is replaced by minus
/// the sum of the others, its column is subtracted from theirs.
#[inline(always)]
fn weigh_columns(
    design: &[&[f64]],
    root: Option<&[f64]>,
    eliminated: Option<usize>,
    columns: &mut [f64],
) {
    let gone = eliminated.map(|emitter| design[emitter]);
    let rows = design.first().map_or(1, |column| column.len());
    let mut places = columns.chunks_exact_mut(rows);
    for (emitter, values) in design.iter().enumerate() {
        if Some(emitter) == eliminated {
            continue;
        }
        let Some(column) = places.next() else { return };
        match (gone, root) {
            (None, None) => column.copy_from_slice(values),
            (None, Some(root)) => {
                for ((weighed, value), root) in column.iter_mut().zip(*values).zip(root) {
                    *weighed = value * root;
                }
            }
            (Some(gone), None) => {
                for ((kept, value), gone) in column.iter_mut().zip(*values).zip(gone) {
                    *kept = value - gone;
                }
            }
            (Some(gone), Some(root)) => {
                let given = values.iter().zip(gone).zip(root);
                for (weighed, ((value, gone), root)) in column.iter_mut().zip(given) {
                    *weighed = (value - gone) * root;
                }
            }
        }
    }
}

/// Copies the data, each record multiplied by the square root of its weight.
#[inline(always)]
fn weigh_data(data: &[Complex64], root: Option<&[f64]>, [re, im]: [&mut [f64]; 2]) {
    for ((re, im), value) in re.iter_mut().zip(im.iter_mut()).zip(data) {
        (*re, *im) = (value.re, value.im);
    }
    if let Some(root) = root {
        re.iter_mut().zip(root).for_each(|(value, root)| *value *= root);
        im.iter_mut().zip(root).for_each(|(value, root)| *value *= root);
    }
}

/// Under the Kirchhoff constraint, the emitter that is replaced by minus the sum of the others: that whose
/// Planck functions have the least maximum over the records.
///
/// Its column is a small change to the others, which keeps as many digits of the well-determined ones as
/// there are. At high frequency the columns differ by fifty orders of magnitude, so this choice matters. It
/// depends on no weight, and the maximum of portions of the records is that of all.
#[must_use]
pub fn eliminated_emitter(constraint: Constraint, design: &[&[f64]]) -> Option<usize> {
    if constraint == Constraint::None {
        return None;
    }
    with_widest_simd(
        #[inline(always)]
        || {
            // Written out: what an iterator collects is not always inlined.
            let mut least: Option<(usize, f64)> = None;
            for (emitter, column) in design.iter().enumerate() {
                let greatest = greatest(column);
                if least.is_none_or(|(_, other)| greatest < other) {
                    least = Some((emitter, greatest));
                }
            }
            least.map(|(emitter, _)| emitter)
        },
    )
}

/// The greatest of some numbers, none of which is negative.
#[inline(always)]
fn greatest(values: &[f64]) -> f64 {
    // Eight side by side: one alone would wait for the one before.
    let (chunks, rest) = values.as_chunks::<8>();
    let mut lanes = [0.0; 8];
    for chunk in chunks {
        for (lane, value) in lanes.iter_mut().zip(chunk) {
            *lane = if *value > *lane { *value } else { *lane };
        }
    }
    let mut greatest = 0.0;
    for value in lanes.iter().chain(rest) {
        greatest = if *value > greatest { *value } else { greatest };
    }
    greatest
}

/// Divides every column by its length; returns the lengths.
#[inline(always)]
fn scale_columns(
    columns: &mut [f64],
    rows: usize,
    eliminated: Option<usize>,
) -> Result<Vec<f64>, Unusable> {
    let mut scale = Vec::with_capacity(columns.len() / rows);
    for (place, column) in columns.chunks_exact_mut(rows).enumerate() {
        let length = norm(column);
        if !length.is_finite() {
            return Err(Unusable::NotFinite { what: "Planck functions or weights" });
        }
        if length == 0.0 {
            let emitter = place + usize::from(eliminated.is_some_and(|gone| gone <= place));
            return Err(Unusable::ZeroColumn { emitter });
        }
        // Where the inverse would overflow, division does not.
        let inverse = 1.0 / length;
        if inverse.is_finite() {
            column.iter_mut().for_each(|value| *value *= inverse)
        } else {
            column.iter_mut().for_each(|value| *value /= length)
        }
        scale.push(length);
    }
    Ok(scale)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_emitter_that_never_shines_as_bright_is_eliminated() {
        let columns = [vec![1e-60, 3e-9, 0.0], vec![2e-30, 1e-40, 2e-9], vec![4e-9; 3]];
        let design: Vec<&[f64]> = columns.iter().map(|column| &column[..]).collect();
        assert_eq!(eliminated_emitter(Constraint::Kirchhoff, &design), Some(1));
        assert_eq!(eliminated_emitter(Constraint::None, &design), None);
        assert_eq!(eliminated_emitter(Constraint::Kirchhoff, &[]), None);
        // The first of several, wherever their maximum stands.
        for place in 0..20 {
            let mut late = [0.5; 20];
            late[place] = 2.0;
            let (same, more) = ([2.0; 20], [3.0; 20]);
            let design = [&more[..], &late[..], &same[..]];
            assert_eq!(eliminated_emitter(Constraint::Kirchhoff, &design), Some(1), "{place}");
        }
    }
}
