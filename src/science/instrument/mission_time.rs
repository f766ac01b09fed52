//! Time of the mission: years since the aperture cover was ejected.

/// Midpoint times count 100 ns, and the year of the flight software is this many of them: 73426 x 2^32.
const TICKS_PER_YEAR: i64 = 73_426 << 32;
/// When the aperture cover was ejected, in units of 100 ns since 1858-11-17: 9626073 x 2^32.
const EJECTION: i64 = 9_626_073 << 32;

/// Years since the aperture cover was ejected, of a time in units of 100 ns since 1858-11-17. The
/// difference is taken in whole numbers, so that within 28 years no digit is lost.
#[must_use]
pub fn mission_years(ticks: i64) -> f64 {
    ticks.saturating_sub(EJECTION) as f64 / TICKS_PER_YEAR as f64
}

/// The time of so many years after the ejection, in units of 100 ns since 1858-11-17, rounded.
#[must_use]
pub fn mission_ticks(years: f64) -> i64 {
    EJECTION.saturating_add((years * TICKS_PER_YEAR as f64).round_ties_even() as i64)
}

/// Ticks of 100 ns in a day.
const TICKS_PER_DAY: i64 = 86_400 * 10_000_000;
/// 1970-01-01, in days since 1858-11-17.
const UNIX_DAY: i64 = 40_587;

/// The day, so many years after the ejection, as the headers of published models have it: `dd/mm/yy`, or
/// `yyyy-mm-dd` outside of the twentieth century. None for what is no time.
#[must_use]
pub fn mission_date(years: f64) -> Option<String> {
    let days = mission_ticks(Some(years).filter(|years| years.is_finite())?) / TICKS_PER_DAY;
    let since_epoch = days.checked_sub(UNIX_DAY)?.checked_mul(86_400)?;
    let date = chrono::DateTime::from_timestamp(since_epoch, 0)?.date_naive();
    let is_of_century = (1900..2000).contains(&chrono::Datelike::year(&date));
    Some(date.format(if is_of_century { "%d/%m/%y" } else { "%Y-%m-%d" }).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cover_was_ejected_on_the_21st_of_november_1989() {
        assert_eq!(mission_date(0.0).as_deref(), Some("21/11/89"));
        assert_eq!(mission_date(1.0).as_deref(), Some("21/11/90"));
        assert_eq!(mission_date(20.0).as_deref(), Some("2009-11-16"));
        assert_eq!(mission_date(f64::NAN), None);
    }

    #[test]
    fn the_ejection_is_the_beginning_and_no_tick_is_lost() {
        assert_eq!(mission_years(EJECTION), 0.0);
        assert_eq!(mission_years(EJECTION + TICKS_PER_YEAR), 1.0);
        // Beyond 2^53 a float would hold every eighth tick.
        const { assert!(EJECTION > 1 << 53) };
        let step = mission_years(EJECTION + 1001) - mission_years(EJECTION + 1000);
        assert!((step * TICKS_PER_YEAR as f64 - 1.0).abs() < 1e-9, "{step}");
        // 73426 x 2^32 x 100 ns is the Julian year, to 2 in 10^5.
        assert!((TICKS_PER_YEAR as f64 * 1e-7 / (365.25 * 86_400.0) - 1.0).abs() < 1e-3);
        assert_eq!(mission_years(i64::MIN), i64::MIN as f64 / TICKS_PER_YEAR as f64);
    }

    #[test]
    fn years_go_there_and_back() {
        for years in [0.0, 0.05, 0.317_460_3, 0.8, -0.1] {
            let back = mission_years(mission_ticks(years));
            assert!((back - years).abs() < 1e-14, "{back} {years}");
        }
    }
}
