//! The linear system of a step: shared parameters, temperatures of plateaus, and the emissivities of all
//! bins, which are eliminated.
//!
//! Unknowns are the shared parameters x (in units of the search), the temperature errors y of each
//! plateau (in prior standard errors) and the change e of the fit of each bin, in the orthonormal basis
//! of its design. The e of a bin touches no other bin's, and the y of a plateau no other plateau's. So
//! without plateaus the e are eliminated first, bin by bin, which leaves a matrix as large as x; with
//! plateaus the y are eliminated first, plateau by plateau, which leaves one as large as x and all e:
//! the cost is linear in the number of plateaus.

use std::ops::Range;

use num_complex::Complex64;
use rayon::prelude::*;

use crate::foundations::numerics::with_widest_simd;
use crate::science::fit::linear::cholesky::Cholesky;
use crate::science::fit::linear::vector::{axpy, dot, short_dot};

use super::moments::{PlateauSums, Sums};

/// Rows of plateaus that are eliminated at once, so that they stay in the nearest caches.
const CHUNK: usize = 512;

/// What one data set says.
pub(super) struct SetSystem {
    pub(super) sums: Sums,
    /// Places of its parameters among all that are free.
    pub(super) places: Vec<usize>,
    pub(super) bins: Vec<BinCoupling>,
    /// Bodies with a temperature of their own in each plateau.
    pub(super) bodies: usize,
}

/// How the change of the fit of a bin is coupled to the parameters.
pub(super) struct BinCoupling {
    /// `Q^T` of each parameter's derivative, `[parameter of the set][unknown]`.
    pub(super) projections: Vec<Complex64>,
    /// `Q^T` of the real column of each body in each plateau, `[plateau][body][unknown]`.
    pub(super) segments: Vec<f64>,
    /// By what the columns of the bodies are multiplied.
    pub(super) factors: Vec<Complex64>,
    pub(super) unknowns: usize,
}

/// The whole system.
pub(super) struct NewtonSystem {
    pub(super) sets: Vec<SetSystem>,
    /// Free shared parameters.
    pub(super) shared: usize,
    /// What the prior adds to the diagonal, and its gradient.
    pub(super) prior: Vec<f64>,
    pub(super) prior_gradient: Vec<f64>,
    /// Standard error of a plateau's temperature, K: the unit of y.
    pub(super) plateau_k: f64,
    /// y, all plateaus of all sets: the gradient of their prior is half of it.
    pub(super) y: Vec<f64>,
}

/// A step, and what it promises.
#[derive(Clone)]
pub(super) struct Step {
    pub(super) x: Vec<f64>,
    pub(super) y: Vec<f64>,
    /// `-g . step`: twice the fall of the objective that it promises.
    pub(super) decrement: f64,
}

/// The system with all but the shared parameters, and with plateaus the fits, eliminated.
pub(super) struct Eliminated {
    pub(super) factor: Cholesky,
    /// Unknowns of the factor: shared parameters, then, with plateaus, those of the bins.
    pub(super) size: usize,
    pub(super) shared: usize,
    /// One a plateau, over all sets.
    pub(super) plateaus: Vec<PlateauRows>,
    /// Gradient of all unknowns of the factor, the plateaus eliminated.
    gradient: Vec<f64>,
    gradient_x: Vec<f64>,
    gradient_y: Vec<f64>,
}

/// The rows of one plateau.
pub(super) struct PlateauRows {
    factor: Cholesky,
    bodies: usize,
    /// `L^-1 W`, `[body][unknown of the whole]`, without what is zero: the parameters, then the bins of
    /// its own data set from `first` on.
    rows: Vec<f64>,
    width: usize,
    first: usize,
    /// `L^-1 g`.
    gradient: Vec<f64>,
}

impl NewtonSystem {
    fn gradient_x(&self) -> Vec<f64> {
        let mut gradient = self.prior_gradient.clone();
        for set in &self.sets {
            for (place, own) in set.places.iter().zip(&set.sums.gradient) {
                gradient[*place] += own;
            }
        }
        gradient
    }

    /// The matrix of the shared parameters alone, row by row, the lower triangle.
    pub(super) fn shared_matrix(&self) -> Vec<f64> {
        let n = self.shared;
        let mut matrix = vec![0.0; n * n];
        for (i, prior) in self.prior.iter().enumerate() {
            matrix[i * n + i] = *prior;
        }
        for set in &self.sets {
            let own = set.places.len();
            for (m, &row) in set.places.iter().enumerate() {
                for (k, &column) in set.places[..=m].iter().enumerate() {
                    let (high, low) = (row.max(column), row.min(column));
                    matrix[high * n + low] += set.sums.normal[m * own + k];
                }
            }
        }
        matrix
    }

    /// What is known of the shared parameters when nothing else is: a full matrix, row by row, the
    /// emissivities eliminated. Temperatures of plateaus are taken as known, which only makes it larger.
    pub(super) fn shared_information(&self) -> Vec<f64> {
        let n = self.shared;
        let mut matrix = self.shared_matrix();
        for set in &self.sets {
            set.bins.iter().for_each(|bin| subtract_fit(&mut matrix, n, set, bin));
        }
        for i in 0..n {
            for k in i + 1..n {
                matrix[i * n + k] = matrix[k * n + i];
            }
        }
        matrix
    }

    fn has_plateaus(&self) -> bool {
        self.sets.iter().any(|set| !set.sums.plateaus.is_empty())
    }

    /// Eliminates, with something added to the diagonal of parameters and plateaus: as if they were known
    /// beforehand so much better to lie where they are.
    ///
    /// None if what is left is not positive definite.
    pub(super) fn eliminate(&self, damping: f64) -> Option<Eliminated> {
        let mut matrix = self.shared_matrix();
        for i in 0..self.shared {
            matrix[i * self.shared + i] += damping;
        }
        let gradient_x = self.gradient_x();
        if self.has_plateaus() {
            return self.eliminate_plateaus(&matrix, gradient_x, damping);
        }
        for set in &self.sets {
            for bin in &set.bins {
                subtract_fit(&mut matrix, self.shared, set, bin);
            }
        }
        Some(Eliminated {
            factor: Cholesky::new(matrix, self.shared)?,
            size: self.shared,
            shared: self.shared,
            plateaus: Vec::new(),
            gradient: gradient_x.clone(),
            gradient_x,
            gradient_y: Vec::new(),
        })
    }

    /// The place of the unknowns of the bins of each set among all.
    fn bin_places(&self) -> (Vec<usize>, usize) {
        let mut next = self.shared;
        let mut places = Vec::new();
        for set in &self.sets {
            places.push(next);
            next += set.bins.iter().map(|bin| 2 * bin.unknowns).sum::<usize>();
        }
        (places, next)
    }

    fn eliminate_plateaus(
        &self,
        shared: &[f64],
        gradient_x: Vec<f64>,
        damping: f64,
    ) -> Option<Eliminated> {
        let (firsts, size) = self.bin_places();
        let mut matrix = self.with_fits(shared, &firsts, size);
        let (mut plateaus, mut gradient_y) = (Vec::new(), Vec::new());
        let mut y = self.y.iter();
        for (set, &first) in self.sets.iter().zip(&firsts) {
            let own: Vec<usize> = (0..set.sums.plateaus.len()).collect();
            let values: Vec<Vec<f64>> =
                own.iter().map(|_| y.by_ref().take(set.bodies).copied().collect()).collect();
            let rows = own
                .par_iter()
                .zip(&values)
                .map(|(&plateau, y)| self.plateau(set, (plateau, first), y, damping))
                .collect::<Option<Vec<_>>>()?;
            for (rows, gradient) in rows {
                plateaus.push(rows);
                gradient_y.extend(gradient);
            }
        }
        subtract_plateaus(&mut matrix, size, self.shared, &plateaus);
        let mut gradient = gradient_x.clone();
        gradient.resize(size, 0.0);
        for plateau in &plateaus {
            plateau.take_from(&mut gradient, &plateau.gradient, self.shared);
        }
        let factor = Cholesky::new(matrix, size)?;
        let shared = self.shared;
        Some(Eliminated { factor, size, shared, plateaus, gradient, gradient_x, gradient_y })
    }

    /// The matrix of parameters and fits, row by row, the lower triangle.
    fn with_fits(&self, shared: &[f64], firsts: &[usize], size: usize) -> Vec<f64> {
        let mut matrix = vec![0.0; size * size];
        for (to, from) in matrix.chunks_exact_mut(size).zip(shared.chunks_exact(self.shared)) {
            to[..self.shared].copy_from_slice(from);
        }
        for i in self.shared..size {
            matrix[i * size + i] = 1.0;
        }
        for (set, &first) in self.sets.iter().zip(firsts) {
            let mut row = first;
            for bin in &set.bins {
                for (m, &place) in set.places.iter().enumerate() {
                    for a in 0..bin.unknowns {
                        let value = bin.projections[m * bin.unknowns + a];
                        matrix[(row + a) * size + place] = value.re;
                        matrix[(row + bin.unknowns + a) * size + place] = value.im;
                    }
                }
                row += 2 * bin.unknowns;
            }
        }
        matrix
    }

    /// The rows of one plateau, its own temperatures eliminated, and their gradient.
    fn plateau(
        &self,
        set: &SetSystem,
        (plateau, first): (usize, usize),
        y: &[f64],
        damping: f64,
    ) -> Option<(PlateauRows, Vec<f64>)> {
        let PlateauSums { own, mixed, gradient } = &set.sums.plateaus[plateau];
        let (bodies, unit) = (set.bodies, self.plateau_k);
        let mut diagonal: Vec<f64> = own.iter().map(|value| value * unit * unit).collect();
        for body in 0..bodies {
            let place = body * bodies + body;
            diagonal[place] += 0.5 + damping;
        }
        let factor = Cholesky::new(diagonal, bodies)?;
        let width = self.shared + set.bins.iter().map(|bin| 2 * bin.unknowns).sum::<usize>();
        let mut rows = vec![0.0; bodies * width];
        for (body, row) in rows.chunks_exact_mut(width).enumerate() {
            let mixed = &mixed[body * set.places.len()..][..set.places.len()];
            set.places.iter().zip(mixed).for_each(|(&place, value)| row[place] = value * unit);
            let mut at = self.shared;
            for bin in &set.bins {
                let n = bin.unknowns;
                let segment = &bin.segments[(plateau * bodies + body) * n..][..n];
                let factor = bin.factors[body] * unit;
                for (a, value) in segment.iter().enumerate() {
                    row[at + a] = value * factor.re;
                    row[at + n + a] = value * factor.im;
                }
                at += 2 * n;
            }
        }
        let prior = y.iter().map(|y| 0.5 * y);
        let gradient: Vec<f64> = gradient.iter().zip(prior).map(|(g, y)| g * unit + y).collect();
        solve_rows(&factor, &mut rows, width);
        let mut solved = gradient.clone();
        factor.solve_lower(&mut solved);
        Some((PlateauRows { factor, bodies, rows, width, first, gradient: solved }, gradient))
    }
}

/// Replaces rows, one a body, by `L^-1` of them.
fn solve_rows(factor: &Cholesky, rows: &mut [f64], width: usize) {
    let bodies = rows.len() / width.max(1);
    let mut column = vec![0.0; bodies];
    for place in 0..width {
        (0..bodies).for_each(|body| column[body] = rows[body * width + place]);
        factor.solve_lower(&mut column);
        (0..bodies).for_each(|body| rows[body * width + place] = column[body]);
    }
}

/// Takes from the matrix of the shared parameters what the emissivities of a bin can follow.
fn subtract_fit(matrix: &mut [f64], size: usize, set: &SetSystem, bin: &BinCoupling) {
    let n = bin.unknowns;
    for (m, &row) in set.places.iter().enumerate() {
        let own = &bin.projections[m * n..][..n];
        for (k, &column) in set.places[..=m].iter().enumerate() {
            let other = &bin.projections[k * n..][..n];
            let product: f64 = own.iter().zip(other).map(|(a, b)| (a.conj() * b).re).sum();
            let (high, low) = (row.max(column), row.min(column));
            matrix[high * size + low] -= product;
        }
    }
}

/// Takes from a matrix what the temperatures of the plateaus can follow, in the order of the plateaus.
fn subtract_plateaus(matrix: &mut [f64], size: usize, shared: usize, plateaus: &[PlateauRows]) {
    let of_set = plateaus.chunk_by(|a, b| a.first == b.first);
    for plateaus in of_set {
        let Some(PlateauRows { first, width, .. }) = plateaus.first() else { continue };
        let per_chunk = (CHUNK / plateaus[0].bodies.max(1)).max(1);
        for chunk in plateaus.chunks(per_chunk) {
            let columns = transposed(chunk, *width);
            let length = columns.len() / width;
            let place = |i: usize| if i < shared { i } else { first + i - shared };
            let updates: Vec<Vec<f64>> = (0..*width)
                .into_par_iter()
                .with_min_len(16)
                .map(|i| products(&columns, length, i))
                .collect();
            for (i, products) in updates.iter().enumerate() {
                let row = &mut matrix[place(i) * size..][..size];
                products.iter().enumerate().for_each(|(k, product)| row[place(k)] -= product);
            }
        }
    }
}

/// The rows of some plateaus as columns, one after another.
fn transposed(plateaus: &[PlateauRows], width: usize) -> Vec<f64> {
    let rows: Vec<&[f64]> = plateaus.iter().flat_map(|p| p.rows.chunks_exact(width)).collect();
    let mut columns = Vec::with_capacity(rows.len() * width);
    for place in 0..width {
        columns.extend(rows.iter().map(|row| row[place]));
    }
    columns
}

/// The products of one column with itself and those before it.
fn products(columns: &[f64], length: usize, i: usize) -> Vec<f64> {
    let own = &columns[i * length..][..length];
    let mut products = Vec::with_capacity(i + 1);
    with_widest_simd(
        #[inline(always)]
        || {
            for column in columns.chunks_exact(length.max(1)).take(i + 1) {
                products.push(dot(own, column));
            }
        },
    );
    products
}

impl Eliminated {
    /// The gradients by the shared parameters and by the plateaus: half of the objective's.
    #[cfg(test)]
    pub(super) fn gradients(&self) -> (&[f64], &[f64]) {
        (&self.gradient_x, &self.gradient_y)
    }

    /// The step to the minimum of the linearised problem.
    pub(super) fn step(&self) -> Step {
        let mut z: Vec<f64> = self.gradient.iter().map(|g| -g).collect();
        self.factor.solve(&mut z);
        let y = self.plateaus.iter().flat_map(|plateau| plateau.step(&z, self.shared)).collect();
        z.truncate(self.shared);
        let mut step = Step { x: z, y, decrement: 0.0 };
        let product = short_dot(&self.gradient_x, &step.x) + short_dot(&self.gradient_y, &step.y);
        step.decrement = -product;
        step
    }
}

impl PlateauRows {
    /// The step of its temperatures, that of all else being z.
    fn step(&self, z: &[f64], shared: usize) -> Vec<f64> {
        let mut y = self.times(z, shared);
        y.iter_mut().zip(&self.gradient).for_each(|(y, g)| *y = -(*y + g));
        self.factor.solve_upper(&mut y);
        y
    }

    /// `L^-1 W z`.
    fn times(&self, z: &[f64], shared: usize) -> Vec<f64> {
        let mut products = Vec::with_capacity(self.bodies);
        with_widest_simd(
            #[inline(always)]
            || {
                for row in self.rows.chunks_exact(self.width) {
                    let (of_x, of_bins) = row.split_at(shared);
                    let of_bins = dot(of_bins, &z[self.first..][..of_bins.len()]);
                    products.push(dot(of_x, &z[..shared]) + of_bins);
                }
            },
        );
        products
    }

    /// Adds to `row`, over all unknowns, minus `(L^-1 g)^T L^-1 W` for temperatures that act with `g`; returns
    /// `L^-1 g`.
    pub(super) fn eliminate(&self, mut g: Vec<f64>, row: &mut [f64], shared: usize) -> Vec<f64> {
        self.factor.solve_lower(&mut g);
        self.take_from(row, &g, shared);
        g
    }

    /// Subtracts `g^T L^-1 W` from a row over all unknowns.
    fn take_from(&self, row: &mut [f64], g: &[f64], shared: usize) {
        with_widest_simd(
            #[inline(always)]
            || {
                for (own, g) in self.rows.chunks_exact(self.width).zip(g) {
                    let (of_x, of_bins) = own.split_at(shared);
                    axpy(&mut row[..shared], -g, of_x);
                    axpy(&mut row[self.first..][..of_bins.len()], -g, of_bins);
                }
            },
        );
    }

    /// Its bodies.
    pub(super) fn bodies(&self) -> usize {
        self.bodies
    }
}

/// The runs of records of one plateau each.
pub(super) fn runs(plateaus: &[usize], each_record: bool) -> Vec<Range<usize>> {
    if each_record {
        return (0..plateaus.len()).map(|record| record..record + 1).collect();
    }
    let mut start = 0;
    let run = |run: &[usize]| {
        start += run.len();
        start - run.len()..start
    };
    plateaus.chunk_by(|a, b| a == b).map(run).collect()
}
