//! One bin at one place of the search: its emissivities, its residuals, and how these answer to the
//! shared parameters.

use std::ops::Range;

use num_complex::Complex64;

use crate::foundations::numerics::{ScratchVec, fused, with_widest_simd};
use crate::science::fit::constraint::Constraint;
use crate::science::fit::linear::least_squares::Factorization;
use crate::science::fit::linear::system::{Equations, Unusable};
use crate::science::fit::linear::vector::{axpy, dot, short_dot};
use crate::science::fit::linear::weighted::root_weights;
use crate::science::instrument::fill_weighted_planck_slopes;

use super::input::{BinRecords, JointBin};
use super::state::{Coefficient, RecordState, Slope, inverse_rho};

/// Records that are worked on together, so that what is made of them stays in the nearest cache.
const BLOCK: usize = 128;

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
    let frequency_hz = |bin: usize| state.frequencies_hz[bin];
    let columns = design.chunks_exact_mut(rows);
    state.planck.fill(bin.context.bin, frequency_hz, &state.inverse_temperatures, columns);
    design
}

/// What coefficients multiply in the residual of some records: a real number times one factor, or a
/// complex number.
#[derive(Debug)]
struct Columns {
    /// Real columns, and real and imaginary parts of complex ones, each of [`BLOCK`] records.
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

/// The columns of all records, some of which that follow each other stand together: what is read with
/// them stands beside them in memory.
#[derive(Debug)]
pub(super) struct KeptColumns {
    /// `[group of records][part][record]`; zero beyond the last record.
    values: ScratchVec,
    parts: usize,
    places: Vec<ColumnPlace>,
}

/// Records in a group of [`KeptColumns`].
pub(super) const GROUP: usize = 16;

/// A number a record, group by group; zero beyond the last record.
pub(super) type ByGroup = Vec<[f64; GROUP]>;

/// The first numbers of a vector, zero where there are fewer than a group has.
#[inline(always)]
pub(super) fn group_of(values: &[f64]) -> [f64; GROUP] {
    let mut group = [0.0; GROUP];
    let count = values.len().min(GROUP);
    group[..count].copy_from_slice(&values[..count]);
    group
}

impl KeptColumns {
    /// Space for the columns of so many records; that of others is used again, if it fits.
    fn new(records: usize, places: &[ColumnPlace], spare: Option<Self>) -> Self {
        let parts = parts(places);
        let needed = records.div_ceil(GROUP) * GROUP * parts;
        let fits = |spare: &Self| spare.values.len() == needed;
        let values = match spare.filter(fits) {
            Some(spare) => spare.values,
            None => ScratchVec::with_len(needed),
        };
        Self { values, parts, places: places.to_vec() }
    }

    /// Keeps a block that begins at a record.
    fn keep(&mut self, block: &Range<usize>, columns: &Columns) {
        let own = self.parts * GROUP;
        if own == 0 {
            return; // Nothing is free.
        }
        let groups = self.values[block.start / GROUP * own..].chunks_exact_mut(own);
        for (group, start) in groups.zip((0..block.len()).step_by(GROUP)) {
            let count = GROUP.min(block.len() - start);
            for (part, to) in group.chunks_exact_mut(GROUP).enumerate() {
                let (used, beyond) = to.split_at_mut(count);
                used.copy_from_slice(&columns.values[part * BLOCK + start..][..count]);
                beyond.fill(0.0);
            }
        }
    }

    /// Real and imaginary part of the column of a coefficient in a group of records.
    #[inline(always)]
    pub(super) fn group(&self, coefficient: usize, group: usize) -> [[f64; GROUP]; 2] {
        let ColumnPlace { factor, first, is_complex } = self.places[coefficient];
        let parts = self.values[(group * self.parts + first) * GROUP..].as_chunks::<GROUP>().0;
        if is_complex {
            return [parts[0], parts[1]];
        }
        let mut both = [[0.0; GROUP]; 2];
        for lane in 0..GROUP {
            both[0][lane] = factor.re * parts[0][lane];
            both[1][lane] = factor.im * parts[0][lane];
        }
        both
    }
}

/// Real columns, and parts of complex ones.
fn parts(places: &[ColumnPlace]) -> usize {
    places.iter().map(|place| 1 + usize::from(place.is_complex)).sum()
}

/// Some records of what a coefficient multiplies.
#[derive(Debug, Clone, Copy)]
struct Column<'a> {
    factor: Complex64,
    re: &'a [f64],
    im: Option<&'a [f64]>,
}

impl Columns {
    /// The first records of the column of a coefficient, by its place.
    #[inline(always)]
    fn get(&self, coefficient: usize, count: usize) -> Column<'_> {
        let ColumnPlace { factor, first, is_complex } = self.places[coefficient];
        let part = |place: usize| &self.values[place * BLOCK..][..count];
        Column { factor, re: part(first), im: is_complex.then(|| part(first + 1)) }
    }
}

/// A bin, linearised about its best emissivities.
#[derive(Debug)]
pub(super) struct BinTerms {
    pub(super) emissivity: Vec<Complex64>,
    pub(super) factored: Factorization,
    /// One a coefficient of the state; none where the shared parameters do not rest on the bin.
    pub(super) columns: Option<KeptColumns>,
    /// Weighted residuals, real and imaginary part.
    pub(super) residual: [ScratchVec; 2],
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
        acting: &[ByGroup],
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
        self.factored.move_fit(&by, 2.0 * self.slope(acting));
        let (re, im) = self.factored.qt_b();
        self.emissivity = self.factored.emissivities(re, im);
    }

    /// The product of the residuals with the columns, each times a number a record.
    fn slope(&self, acting: &[ByGroup]) -> f64 {
        let Some(columns) = &self.columns else { return 0.0 };
        let mut sums = [0.0; GROUP];
        with_widest_simd(
            #[inline(always)]
            || {
                for (coefficient, factors) in acting.iter().enumerate() {
                    for (at, factors) in factors.iter().enumerate() {
                        let [re, im] = columns.group(coefficient, at);
                        let [of_re, of_im] =
                            self.residual.each_ref().map(|part| group_of(&part[at * GROUP..]));
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

/// What is kept of the columns of a bin.
enum Keep {
    Nothing,
    /// All of them, in the space of others if it fits.
    Columns(Option<KeptColumns>),
}

/// What the columns of a bin are made of.
struct Given<'a> {
    bin: &'a JointBin<'a>,
    records: &'a BinRecords,
    corrected: &'a Corrected,
    /// The weighted fit, real and imaginary part.
    fit: &'a [ScratchVec; 2],
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
    /// Fits the emissivities of a bin and linearises its residuals about them. The space of spare columns
    /// is used again.
    ///
    /// # Errors
    /// If the emissivities are not determined.
    pub(super) fn of_bin(
        &self,
        bin: &JointBin,
        loaded: &LoadedBin,
        weights: Option<&[f64]>,
        spare: Option<KeptColumns>,
    ) -> Result<BinTerms, Unusable> {
        let (mut terms, q) = self.linearised(bin, loaded, weights, Keep::Columns(spare))?;
        terms.residual.iter_mut().for_each(|part| take_out(&q, part));
        Ok(terms)
    }

    /// As [`Self::of_bin`], of a bin on which the shared parameters do not rest: without its columns, and
    /// with residuals in which rounding left a part of the fit.
    ///
    /// # Errors
    /// If the emissivities are not determined.
    pub(super) fn of_other_bin(
        &self,
        bin: &JointBin,
        loaded: &LoadedBin,
        weights: Option<&[f64]>,
    ) -> Result<BinTerms, Unusable> {
        Ok(self.linearised(bin, loaded, weights, Keep::Nothing)?.0)
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

    /// The bin, and Q, column by column.
    fn linearised(
        &self,
        bin: &JointBin,
        loaded: &LoadedBin,
        weights: Option<&[f64]>,
        keep: Keep,
    ) -> Result<(BinTerms, ScratchVec), Unusable> {
        let corrected = Corrected::new(bin, loaded, self.state, weights)?;
        let mut factored = corrected.factored(self.constraint)?;
        let (re, im) = factored.qt_b();
        let emissivity = factored.emissivities(re, im);
        let (fit, residual) = fit_and_residual(&corrected, &emissivity);
        let q = factored.form_q();
        let places = self.column_places(&emissivity);
        let mut columns = match keep {
            Keep::Nothing => None,
            Keep::Columns(spare) => Some(KeptColumns::new(self.state.records, &places, spare)),
        };
        let given = Given { bin, records: &loaded.records, corrected: &corrected, fit: &fit };
        let projections = self.projections(&q, &given, (&places, &mut columns));
        let segments = self.segments(&q, &given);
        factored.forget_rows();
        Ok((BinTerms { emissivity, factored, columns, residual, projections, segments }, q))
    }

    /// Where the columns of all coefficients stand.
    fn column_places(&self, emissivity: &[Complex64]) -> Vec<ColumnPlace> {
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
        self.coefficients.iter().map(place).collect()
    }

    /// Writes the columns of all coefficients at some records.
    fn fill_columns(&self, given: &Given, records: &Range<usize>, columns: &mut Columns) {
        let Given { bin, records: loaded, corrected, fit } = given;
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
                        loaded.terms[*term].as_deref().map_or(&[][..], |t| &t[records.clone()]);
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

    /// `Q^T` of the derivative by each parameter; keeps the columns that these are made of, if asked.
    fn projections(
        &self,
        q: &[f64],
        given: &Given,
        (places, kept): (&[ColumnPlace], &mut Option<KeptColumns>),
    ) -> Vec<Complex64> {
        let unknowns = q.len() / self.state.records.max(1);
        // With a number that the compiler knows, all sums of a block stay in registers.
        match unknowns {
            6 => self.projections_of::<6>(q, given, (places, kept)),
            7 => self.projections_of::<7>(q, given, (places, kept)),
            _ => {
                let of_one = |q: &[f64]| self.projections_of::<1>(q, given, (places, &mut *kept));
                let each: Vec<Vec<Complex64>> =
                    q.chunks_exact(self.state.records).map(of_one).collect();
                let parameters = self.state.actions.len();
                (0..parameters).flat_map(|m| each.iter().map(move |sums| sums[m])).collect()
            }
        }
    }

    /// As [`Self::projections`], for a basis of so many columns. Block by block, so that columns are
    /// multiplied while they are in the nearest caches.
    fn projections_of<const N: usize>(
        &self,
        q: &[f64],
        given: &Given,
        (places, kept): (&[ColumnPlace], &mut Option<KeptColumns>),
    ) -> Vec<Complex64> {
        let rows = self.state.records;
        let actions = &self.state.actions;
        let mut sums = vec![BasisSums::<N>::ZERO; actions.len()];
        let mut kinds = vec![(Complex64::ONE, false); actions.len()];
        let [mut re, mut im] = [[0.0; BLOCK]; 2];
        let values = ScratchVec::with_len(parts(places) * BLOCK);
        let mut columns = Columns { values, places: places.to_vec() };
        with_widest_simd(
            #[inline(always)]
            || {
                for start in (0..rows).step_by(BLOCK) {
                    let block = start..rows.min(start + BLOCK);
                    self.fill_columns(given, &block, &mut columns);
                    if let Some(kept) = kept {
                        kept.keep(&block, &columns);
                    }
                    let basis: [&[f64]; N] = std::array::from_fn(|a| &q[a * rows..][block.clone()]);
                    for ((action, sums), kind) in actions.iter().zip(&mut sums).zip(&mut kinds) {
                        let (re, im) = (&mut re[..block.len()], &mut im[..block.len()]);
                        let derivative = self.derivative(action, &columns, &block, (re, im));
                        *kind = (derivative.factor, derivative.is_complex);
                        match derivative.is_complex {
                            true => sums.add_complex(&basis, derivative.re, derivative.im),
                            false => sums.add_real(&basis, derivative.re),
                        }
                    }
                }
            },
        );
        let mut all = Vec::with_capacity(actions.len() * N);
        for (sums, (factor, is_complex)) in sums.iter().zip(kinds) {
            all.extend(sums.totals(is_complex).map(|sum| sum * factor));
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
        let column = |coefficient| columns.get(place(coefficient), records.len());
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

/// Numbers that are worked on side by side.
const LANES: usize = 8;
/// The same of each part of complex numbers: each number of a basis is read once for both.
const HALF: usize = LANES / 2;

/// Partial sums of products with the columns of a basis, one group of lanes for each: of a real column,
/// or of the real parts of a complex one and then of its imaginary parts.
#[derive(Clone)]
struct BasisSums<const N: usize> {
    lanes: [[f64; LANES]; N],
    /// Of the records that fill no group of lanes, real and imaginary part.
    rest: [[f64; 2]; N],
}

impl<const N: usize> BasisSums<N> {
    const ZERO: Self = Self { lanes: [[0.0; LANES]; N], rest: [[0.0; 2]; N] };

    /// Adds the products of some records of a real column.
    #[inline(always)]
    fn add_real(&mut self, basis: &[&[f64]; N], column: &[f64]) {
        let (groups, rest) = column.as_chunks::<LANES>();
        let of_basis = basis.map(|vector| vector.as_chunks::<LANES>());
        let mut lanes = self.lanes;
        for (at, values) in groups.iter().enumerate() {
            for a in 0..N {
                let vector = &of_basis[a].0[at];
                for lane in 0..LANES {
                    lanes[a][lane] = fused(vector[lane], values[lane], lanes[a][lane]);
                }
            }
        }
        self.lanes = lanes;
        for ([sum, _], (_, vector)) in self.rest.iter_mut().zip(of_basis) {
            *sum += short_dot(vector, rest);
        }
    }

    /// Adds the products of some records of a complex column.
    #[inline(always)]
    fn add_complex(&mut self, basis: &[&[f64]; N], re: &[f64], im: &[f64]) {
        let [(re, rest_re), (im, rest_im)] = [re, im].map(|part| part.as_chunks::<HALF>());
        let of_basis = basis.map(|vector| vector.as_chunks::<HALF>());
        let mut lanes = self.lanes;
        for (at, (re, im)) in re.iter().zip(im).enumerate() {
            for a in 0..N {
                let vector = &of_basis[a].0[at];
                for lane in 0..HALF {
                    lanes[a][lane] = fused(vector[lane], re[lane], lanes[a][lane]);
                    let beyond = HALF + lane;
                    lanes[a][beyond] = fused(vector[lane], im[lane], lanes[a][beyond]);
                }
            }
        }
        self.lanes = lanes;
        for ([re, im], (_, vector)) in self.rest.iter_mut().zip(of_basis) {
            *re += short_dot(vector, rest_re);
            *im += short_dot(vector, rest_im);
        }
    }

    /// The sums with each column of the basis.
    fn totals(&self, is_complex: bool) -> [Complex64; N] {
        let total = |a: usize| {
            let [a0, a1, a2, a3, a4, a5, a6, a7] = self.lanes[a];
            let ([re, im], first, last) =
                (self.rest[a], (a0 + a2) + (a1 + a3), (a4 + a6) + (a5 + a7));
            match is_complex {
                true => Complex64::new(first + re, last + im),
                false => Complex64::new(first + last + re, 0.0),
            }
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
        *re = fused(*ar, *s, fused(*br, *t, by_re * scaled));
        *im = fused(*ai, *s, fused(*bi, *t, by_im * scaled));
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
fn negate([fit_re, fit_im]: [&[f64]; 2], (re, im): (&mut [f64], &mut [f64])) {
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
    [fit_re, fit_im]: [&[f64]; 2],
    (taus, omega): (&[f64], f64),
    (re, im): (&mut [f64], &mut [f64]),
) {
    with_widest_simd(
        #[inline(always)]
        || {
            let given = fit_re.iter().zip(fit_im).zip(taus);
            for ((re, im), ((x, y), tau)) in re.iter_mut().zip(im).zip(given) {
                let angle = omega * tau;
                let factor = omega / (1.0 + angle * angle);
                *re = factor * fused(*x, angle, -y);
                *im = factor * fused(*y, angle, *x);
            }
        },
    );
}

/// Minus a correction term, as it stands in the corrected, weighted spectrum.
fn by_term(
    term: &[Complex64],
    (root, inverse_rho): (&[f64], Option<&[Complex64]>),
    (re, im): (&mut [f64], &mut [f64]),
) {
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
