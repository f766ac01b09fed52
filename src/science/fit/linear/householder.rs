//! Householder QR of a tall matrix, one block of rows at a time.
//!
//! The triangle R of the rows so far is stacked on the next block of rows, which reflectors then
//! eliminate. Each acts on one row of R and on the block alone, so that everything it touches stays
//! in the nearest cache, however many rows there are. Golub & Van Loan (2013), Matrix Computations,
//! section 5.1 (reflectors); Demmel et al. 2012, SIAM J. Sci. Comput. 34, A206 (blocks: TSQR).

use std::ops::Range;

use super::vector::{axpy, axpy_then_dot, axpy_then_norm_sqr, dot};
use crate::foundations::numerics::{ScratchVec, with_widest_simd};
use crate::science::fit::clock::factoring;

/// Rows in a block. With nine columns they take 27 kB; with fewer rows, the work done once per column
/// and block would show.
pub(crate) const BLOCK: usize = 384;

/// A QR factorisation `A = Q R`, with the right-hand side transformed along.
#[derive(Debug)]
pub(crate) struct Qr {
    /// R, column by column.
    pub(crate) r: Vec<f64>,
    /// `Q^T b`, real and imaginary part: one element per column.
    pub(crate) qt_b: [Vec<f64>; 2],
    /// Squared length of what of the data is orthogonal to the columns.
    pub(crate) rss: f64,
    /// The reflectors of each block in turn, one per column.
    reflectors: Vec<Reflector>,
}

/// `I - 2 v v^T / |v|^2`.
#[derive(Debug, Clone, Copy)]
struct Reflector {
    /// The element of v in the row of R; the others are stored in the block.
    head: f64,
    /// `-2 / |v|^2`.
    scale: f64,
}

impl Reflector {
    /// The reflector that eliminates a column's block, whose squared length is `squared`, and replaces
    /// the `diagonal` of R.
    #[inline(always)]
    fn new(diagonal: &mut f64, squared: f64) -> Self {
        let old = *diagonal;
        let length = (old * old + squared).sqrt();
        // A zero column: R has a zero there, and the rank check says so.
        if length == 0.0 {
            return Self { head: 0.0, scale: 0.0 };
        }
        // Of the opposite sign to the old one, so that nothing cancels in `head`.
        *diagonal = if old > 0.0 { -length } else { length };
        Self { head: old - *diagonal, scale: -1.0 / (length * (length + old.abs())) }
    }

    /// Reflects the element of another column in the row of R, and returns the factor by which v is to
    /// be added to that column's block; `product` is the dot product of the two blocks.
    #[inline(always)]
    fn apply_to_top(self, top: &mut f64, product: f64) -> f64 {
        let factor = self.scale * (self.head * *top + product);
        *top += factor * self.head;
        factor
    }
}

/// Factors columns of `rows` elements, and applies `Q^T` to the data, real and imaginary part.
///
/// Afterwards the columns hold the reflectors that [`Qr::form_q`] needs, and the data hold what is
/// orthogonal to the columns.
pub(crate) fn householder_qr(columns: &mut [f64], rows: usize, data: [&mut [f64]; 2]) -> Qr {
    let mut triangle = Triangle::new(columns.len() / rows);
    let reflectors = triangle.add(columns, rows, data);
    triangle.finish(reflectors)
}

/// The triangle of the rows so far.
#[derive(Debug)]
pub(crate) struct Triangle {
    /// The columns of R, and then `Q^T b`.
    tops: Vec<f64>,
    /// Of the columns that are left and the data with the one in hand.
    products: Vec<f64>,
    rss: f64,
}

impl Triangle {
    /// Of no rows yet, and so many columns.
    pub(crate) fn new(n: usize) -> Self {
        Self { tops: vec![0.0; n * (n + 2)], products: vec![0.0; n + 2], rss: 0.0 }
    }

    /// Adds rows, in whose place the reflectors stand then, and what of the data is orthogonal to the
    /// columns. Rows that are added in portions of whole blocks give the bits that they give at once.
    fn add(
        &mut self,
        columns: &mut [f64],
        rows: usize,
        mut data: [&mut [f64]; 2],
    ) -> Vec<Reflector> {
        factoring(|| {
            let n = self.products.len() - 2;
            let Self { tops, products, rss } = self;
            let mut reflectors = Vec::with_capacity(n * rows.div_ceil(BLOCK));
            with_widest_simd(
                #[inline(always)]
                || {
                    for block in blocks(rows) {
                        let mut data = data.each_mut().map(|part| &mut part[block.clone()]);
                        multiply_by_first(columns, rows, &block, &data, products);
                        for k in 0..n {
                            let reflection = Reflector::new(&mut tops[k * n + k], products[k]);
                            for (top, product) in
                                tops.chunks_exact_mut(n).zip(&mut *products).skip(k + 1)
                            {
                                *product = reflection.apply_to_top(&mut top[k], *product);
                            }
                            let data = data.each_mut().map(|part| &mut **part);
                            eliminate_block(k, columns, rows, &block, data, products);
                            reflectors.push(reflection);
                        }
                        *rss += dot(data[0], data[0]) + dot(data[1], data[1]);
                    }
                },
            );
            reflectors
        })
    }

    /// Adds rows, of which nothing but the triangle is wanted.
    pub(crate) fn take(&mut self, columns: &mut [f64], rows: usize, data: [&mut [f64]; 2]) {
        self.add(columns, rows, data);
    }

    fn finish(self, reflectors: Vec<Reflector>) -> Qr {
        let Self { mut tops, products, rss } = self;
        let n = products.len() - 2;
        let [re, im] = [n, n + 1].map(|column| tops[column * n..][..n].to_vec());
        tops.truncate(n * n);
        Qr { r: tops, qt_b: [re, im], rss, reflectors }
    }

    /// R and `Q^T b` of all rows; Q cannot be formed.
    pub(crate) fn into_qr(self) -> Qr {
        self.finish(Vec::new())
    }
}

fn blocks(rows: usize) -> impl DoubleEndedIterator<Item = Range<usize>> {
    (0..rows.div_ceil(BLOCK)).map(move |i| i * BLOCK..rows.min((i + 1) * BLOCK))
}

/// The dot products of the first column with itself, the others and the data, in a block.
#[inline(always)]
fn multiply_by_first(
    columns: &[f64],
    rows: usize,
    block: &Range<usize>,
    data: &[&mut [f64]; 2],
    products: &mut [f64],
) {
    let n = columns.len() / rows;
    let first = &columns[block.clone()];
    for (column, product) in columns.chunks_exact(rows).zip(&mut *products) {
        *product = dot(first, &column[block.clone()]);
    }
    for (part, product) in data.iter().zip(&mut products[n..]) {
        *product = dot(first, part);
    }
}

/// Eliminates the block of column k: adds it, times their `factors`, to the later columns and to the
/// data. In the same pass over memory their dot products with the column that comes next are formed,
/// which replace the factors.
#[inline(always)]
fn eliminate_block(
    k: usize,
    columns: &mut [f64],
    rows: usize,
    block: &Range<usize>,
    [re, im]: [&mut [f64]; 2],
    factors: &mut [f64],
) {
    let (done, later) = columns.split_at_mut((k + 1) * rows);
    let v = &done[k * rows..][block.clone()];
    let n = factors.len() - 2;
    if later.is_empty() {
        axpy(re, factors[n], v);
        axpy(im, factors[n + 1], v);
        return;
    }
    let (next, later) = later.split_at_mut(rows);
    let next = &mut next[block.clone()];
    factors[k + 1] = axpy_then_norm_sqr(next, factors[k + 1], v);
    let later = later.chunks_exact_mut(rows).map(|column| &mut column[block.clone()]);
    for (target, factor) in later.chain([re, im]).zip(&mut factors[k + 2..]) {
        *factor = axpy_then_dot(target, *factor, v, next);
    }
}

impl Qr {
    /// Of columns without reflectors: a triangle, column by column, and `Q^T b`. What is orthogonal to the
    /// columns is not known.
    pub(crate) fn of_triangle(r: Vec<f64>, qt_b: [Vec<f64>; 2]) -> Self {
        Self { r, qt_b, rss: 0.0, reflectors: Vec::new() }
    }

    /// Q, column by column, from the `columns` that [`householder_qr`] left.
    pub(crate) fn form_q(&self, columns: &[f64], rows: usize) -> ScratchVec {
        let n = columns.len() / rows;
        let mut basis = ScratchVec::with_len(n * rows);
        basis.fill(0.0);
        with_widest_simd(
            #[inline(always)]
            || {
                for (i, vector) in basis.chunks_exact_mut(rows).enumerate() {
                    self.apply_to_unit_vector(i, vector, columns);
                }
            },
        );
        basis
    }

    /// Makes a vector, which is zero, the column i of Q: applies the reflectors in reverse to `e_i`.
    #[inline(always)]
    fn apply_to_unit_vector(&self, i: usize, vector: &mut [f64], columns: &[f64]) {
        let rows = vector.len();
        let n = columns.len() / vector.len();
        let mut tops = vec![0.0; i + 1];
        tops[i] = 1.0;
        let reflectors = self.reflectors.chunks_exact(n).rev();
        for (block, reflectors) in blocks(rows).rev().zip(reflectors) {
            let column = |k: usize| &columns[k * rows..][block.clone()];
            let vector = &mut vector[block.clone()];
            // Its product with the first reflector: nothing of it stands in this block yet.
            let mut product = 0.0;
            // Later reflectors do not change it.
            for k in (0..=i).rev() {
                let factor = reflectors[k].apply_to_top(&mut tops[k], product);
                if k == 0 {
                    axpy(vector, factor, column(0));
                } else {
                    product = axpy_then_dot(vector, factor, column(k), column(k - 1));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::foundations::numerics::math::cos;

    /// Columns that are neither orthogonal nor of one length, and data.
    fn system(rows: usize, n: usize) -> (Vec<f64>, [Vec<f64>; 2]) {
        let value = |i: usize| cos(0.7 * i as f64 * (i % 13) as f64) * (1 + i % 5) as f64;
        let columns = (0..n * rows).map(value).collect();
        (columns, [100_000, 200_000].map(|from| (from..from + rows).map(value).collect()))
    }

    fn column(of: &[f64], rows: usize, i: usize) -> &[f64] {
        &of[i * rows..(i + 1) * rows]
    }

    #[test]
    fn basis_times_triangle_are_the_columns_whatever_the_blocks() {
        for (rows, n) in [(1, 1), (3, 3), (50, 7), (BLOCK, 4), (BLOCK + 1, 7), (1200, 7)] {
            let (given, [mut re, mut im]) = system(rows, n);
            let mut columns = given.clone();
            let length = dot(&re, &re);
            let qr = householder_qr(&mut columns, rows, [&mut re, &mut im]);
            let basis = qr.form_q(&columns, rows);
            for j in 0..n {
                let mut sum = vec![0.0; rows];
                for i in 0..n {
                    let unit = if i == j { 1.0 } else { 0.0 };
                    let product = dot(column(&basis, rows, i), column(&basis, rows, j));
                    assert!((product - unit).abs() < 1e-14, "{rows} {n}: {product}");
                    let r = qr.r[j * n + i];
                    assert!(i <= j || r == 0.0);
                    axpy(&mut sum, r, column(&basis, rows, i));
                }
                axpy(&mut sum, -1.0, column(&given, rows, j));
                assert!(dot(&sum, &sum).sqrt() < 1e-14 * (rows as f64).sqrt() * 5.0);
            }
            // Nothing of the data is lost.
            let [qt_b, _] = &qr.qt_b;
            let kept = dot(qt_b, qt_b) + dot(&re, &re);
            assert!((kept / length - 1.0).abs() < 1e-13, "{rows} {n}: {kept} of {length}");
        }
    }

    #[test]
    fn rows_in_portions_of_whole_blocks_give_the_same_bits() {
        let (rows, n) = (3 * BLOCK + 100, 5);
        let (given, data) = system(rows, n);
        let (mut columns, [mut re, mut im]) = (given.clone(), data.clone());
        let whole = householder_qr(&mut columns, rows, [&mut re, &mut im]);
        assert!((whole.rss / (dot(&re, &re) + dot(&im, &im)) - 1.0).abs() < 1e-14);
        let mut triangle = Triangle::new(n);
        for portion in [0..BLOCK, BLOCK..3 * BLOCK, 3 * BLOCK..rows] {
            let of_column = |i: usize| column(&given, rows, i)[portion.clone()].to_vec();
            let mut columns: Vec<f64> = (0..n).flat_map(of_column).collect();
            let [mut re, mut im] = data.each_ref().map(|part| part[portion.clone()].to_vec());
            triangle.take(&mut columns, portion.len(), [&mut re, &mut im]);
        }
        let portions = triangle.into_qr();
        let bits = |qr: &Qr| -> Vec<u64> {
            let [re, im] = &qr.qt_b;
            let all = qr.r.iter().chain(re).chain(im).chain([&qr.rss]);
            all.map(|value| value.to_bits()).collect()
        };
        assert_eq!(bits(&portions), bits(&whole));
    }

    #[test]
    fn the_data_are_turned_as_the_columns_are() {
        let rows = 1000;
        let n = 5;
        let (mut columns, data) = system(rows, n);
        let [mut re, mut im] = data.clone();
        let qr = householder_qr(&mut columns, rows, [&mut re, &mut im]);
        let basis = qr.form_q(&columns, rows);
        for (data, qt_b) in data.iter().zip(&qr.qt_b) {
            for (i, qt_b) in qt_b.iter().enumerate() {
                assert!((dot(column(&basis, rows, i), data) - qt_b).abs() < 1e-12);
            }
        }
    }

    #[test]
    fn a_zero_column_leaves_a_zero() {
        let (mut columns, [mut re, mut im]) = system(800, 3);
        columns[800..1600].fill(0.0);
        let qr = householder_qr(&mut columns, 800, [&mut re, &mut im]);
        assert!(qr.r[4].abs() < 1e-12 && qr.r[0].abs() > 1.0 && qr.r[8].abs() > 1.0);
        assert!(qr.r.iter().all(|value| value.is_finite()));
    }
}
