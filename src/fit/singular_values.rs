//! Singular values of a small matrix, for the rank and the condition number.

use super::vector::dot;

/// Rotations are repeated until no two columns are further from orthogonal than this.
const ORTHOGONAL: f64 = 1e-15;
/// One-sided Jacobi converges quadratically: seven columns take about six sweeps.
const MAX_SWEEPS: usize = 40;

/// Singular values of the `n` x `n` matrix whose columns stand one after another, largest first.
///
/// One-sided Jacobi (Hestenes 1958): rotates pairs of columns until all are orthogonal; their
/// lengths are the singular values, small ones to high relative accuracy.
pub(super) fn singular_values(mut columns: Vec<f64>, n: usize) -> Vec<f64> {
    for _ in 0..MAX_SWEEPS {
        let mut rotated = false;
        for i in 0..n {
            for j in i + 1..n {
                rotated |= make_orthogonal(&mut columns, n, i, j);
            }
        }
        if !rotated {
            break;
        }
    }
    let mut values: Vec<f64> =
        columns.chunks_exact(n.max(1)).map(|column| dot(column, column).sqrt()).collect();
    values.sort_by(|a, b| b.total_cmp(a));
    values
}

/// Rotates columns `i < j` so that they are orthogonal; false if they were already.
fn make_orthogonal(columns: &mut [f64], n: usize, i: usize, j: usize) -> bool {
    let (left, right) = columns.split_at_mut(j * n);
    let (a, b) = (&mut left[i * n..(i + 1) * n], &mut right[..n]);
    let (aa, bb, ab) = (dot(a, a), dot(b, b), dot(a, b));
    // False for NaN, which can never become orthogonal: it counts as done.
    let slanted = ab.abs() > ORTHOGONAL * (aa * bb).sqrt();
    if !slanted {
        return false;
    }
    let zeta = (bb - aa) / (2.0 * ab);
    let t = zeta.signum() / (zeta.abs() + (1.0 + zeta * zeta).sqrt());
    let c = 1.0 / (1.0 + t * t).sqrt();
    let s = c * t;
    for (a, b) in a.iter_mut().zip(b) {
        (*a, *b) = (c * *a - s * *b, s * *a + c * *b);
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;
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

    proptest! {
        #[test]
        fn squares_sum_to_the_frobenius_norm(m in prop::collection::vec(-10.0..10.0, 49)) {
            let values = singular_values(m.clone(), 7);
            let sum = dot(&values, &values);
            prop_assert!((sum - dot(&m, &m)).abs() <= 1e-12 * sum);
            prop_assert!(values.windows(2).all(|w| w[0] >= w[1]));
        }
    }
}
