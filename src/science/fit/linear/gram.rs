//! Products of the columns of a basis with each other, each record with a weight.
//!
//! Block by block of records, so that columns are multiplied while they are in the nearest cache, and of one
//! column with all that come after it at once, so that what is read is used for several sums.

use super::vector::{dot, short_dot};
use crate::foundations::numerics::{ScratchVec, fused, with_widest_simd};

/// Groups of lanes in a block: numbers that the compiler knows need no checks in the loops.
const GROUPS: usize = 32;
/// Numbers that are worked on side by side: with more, the sums of a row would not stay in registers.
const LANES: usize = 4;

/// Sums over records of weighted products.
#[derive(Debug)]
pub(crate) struct WeightedProducts {
    /// The upper half of `Q^T W Q`, row by row.
    pub(crate) gram: Vec<f64>,
    /// `Q^T W` of two vectors, if they were asked for.
    pub(crate) with_vectors: [Vec<f64>; 2],
}

/// The products of columns, each of `rows` elements, and those with two vectors.
pub(crate) fn weighted_products(
    columns: &[f64],
    rows: usize,
    weights: &[f64],
    vectors: Option<[&[f64]; 2]>,
) -> WeightedProducts {
    with_widest_simd(
        #[inline(always)]
        || match (columns.len() / rows.max(1), vectors) {
            // Numbers that the compiler knows.
            (6, None) => fixed::<6, false>(columns, rows, weights, [&[], &[]]),
            (6, Some(vectors)) => fixed::<6, true>(columns, rows, weights, vectors),
            (7, None) => fixed::<7, false>(columns, rows, weights, [&[], &[]]),
            (7, Some(vectors)) => fixed::<7, true>(columns, rows, weights, vectors),
            (n, _) => any(columns, rows, weights, (n, vectors)),
        },
    )
}

/// Partial sums of one row: with the columns, and with the vectors.
type RowSums<const N: usize> = ([[f64; LANES]; N], [[f64; LANES]; 2]);

#[inline(always)]
fn fixed<const N: usize, const V: bool>(
    columns: &[f64],
    rows: usize,
    weights: &[f64],
    vectors: [&[f64]; 2],
) -> WeightedProducts {
    let mut sums: [RowSums<N>; N] = [([[0.0; LANES]; N], [[0.0; LANES]; 2]); N];
    let column = |i: usize| &columns[i * rows..][..rows];
    let whole = rows / LANES * LANES;
    let of_blocks = rows / (GROUPS * LANES) * GROUPS * LANES;
    for start in (0..of_blocks).step_by(GROUPS * LANES) {
        add::<N, V, GROUPS>(&column, (weights, vectors), start, &mut sums);
    }
    for start in (of_blocks..whole).step_by(LANES) {
        add::<N, V, 1>(&column, (weights, vectors), start, &mut sums);
    }
    let rest = whole..rows;
    let mut products =
        WeightedProducts { gram: vec![0.0; N * N], with_vectors: [vec![0.0; N], vec![0.0; N]] };
    for (i, (of_columns, of_vectors)) in sums.iter().enumerate() {
        let mut scaled = [0.0; LANES];
        let scaled = &mut scaled[..rest.len()];
        for ((scaled, q), w) in
            scaled.iter_mut().zip(&column(i)[rest.clone()]).zip(&weights[rest.clone()])
        {
            *scaled = q * w;
        }
        for (j, sums) in of_columns.iter().enumerate().skip(i) {
            products.gram[i * N + j] = total(*sums) + short_dot(scaled, &column(j)[rest.clone()]);
        }
        for (part, vector) in vectors.iter().enumerate().filter(|_| V) {
            let beyond = short_dot(scaled, &vector[rest.clone()]);
            products.with_vectors[part][i] = total(of_vectors[part]) + beyond;
        }
    }
    products
}

/// So many groups of lanes of a vector, from one of its elements on.
#[inline(always)]
fn groups<const G: usize>(vector: &[f64], start: usize) -> &[[f64; LANES]; G] {
    let groups = vector[start..][..G * LANES].as_chunks::<LANES>().0;
    groups.try_into().expect("so many were cut out")
}

/// Adds the products of some records.
#[inline(always)]
fn add<'a, const N: usize, const V: bool, const G: usize>(
    column: &impl Fn(usize) -> &'a [f64],
    (weights, vectors): (&[f64], [&[f64]; 2]),
    start: usize,
    sums: &mut [RowSums<N>; N],
) {
    let mut q = [&[[0.0; LANES]; G]; N];
    for (i, q) in q.iter_mut().enumerate() {
        *q = groups(column(i), start);
    }
    let mut own = [&[[0.0; LANES]; G]; 2];
    if V {
        own = [groups(vectors[0], start), groups(vectors[1], start)];
    }
    let weights = groups(weights, start);
    macro_rules! rows {
        ($($i:literal)*) => { $(if $i < N { row::<N, $i, V, G>(&q, weights, own, &mut sums[$i]); })* };
    }
    rows!(0 1 2 3 4 5 6);
}

/// Adds the products of one column with itself and those behind it, and with the vectors.
#[inline(always)]
fn row<const N: usize, const I: usize, const V: bool, const G: usize>(
    q: &[&[[f64; LANES]; G]; N],
    weights: &[[f64; LANES]; G],
    vectors: [&[[f64; LANES]; G]; 2],
    sums: &mut RowSums<N>,
) {
    let (mut of_columns, mut of_vectors) = *sums;
    for at in 0..G {
        let mut scaled = [0.0; LANES];
        for lane in 0..LANES {
            scaled[lane] = q[I][at][lane] * weights[at][lane];
        }
        for j in I..N {
            for lane in 0..LANES {
                of_columns[j][lane] = fused(scaled[lane], q[j][at][lane], of_columns[j][lane]);
            }
        }
        if V {
            for (sums, vector) in of_vectors.iter_mut().zip(vectors) {
                for lane in 0..LANES {
                    sums[lane] = fused(scaled[lane], vector[at][lane], sums[lane]);
                }
            }
        }
    }
    *sums = (of_columns, of_vectors);
}

fn total([a, b, c, d]: [f64; LANES]) -> f64 {
    (a + c) + (b + d)
}

/// The same of any number of columns, one product after another.
#[inline(always)]
fn any(
    columns: &[f64],
    rows: usize,
    weights: &[f64],
    (n, vectors): (usize, Option<[&[f64]; 2]>),
) -> WeightedProducts {
    let mut scaled = ScratchVec::with_len(rows);
    let mut products =
        WeightedProducts { gram: vec![0.0; n * n], with_vectors: [vec![0.0; n], vec![0.0; n]] };
    for (i, column) in columns.chunks_exact(rows.max(1)).enumerate() {
        for ((scaled, value), weight) in scaled.iter_mut().zip(column).zip(weights) {
            *scaled = value * weight;
        }
        for (j, other) in columns.chunks_exact(rows).enumerate().skip(i) {
            products.gram[i * n + j] = dot(&scaled, other);
        }
        for (sums, vector) in products.with_vectors.iter_mut().zip(vectors.iter().flatten()) {
            sums[i] = dot(&scaled, vector);
        }
    }
    products
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::foundations::numerics::math::cos;

    #[test]
    fn any_number_of_columns_and_records_gives_the_sums_written_out() {
        for (n, rows) in [(1, 5), (6, 3), (6, 131), (7, 1200), (7, 128), (9, 77)] {
            let value = |i: usize| cos(0.3 * i as f64);
            let columns: Vec<f64> = (0..n * rows).map(value).collect();
            let weights: Vec<f64> = (0..rows).map(|i| 1.0 + value(7 * i)).collect();
            let vectors = [11, 13].map(|k| (0..rows).map(|i| value(k * i)).collect::<Vec<f64>>());
            let given = vectors.each_ref().map(|vector| &vector[..]);
            let sum =
                |a: &[f64], b: &[f64]| -> f64 { (0..rows).map(|j| a[j] * weights[j] * b[j]).sum() };
            let column = |i: usize| &columns[i * rows..][..rows];
            let found = weighted_products(&columns, rows, &weights, Some(given));
            let alone = weighted_products(&columns, rows, &weights, None);
            assert_eq!(found.gram, alone.gram);
            for i in 0..n {
                for j in i..n {
                    let error = found.gram[i * n + j] - sum(column(i), column(j));
                    assert!(error.abs() < 1e-12 * rows as f64, "{n} {rows} {i} {j}: {error}");
                }
                for (part, vector) in given.iter().enumerate() {
                    let error = found.with_vectors[part][i] - sum(column(i), vector);
                    assert!(error.abs() < 1e-12 * rows as f64, "{n} {rows} {i}: {error}");
                }
            }
        }
    }
}
