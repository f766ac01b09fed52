//! Loops on the widest vector registers that the processor has.

/// Runs `work` compiled for the vector registers of this processor, rather than for those that every
/// processor has. It and all it calls must be inlined:
/// `with_widest_simd(#[inline(always)] || ...)`. What an iterator collects into a vector often is not:
/// push in a loop.
///
/// The bits are the same everywhere: registers only decide how many numbers are worked on side by
/// side. Operations are fused where [`fused`] is written, and nowhere else (Rust never does that by
/// itself), and sums over lanes have the order that is written.
pub fn with_widest_simd<R>(work: impl FnOnce() -> R) -> R {
    pulp::Arch::new().dispatch(work)
}

/// `a * b + c`, rounded once (IEEE 754-2019, 5.4.1: exactly defined, so the bits are the same however
/// it is worked out).
///
/// Within [`with_widest_simd`] it is one operation, on lanes side by side, where the processor has it,
/// which all have had since 2013. Everywhere else it is a call, ten times as slow or more: use it only
/// in what is inlined there.
#[inline(always)]
#[must_use]
pub fn fused(a: f64, b: f64, c: f64) -> f64 {
    a.mul_add(b, c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[inline(always)]
    fn lanes(x: &[f64]) -> [f64; 8] {
        let mut sums = [0.0; 8];
        for block in x.as_chunks::<8>().0 {
            for (sum, value) in sums.iter_mut().zip(block) {
                // The compiler must not fuse the first product and sum, and must fuse the second.
                *sum = fused(*value, *value, *sum + (value * 1.1 / 3.0 + value * value));
            }
        }
        sums
    }

    #[test]
    fn the_bits_do_not_depend_on_the_registers() {
        let x: Vec<f64> = (0..4000).map(|i| 1.0 / f64::from(i + 1)).collect();
        assert_eq!(
            with_widest_simd(
                #[inline(always)]
                || lanes(&x)
            ),
            lanes(&x)
        );
    }

    #[test]
    fn fused_operations_round_once_with_and_without_registers_for_them() {
        // (1 + e)(1 - e) - 1 = -e^2, which a rounded product loses.
        let e = f64::EPSILON;
        let once = |a: f64| fused(1.0 + a, 1.0 - a, -1.0);
        let wide = with_widest_simd(
            #[inline(always)]
            || once(std::hint::black_box(e)),
        );
        assert_eq!(wide, -e * e);
        assert_eq!(once(std::hint::black_box(e)), -e * e);
        assert_eq!(libm::fma(1.0 + e, 1.0 - e, -1.0), -e * e);
    }
}
