//! Tall columns reduced to a triangle by Householder's reflections, a block of rows at a time.
//!
//! The triangle of the rows so far stands on top of the next block, and reflections take the block
//! away: each acts on one row of the triangle and on the block, so that all it touches stays in the
//! nearest cache, however many rows there are. Golub & Van Loan (2013), Matrix Computations,
//! section 5.1 for a reflection; Demmel et al. 2012, SIAM J. Sci. Comput. 34, A206 for the blocks.

use std::ops::Range;

use super::vector::{axpy, axpy_then_dot, axpy_then_norm_sqr, dot};
use crate::fit::clock::factoring;
use crate::foundations::numerics::{ScratchVec, with_widest_simd};

/// Rows that are taken away together. With nine columns they fill 27 kB; with fewer rows, what is
/// done once for each column and block would show.
const BLOCK: usize = 384;

/// A triangle, and the way to it.
#[derive(Debug)]
pub(crate) struct Qr {
    /// R, its columns one after another.
    pub(crate) r: Vec<f64>,
    /// Real and imaginary part of the data that the columns explain, turned: `Q^T b`, one element
    /// per column.
    pub(crate) qt_b: [Vec<f64>; 2],
    /// Block after block, one per column.
    reflectors: Vec<Reflector>,
}

/// `I - 2 v v^T / |v|^2`.
#[derive(Debug, Clone, Copy)]
struct Reflector {
    /// The element of v that stands in the triangle; the others are in the block.
    head: f64,
    /// `-2 / |v|^2`.
    scale: f64,
}

impl Reflector {
    /// The one that takes a block away, of which this is the squared length, and leaves a new
    /// `diagonal` of the triangle.
    #[inline(always)]
    fn new(diagonal: &mut f64, squared: f64) -> Self {
        let old = *diagonal;
        let length = (old * old + squared).sqrt();
        // A zero column: R has a zero there, and the rank check says so.
        if length == 0.0 {
            return Self { head: 0.0, scale: 0.0 };
        }
        // Away from the old one, so that nothing cancels.
        *diagonal = if old > 0.0 { -length } else { length };
        Self { head: old - *diagonal, scale: -1.0 / (length * (length + old.abs())) }
    }

    /// Reflects a column's element in the triangle; what times v is to be added to its block, of
    /// which `product` is the product with the block of v.
    #[inline(always)]
    fn apply_to_top(self, top: &mut f64, product: f64) -> f64 {
        let factor = self.scale * (self.head * *top + product);
        *top += factor * self.head;
        factor
    }
}

/// Reduces columns of so many rows to a triangle, and turns the data, real and imaginary part, with
/// them. The columns then hold what [`Qr::form_q`] needs, and the data what no column explains.
pub(crate) fn householder_qr(columns: &mut [f64], rows: usize, mut data: [&mut [f64]; 2]) -> Qr {
    factoring(|| {
        let n = columns.len() / rows;
        // The columns of R, and what is explained of the data.
        let mut tops = vec![0.0; n * (n + 2)];
        let mut products = vec![0.0; n + 2];
        let mut reflectors = Vec::with_capacity(n * rows.div_ceil(BLOCK));
        with_widest_simd(
            #[inline(always)]
            || {
                for block in blocks(rows) {
                    let mut data = data.each_mut().map(|part| &mut part[block.clone()]);
                    multiply_by_first(columns, rows, &block, &data, &mut products);
                    for k in 0..n {
                        let reflection = Reflector::new(&mut tops[k * n + k], products[k]);
                        for (top, product) in
                            tops.chunks_exact_mut(n).zip(&mut products).skip(k + 1)
                        {
                            *product = reflection.apply_to_top(&mut top[k], *product);
                        }
                        let data = data.each_mut().map(|part| &mut **part);
                        eliminate_block(k, columns, rows, &block, data, &mut products);
                        reflectors.push(reflection);
                    }
                }
            },
        );
        let [re, im] = [n, n + 1].map(|column| tops[column * n..][..n].to_vec());
        tops.truncate(n * n);
        Qr { r: tops, qt_b: [re, im], reflectors }
    })
}

fn blocks(rows: usize) -> impl DoubleEndedIterator<Item = Range<usize>> {
    (0..rows.div_ceil(BLOCK)).map(move |i| i * BLOCK..rows.min((i + 1) * BLOCK))
}

/// The products of the first column with itself, the others and the data, in a block.
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

/// Takes the block of column k away: adds it to the later columns and to the data, times their
/// `factors`. What is then the next column is multiplied by them in the same pass over memory, and
/// the products take the place of the factors.
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
    /// An orthonormal basis of the columns, as they were: its vectors one after another. `columns`
    /// are what [`householder_qr`] left.
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

    /// Makes a vector, which is zero, the one of the basis that reflections turn into `e_i`.
    #[inline(always)]
    fn apply_to_unit_vector(&self, i: usize, vector: &mut [f64], columns: &[f64]) {
        let rows = vector.len();
        let n = columns.len() / vector.len();
        let mut tops = vec![0.0; i + 1];
        tops[i] = 1.0;
        let reflectors = self.reflectors.chunks_exact(n).rev();
        for (block, reflectors) in blocks(rows).rev().zip(reflectors) {
            // Later reflections leave it alone.
            for k in (0..=i).rev() {
                let v = &columns[k * rows..][block.clone()];
                let vector = &mut vector[block.clone()];
                let factor = reflectors[k].apply_to_top(&mut tops[k], dot(v, vector));
                axpy(vector, factor, v);
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
