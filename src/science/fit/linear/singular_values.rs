//! Singular values and vectors of a small matrix: rank, condition number, filtered solutions.

use super::vector::short_dot;
use crate::foundations::numerics::{fused, with_widest_simd};

/// Columns count as orthogonal if the cosine of their angle is at most this.
const ORTHOGONAL: f64 = 1e-15;
/// One-sided Jacobi converges quadratically: seven columns take about six sweeps.
const MAX_SWEEPS: usize = 40;

/// `A = U S V^T` of a small square matrix; U and V column by column, in the order of S.
#[derive(Debug, Clone)]
pub(crate) struct Svd {
    /// Left singular vectors; a column of zeros where the singular value is zero.
    pub(crate) u: Vec<f64>,
    /// Singular values, largest first.
    pub(crate) values: Vec<f64>,
    /// Right singular vectors.
    pub(crate) v: Vec<f64>,
}

/// Singular values of the `n` x `n` matrix whose columns stand one after another, largest first.
pub(crate) fn singular_values(mut columns: Vec<f64>, n: usize) -> Vec<f64> {
    // Of the usual sizes, with and without a constraint, the compiler is told.
    match n {
        6 => orthogonalise_fixed::<6>(&mut columns),
        7 => orthogonalise_fixed::<7>(&mut columns),
        _ => orthogonalise(&mut columns, n, &mut []),
    }
    falling_lengths(&columns, n)
}

/// The lengths of columns, largest first.
fn falling_lengths(columns: &[f64], n: usize) -> Vec<f64> {
    let mut values = lengths(columns, n);
    values.sort_by(|a, b| b.total_cmp(a));
    values
}

/// Matrices that are decomposed side by side.
const LANES: usize = 8;

/// The [`singular_values`] of several `n` x `n` matrices, side by side in vector registers where `n` is one
/// of the usual sizes: they have the bits that they have alone.
pub(crate) fn singular_values_of_each(matrices: &[&[f64]], n: usize) -> Vec<Vec<f64>> {
    let groups = matrices.chunks(LANES);
    match n {
        6 => groups.flat_map(values_of_group::<6>).collect(),
        7 => groups.flat_map(values_of_group::<7>).collect(),
        _ => matrices.iter().map(|matrix| singular_values(matrix.to_vec(), n)).collect(),
    }
}

fn values_of_group<const N: usize>(matrices: &[&[f64]]) -> Vec<Vec<f64>> {
    // `[column][row][matrix]`; what has no matrix is zero, and never turned.
    let mut columns = [[[0.0; LANES]; N]; N];
    for (lane, matrix) in matrices.iter().enumerate() {
        for (place, value) in columns.as_flattened_mut().iter_mut().zip(*matrix) {
            place[lane] = *value;
        }
    }
    with_widest_simd(
        #[inline(always)]
        || {
            sweep_until_orthogonal(
                N,
                #[inline(always)]
                |i, j| {
                    let (left, right) = columns.split_at_mut(j);
                    rotate_pairs(&mut left[i], &mut right[0])
                },
            );
        },
    );
    let of_lane = |lane: usize| {
        let own: Vec<f64> = columns.as_flattened().iter().map(|place| place[lane]).collect();
        falling_lengths(&own, N)
    };
    (0..matrices.len()).map(of_lane).collect()
}

/// As [`rotate_pair`], of one pair of each matrix; whether any were not orthogonal.
#[inline(always)]
fn rotate_pairs<const N: usize>(a: &mut [[f64; LANES]; N], b: &mut [[f64; LANES]; N]) -> bool {
    let [mut aa, mut bb, mut ab] = [[0.0; LANES]; 3];
    for k in 0..N {
        for lane in 0..LANES {
            aa[lane] = fused(a[k][lane], a[k][lane], aa[lane]);
            bb[lane] = fused(b[k][lane], b[k][lane], bb[lane]);
            ab[lane] = fused(a[k][lane], b[k][lane], ab[lane]);
        }
    }
    // A cosine of zero, which no turn has, stands for none.
    let ([mut c, mut s], mut turned) = ([[0.0; LANES]; 2], 0.0);
    for lane in 0..LANES {
        let (cosine, sine) = turn_of(aa[lane], bb[lane], ab[lane]);
        let is_turned = is_slanted(aa[lane], bb[lane], ab[lane]);
        c[lane] = if is_turned { cosine } else { 0.0 };
        s[lane] = sine;
        turned += c[lane];
    }
    if turned == 0.0 {
        return false;
    }
    for k in 0..N {
        for lane in 0..LANES {
            let (x, y) = (a[k][lane], b[k][lane]);
            let (c, s) = (c[lane], s[lane]);
            a[k][lane] = if c == 0.0 { x } else { fused(c, x, -(s * y)) };
            b[k][lane] = if c == 0.0 { y } else { fused(s, x, c * y) };
        }
    }
    true
}

/// As [`orthogonalise`], of a size that is known beforehand.
fn orthogonalise_fixed<const N: usize>(columns: &mut [f64]) {
    with_widest_simd(
        #[inline(always)]
        || {
            let columns = columns.as_chunks_mut::<N>().0;
            sweep_until_orthogonal(
                N,
                #[inline(always)]
                |i, j| {
                    let (left, right) = columns.split_at_mut(j);
                    rotate_pair(&mut left[i], &mut right[0])
                },
            );
        },
    );
}

/// Makes two columns orthogonal; whether they were not.
#[inline(always)]
fn rotate_pair<const N: usize>(a: &mut [f64; N], b: &mut [f64; N]) -> bool {
    let (mut aa, mut bb, mut ab) = (0.0, 0.0, 0.0);
    for k in 0..N {
        aa = fused(a[k], a[k], aa);
        bb = fused(b[k], b[k], bb);
        ab = fused(a[k], b[k], ab);
    }
    let Some((c, s)) = turn(aa, bb, ab) else { return false };
    for k in 0..N {
        (a[k], b[k]) = (fused(c, a[k], -(s * b[k])), fused(s, a[k], c * b[k]));
    }
    true
}

/// Sweeps over all pairs `i < j` until one changes none. Pairs that follow each other have no column in
/// common as far as that goes (a round-robin tournament), so that one need not wait for another.
#[inline(always)]
fn sweep_until_orthogonal(n: usize, mut pair: impl FnMut(usize, usize) -> bool) {
    // With an odd number, each sits out one round.
    let players = n + n % 2;
    for _ in 0..MAX_SWEEPS {
        let mut rotated = false;
        for round in 0..players.saturating_sub(1) {
            for k in 0..players / 2 {
                // The last stays where it is, the others move on by one each round.
                let ring = players - 1;
                let first = if k == 0 { ring } else { (round + k) % ring };
                let second = (round + ring - k) % ring;
                let (i, j) = (first.min(second), first.max(second));
                rotated |= j < n && pair(i, j);
            }
        }
        if !rotated {
            break;
        }
    }
}

/// The decomposition of the `n` x `n` matrix whose columns stand one after another.
///
/// One-sided Jacobi (Hestenes 1958): rotates pairs of columns until all are orthogonal, which
/// makes `A V = U S`. Their lengths are the singular values, small ones to high relative accuracy.
pub(crate) fn svd_of(mut columns: Vec<f64>, n: usize) -> Svd {
    let mut v = identity(n);
    orthogonalise(&mut columns, n, &mut v);
    in_order(&columns, &v, n)
}

/// Rotates the columns until they are orthogonal, and those of `v`, if it has any, with them.
fn orthogonalise(columns: &mut [f64], n: usize, v: &mut [f64]) {
    sweep_until_orthogonal(n, |i, j| {
        let Some(turn) = rotation(columns, n, i, j) else { return false };
        rotate(columns, n, i, j, turn);
        if !v.is_empty() {
            rotate(v, n, i, j, turn);
        }
        true
    });
}

fn lengths(columns: &[f64], n: usize) -> Vec<f64> {
    columns.chunks_exact(n.max(1)).map(|column| short_dot(column, column).sqrt()).collect()
}

fn identity(n: usize) -> Vec<f64> {
    let mut columns = vec![0.0; n * n];
    columns.iter_mut().step_by(n + 1).for_each(|diagonal| *diagonal = 1.0);
    columns
}

/// Splits `A V` into U and S, and sorts both with V by falling singular value.
fn in_order(columns: &[f64], v: &[f64], n: usize) -> Svd {
    let column = |of: &[f64], k: usize| of[k * n..(k + 1) * n].to_vec();
    let lengths = lengths(columns, n);
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by(|&a, &b| lengths[b].total_cmp(&lengths[a]));
    let unit = |k: usize| if lengths[k] > 0.0 { lengths[k] } else { 1.0 };
    let left = |&k: &usize| column(columns, k).into_iter().map(move |value| value / unit(k));
    Svd {
        u: order.iter().flat_map(left).collect(),
        values: order.iter().map(|&k| lengths[k]).collect(),
        v: order.iter().flat_map(|&k| column(v, k)).collect(),
    }
}

/// Cosine and sine of the turn that makes columns `i < j` orthogonal; `None` if they are already.
fn rotation(columns: &[f64], n: usize, i: usize, j: usize) -> Option<(f64, f64)> {
    let (a, b) = (&columns[i * n..(i + 1) * n], &columns[j * n..(j + 1) * n]);
    turn(short_dot(a, a), short_dot(b, b), short_dot(a, b))
}

/// Cosine and sine of the turn that makes two columns orthogonal, from their products; `None` if they
/// are already.
#[inline(always)]
fn turn(aa: f64, bb: f64, ab: f64) -> Option<(f64, f64)> {
    is_slanted(aa, bb, ab).then(
        #[inline(always)]
        || turn_of(aa, bb, ab),
    )
}

/// Whether two columns are not orthogonal. False for NaN, which can never become so: it counts as done.
#[inline(always)]
fn is_slanted(aa: f64, bb: f64, ab: f64) -> bool {
    ab.abs() > ORTHOGONAL * (aa * bb).sqrt()
}

/// The turn of two columns that are not orthogonal.
#[inline(always)]
fn turn_of(aa: f64, bb: f64, ab: f64) -> (f64, f64) {
    let zeta = (bb - aa) / (2.0 * ab);
    let t = zeta.signum() / (zeta.abs() + (1.0 + zeta * zeta).sqrt());
    let c = 1.0 / (1.0 + t * t).sqrt();
    (c, c * t)
}

fn rotate(columns: &mut [f64], n: usize, i: usize, j: usize, (c, s): (f64, f64)) {
    let (left, right) = columns.split_at_mut(j * n);
    for (a, b) in left[i * n..(i + 1) * n].iter_mut().zip(&mut right[..n]) {
        (*a, *b) = (c * *a - s * *b, s * *a + c * *b);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::science::fit::linear::vector::dot;
    use proptest::prelude::*;

    #[test]
    fn a_triangle_with_known_values() {
        // [[3, 0], [4, 5]] has singular values 3 sqrt 5 and sqrt 5.
        let values = singular_values(vec![3.0, 4.0, 0.0, 5.0], 2);
        assert!((values[0] - 45f64.sqrt()).abs() < 1e-14);
        assert!((values[1] - 5f64.sqrt()).abs() < 1e-14);
    }

    #[test]
    fn a_tiny_value_beside_a_large_one_keeps_its_digits() {
        let values = singular_values(vec![1e8, 0.0, 1.0, 1e-8], 2);
        assert!((values[0] * values[1] - 1.0).abs() < 1e-13, "the product is the determinant");
    }

    #[test]
    fn nothing_loops_on_nan_or_zero() {
        assert_eq!(singular_values(vec![0.0; 9], 3), vec![0.0; 3]);
        assert!(singular_values(vec![f64::NAN; 9], 3)[0].is_nan());
        assert!(singular_values(Vec::new(), 0).is_empty());
    }

    #[test]
    fn several_have_the_bits_that_each_has_alone() {
        let mut matrices: Vec<Vec<f64>> = (0..19)
            .map(|m| (0..49).map(|i| ((i * i + 7 * m * i + m) % 23) as f64 - 11.0).collect())
            .collect();
        matrices[2] = vec![0.0; 49];
        matrices[5][3] = f64::NAN;
        matrices[6] = (0..49).map(|i| if i % 8 == 0 { 1.0 } else { 0.0 }).collect();
        matrices[7][..7].fill(0.0);
        matrices[8].iter_mut().for_each(|value| *value *= 1e-160);
        for n in [5, 6, 7] {
            let some: Vec<&[f64]> = matrices.iter().map(|matrix| &matrix[..n * n]).collect();
            for (place, found) in singular_values_of_each(&some, n).iter().enumerate() {
                let alone = singular_values(some[place].to_vec(), n);
                let bits = |values: &[f64]| values.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
                assert_eq!(bits(found), bits(&alone), "{place} of {n}");
            }
        }
        assert!(singular_values_of_each(&[], 7).is_empty());
    }

    proptest! {
        #[test]
        fn the_factors_multiply_to_the_matrix(m in prop::collection::vec(-10.0..10.0, 49)) {
            let Svd { u, values, v } = svd_of(m.clone(), 7);
            let entry = |row: usize, column: usize| -> f64 {
                (0..7).map(|k| u[k * 7 + row] * values[k] * v[k * 7 + column]).sum()
            };
            for (at, expected) in m.iter().enumerate() {
                prop_assert!((entry(at % 7, at / 7) - expected).abs() <= 1e-13 * values[0]);
            }
            for vectors in [&u, &v] {
                for (i, j) in (0..7).flat_map(|i| (0..7).map(move |j| (i, j))) {
                    let product = dot(&vectors[i * 7..][..7], &vectors[j * 7..][..7]);
                    prop_assert!((product - f64::from(u8::from(i == j))).abs() < 1e-12);
                }
            }
        }

        #[test]
        fn squares_sum_to_the_frobenius_norm(m in prop::collection::vec(-10.0..10.0, 49)) {
            let values = singular_values(m.clone(), 7);
            let sum = dot(&values, &values);
            prop_assert!((sum - dot(&m, &m)).abs() <= 1e-12 * sum);
            prop_assert!(values.windows(2).all(|w| w[0] >= w[1]));
        }
    }
}
