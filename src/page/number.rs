//! Numbers as people read them.

/// Three digits, with a power of ten where that is shorter; a dash for what is no number.
#[must_use]
pub fn short(value: f64) -> String {
    match value.abs() {
        _ if value.is_nan() => "–".into(),
        infinite if infinite.is_infinite() => if value > 0.0 { "∞" } else { "−∞" }.into(),
        0.0 => "0".into(),
        size if (1e-3..1e5).contains(&size) => {
            let digits = if size >= 100.0 {
                0
            } else if size >= 10.0 {
                1
            } else if size >= 1.0 {
                2
            } else {
                4
            };
            minus(format!("{value:.digits$}"))
        }
        _ => {
            let text = format!("{value:.1e}");
            let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
            minus(format!("{mantissa}e{exponent}"))
        }
    }
}

/// A part of one, in percent.
#[must_use]
pub fn percent(part: f64, digits: usize) -> String {
    if part.is_finite() { minus(format!("{:.digits$} %", 100.0 * part)) } else { "–".into() }
}

/// A count, in groups of three digits.
#[must_use]
pub fn count(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A hyphen is too short for a minus.
pub(super) fn minus(text: String) -> String {
    text.replace('-', "−")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short() {
        for (value, text) in [
            (0.0, "0"),
            (1.0, "1.00"),
            (-0.02346, "−0.0235"),
            (12.345, "12.3"),
            (32_900.4, "32900"),
            (1.5e-7, "1.5e−7"),
            (-2.5e12, "−2.5e12"),
            (f64::NAN, "–"),
            (f64::INFINITY, "∞"),
        ] {
            assert_eq!(short(value), text);
        }
        assert_eq!([count(7), count(1_028), count(1_234_567)], ["7", "1,028", "1,234,567"]);
        assert_eq!(percent(0.6789, 1), "67.9 %");
    }
}
