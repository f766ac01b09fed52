//! Loops on the widest vector registers that the processor has.

/// Runs `work` compiled for the vector registers of this processor, rather than for those that every
/// processor has. It and all it calls must be inlined:
/// `with_widest_simd(#[inline(always)] || ...)`.
///
/// The bits are the same everywhere: registers only decide how many numbers are worked on side by
/// side. No operation is fused (Rust never does that by itself), and sums over lanes have the order
/// that is written.
pub fn with_widest_simd<R>(work: impl FnOnce() -> R) -> R {
    pulp::Arch::new().dispatch(work)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[inline(always)]
    fn lanes(x: &[f64]) -> [f64; 8] {
        let mut sums = [0.0; 8];
        for block in x.as_chunks::<8>().0 {
            for (sum, value) in sums.iter_mut().zip(block) {
                // A fused multiplication and addition would round once less.
                *sum += value * 1.1 / 3.0 + value * value;
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
}
