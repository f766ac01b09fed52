//! One bin at one place of the search: its emissivities, its residuals, and how these answer to the
//! shared parameters.

use std::ops::Range;

use num_complex::Complex64;

use crate::foundations::numerics::{ScratchVec, with_widest_simd};
use crate::science::fit::constraint::Constraint;
use crate::science::fit::linear::least_squares::Factorization;
use crate::science::fit::linear::system::{Equations, Unusable};
use crate::science::fit::linear::vector::{axpy, dot};
use crate::science::fit::linear::weighted::root_weights;
use crate::science::instrument::{fill_planck_column, fill_weighted_planck_slopes};

use super::input::{BinRecords, JointBin};
use super::state::{Coefficient, RecordState, Slope, inverse_rho};

/// Records that are worked on together, so that what is made of them stays in the nearest cache.
const BLOCK: usize = 256;

/// The records of a bin, and the weights that they have where the spectra were made.
#[derive(Debug)]
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
    inverse_rho: Option<Vec<Complex64>>,
    /// Planck functions, MJy/sr, one column an emitter.
    design: ScratchVec,
}

impl Corrected {
    /// The problem of a bin in a state; `weights` are those of a robust loss.
    pub(super) fn new(
        bin: &JointBin,
        LoadedBin { records, root }: &LoadedBin,
        state: &RecordState,
        weights: Option<&[f64]>,
    ) -> Result<Self, Unusable> {
        let mut root = root.clone()?;
        if let Some(weights) = weights {
            root.iter_mut().zip(weights).for_each(|(root, weight)| *root *= weight.sqrt());
        }
        let mut data = records.data.clone();
        for (term, factor) in records.terms.iter().zip(&state.terms) {
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
        Ok(Self { data, root, inverse_rho, design: design(bin, state) })
    }

    /// `E|noise|^2` of each corrected spectrum without robust weights, (MJy/sr)^2.
    pub(super) fn variance(&self, records: &BinRecords) -> Vec<f64> {
        match &self.inverse_rho {
            None => records.variance.to_vec(),
            Some(inverse) => {
                records.variance.iter().zip(inverse).map(|(v, rho)| v * rho.norm_sqr()).collect()
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

    fn factored(&self, constraint: Constraint) -> Result<Factorization, Unusable> {
        let columns = self.columns();
        let equations = Equations { design: &columns, data: &self.data, constraint };
        Factorization::of(&equations, Some(&self.root))
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
    for (column, inverse) in design.chunks_exact_mut(rows).zip(&state.inverse_temperatures) {
        fill_planck_column(bin.context.frequency_hz, inverse, column);
    }
    design
}

/// What coefficients multiply in the residual of each record: a real number times one factor, or a
/// complex number.
#[derive(Debug)]
pub(super) struct Columns {
    rows: usize,
    /// Real columns, and real and imaginary parts of complex ones, one after another.
    values: ScratchVec,
    /// One a coefficient.
    places: Vec<ColumnPlace>,
}

#[derive(Debug, Clone, Copy)]
struct ColumnPlace {
    factor: Complex64,
    first: usize,
    is_complex: bool,
}

/// Some records of what a coefficient multiplies.
#[derive(Debug, Clone, Copy)]
pub(super) struct Column<'a> {
    pub(super) factor: Complex64,
    pub(super) re: &'a [f64],
    pub(super) im: Option<&'a [f64]>,
}

impl Columns {
    /// Some records of the column of a coefficient, by its place.
    #[inline(always)]
    pub(super) fn get(&self, coefficient: usize, records: &Range<usize>) -> Column<'_> {
        let ColumnPlace { factor, first, is_complex } = self.places[coefficient];
        let part = |place: usize| &self.values[place * self.rows..][records.clone()];
        Column { factor, re: part(first), im: is_complex.then(|| part(first + 1)) }
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.places.len()
    }
}

/// A bin, linearised about its best emissivities.
#[derive(Debug)]
pub(super) struct BinTerms {
    pub(super) emissivity: Vec<Complex64>,
    /// Weighted sum of squared residual moduli.
    pub(super) rss: f64,
    pub(super) factored: Factorization,
    /// One a coefficient of the state.
    pub(super) columns: Columns,
    /// Weighted residuals, real and imaginary part.
    pub(super) residual: [ScratchVec; 2],
    /// `Q^T` of each parameter's derivative, `[parameter][unknown]`.
    pub(super) projections: Vec<Complex64>,
    /// `Q^T` of each plateau's real column of each body, `[plateau][body][unknown]`.
    pub(super) segments: Vec<f64>,
}

impl BinTerms {
    /// What the fit explains of the weighted data: the square of its modulus.
    pub(super) fn explained(&self) -> f64 {
        let (re, im) = self.factored.qt_b();
        re.iter().chain(im).map(|part| part * part).sum()
    }
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
        loaded: &LoadedBin,
        weights: Option<&[f64]>,
    ) -> Result<BinTerms, Unusable> {
        let corrected = Corrected::new(bin, loaded, self.state, weights)?;
        let factored = corrected.factored(self.constraint)?;
        let solution = factored.fit();
        let emissivity = solution.emissivity;
        let (fit, mut residual) = fit_and_residual(&corrected, &emissivity);
        let columns = self.columns(bin, &loaded.records, &corrected, (&emissivity, fit));
        let q = factored.form_q();
        residual.iter_mut().for_each(|part| take_out(&q, part));
        let projections = self.projections(&q, &columns);
        let segments = self.segments(&q, &columns);
        let rss = solution.rss;
        Ok(BinTerms { rss, emissivity, factored, columns, residual, projections, segments })
    }

    /// The columns of all coefficients; `fit` is the weighted fit, real and imaginary part.
    fn columns(
        &self,
        bin: &JointBin,
        records: &BinRecords,
        corrected: &Corrected,
        (emissivity, fit): (&[Complex64], [ScratchVec; 2]),
    ) -> Columns {
        let rows = self.state.records;
        let mut count = 0;
        let place = |coefficient: &Coefficient| {
            let (factor, is_complex) = match coefficient {
                Coefficient::Temperature(emitter) => (-emissivity[*emitter], false),
                _ => (Complex64::ONE, true),
            };
            let first = count;
            count += 1 + usize::from(is_complex);
            ColumnPlace { factor, first, is_complex }
        };
        let places: Vec<ColumnPlace> = self.coefficients.iter().map(place).collect();
        let mut values = ScratchVec::with_len(rows * count);
        for (coefficient, place) in self.coefficients.iter().zip(&places) {
            let out =
                &mut values[place.first * rows..][..(1 + usize::from(place.is_complex)) * rows];
            match coefficient {
                Coefficient::Temperature(emitter) => {
                    let brightness = &corrected.design[emitter * rows..][..rows];
                    let given = (&self.state.inverse_temperatures[*emitter][..], brightness);
                    let frequency_hz = bin.context.frequency_hz;
                    fill_weighted_planck_slopes(frequency_hz, given, &corrected.root, out);
                }
                Coefficient::Responsivity => negate(&fit, out),
                Coefficient::TimeConstant => {
                    let response = self.state.response.as_ref();
                    let taus = response.map_or(&[][..], |response| &response.time_constant_s);
                    by_time_constant(&fit, (taus, bin.omega), out);
                }
                Coefficient::Term(term) => {
                    let term = records.terms[*term].as_deref().unwrap_or(&[]);
                    by_term(term, (&corrected.root, corrected.inverse_rho.as_deref()), out);
                }
            }
        }
        Columns { rows, values, places }
    }

    /// `Q^T` of the derivative by each parameter.
    fn projections(&self, q: &[f64], columns: &Columns) -> Vec<Complex64> {
        let unknowns = q.len() / self.state.records.max(1);
        // With a number that the compiler knows, all sums of a block stay in registers.
        match unknowns {
            6 => self.projections_of::<6>(q, columns),
            7 => self.projections_of::<7>(q, columns),
            _ => {
                let of_one = |q: &[f64]| self.projections_of::<1>(q, columns);
                let each: Vec<Vec<Complex64>> =
                    q.chunks_exact(self.state.records).map(of_one).collect();
                let parameters = self.state.actions.len();
                (0..parameters).flat_map(|m| each.iter().map(move |sums| sums[m])).collect()
            }
        }
    }

    /// As [`Self::projections`], for a basis of so many columns.
    fn projections_of<const N: usize>(&self, q: &[f64], columns: &Columns) -> Vec<Complex64> {
        let rows = self.state.records;
        let actions = &self.state.actions;
        let mut sums = vec![LaneSums::<N>::ZERO; actions.len()];
        let mut factors = vec![Complex64::ONE; actions.len()];
        let [mut re, mut im] = [ScratchVec::with_len(BLOCK), ScratchVec::with_len(BLOCK)];
        with_widest_simd(
            #[inline(always)]
            || {
                for start in (0..rows).step_by(BLOCK) {
                    let block = start..rows.min(start + BLOCK);
                    let basis: [&[f64]; N] = std::array::from_fn(|a| &q[a * rows..][block.clone()]);
                    for ((action, sums), factor) in actions.iter().zip(&mut sums).zip(&mut factors)
                    {
                        let (re, im) = (&mut re[..block.len()], &mut im[..block.len()]);
                        let derivative = self.derivative(action, columns, &block, (re, im));
                        *factor = derivative.factor;
                        sums.re.add(&basis, derivative.re);
                        if derivative.is_complex {
                            sums.im.add(&basis, derivative.im);
                        }
                    }
                }
            },
        );
        let mut all = Vec::with_capacity(actions.len() * N);
        for (sums, factor) in sums.iter().zip(factors) {
            // The imaginary sums of a real column are zero.
            let (re, im) = (sums.re.totals(), sums.im.totals());
            all.extend(re.into_iter().zip(im).map(|(re, im)| Complex64::new(re, im) * factor));
        }
        all
    }

    /// The derivative by a parameter of some records. What has to be worked out for it stands in `scratch`
    /// then.
    #[inline(always)]
    fn derivative<'c>(
        &self,
        action: &[(Coefficient, Slope)],
        columns: &'c Columns,
        records: &Range<usize>,
        scratch: (&'c mut [f64], &'c mut [f64]),
    ) -> Derivative<'c> {
        let place = |coefficient| self.coefficients.binary_search(coefficient).unwrap_or(0);
        let column = |coefficient| columns.get(place(coefficient), records);
        let (re, im) = scratch;
        match action {
            [(coefficient, Slope::Same(slope))] => {
                let Column { factor, re, im } = column(coefficient);
                let is_complex = im.is_some();
                Derivative { factor: factor * slope, re, im: im.unwrap_or(re), is_complex }
            }
            [(coefficient, Slope::Each(slope))] => {
                let Column { factor, re: own_re, im: own_im } = column(coefficient);
                let slope = &slope[records.clone()];
                multiply(re, own_re, slope);
                if let Some(own_im) = own_im {
                    multiply(im, own_im, slope);
                }
                Derivative { factor, re, im, is_complex: own_im.is_some() }
            }
            [(a, Slope::Each(by_a)), (b, Slope::Each(by_b)), (c, Slope::Each(by_c))] => {
                let slopes = [by_a, by_b, by_c].map(|slope| &slope[records.clone()]);
                add_three([column(a), column(b), column(c)], slopes, (re, im));
                Derivative { factor: Complex64::ONE, re, im, is_complex: true }
            }
            _ => {
                re.fill(0.0);
                im.fill(0.0);
                for (coefficient, slope) in action {
                    add_scaled(&column(coefficient), slope, records, re, im);
                }
                Derivative { factor: Complex64::ONE, re, im, is_complex: true }
            }
        }
    }

    /// `Q^T` of the columns of the bodies, plateau by plateau.
    fn segments(&self, q: &[f64], columns: &Columns) -> Vec<f64> {
        let rows = self.state.records;
        let place = |body: &usize| {
            self.coefficients.binary_search(&Coefficient::Temperature(*body)).unwrap_or(0)
        };
        let bodies: Vec<usize> = self.bodies.iter().map(place).collect();
        let mut sums = Vec::with_capacity(self.plateaus.len() * bodies.len() * 7);
        with_widest_simd(
            #[inline(always)]
            || {
                for records in self.plateaus {
                    for &body in &bodies {
                        let body = columns.get(body, records).re;
                        sums.extend(q.chunks_exact(rows).map(|q| dot(&q[records.clone()], body)));
                    }
                }
            },
        );
        sums
    }
}

/// Sums of products with the columns of a basis, real and imaginary part.
#[derive(Clone)]
struct LaneSums<const N: usize> {
    re: BasisSums<N>,
    im: BasisSums<N>,
}

impl<const N: usize> LaneSums<N> {
    const ZERO: Self = Self { re: BasisSums::ZERO, im: BasisSums::ZERO };
}

/// Partial sums that run side by side, one group for each column of the basis.
#[derive(Clone)]
struct BasisSums<const N: usize> {
    lanes: [[f64; LANES]; N],
    /// Of the records that fill no group of lanes.
    rest: [f64; N],
}

/// Partial sums of a product: as many as the widest registers hold.
const LANES: usize = 8;

impl<const N: usize> BasisSums<N> {
    const ZERO: Self = Self { lanes: [[0.0; LANES]; N], rest: [0.0; N] };

    /// Adds the products of some records of a vector.
    #[inline(always)]
    fn add(&mut self, basis: &[&[f64]; N], vector: &[f64]) {
        let (blocks, rest) = vector.as_chunks::<LANES>();
        let of_basis = basis.map(|column| column.as_chunks::<LANES>());
        let mut lanes = self.lanes;
        for (at, values) in blocks.iter().enumerate() {
            for a in 0..N {
                let column = &of_basis[a].0[at];
                for lane in 0..LANES {
                    lanes[a][lane] += column[lane] * values[lane];
                }
            }
        }
        self.lanes = lanes;
        for (sum, (_, column)) in self.rest.iter_mut().zip(of_basis) {
            let products = column.iter().zip(rest).map(|(q, value)| q * value);
            *sum += products.sum::<f64>();
        }
    }

    fn totals(&self) -> [f64; N] {
        let total = |a: usize| {
            let [a0, a1, a2, a3, a4, a5, a6, a7] = self.lanes[a];
            ((a0 + a4) + (a2 + a6)) + ((a1 + a5) + (a3 + a7)) + self.rest[a]
        };
        std::array::from_fn(total)
    }
}

/// The derivative by a parameter of some records: a factor times a real or a complex column.
struct Derivative<'c> {
    factor: Complex64,
    re: &'c [f64],
    /// Without meaning where it is real.
    im: &'c [f64],
    is_complex: bool,
}

#[inline(always)]
fn multiply(out: &mut [f64], a: &[f64], b: &[f64]) {
    out.iter_mut().zip(a.iter().zip(b)).for_each(|(out, (a, b))| *out = a * b);
}

/// The sum of two complex columns and one that is real but for a factor, each times slopes: what a
/// parameter of the bolometer does.
#[inline(always)]
fn add_three(
    [a, b, c]: [Column; 3],
    [by_a, by_b, by_c]: [&[f64]; 3],
    out: (&mut [f64], &mut [f64]),
) {
    let (re, im) = out;
    let (a_im, b_im) = (a.im.unwrap_or(a.re), b.im.unwrap_or(b.re));
    let Complex64 { re: by_re, im: by_im } = c.factor;
    let of_a = a.re.iter().zip(a_im).zip(by_a);
    let of_b = b.re.iter().zip(b_im).zip(by_b);
    let of_c = c.re.iter().zip(by_c);
    for ((re, im), ((((ar, ai), s), ((br, bi), t)), (c, u))) in
        re.iter_mut().zip(im).zip(of_a.zip(of_b).zip(of_c))
    {
        let scaled = c * u;
        *re = ar * s + br * t + by_re * scaled;
        *im = ai * s + bi * t + by_im * scaled;
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
    match (column.im, slope) {
        (Some(own_im), Slope::Same(slope)) => {
            re.iter_mut().zip(column.re).for_each(|(re, own)| *re += own * slope);
            im.iter_mut().zip(own_im).for_each(|(im, own)| *im += own * slope);
        }
        (Some(own_im), Slope::Each(slope)) => {
            let slope = &slope[records.clone()];
            let columns = column.re.iter().zip(own_im).zip(slope);
            for ((re, im), ((own_re, own_im), slope)) in re.iter_mut().zip(im).zip(columns) {
                *re += own_re * slope;
                *im += own_im * slope;
            }
        }
        (None, Slope::Same(slope)) => {
            let factor = column.factor * slope;
            for ((re, im), own) in re.iter_mut().zip(im).zip(column.re) {
                *re += factor.re * own;
                *im += factor.im * own;
            }
        }
        (None, Slope::Each(slope)) => {
            let (slope, factor) = (&slope[records.clone()], column.factor);
            for (((re, im), own), slope) in re.iter_mut().zip(im).zip(column.re).zip(slope) {
                let scaled = own * slope;
                *re += factor.re * scaled;
                *im += factor.im * scaled;
            }
        }
    }
}

/// Minus the fit: by the logarithm of the responsivity.
fn negate([fit_re, fit_im]: &[ScratchVec; 2], out: &mut [f64]) {
    let (re, im) = out.split_at_mut(fit_re.len());
    with_widest_simd(
        #[inline(always)]
        || {
            re.iter_mut().zip(fit_re).for_each(|(out, fit)| *out = -fit);
            im.iter_mut().zip(fit_im).for_each(|(out, fit)| *out = -fit);
        },
    );
}

/// Minus the fit times `d ln rho / d tau = -i omega / (1 + i omega tau)`.
fn by_time_constant(
    [fit_re, fit_im]: &[ScratchVec; 2],
    (taus, omega): (&[f64], f64),
    out: &mut [f64],
) {
    let (re, im) = out.split_at_mut(fit_re.len());
    with_widest_simd(
        #[inline(always)]
        || {
            let given = fit_re.iter().zip(fit_im).zip(taus);
            for ((re, im), ((x, y), tau)) in re.iter_mut().zip(im).zip(given) {
                let angle = omega * tau;
                let factor = omega / (1.0 + angle * angle);
                *re = factor * (x * angle - y);
                *im = factor * (x + y * angle);
            }
        },
    );
}

/// Minus a correction term, as it stands in the corrected, weighted spectrum.
fn by_term(
    term: &[Complex64],
    (root, inverse_rho): (&[f64], Option<&[Complex64]>),
    out: &mut [f64],
) {
    let (re, im) = out.split_at_mut(root.len());
    with_widest_simd(
        #[inline(always)]
        || {
            let records = re.iter_mut().zip(im).zip(term).zip(root);
            match inverse_rho {
                None => {
                    for (((re, im), value), root) in records {
                        *re = -root * value.re;
                        *im = -root * value.im;
                    }
                }
                Some(inverse) => {
                    for ((((re, im), value), root), inverse) in records.zip(inverse) {
                        let value = value * inverse;
                        *re = -root * value.re;
                        *im = -root * value.im;
                    }
                }
            }
        },
    );
}

/// Takes out of a residual what rounding left of the design's space in it, a part of 1e-16 of the data:
/// derivatives lie nearly all in that space, so the gradient would be off by as much of them.
fn take_out(q: &[f64], residual: &mut [f64]) {
    with_widest_simd(
        #[inline(always)]
        || {
            for column in q.chunks_exact(residual.len().max(1)) {
                let part = dot(column, residual);
                axpy(residual, -part, column);
            }
        },
    );
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
                    *sum_re += value.re * p;
                    *sum_im += value.im * p;
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
