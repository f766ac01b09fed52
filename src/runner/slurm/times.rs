//! Time limits and memory, as sbatch reads them.

/// Reads a time limit as sbatch does: MINUTES, MINUTES:SECONDS, HOURS:MINUTES:SECONDS, or DAYS-HOURS
/// and perhaps :MINUTES:SECONDS. None for what is no limit, 0 and words.
#[must_use]
pub fn seconds(limit: &str) -> Option<u64> {
    parse(limit).filter(|seconds| *seconds > 0)
}

/// Whether sbatch would take this for a time limit.
pub(super) fn is_time(text: &str) -> bool {
    let word = text.to_ascii_uppercase();
    parse(text).is_some() || ["UNLIMITED", "INFINITE", "-1"].contains(&word.as_str())
}

/// Whether sbatch would take this for memory: megabytes, or with a unit as in 4G; 0 is all that a
/// node has.
pub(super) fn is_memory(text: &str) -> bool {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = text[digits.len()..].to_ascii_uppercase();
    let is_unit = ["", "K", "M", "G", "T", "KB", "MB", "GB", "TB"].contains(&unit.as_str());
    is_unit && digits.bytes().all(|byte| byte.is_ascii_digit()) && digits.parse::<u64>().is_ok()
}

fn parse(limit: &str) -> Option<u64> {
    let number = |text: &str| {
        if text.bytes().all(|byte| byte.is_ascii_digit()) { text.parse::<u64>().ok() } else { None }
    };
    let (days, rest) = match limit.split_once('-') {
        Some((days, rest)) => (Some(number(days)?), rest),
        None => (None, limit),
    };
    let parts: Vec<u64> = rest.split(':').map(number).collect::<Option<_>>()?;
    let (hours, minutes, seconds) = match (days, parts.as_slice()) {
        (None, [minutes]) => (0, *minutes, 0),
        (None, [minutes, seconds]) => (0, *minutes, *seconds),
        (Some(_), [hours]) => (*hours, 0, 0),
        (Some(_), [hours, minutes]) => (*hours, *minutes, 0),
        (_, [hours, minutes, seconds]) => (*hours, *minutes, *seconds),
        _ => return None,
    };
    let sum =
        60 * (60 * (24 * u128::from(days.unwrap_or(0)) + u128::from(hours)) + u128::from(minutes));
    u64::try_from(sum + u128::from(seconds)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_limits_are_read_as_sbatch_reads_them() {
        for (text, expected) in [("90", 5400), ("1:30", 90), ("1:0:1", 3601), ("2-1", 176_400)] {
            assert_eq!(seconds(text), Some(expected), "{text}");
        }
        assert_eq!(seconds("1-2:3:4"), Some(93_784));
        for bad in ["", "a", "1:2:3:4", "-1", "0", "UNLIMITED", "+5"] {
            assert_eq!(seconds(bad), None, "{bad}");
        }
        for good in ["4:00:00", "0", "unlimited", "INFINITE", "1-0"] {
            assert!(is_time(good), "{good}");
        }
        for bad in ["", "4h", "tomorrow", "1:2:3:4", "-5"] {
            assert!(!is_time(bad), "{bad}");
        }
    }

    #[test]
    fn memory_has_a_number_and_perhaps_a_unit() {
        for good in ["4G", "500", "0", "8192m", "2TB"] {
            assert!(is_memory(good), "{good}");
        }
        for bad in ["", "G", "1.5G", "-1", "4X", "4 G", "4GiB"] {
            assert!(!is_memory(bad), "{bad}");
        }
    }
}
