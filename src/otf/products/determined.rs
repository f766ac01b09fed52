//! Which emissivities the data determine.

/// Error bars up to this are those of a value that is determined: a tenth of one, which no
/// emissivity exceeds. With a longer one, the data say hardly more than that it is an emissivity.
const LONGEST_ERROR_BAR: f64 = 0.1;

/// Whether the data determine a value with this error bar. One that is not known, or infinite,
/// promises nothing.
pub(in crate::otf) fn is_determined(sigma: f64) -> bool {
    sigma <= LONGEST_ERROR_BAR
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_bar_that_is_too_long_or_unknown_determines_nothing() {
        assert!(is_determined(0.0) && is_determined(1e-9) && is_determined(0.1));
        for sigma in [0.11, 1e35, f64::INFINITY, f64::NAN] {
            assert!(!is_determined(sigma), "{sigma}");
        }
    }
}
