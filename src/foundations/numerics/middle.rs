//! The middle of whole numbers of telemetry, by counting, and their ends.

use super::with_widest_simd;

/// The two numbers in the middle of an even count of them; of an odd count, the middle one twice. None
/// of none, or of more than a 16-bit integer counts.
///
/// The range in which it lies is halved until one number is left. Each time all numbers are compared with
/// its middle, sixteen or more at once, which is several times faster than to move them about.
#[must_use]
pub fn middle(values: &[i16]) -> Option<[i16; 2]> {
    let count = i16::try_from(values.len()).ok().filter(|count| *count > 0)?;
    let (upper_rank, is_odd) = (count / 2, count % 2 == 1);
    Some(with_widest_simd(
        #[inline(always)]
        || {
            let [mut low, mut high] = ends(values);
            // So many are less than `low`, no more than asked for; more are at most `high`.
            let mut less = 0;
            while low < high {
                let pivot = (i32::from(low) + i32::from(high)).div_euclid(2) as i16;
                let at_most = count_at_most(values, pivot);
                if at_most > upper_rank {
                    high = pivot;
                } else {
                    (low, less) = (pivot + 1, at_most);
                }
            }
            let upper = low;
            // With as many below as its rank says, the number before it is another.
            let lower = match is_odd || less < upper_rank {
                true => upper,
                false => greatest_below(values, upper),
            };
            [lower, upper]
        },
    ))
}

/// The least and the greatest of some numbers; none of none.
#[must_use]
pub fn extremes(values: &[i16]) -> Option<[i16; 2]> {
    (!values.is_empty()).then(|| {
        with_widest_simd(
            #[inline(always)]
            || ends(values),
        )
    })
}

#[inline(always)]
fn ends(values: &[i16]) -> [i16; 2] {
    let (mut least, mut greatest) = (i16::MAX, i16::MIN);
    for value in values {
        (least, greatest) = (least.min(*value), greatest.max(*value));
    }
    [least, greatest]
}

#[inline(always)]
fn count_at_most(values: &[i16], pivot: i16) -> i16 {
    let mut count = 0;
    for value in values {
        count += i16::from(*value <= pivot);
    }
    count
}

#[inline(always)]
fn greatest_below(values: &[i16], limit: i16) -> i16 {
    let mut greatest = i16::MIN;
    for value in values {
        greatest = greatest.max(if *value < limit { *value } else { i16::MIN });
    }
    greatest
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn by_sorting(values: &[i16]) -> [i16; 2] {
        let mut values = values.to_vec();
        values.sort_unstable();
        [(values.len() - 1) / 2, values.len() / 2].map(|place| values[place])
    }

    proptest! {
        #[test]
        fn it_is_what_sorting_finds(
            far in prop::collection::vec(i16::MIN..=i16::MAX, 1..600),
            near in prop::collection::vec(-3_i16..=3, 1..60),
        ) {
            prop_assert_eq!(middle(&far), Some(by_sorting(&far)));
            prop_assert_eq!(middle(&near), Some(by_sorting(&near)));
        }
    }

    #[test]
    fn extremes_and_numbers_that_cannot_be_counted() {
        assert_eq!(middle(&[]), None);
        assert_eq!(middle(&[i16::MIN]), Some([i16::MIN; 2]));
        assert_eq!(middle(&[i16::MAX, i16::MIN]), Some([i16::MIN, i16::MAX]));
        assert_eq!(middle(&[i16::MAX; 5]), Some([i16::MAX; 2]));
        assert_eq!(middle(&vec![7; 32_767]), Some([7; 2]));
        assert_eq!(middle(&vec![7; 32_768]), None);
    }
}
