//! The linear problem of one bin at one place of the search: its spectra and weights corrected, and its design.

use num_complex::Complex64;

use crate::foundations::numerics::{ScratchVec, with_widest_simd};
use crate::science::fit::constraint::Constraint;
use crate::science::fit::linear::least_squares::Factorization;
use crate::science::fit::linear::system::{Equations, Unusable};
use crate::science::fit::linear::weighted::root_weights;

use super::input::{BinRecords, JointBin};
use super::state::{RecordState, Slope, inverse_rho};

/// The records of a bin, and the weights that they have where the spectra were made.
#[derive(Debug, Clone)]
pub(super) struct LoadedBin {
    pub(super) records: BinRecords,
    /// One over the standard deviation of each, or why a variance is none.
    root: Result<ScratchVec, Unusable>,
}

impl LoadedBin {
    pub(super) fn new(records: BinRecords) -> Self {
        Self { root: root_weights(&records.variance), records }
    }
}

/// The linear problem of a bin, corrected: spectrum over rho, root weights times its modulus.
#[derive(Debug)]
pub(super) struct Corrected {
    pub(super) data: Vec<Complex64>,
    /// Square root of the weight of each record.
    pub(super) root: ScratchVec,
    /// One over rho, one a record; none where it is one.
    pub(super) inverse_rho: Option<Vec<Complex64>>,
    /// Planck functions, MJy/sr, one column an emitter.
    pub(super) design: ScratchVec,
    /// `E|noise|^2` of each spectrum before it is corrected, (MJy/sr)^2.
    variance: ScratchVec,
    /// What the correction terms multiply, MJy/sr, not corrected.
    pub(super) terms: [Option<Vec<Complex64>>; 4],
}

impl Corrected {
    /// The problem of a bin in a state; `weights` are those of a robust loss.
    pub(super) fn new(
        bin: &JointBin,
        LoadedBin { records, root }: LoadedBin,
        state: &RecordState,
        weights: Option<&[f64]>,
    ) -> Result<Self, Unusable> {
        let BinRecords { mut data, variance, terms } = records;
        let mut root = root?;
        if let Some(weights) = weights {
            root.iter_mut().zip(weights).for_each(|(root, weight)| *root *= weight.sqrt());
        }
        for (term, factor) in terms.iter().zip(&state.terms) {
            if let Some(term) = term {
                subtract(&mut data, term, factor);
            }
        }
        let inverse_rho = state.response.as_ref().map(|response| {
            let mut inverse = vec![Complex64::ONE; data.len()];
            let taus = (&response.time_constant_s[..], &response.time_constant_before_s[..]);
            divide(&mut data, &mut root, (&response.responsivity, taus, bin.omega), &mut inverse);
            inverse
        });
        Ok(Self { data, root, inverse_rho, design: design(bin, state), variance, terms })
    }

    /// `E|noise|^2` of each corrected spectrum without robust weights, (MJy/sr)^2.
    pub(super) fn variance(&self) -> Vec<f64> {
        match &self.inverse_rho {
            None => self.variance.to_vec(),
            Some(inverse) => {
                self.variance.iter().zip(inverse).map(|(v, rho)| v * rho.norm_sqr()).collect()
            }
        }
    }

    /// One over rho of a record.
    #[cfg(test)]
    pub(super) fn inverse_rho_at(&self, record: usize) -> Complex64 {
        self.inverse_rho.as_ref().map_or(Complex64::ONE, |inverse| inverse[record])
    }

    /// The Planck functions, one slice an emitter.
    pub(super) fn columns(&self) -> Vec<&[f64]> {
        self.design.chunks_exact(self.data.len().max(1)).collect()
    }

    /// The design factored, and the spectra with it. Where no parameter is free, the fit is that of `wls` to the
    /// bit; else products of columns do, if these are far from depending on each other.
    pub(super) fn factored(
        &self,
        constraint: Constraint,
        is_anything_free: bool,
    ) -> Result<Factorization, Unusable> {
        let columns = self.columns();
        let equations = Equations { design: &columns, data: &self.data, constraint };
        let factor = if is_anything_free { Factorization::of_products } else { Factorization::of };
        factor(&equations, Some(&self.root))
    }
}

/// Takes a correction term, times its factor, from spectra.
fn subtract(data: &mut [Complex64], term: &[Complex64], factor: &Slope) {
    with_widest_simd(
        #[inline(always)]
        || match factor {
            Slope::Same(h) if *h == 0.0 => {}
            Slope::Same(h) => {
                data.iter_mut().zip(term).for_each(|(value, term)| *value -= term * h);
            }
            Slope::Each(h) => {
                let terms = term.iter().zip(h);
                data.iter_mut().zip(terms).for_each(|(value, (term, h))| *value -= term * h);
            }
        },
    );
}

/// Divides spectra by rho, multiplies the roots of their weights by its modulus, and keeps its inverse.
fn divide(
    data: &mut [Complex64],
    root: &mut [f64],
    (responsivity, (taus, taus_before), omega): (&[f64], (&[f64], &[f64]), f64),
    inverse: &mut [Complex64],
) {
    with_widest_simd(
        #[inline(always)]
        || {
            let given = responsivity.iter().zip(taus).zip(taus_before);
            let records = data.iter_mut().zip(root).zip(inverse);
            for (((value, root), inverse), ((s, now), before)) in records.zip(given) {
                *inverse = inverse_rho(*s, omega * now, omega * before);
                *value *= *inverse;
                *root /= inverse.norm_sqr().sqrt();
            }
        },
    );
}

fn design(bin: &JointBin, state: &RecordState) -> ScratchVec {
    let rows = state.records;
    let mut design = ScratchVec::with_len(rows * state.inverse_temperatures.len());
    let frequency_hz = |bin: usize| state.frequencies_hz[bin];
    let columns = design.chunks_exact_mut(rows);
    state.planck.fill(bin.context.bin, frequency_hz, &state.inverse_temperatures, columns);
    design
}
