//! The direct solution, by Householder QR of the column-scaled system.

use std::ops::{Div, Mul, Sub};

use num_complex::Complex64;

use super::cholesky::Cholesky;
use super::gram::{WeightedProducts, weighted_products};
use super::householder::{Qr, Triangle, householder_qr};
use super::singular_values::{singular_values, singular_values_of_each};
use super::system::{Equations, System, Unusable};
use super::vector::{short_dot, short_norm};
use crate::foundations::numerics::ScratchVec;
use crate::science::fit::clock::factoring;

/// A direct least-squares solution and its quality.
#[derive(Debug, Clone)]
pub(crate) struct DirectFit {
    /// One per emitter.
    pub(crate) emissivity: Vec<Complex64>,
    /// One per emitter: `sqrt(E|dE|^2)` for data of unit variance.
    pub(crate) unit_sigma: Vec<f64>,
    /// Weighted sum of squared residual moduli.
    pub(crate) rss: f64,
    /// Condition number of the scaled design.
    pub(crate) condition: f64,
    /// Records minus free unknowns.
    pub(crate) degrees_of_freedom: usize,
}

impl DirectFit {
    /// Error bars where only the residual tells how large the noise is.
    pub(crate) fn sigma_from_residual(&self) -> Vec<f64> {
        // Without degrees of freedom the residual says nothing: 0/0 is NaN.
        let variance = self.rss / self.degrees_of_freedom as f64;
        self.unit_sigma.iter().map(|s| s * variance.sqrt()).collect()
    }
}

/// Solves equations whose records have these square roots of weights (`None`: all one).
pub(crate) fn solve(
    equations: &Equations,
    root_weight: Option<&[f64]>,
) -> Result<DirectFit, Unusable> {
    Ok(Factorization::of(equations, root_weight)?.fit())
}

/// The QR factorisation of a system, R being that of its columns scaled to length one.
#[derive(Debug)]
pub(crate) struct Factorization {
    system: System,
    qr: Qr,
    condition: f64,
    rank: usize,
    /// Whether the columns of the system are as they were: R is that of their products.
    has_columns: bool,
}

/// Column lengths whose squares neither overflow nor underflow.
const SAFE: std::ops::Range<f64> = 1e-120..1e120;
/// With a condition number up to this, products of columns say what the columns do: the square of it times the
/// rounding of a number is 2e-13.
const CONDITION_OF_PRODUCTS: f64 = 30.0;

impl Factorization {
    /// Factors a system of full rank.
    pub(crate) fn of(equations: &Equations, root_weight: Option<&[f64]>) -> Result<Self, Unusable> {
        let factored = Self::of_any_rank(equations, root_weight)?;
        factored.check_rank()?;
        Ok(factored)
    }

    /// Factors a system of any rank.
    pub(crate) fn of_any_rank(
        equations: &Equations,
        root_weight: Option<&[f64]>,
    ) -> Result<Self, Unusable> {
        // R has the lengths of the columns, which therefore seldom need scaling beforehand.
        let factored = Self::reduced(System::unscaled(equations, root_weight)?);
        if factored.is_sound() {
            Ok(factored)
        } else {
            Ok(Self::reduced(System::new(equations, root_weight)?))
        }
    }

    /// As [`Self::of`], in a third of the time where the columns are far from depending on each other: from their
    /// products with each other and with the data (Cholesky's factor of the normal equations). The sum of
    /// squared residuals is then for [`Self::set_rss`] to say.
    pub(crate) fn of_products(
        equations: &Equations,
        root_weight: Option<&[f64]>,
    ) -> Result<Self, Unusable> {
        let system = System::unscaled(equations, root_weight)?;
        match Self::from_products(system) {
            Some(factored) => Ok(factored),
            None => Self::of(equations, root_weight),
        }
    }

    /// None if the products do not say enough.
    fn from_products(system: System) -> Option<Self> {
        let (rows, n) = (system.rows, system.unknowns());
        let mut ones = ScratchVec::with_len(rows);
        ones.fill(1.0);
        let data = [&system.re[..], &system.im[..]];
        let WeightedProducts { gram, with_vectors } =
            factoring(|| weighted_products(&system.columns, rows, &ones, Some(data)));
        // Its upper half, row by row, is the lower one, column by column.
        let lower = (0..n * n).map(|at| gram[(at % n) * n + at / n]).collect();
        let factor = Cholesky::new(lower, n)?;
        let qt_b = with_vectors.map(|mut products| {
            factor.solve_lower(&mut products);
            products
        });
        let mut factored = Self::of_triangle(system, Qr::of_triangle(factor.into_rows(), qt_b));
        factored.has_columns = true;
        let is_usable = factored.is_sound() && factored.condition <= CONDITION_OF_PRODUCTS;
        is_usable.then_some(factored)
    }

    fn reduced(mut system: System) -> Self {
        let rows = system.rows;
        let qr =
            householder_qr(&mut system.columns, rows, [&mut system.re[..], &mut system.im[..]]);
        Self::of_triangle(system, qr)
    }

    /// From the triangle of a system, whose scale is that of its columns.
    fn of_triangle(mut system: System, mut qr: Qr) -> Self {
        scale_triangle(&mut system, &mut qr);
        let values = singular_values(qr.r.clone(), system.unknowns());
        Self::of_values(system, qr, &values)
    }

    /// From a triangle whose columns have length one, and its singular values.
    fn of_values(system: System, qr: Qr, values: &[f64]) -> Self {
        let (condition, rank) = condition_and_rank(values, system.rows);
        Self { system, qr, condition, rank, has_columns: false }
    }

    /// From triangles of columns, each with so many rows, all with as many columns; none where the columns
    /// must be scaled before, or do not have full rank. What is `eliminated` is an emitter that the others
    /// determine.
    pub(crate) fn of_rows_in_portions(
        triangles: impl Iterator<Item = (Triangle, usize, Option<usize>)>,
    ) -> Vec<Option<Self>> {
        let scaled = |(triangle, rows, eliminated): (Triangle, usize, Option<usize>)| {
            let mut qr = triangle.into_qr();
            let mut system = System::without_rows(rows, qr.qt_b[0].len(), eliminated);
            scale_triangle(&mut system, &mut qr);
            (system, qr)
        };
        let scaled: Vec<(System, Qr)> = triangles.map(scaled).collect();
        let unknowns = scaled.first().map_or(0, |(system, _)| system.unknowns());
        let matrices: Vec<&[f64]> = scaled.iter().map(|(_, qr)| &qr.r[..]).collect();
        let values = singular_values_of_each(&matrices, unknowns);
        let factored = |((system, qr), values): ((System, Qr), Vec<f64>)| {
            let factored = Self::of_values(system, qr, &values);
            let is_usable = factored.system.rows >= unknowns
                && factored.is_sound()
                && factored.rank == unknowns;
            is_usable.then_some(factored)
        };
        scaled.into_iter().zip(values).map(factored).collect()
    }

    /// Lets go of all that is as long as there are records: Q can be formed no more.
    pub(crate) fn forget_rows(&mut self) {
        let System { columns, re, im, .. } = &mut self.system;
        [columns, re, im].into_iter().for_each(|vector| *vector = ScratchVec::with_len(0));
    }

    /// Whether nothing overflowed or underflowed.
    fn is_sound(&self) -> bool {
        let qt_b = self.qr.qt_b.iter().flatten();
        self.system.scale.iter().all(|length| SAFE.contains(length))
            && qt_b.fold(self.rss(), |sum, x| sum + x.abs()).is_finite()
    }

    /// Fails if the emitters cannot be told apart.
    pub(crate) fn check_rank(&self) -> Result<(), Unusable> {
        full_rank(self.rank, self.system.unknowns())
    }

    /// Weighted sum of squared residual moduli.
    pub(crate) fn rss(&self) -> f64 {
        self.qr.rss
    }

    /// Whether it follows from products of columns, which tell neither the solution nor the sum of squared
    /// residuals in all digits that there are.
    pub(crate) fn rests_on_products(&self) -> bool {
        self.has_columns
    }

    /// Says what it is, where the residuals themselves are known.
    pub(crate) fn set_rss(&mut self, rss: f64) {
        self.qr.rss = rss;
    }

    /// Condition number of the scaled design.
    pub(crate) fn condition(&self) -> f64 {
        self.condition
    }

    /// The least-squares solution.
    pub(crate) fn fit(&self) -> DirectFit {
        let Self { system, qr, condition, .. } = self;
        let (unknowns, (re, im)) = (system.unknowns(), self.qt_b());
        DirectFit {
            emissivity: self.emissivities(re, im),
            unit_sigma: system.unit_sigmas(|b| solve_upper_transposed(&qr.r, unknowns, b)),
            rss: self.rss(),
            condition: *condition,
            degrees_of_freedom: system.rows - unknowns,
        }
    }

    /// Covariance of the emissivities for data of unit variance, `[emitter][emitter]`.
    pub(crate) fn unit_covariance(&self) -> Vec<f64> {
        let n = self.system.unknowns();
        self.system.unit_covariance(|b| solve_upper_transposed(self.r(), n, b))
    }

    /// Records minus free unknowns.
    pub(crate) fn degrees_of_freedom(&self) -> usize {
        self.system.rows - self.system.unknowns()
    }

    /// R, column by column.
    pub(crate) fn r(&self) -> &[f64] {
        &self.qr.r
    }

    /// Q, column by column. R maps scaled unknowns to coordinates in this basis.
    pub(crate) fn form_q(&self) -> ScratchVec {
        debug_assert!(!self.has_columns, "its columns are no reflectors");
        self.qr.form_q(&self.system.columns, self.system.rows)
    }

    /// Takes out vectors that span what Q does, column by column: the columns themselves if they are still
    /// there, or Q.
    pub(crate) fn take_basis(&mut self) -> ScratchVec {
        if !self.has_columns {
            return self.form_q();
        }
        std::mem::replace(&mut self.system.columns, ScratchVec::with_len(0))
    }

    /// Turns products of a vector with [`Self::take_basis`] into those with Q, in place.
    pub(crate) fn products_with_q<T>(&self, products: &mut [T])
    where
        T: Copy + Sub<Output = T> + Mul<f64, Output = T> + Div<f64, Output = T>,
    {
        if !self.has_columns {
            return;
        }
        // Q = A D^-1 R^-1, D the lengths of the columns of A.
        let (n, r) = (products.len(), self.r());
        for i in 0..n {
            let mut product = products[i] / self.system.scale[i];
            for k in 0..i {
                product = product - products[k] * r[i * n + k];
            }
            products[i] = product / r[i * n + i];
        }
    }

    /// Turns coordinates in Q into those in [`Self::take_basis`].
    pub(crate) fn in_basis(&self, coordinates: &[f64]) -> Vec<f64> {
        if !self.has_columns {
            return coordinates.to_vec();
        }
        let scaled = solve_upper(self.r(), coordinates.len(), coordinates);
        scaled.iter().zip(&self.system.scale).map(|(x, scale)| x / scale).collect()
    }

    /// The system; the factorisation has overwritten its columns and data.
    pub(crate) fn system(&self) -> &System {
        &self.system
    }

    /// `Q^T b`, real and imaginary part, one element per unknown. Up to a constant the objective is
    /// `|R x - Q^T b|^2`.
    pub(crate) fn qt_b(&self) -> (&[f64], &[f64]) {
        let [re, im] = &self.qr.qt_b;
        (re, im)
    }

    /// Adds to `Q^T b`, and to the weighted sum of squared residual moduli.
    pub(crate) fn move_fit(&mut self, by: &[Complex64], rss: f64) {
        self.qr.rss += rss;
        let [re, im] = &mut self.qr.qt_b;
        for ((re, im), by) in re.iter_mut().zip(im).zip(by) {
            (*re, *im) = (*re + by.re, *im + by.im);
        }
    }

    /// The emissivities at `R x = y`, y given by its real and imaginary part.
    pub(crate) fn emissivities(&self, re: &[f64], im: &[f64]) -> Vec<Complex64> {
        let solve = |y: &[f64]| solve_upper(self.r(), self.system.unknowns(), y);
        self.system.emissivities(&complex(&solve(re), &solve(im)))
    }

    /// The emissivities at `R x = e_a`, e_a the unit vector of each unknown in turn, `[unknown][emitter]`.
    pub(crate) fn emissivity_map(&self) -> Vec<f64> {
        let n = self.system.unknowns();
        let mut map = Vec::with_capacity(n * (n + 1));
        for a in 0..n {
            let mut unit = vec![0.0; n];
            unit[a] = 1.0;
            map.extend(self.system.emissivities(&solve_upper(self.r(), n, &unit)));
        }
        map
    }

    /// `C slope`, C the covariance of all emissivities for data of unit variance: how far a linear term
    /// `-2 Re sum_i conj(slope_i) E_i` added to the objective moves its minimum.
    pub(crate) fn unit_covariance_times(&self, slope: &[Complex64]) -> Vec<Complex64> {
        let n = self.system.unknowns();
        let slope = self.system.scaled_gradient(slope);
        let solve = |part: fn(&Complex64) -> f64| {
            let b = solve_upper_transposed(self.r(), n, slope.iter().map(part).collect());
            solve_upper(self.r(), n, &b)
        };
        self.system.emissivities(&complex(&solve(|z| z.re), &solve(|z| z.im)))
    }
}

/// Divides the columns of a triangle by their lengths, by which the scale of the system grows.
fn scale_triangle(system: &mut System, qr: &mut Qr) {
    let n = system.unknowns();
    for (column, scale) in qr.r.chunks_exact_mut(n).zip(&mut system.scale) {
        let length = short_norm(column);
        column.iter_mut().for_each(|value| *value /= length);
        *scale *= length;
    }
}

/// Complex numbers from their parts.
pub(crate) fn complex(re: &[f64], im: &[f64]) -> Vec<Complex64> {
    re.iter().zip(im).map(|(&re, &im)| Complex64::new(re, im)).collect()
}

/// Fails if R does not have full numerical rank.
pub(crate) fn check_rank(r: &[f64], unknowns: usize, rows: usize) -> Result<(), Unusable> {
    full_rank(condition_and_rank(&singular_values(r.to_vec(), unknowns), rows).1, unknowns)
}

fn full_rank(rank: usize, unknowns: usize) -> Result<(), Unusable> {
    if rank < unknowns { Err(Unusable::RankDeficient { rank, unknowns }) } else { Ok(()) }
}

/// The condition number and the numerical rank of R, from its singular values, largest first.
fn condition_and_rank(values: &[f64], rows: usize) -> (f64, usize) {
    let (largest, smallest) = (values[0], values[values.len() - 1]);
    let rounding = f64::EPSILON * rows as f64 * largest;
    (largest / smallest, values.iter().filter(|&&value| value > rounding).count())
}

/// Solves `R x = b` with R stored column by column; only the first n elements of `b` are read.
pub(crate) fn solve_upper(r: &[f64], n: usize, b: &[f64]) -> Vec<f64> {
    let mut x = b[..n].to_vec();
    for i in (0..n).rev() {
        x[i] /= r[i * n + i];
        let known = x[i];
        for k in 0..i {
            x[k] -= r[i * n + k] * known;
        }
    }
    x
}

/// Solves `R^T y = b`.
pub(crate) fn solve_upper_transposed(r: &[f64], n: usize, mut b: Vec<f64>) -> Vec<f64> {
    for i in 0..n {
        let column = &r[i * n..i * n + i];
        b[i] = (b[i] - short_dot(column, &b[..i])) / r[i * n + i];
    }
    b
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::science::fit::Constraint;
    use crate::science::fit::tests::Owned;

    #[test]
    fn products_of_columns_say_what_the_columns_do_unless_these_depend_on_each_other() {
        for constraint in [Constraint::None, Constraint::Kirchhoff] {
            Owned::new(5, 300, 0.1, 0.0).with(constraint, |problem| {
                let equations = problem.equations();
                let mut expected = Factorization::of(&equations, None).unwrap();
                let mut found = Factorization::of_products(&equations, None).unwrap();
                assert!(found.has_columns && found.condition < CONDITION_OF_PRODUCTS);
                assert!((found.condition / expected.condition - 1.0).abs() < 1e-12);
                for (found, expected) in
                    found.fit().emissivity.iter().zip(&expected.fit().emissivity)
                {
                    assert!((found - expected).norm_sqr() < 1e-24 * expected.norm_sqr());
                }
                // Products with the basis, of a vector that lies in it and beyond.
                let vector: Vec<f64> = (0..300).map(|i| f64::from(i % 17) - 3.0).collect();
                let with_q = |factored: &Factorization, basis: &[f64]| -> Vec<f64> {
                    let product = |column: &[f64]| short_dot(column, &vector);
                    let mut products: Vec<f64> = basis.chunks_exact(300).map(product).collect();
                    factored.products_with_q(&mut products);
                    products
                };
                let (basis, q) = (found.take_basis(), expected.take_basis());
                let products = with_q(&found, &basis);
                // Signs of the columns of Q are those of the diagonal of R.
                let n = products.len();
                for (i, expected_product) in with_q(&expected, &q).iter().enumerate() {
                    let sign = (found.r()[i * n + i] * expected.r()[i * n + i]).signum();
                    let off = (products[i] - sign * expected_product).abs();
                    assert!(off < 1e-12 * (1.0 + expected_product.abs()), "{i}: {off}");
                }
                // Coordinates in the basis: what they make of it has these products with Q.
                let coordinates = found.in_basis(&products);
                let mut there = vec![0.0; 300];
                for (column, coordinate) in basis.chunks_exact(300).zip(&coordinates) {
                    there.iter_mut().zip(column).for_each(|(sum, x)| *sum += coordinate * x);
                }
                let mut again: Vec<f64> =
                    basis.chunks_exact(300).map(|column| short_dot(column, &there)).collect();
                found.products_with_q(&mut again);
                for (again, product) in again.iter().zip(&products) {
                    assert!((again - product).abs() < 1e-12 * (1.0 + product.abs()));
                }
            });
        }
        // Two columns that are nearly the same: reflectors, and the digits that there are.
        Owned::new(5, 60, 0.1, 0.0).with(Constraint::None, |problem| {
            let mut design: Vec<Vec<f64>> = problem.design.iter().map(|c| c.to_vec()).collect();
            let near = |(to, from): (&f64, &f64)| from * (1.0 + 1e-9 * to);
            design[1] = design[1].iter().zip(&design[0]).map(near).collect();
            let columns: Vec<&[f64]> = design.iter().map(|column| &column[..]).collect();
            let equations = Equations { design: &columns, ..problem.equations() };
            let found = Factorization::of_products(&equations, None).unwrap();
            let expected = Factorization::of(&equations, None).unwrap();
            assert!(!found.has_columns && found.condition > 1e8);
            assert_eq!(found.fit().emissivity, expected.fit().emissivity);
        });
    }

    #[test]
    fn columns_whose_squares_overflow_or_vanish_are_scaled_before() {
        let owned = Owned::new(5, 60, 0.1, 0.0);
        owned.with(Constraint::None, |problem| {
            let plain = solve(&problem.equations(), None).unwrap();
            for factor in [1e-170, 1e-110, 1e110, 1e170] {
                let mut design: Vec<Vec<f64>> = problem.design.iter().map(|c| c.to_vec()).collect();
                design[2].iter_mut().for_each(|planck| *planck *= factor);
                let columns: Vec<&[f64]> = design.iter().map(|column| &column[..]).collect();
                let equations = Equations { design: &columns, ..problem.equations() };
                let found = solve(&equations, None).unwrap();
                assert!((found.condition / plain.condition - 1.0).abs() < 1e-12, "{factor}");
                assert!((found.rss / plain.rss - 1.0).abs() < 1e-12, "{factor}");
                for (i, (found, plain)) in
                    found.emissivity.iter().zip(&plain.emissivity).enumerate()
                {
                    let found = if i == 2 { found * factor } else { *found };
                    let error = (found - plain).norm_sqr() / plain.norm_sqr();
                    assert!(error < 1e-24, "{factor} {i}: {error}");
                }
            }
        });
    }
}
