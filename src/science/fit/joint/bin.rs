//! One bin at one place of the search: its emissivities, its residuals, and how these answer to the
//! shared parameters.

use std::ops::Range;

use num_complex::Complex64;

use crate::foundations::numerics::{ScratchVec, with_widest_simd};
use crate::science::fit::constraint::Constraint;
use crate::science::fit::linear::least_squares::Factorization;
use crate::science::fit::linear::system::{Equations, Unusable};
use crate::science::fit::linear::vector::dot;
use crate::science::fit::linear::weighted::root_weights;
use crate::science::instrument::{fill_planck_column, fill_planck_slopes};

use super::input::JointBin;
use super::state::{Coefficient, RecordState, Slope, inverse_rho};

/// Records that are worked on together, so that what is made of them stays in the nearest cache.
const BLOCK: usize = 256;

/// The linear problem of a bin, corrected: spectrum over rho, root weights times its modulus.
#[derive(Debug)]
pub(super) struct Corrected {
    pub(super) data: Vec<Complex64>,
    /// Square root of the weight of each record.
    pub(super) root: ScratchVec,
    /// One over rho, one a record; none where it is one.
    inverse_rho: Option<Vec<Complex64>>,
    /// Planck functions, MJy/sr, `[emitter][record]`.
    pub(super) design: Vec<ScratchVec>,
}

impl Corrected {
    /// The problem of a bin in a state; `weights` are those of a robust loss.
    pub(super) fn new(
        bin: &JointBin,
        state: &RecordState,
        weights: Option<&[f64]>,
    ) -> Result<Self, Unusable> {
        let mut root = root_weights(bin.variance)?;
        if let Some(weights) = weights {
            root.iter_mut().zip(weights).for_each(|(root, weight)| *root *= weight.sqrt());
        }
        let mut data = bin.data.to_vec();
        for (term, factor) in bin.terms.iter().zip(&state.terms) {
            match (term, factor) {
                (None, _) | (_, Slope::Same(0.0)) => {}
                (Some(term), Slope::Same(h)) => {
                    data.iter_mut().zip(*term).for_each(|(value, term)| *value -= term * h);
                }
                (Some(term), Slope::Each(h)) => {
                    let terms = term.iter().zip(h);
                    data.iter_mut().zip(terms).for_each(|(value, (term, h))| *value -= term * h);
                }
            }
        }
        let inverse_rho: Option<Vec<Complex64>> = state.response.as_ref().map(|response| {
            let omega = bin.omega;
            let each = response.responsivity.iter().zip(&response.time_constant_s);
            let each = each.zip(&response.time_constant_before_s);
            each.map(|((s, now), before)| inverse_rho(*s, omega * now, omega * before)).collect()
        });
        if let Some(inverse) = &inverse_rho {
            scale(&mut data, &mut root, inverse);
        }
        Ok(Self { data, root, inverse_rho, design: design(bin, state) })
    }

    /// `E|noise|^2` of each corrected spectrum without robust weights, (MJy/sr)^2.
    pub(super) fn variance(&self, bin: &JointBin) -> Vec<f64> {
        match &self.inverse_rho {
            None => bin.variance.to_vec(),
            Some(inverse) => {
                bin.variance.iter().zip(inverse).map(|(v, rho)| v * rho.norm_sqr()).collect()
            }
        }
    }

    /// One over rho of a record.
    #[cfg(test)]
    pub(super) fn inverse_rho_at(&self, record: usize) -> Complex64 {
        self.inverse_rho.as_ref().map_or(Complex64::ONE, |inverse| inverse[record])
    }

    fn factored(&self, constraint: Constraint) -> Result<Factorization, Unusable> {
        let columns: Vec<&[f64]> = self.design.iter().map(|column| &column[..]).collect();
        let equations = Equations { design: &columns, data: &self.data, constraint };
        Factorization::of(&equations, Some(&self.root))
    }
}

/// Divides spectra by rho and multiplies the roots of their weights by its modulus.
fn scale(data: &mut [Complex64], root: &mut [f64], inverse_rho: &[Complex64]) {
    with_widest_simd(
        #[inline(always)]
        || {
            for ((value, root), inverse) in data.iter_mut().zip(root).zip(inverse_rho) {
                *value *= inverse;
                *root /= inverse.norm_sqr().sqrt();
            }
        },
    );
}

fn design(bin: &JointBin, state: &RecordState) -> Vec<ScratchVec> {
    let column = |inverse: &Vec<f64>| {
        let mut column = ScratchVec::with_len(inverse.len());
        fill_planck_column(bin.context.frequency_hz, inverse, &mut column);
        column
    };
    state.inverse_temperatures.iter().map(column).collect()
}

/// What a coefficient multiplies in the residual of each record: a real number times one factor, or a
/// complex number.
#[derive(Debug)]
pub(super) struct Column {
    pub(super) factor: Complex64,
    pub(super) re: ScratchVec,
    pub(super) im: Option<ScratchVec>,
}

/// A bin, linearised about its best emissivities.
#[derive(Debug)]
pub(super) struct BinTerms {
    pub(super) emissivity: Vec<Complex64>,
    /// Weighted sum of squared residual moduli.
    pub(super) rss: f64,
    pub(super) factored: Factorization,
    /// One a coefficient of the state.
    pub(super) columns: Vec<Column>,
    /// Weighted residuals, real and imaginary part.
    pub(super) residual: [ScratchVec; 2],
    /// `Q^T` of each parameter's derivative, `[parameter][unknown]`.
    pub(super) projections: Vec<Complex64>,
    /// `Q^T` of each plateau's real column of each body, `[plateau][body][unknown]`.
    pub(super) segments: Vec<f64>,
}

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
    /// Fits the emissivities of a bin and linearises its residuals about them.
    ///
    /// # Errors
    /// If the emissivities are not determined.
    pub(super) fn of_bin(
        &self,
        bin: &JointBin,
        weights: Option<&[f64]>,
    ) -> Result<BinTerms, Unusable> {
        let corrected = Corrected::new(bin, self.state, weights)?;
        let factored = corrected.factored(self.constraint)?;
        let solution = factored.fit();
        let emissivity = solution.emissivity;
        let (fit, residual) = fit_and_residual(&corrected, &emissivity);
        let column = |coefficient: &Coefficient| {
            self.column(*coefficient, bin, &corrected, &emissivity, &fit)
        };
        let columns: Vec<Column> = self.coefficients.iter().map(column).collect();
        let q = factored.form_q();
        let projections = self.projections(&q, &columns);
        let segments = self.segments(&q, &columns);
        Ok(BinTerms {
            rss: solution.rss,
            emissivity,
            factored,
            columns,
            residual,
            projections,
            segments,
        })
    }

    fn column(
        &self,
        coefficient: Coefficient,
        bin: &JointBin,
        corrected: &Corrected,
        emissivity: &[Complex64],
        fit: &[ScratchVec; 2],
    ) -> Column {
        let root = &corrected.root;
        match coefficient {
            Coefficient::Temperature(emitter) => {
                let mut re = ScratchVec::with_len(root.len());
                let temperatures = &self.state.temperatures[emitter];
                fill_planck_slopes(bin.context.frequency_hz, temperatures, &mut re);
                re.iter_mut().zip(root).for_each(|(slope, root)| *slope *= -root);
                Column { factor: emissivity[emitter], re, im: None }
            }
            Coefficient::Responsivity => complex(root.len(), |j| (-fit[0][j], -fit[1][j])),
            Coefficient::TimeConstant => {
                let none = Vec::new();
                let response = self.state.response.as_ref();
                let tau = response.map_or(&none, |response| &response.time_constant_s);
                let omega = bin.omega;
                // d ln rho / d tau = -i omega / (1 + i omega tau).
                complex(root.len(), |j| {
                    let angle = omega * tau[j];
                    let factor = omega / (1.0 + angle * angle);
                    let (re, im) = (-angle * factor, -factor);
                    let (x, y) = (-fit[0][j], -fit[1][j]);
                    (x * re - y * im, x * im + y * re)
                })
            }
            Coefficient::Term(term) => {
                let values = bin.terms[term].unwrap_or(&[]);
                let inverse = corrected.inverse_rho.as_deref();
                complex(root.len(), |j| {
                    let value = match inverse {
                        Some(inverse) => values[j] * inverse[j],
                        None => values[j],
                    };
                    (-root[j] * value.re, -root[j] * value.im)
                })
            }
        }
    }

    /// `Q^T` of the derivative by each parameter.
    fn projections(&self, q: &[f64], columns: &[Column]) -> Vec<Complex64> {
        let rows = self.state.temperatures.first().map_or(0, Vec::len);
        let unknowns = q.len() / rows.max(1);
        let actions = &self.state.actions;
        let mut sums = vec![Complex64::ZERO; actions.len() * unknowns];
        let [mut re, mut im] = [ScratchVec::with_len(BLOCK), ScratchVec::with_len(BLOCK)];
        with_widest_simd(
            #[inline(always)]
            || {
                for start in (0..rows).step_by(BLOCK) {
                    let block = start..rows.min(start + BLOCK);
                    for (action, sums) in actions.iter().zip(sums.chunks_exact_mut(unknowns)) {
                        let (re, im) = (&mut re[..block.len()], &mut im[..block.len()]);
                        let factor = self.derivative(action, columns, &block, re, im);
                        for (q, sum) in q.chunks_exact(rows).zip(sums) {
                            let q = &q[block.clone()];
                            *sum += match factor {
                                Some(factor) => factor * dot(q, re),
                                None => Complex64::new(dot(q, re), dot(q, im)),
                            };
                        }
                    }
                }
            },
        );
        sums
    }

    /// The derivative by a parameter of some records: one real column times the factor that is returned,
    /// or a complex one.
    #[inline(always)]
    fn derivative(
        &self,
        action: &[(Coefficient, Slope)],
        columns: &[Column],
        records: &Range<usize>,
        re: &mut [f64],
        im: &mut [f64],
    ) -> Option<Complex64> {
        let place = |coefficient| self.coefficients.binary_search(coefficient).unwrap_or(0);
        if let [(coefficient, slope)] = action
            && let column = &columns[place(coefficient)]
            && column.im.is_none()
        {
            re.copy_from_slice(&column.re[records.clone()]);
            if let Slope::Each(slope) = slope {
                re.iter_mut().zip(&slope[records.clone()]).for_each(|(re, slope)| *re *= slope);
                return Some(column.factor);
            }
            return Some(column.factor * slope.at(0));
        }
        re.fill(0.0);
        im.fill(0.0);
        for (coefficient, slope) in action {
            let column = &columns[place(coefficient)];
            add_scaled(column, slope, records, re, im);
        }
        None
    }

    /// `Q^T` of the columns of the bodies, plateau by plateau.
    fn segments(&self, q: &[f64], columns: &[Column]) -> Vec<f64> {
        let rows = self.state.temperatures.first().map_or(0, Vec::len);
        let column = |body: &usize| {
            let place = self.coefficients.binary_search(&Coefficient::Temperature(*body));
            &columns[place.unwrap_or(0)].re
        };
        let bodies: Vec<&ScratchVec> = self.bodies.iter().map(column).collect();
        let mut sums = Vec::with_capacity(self.plateaus.len() * bodies.len() * 7);
        for records in self.plateaus {
            for body in &bodies {
                let body = &body[records.clone()];
                sums.extend(q.chunks_exact(rows).map(|q| dot(&q[records.clone()], body)));
            }
        }
        sums
    }
}

/// Adds a column, times a slope, to real and imaginary parts.
#[inline(always)]
fn add_scaled(
    column: &Column,
    slope: &Slope,
    records: &Range<usize>,
    re: &mut [f64],
    im: &mut [f64],
) {
    let own = &column.re[records.clone()];
    match (&column.im, slope) {
        (Some(own_im), Slope::Same(slope)) => {
            re.iter_mut().zip(own).for_each(|(re, own)| *re += own * slope);
            let own_im = &own_im[records.clone()];
            im.iter_mut().zip(own_im).for_each(|(im, own)| *im += own * slope);
        }
        (Some(own_im), Slope::Each(slope)) => {
            let slope = &slope[records.clone()];
            re.iter_mut().zip(own).zip(slope).for_each(|((re, own), slope)| *re += own * slope);
            let own_im = &own_im[records.clone()];
            im.iter_mut().zip(own_im).zip(slope).for_each(|((im, own), s)| *im += own * s);
        }
        (None, Slope::Same(slope)) => {
            let factor = column.factor * slope;
            for ((re, im), own) in re.iter_mut().zip(im).zip(own) {
                *re += factor.re * own;
                *im += factor.im * own;
            }
        }
        (None, Slope::Each(slope)) => {
            let (slope, factor) = (&slope[records.clone()], column.factor);
            for (((re, im), own), slope) in re.iter_mut().zip(im).zip(own).zip(slope) {
                let scaled = own * slope;
                *re += factor.re * scaled;
                *im += factor.im * scaled;
            }
        }
    }
}

fn complex(records: usize, value: impl Fn(usize) -> (f64, f64)) -> Column {
    let [mut re, mut im] = [ScratchVec::with_len(records), ScratchVec::with_len(records)];
    with_widest_simd(
        #[inline(always)]
        || {
            for (j, (re, im)) in re.iter_mut().zip(im.iter_mut()).enumerate() {
                (*re, *im) = value(j);
            }
        },
    );
    Column { factor: Complex64::ONE, re, im: Some(im) }
}

/// The weighted fit and the weighted residual, each real and imaginary part.
fn fit_and_residual(
    corrected: &Corrected,
    emissivity: &[Complex64],
) -> ([ScratchVec; 2], [ScratchVec; 2]) {
    let records = corrected.data.len();
    let vectors = || [ScratchVec::with_len(records), ScratchVec::with_len(records)];
    let (mut fit, mut residual) = (vectors(), vectors());
    fit.iter_mut().for_each(|part| part.fill(0.0));
    with_widest_simd(
        #[inline(always)]
        || {
            for (value, column) in emissivity.iter().zip(&corrected.design) {
                for (part, factor) in fit.iter_mut().zip([value.re, value.im]) {
                    part.iter_mut().zip(column).for_each(|(sum, p)| *sum += factor * p);
                }
            }
            let [fit_re, fit_im] = &mut fit;
            let [re, im] = &mut residual;
            for (j, (value, root)) in corrected.data.iter().zip(&corrected.root).enumerate() {
                re[j] = root * (value.re - fit_re[j]);
                im[j] = root * (value.im - fit_im[j]);
                fit_re[j] *= root;
                fit_im[j] *= root;
            }
        },
    );
    (fit, residual)
}
