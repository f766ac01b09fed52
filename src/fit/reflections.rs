//! Tall columns reduced to a triangle by Householder's reflections, a block of rows at a time.
//!
//! The triangle of the rows so far stands on top of the next block, and reflections take the block
//! away: each acts on one row of the triangle and on the block, so that all it touches stays in the
//! nearest cache, however many rows there are. Golub & Van Loan (2013), Matrix Computations,
//! section 5.1 for a reflection; Demmel et al. 2012, SIAM J. Sci. Comput. 34, A206 for the blocks.

use std::ops::Range;

use super::clock::factoring;
use super::vector::{add_scaled, dot};
use crate::foundations::wide::widely;

/// Rows that are taken away together. With nine columns they fill 27 kB; with fewer rows, what is
/// done once for each column and block would show.
const BLOCK: usize = 384;

/// A triangle, and the way to it.
#[derive(Debug)]
pub(super) struct Reduced {
    /// R, its columns one after another.
    pub(super) r: Vec<f64>,
    /// Real and imaginary part of the data that the columns explain, turned: `Q^T b`, one element
    /// per column.
    pub(super) explained: [Vec<f64>; 2],
    /// Block after block, one per column.
    reflections: Vec<Reflection>,
}

/// `I - 2 v v^T / |v|^2`.
#[derive(Debug, Clone, Copy)]
struct Reflection {
    /// The element of v that stands in the triangle; the others are in the block.
    head: f64,
    /// `-2 / |v|^2`.
    scale: f64,
}

impl Reflection {
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

    /// Reflects a column: its element in the triangle and its block.
    #[inline(always)]
    fn apply(self, v: &[f64], top: &mut f64, block: &mut [f64]) {
        let factor = self.scale * (self.head * *top + dot(v, block));
        *top += factor * self.head;
        add_scaled(block, factor, v);
    }
}

/// Reduces columns of so many rows to a triangle, and turns the data, real and imaginary part, with
/// them. The columns then hold what [`Reduced::basis`] needs, and the data what no column explains.
pub(super) fn reduce(columns: &mut [f64], rows: usize, mut data: [&mut [f64]; 2]) -> Reduced {
    factoring(|| {
        let n = columns.len() / rows;
        // The columns of R, and what is explained of the data.
        let mut tops = vec![0.0; n * (n + 2)];
        let mut reflections = Vec::with_capacity(n * rows.div_ceil(BLOCK));
        widely(
            #[inline(always)]
            || {
                for block in blocks(rows) {
                    for k in 0..n {
                        let data = data.each_mut().map(|part| &mut part[block.clone()]);
                        let one = take_away(k, columns, rows, &block, data, &mut tops);
                        reflections.push(one);
                    }
                }
            },
        );
        let [re, im] = [n, n + 1].map(|column| tops[column * n..][..n].to_vec());
        tops.truncate(n * n);
        Reduced { r: tops, explained: [re, im], reflections }
    })
}

fn blocks(rows: usize) -> impl DoubleEndedIterator<Item = Range<usize>> {
    (0..rows.div_ceil(BLOCK)).map(move |i| i * BLOCK..rows.min((i + 1) * BLOCK))
}

/// Takes the block of column k away.
#[inline(always)]
fn take_away(
    k: usize,
    columns: &mut [f64],
    rows: usize,
    block: &Range<usize>,
    data: [&mut [f64]; 2],
    tops: &mut [f64],
) -> Reflection {
    let n = columns.len() / rows;
    let (done, later) = columns.split_at_mut((k + 1) * rows);
    let v = &done[k * rows..][block.clone()];
    let (tops, later_tops) = tops.split_at_mut((k + 1) * n);
    let reflection = Reflection::new(&mut tops[k * n + k], dot(v, v));
    let later = later.chunks_exact_mut(rows).map(|column| &mut column[block.clone()]);
    for (target, tops) in later.chain(data).zip(later_tops.chunks_exact_mut(n)) {
        reflection.apply(v, &mut tops[k], target);
    }
    reflection
}

impl Reduced {
    /// An orthonormal basis of the columns, as they were: its vectors one after another. `columns`
    /// are what [`reduce`] left.
    pub(super) fn basis(&self, columns: &[f64], rows: usize) -> Vec<f64> {
        let n = columns.len() / rows;
        let mut basis = vec![0.0; n * rows];
        widely(
            #[inline(always)]
            || {
                for (i, vector) in basis.chunks_exact_mut(rows).enumerate() {
                    self.turn_back(i, vector, columns);
                }
            },
        );
        basis
    }

    /// Makes a vector, which is zero, the one of the basis that reflections turn into `e_i`.
    #[inline(always)]
    fn turn_back(&self, i: usize, vector: &mut [f64], columns: &[f64]) {
        let (rows, n) = (vector.len(), columns.len() / vector.len());
        let mut tops = vec![0.0; i + 1];
        tops[i] = 1.0;
        let reflections = self.reflections.chunks_exact(n).rev();
        for (block, reflections) in blocks(rows).rev().zip(reflections) {
            // Later reflections leave it alone.
            for k in (0..=i).rev() {
                let v = &columns[k * rows..][block.clone()];
                reflections[k].apply(v, &mut tops[k], &mut vector[block.clone()]);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::foundations::math::cos;

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
            let (mut columns, length) = (given.clone(), dot(&re, &re));
            let reduced = reduce(&mut columns, rows, [&mut re, &mut im]);
            let basis = reduced.basis(&columns, rows);
            for j in 0..n {
                let mut sum = vec![0.0; rows];
                for i in 0..n {
                    let unit = if i == j { 1.0 } else { 0.0 };
                    let product = dot(column(&basis, rows, i), column(&basis, rows, j));
                    assert!((product - unit).abs() < 1e-14, "{rows} {n}: {product}");
                    let r = reduced.r[j * n + i];
                    assert!(i <= j || r == 0.0);
                    add_scaled(&mut sum, r, column(&basis, rows, i));
                }
                add_scaled(&mut sum, -1.0, column(&given, rows, j));
                assert!(dot(&sum, &sum).sqrt() < 1e-14 * (rows as f64).sqrt() * 5.0);
            }
            // Nothing of the data is lost.
            let [explained, _] = &reduced.explained;
            let kept = dot(explained, explained) + dot(&re, &re);
            assert!((kept / length - 1.0).abs() < 1e-13, "{rows} {n}: {kept} of {length}");
        }
    }

    #[test]
    fn the_data_are_turned_as_the_columns_are() {
        let (rows, n) = (1000, 5);
        let (mut columns, data) = system(rows, n);
        let [mut re, mut im] = data.clone();
        let reduced = reduce(&mut columns, rows, [&mut re, &mut im]);
        let basis = reduced.basis(&columns, rows);
        for (data, explained) in data.iter().zip(&reduced.explained) {
            for (i, explained) in explained.iter().enumerate() {
                assert!((dot(column(&basis, rows, i), data) - explained).abs() < 1e-12);
            }
        }
    }

    #[test]
    fn a_zero_column_leaves_a_zero() {
        let (mut columns, [mut re, mut im]) = system(800, 3);
        columns[800..1600].fill(0.0);
        let reduced = reduce(&mut columns, 800, [&mut re, &mut im]);
        assert!(reduced.r[4].abs() < 1e-12 && reduced.r[0].abs() > 1.0 && reduced.r[8].abs() > 1.0);
        assert!(reduced.r.iter().all(|value| value.is_finite()));
    }
}
