//! One bin at one place of the search: its emissivities, its residuals, and how these answer to the
//! shared parameters.

use std::ops::Range;

use num_complex::Complex64;

use crate::foundations::numerics::{ScratchVec, fused, with_widest_simd};
use crate::science::fit::constraint::Constraint;
use crate::science::fit::linear::least_squares::{Factorization, complex};
use crate::science::fit::linear::system::Unusable;
use crate::science::fit::linear::vector::{axpy, dot};
use crate::science::instrument::fill_weighted_planck_slopes;

use super::basis_sums::{BasisBlock, BasisSums};
use super::columns::{
    BLOCK, ByGroup, ColumnPlace, Columns, GROUP, Kept, KeptColumns, SetColumns, group_of,
};
use super::corrected::{Corrected, LoadedBin};
use super::derivative::{by_term, by_time_constant, derivative, negate};
use super::input::JointBin;
use super::state::{Coefficient, RecordState};

/// A bin, linearised about its best emissivities.
#[derive(Debug)]
pub(super) struct BinTerms {
    pub(super) emissivity: Vec<Complex64>,
    pub(super) factored: Factorization,
    /// Where its columns and residuals are kept; none where the shared parameters do not rest on the bin.
    pub(super) kept: Option<Kept>,
    /// `Q^T` of each parameter's derivative, `[parameter][unknown]`.
    pub(super) projections: Vec<Complex64>,
    /// `Q^T` of each plateau's real column of each body, `[plateau][body][unknown]`.
    pub(super) segments: Vec<f64>,
}

impl BinTerms {
    /// Weighted sum of squared residual moduli.
    pub(super) fn rss(&self) -> f64 {
        self.factored.rss()
    }

    /// Moves the emissivities to where they follow a short step, and the residual with them: of the
    /// parameters, in units of the search, and of the temperatures of the plateaus, K, `[plateau][body]`.
    /// `acting` is that step as it acts on each column.
    pub(super) fn follow(
        &mut self,
        x: &[f64],
        (errors_k, bodies): (&[f64], &[usize]),
        (columns, acting): (&SetColumns, &[ByGroup]),
    ) {
        let unknowns = self.factored.qt_b().0.len();
        let mut by = vec![Complex64::ZERO; unknowns];
        for (projections, x) in self.projections.chunks_exact(unknowns).zip(x) {
            by.iter_mut().zip(projections).for_each(|(by, projection)| *by += projection * x);
        }
        let of_bodies = errors_k.iter().zip(bodies.iter().cycle());
        for (segment, (error_k, &body)) in self.segments.chunks_exact(unknowns).zip(of_bodies) {
            let factor = -self.emissivity[body] * error_k;
            by.iter_mut().zip(segment).for_each(|(by, value)| *by += factor * value);
        }
        // What the emissivities take up is orthogonal to the residual.
        let slope =
            self.kept.as_ref().map_or(0.0, |kept| self.slope(&columns.of_bin(kept), acting));
        self.factored.move_fit(&by, 2.0 * slope);
        let (re, im) = self.factored.qt_b();
        self.emissivity = self.factored.emissivities(re, im);
    }

    /// The product of the residuals with the columns, each times a number a record.
    fn slope(&self, columns: &KeptColumns, acting: &[ByGroup]) -> f64 {
        let mut sums = [0.0; GROUP];
        with_widest_simd(
            #[inline(always)]
            || {
                for (coefficient, factors) in acting.iter().enumerate() {
                    for (at, factors) in factors.iter().enumerate() {
                        let [re, im] = columns.group(coefficient, at);
                        let [of_re, of_im] = columns.residual(at);
                        for lane in 0..GROUP {
                            let product = fused(re[lane], of_re[lane], im[lane] * of_im[lane]);
                            sums[lane] = fused(factors[lane], product, sums[lane]);
                        }
                    }
                }
            },
        );
        sums.iter().sum()
    }

    /// What the fit explains of the weighted data: the square of its modulus.
    pub(super) fn explained(&self) -> f64 {
        let (re, im) = self.factored.qt_b();
        re.iter().chain(im).map(|part| part * part).sum()
    }
}

/// What the columns of a bin are made of.
struct Given<'a> {
    bin: &'a JointBin<'a>,
    corrected: &'a Corrected,
    /// The weighted fit, real and imaginary part.
    fit: &'a [ScratchVec; 2],
}

/// The residual of a bin, and the space in which it is kept with the columns.
type Space<'a> = (&'a [ScratchVec; 2], &'a mut [f64]);

/// What all bins of a data set are linearised with.
#[derive(Debug, Clone, Copy)]
pub(super) struct Linearisation<'a> {
    pub(super) state: &'a RecordState,
    pub(super) coefficients: &'a [Coefficient],
    pub(super) constraint: Constraint,
    /// Records of each plateau whose temperatures are fitted, and the emitters.
    pub(super) plateaus: &'a [Range<usize>],
    pub(super) bodies: &'a [usize],
}

impl Linearisation<'_> {
    /// Fits the emissivities of a bin and linearises its residuals about them. Its columns are kept in a
    /// space, the one at this place among those of its data set.
    ///
    /// # Errors
    /// If the emissivities are not determined.
    pub(super) fn of_bin(
        &self,
        bin: &JointBin,
        loaded: LoadedBin,
        weights: Option<&[f64]>,
        (at, space): (usize, &mut [f64]),
    ) -> Result<BinTerms, Unusable> {
        let (terms, places) = self.linearised(bin, loaded, weights, Some(space))?;
        Ok(BinTerms { kept: Some(Kept { at, places }), ..terms })
    }

    /// As [`Self::of_bin`], of a bin on which the shared parameters do not rest: without its columns.
    ///
    /// # Errors
    /// If the emissivities are not determined.
    pub(super) fn of_other_bin(
        &self,
        bin: &JointBin,
        loaded: LoadedBin,
        weights: Option<&[f64]>,
    ) -> Result<BinTerms, Unusable> {
        Ok(self.linearised(bin, loaded, weights, None)?.0)
    }

    /// A short step, of the parameters and of the temperatures of the plateaus, K, as it acts on the column
    /// of each coefficient.
    pub(super) fn acting(&self, x: &[f64], errors_k: &[f64]) -> Vec<ByGroup> {
        let rows = self.state.records;
        let mut by_record = vec![vec![0.0; rows]; self.coefficients.len()];
        let place =
            |coefficient: &Coefficient| self.coefficients.binary_search(coefficient).unwrap_or(0);
        for (action, x) in self.state.actions.iter().zip(x) {
            for (coefficient, slope) in action {
                let factors = by_record[place(coefficient)].iter_mut().enumerate();
                factors.for_each(|(record, factor)| *factor += x * slope.at(record));
            }
        }
        let bodies = self.bodies.len().max(1);
        for (records, errors_k) in self.plateaus.iter().zip(errors_k.chunks_exact(bodies)) {
            for (&body, error_k) in self.bodies.iter().zip(errors_k) {
                let factors = &mut by_record[place(&Coefficient::Temperature(body))];
                factors[records.clone()].iter_mut().for_each(|factor| *factor += error_k);
            }
        }
        by_record.iter().map(|factors| factors.chunks(GROUP).map(group_of).collect()).collect()
    }

    /// The bin, and the places of its columns, which are kept if there is space.
    fn linearised(
        &self,
        bin: &JointBin,
        loaded: LoadedBin,
        weights: Option<&[f64]>,
        space: Option<&mut [f64]>,
    ) -> Result<(BinTerms, Vec<ColumnPlace>), Unusable> {
        let corrected = Corrected::new(bin, loaded, self.state, weights)?;
        let is_anything_free = !self.coefficients.is_empty();
        let mut factored = corrected.factored(self.constraint, is_anything_free)?;
        let basis = factored.take_basis();
        let (fit, mut residual) = fit_and_residual(&corrected, &best(&factored));
        let left = residual.each_ref().map(|part| products_with_q((&factored, &basis), part));
        if factored.rests_on_products() {
            // What its digits could not say is still in the residual.
            factored.move_fit(&complex(&left[0], &left[1]), 0.0);
            factored.set_rss(residual.iter().map(|part| square(part)).sum());
        }
        let emissivity = best(&factored);
        if space.is_some() {
            for (part, left) in residual.iter_mut().zip(&left) {
                take_out((&factored, &basis), left, part);
            }
        }
        let places = ColumnPlace::of_all(self.coefficients, &emissivity);
        let given = Given { bin, corrected: &corrected, fit: &fit };
        let space = space.map(|space| (&residual, space));
        let mut projections = self.products(&basis, &given, (&places, space));
        let mut segments = self.segments(&basis, &given);
        let unknowns = factored.qt_b().0.len();
        projections.chunks_exact_mut(unknowns).for_each(|p| factored.products_with_q(p));
        segments.chunks_exact_mut(unknowns).for_each(|p| factored.products_with_q(p));
        factored.forget_rows();
        let terms = BinTerms { emissivity, factored, kept: None, projections, segments };
        Ok((terms, places))
    }

    /// Writes the columns of all coefficients at some records.
    fn fill_columns(&self, given: &Given, records: &Range<usize>, columns: &mut Columns) {
        let Given { bin, corrected, fit } = given;
        let fit = fit.each_ref().map(|part| &part[records.clone()]);
        let root = &corrected.root[records.clone()];
        for (coefficient, column) in self.coefficients.iter().zip(&columns.places) {
            let (re, rest) = columns.values[column.first * BLOCK..].split_at_mut(BLOCK);
            let re = &mut re[..records.len()];
            // Only a complex column has another behind it.
            let im = if column.is_complex { &mut rest[..records.len()] } else { &mut [] };
            match coefficient {
                Coefficient::Temperature(emitter) => self.slopes(given, *emitter, records, re),
                Coefficient::Responsivity => negate(fit, (re, im)),
                Coefficient::TimeConstant => {
                    let response = self.state.response.as_ref();
                    let taus = response.map_or(&[][..], |r| &r.time_constant_s[records.clone()]);
                    by_time_constant(fit, (taus, bin.omega), (re, im));
                }
                Coefficient::Term(term) => {
                    let term =
                        corrected.terms[*term].as_deref().map_or(&[][..], |t| &t[records.clone()]);
                    let inverse = corrected.inverse_rho.as_deref().map(|i| &i[records.clone()]);
                    by_term(term, (root, inverse), (re, im));
                }
            }
        }
    }

    /// How the weighted brightness of an emitter answers to its temperature, at some records.
    fn slopes(&self, given: &Given, emitter: usize, records: &Range<usize>, out: &mut [f64]) {
        let Given { bin, corrected, .. } = given;
        let brightness = &corrected.design[emitter * self.state.records..][records.clone()];
        let inverse = &self.state.inverse_temperatures[emitter][records.clone()];
        let root = &corrected.root[records.clone()];
        let frequency_hz = bin.context.frequency_hz;
        fill_weighted_planck_slopes(frequency_hz, (inverse, brightness), root, out);
    }

    /// Products of the columns of a basis with the derivative by each parameter, `[parameter][unknown]`; keeps
    /// the columns that these are made of and the residual, if there is space.
    fn products(
        &self,
        basis: &[f64],
        given: &Given,
        (places, mut space): (&[ColumnPlace], Option<Space>),
    ) -> Vec<Complex64> {
        let unknowns = basis.len() / self.state.records.max(1);
        // With a number that the compiler knows, the sums of a block stay in registers.
        match unknowns {
            6 => self.products_of::<6>(basis, given, (places, space)),
            7 => self.products_of::<7>(basis, given, (places, space)),
            _ => {
                let of_one = |basis: &[f64]| {
                    let space = space.as_mut().map(|(residual, space)| (*residual, &mut **space));
                    self.products_of::<1>(basis, given, (places, space))
                };
                let each: Vec<Vec<Complex64>> =
                    basis.chunks_exact(self.state.records).map(of_one).collect();
                let parameters = self.state.actions.len();
                (0..parameters).flat_map(|m| each.iter().map(move |sums| sums[m])).collect()
            }
        }
    }

    /// As [`Self::products`], for a basis of so many columns. Block by block, so that columns are
    /// multiplied while they are in the nearest caches.
    fn products_of<const N: usize>(
        &self,
        basis: &[f64],
        given: &Given,
        (places, mut space): (&[ColumnPlace], Option<Space>),
    ) -> Vec<Complex64> {
        let rows = self.state.records;
        let actions = &self.state.actions;
        let mut sums = vec![BasisSums::<N>::ZERO; actions.len()];
        let mut factors = vec![Complex64::ONE; actions.len()];
        let mut scratch = [[0.0; BLOCK]; 2];
        let mut block = BasisBlock::<N>::ZERO;
        let mut columns = Columns::new(self.coefficients, places);
        let place = |coefficient| self.coefficients.binary_search(coefficient).unwrap_or(0);
        let acted_on: Vec<usize> = actions.iter().flatten().map(|(c, _)| place(c)).collect();
        with_widest_simd(
            #[inline(always)]
            || {
                for (at, start) in (0..rows).step_by(BLOCK).enumerate() {
                    let records = start..rows.min(start + BLOCK);
                    self.fill_columns(given, &records, &mut columns);
                    if let Some((residual, space)) = &mut space {
                        columns.keep(&records, residual, space);
                    }
                    block.take(basis, rows, &records);
                    let mut acted_on = &acted_on[..];
                    for ((action, sums), factor) in actions.iter().zip(&mut sums).zip(&mut factors)
                    {
                        let (own, rest) = acted_on.split_at(action.len());
                        acted_on = rest;
                        let found = derivative((action, own), &columns, at, &mut scratch);
                        *factor = found.factor;
                        match found.im {
                            Some(im) => sums.add_complex(&block, found.re, im),
                            None => sums.add_real(&block, found.re),
                        }
                    }
                }
            },
        );
        let mut all = Vec::with_capacity(actions.len() * N);
        for (sums, factor) in sums.iter().zip(factors) {
            all.extend(sums.totals().map(|sum| sum * factor));
        }
        all
    }

    /// Products of a basis with the columns of the bodies, plateau by plateau.
    fn segments(&self, q: &[f64], given: &Given) -> Vec<f64> {
        let rows = self.state.records;
        let unknowns = q.len() / rows.max(1);
        let width = self.bodies.len() * unknowns;
        let mut sums = vec![0.0; self.plateaus.len() * width];
        let mut slopes = ScratchVec::with_len(if sums.is_empty() { 0 } else { rows });
        for (body, &emitter) in self.bodies.iter().enumerate() {
            self.slopes(given, emitter, &(0..slopes.len()), &mut slopes);
            with_widest_simd(
                #[inline(always)]
                || {
                    for (records, sums) in self.plateaus.iter().zip(sums.chunks_exact_mut(width)) {
                        let of_body = sums[body * unknowns..].iter_mut();
                        for (sum, q) in of_body.zip(q.chunks_exact(rows)) {
                            *sum = dot(&q[records.clone()], &slopes[records.clone()]);
                        }
                    }
                },
            );
        }
        sums
    }
}

/// The best emissivities of a bin.
fn best(factored: &Factorization) -> Vec<Complex64> {
    let (re, im) = factored.qt_b();
    factored.emissivities(re, im)
}

/// `Q^T` of a vector, from products with a basis.
fn products_with_q((factored, basis): (&Factorization, &[f64]), vector: &[f64]) -> Vec<f64> {
    let mut products = Vec::new();
    with_widest_simd(
        #[inline(always)]
        || {
            for column in basis.chunks_exact(vector.len().max(1)) {
                products.push(dot(column, vector));
            }
        },
    );
    factored.products_with_q(&mut products);
    products
}

/// Takes out of a residual what rounding left of the design's space in it, a part of 1e-16 of the data:
/// derivatives lie nearly all in that space, so the gradient would be off by as much of them.
/// `left` are its products with Q.
fn take_out((factored, basis): (&Factorization, &[f64]), left: &[f64], residual: &mut [f64]) {
    let parts = factored.in_basis(left);
    with_widest_simd(
        #[inline(always)]
        || {
            for (column, part) in basis.chunks_exact(residual.len().max(1)).zip(&parts) {
                axpy(residual, -part, column);
            }
        },
    );
}

/// The square of the length of a vector.
pub(super) fn square(vector: &[f64]) -> f64 {
    with_widest_simd(
        #[inline(always)]
        || dot(vector, vector),
    )
}

/// The weighted fit and the weighted residual, each real and imaginary part.
fn fit_and_residual(
    corrected: &Corrected,
    emissivity: &[Complex64],
) -> ([ScratchVec; 2], [ScratchVec; 2]) {
    let rows = corrected.data.len();
    let vectors = || [ScratchVec::with_len(rows), ScratchVec::with_len(rows)];
    let (mut fit, mut residual) = (vectors(), vectors());
    let ([fit_re, fit_im], [re, im]) = (&mut fit, &mut residual);
    let (fit_re, fit_im, re, im) = (&mut fit_re[..], &mut fit_im[..], &mut re[..], &mut im[..]);
    with_widest_simd(
        #[inline(always)]
        || {
            fit_re.fill(0.0);
            fit_im.fill(0.0);
            for (value, column) in emissivity.iter().zip(corrected.design.chunks_exact(rows)) {
                let sums = fit_re.iter_mut().zip(fit_im.iter_mut());
                for ((sum_re, sum_im), p) in sums.zip(column) {
                    *sum_re = fused(value.re, *p, *sum_re);
                    *sum_im = fused(value.im, *p, *sum_im);
                }
            }
            let fits = fit_re.iter_mut().zip(fit_im.iter_mut());
            let given = corrected.data.iter().zip(&corrected.root);
            for (((fit_re, fit_im), (re, im)), (value, root)) in
                fits.zip(re.iter_mut().zip(im)).zip(given)
            {
                *re = root * (value.re - *fit_re);
                *im = root * (value.im - *fit_im);
                *fit_re *= root;
                *fit_im *= root;
            }
        },
    );
    (fit, residual)
}
