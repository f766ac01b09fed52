//! Matches records of two channels by time.

/// Units of `midpoint_time` in a second: it counts 100 ns.
const TICKS_PER_SECOND: f64 = 1e7;

/// For each time, the place of the nearest one among others, or none if that is further away than a
/// tolerance, s. Times are in units of 100 ns, in any order; of two that are equally near the first in
/// time is taken. A missing time (NaN) matches nothing.
pub(super) fn nearest(times: &[f64], others: &[f64], tolerance_s: f64) -> Vec<Option<usize>> {
    let mut order: Vec<usize> = (0..others.len()).filter(|&i| !others[i].is_nan()).collect();
    order.sort_by(|&a, &b| others[a].total_cmp(&others[b]));
    times.iter().map(|&time| nearest_to(time, others, &order, tolerance_s)).collect()
}

/// The place of the time nearest to one among others, whose places in the order of time are `order`.
fn nearest_to(time: f64, others: &[f64], order: &[usize], tolerance_s: f64) -> Option<usize> {
    let after = order.partition_point(|&place| others[place] < time);
    let near = [after.checked_sub(1), Some(after)].into_iter().flatten();
    let distance_s = |place: usize| (others[place] - time).abs() / TICKS_PER_SECOND;
    near.filter_map(|rank| order.get(rank).copied())
        .min_by(|&a, &b| distance_s(a).total_cmp(&distance_s(b)))
        .filter(|&place| distance_s(place) <= tolerance_s)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_in_time_is_found_in_any_order() {
        let second = |s: f64| s * TICKS_PER_SECOND;
        let others = [40.0, 0.0, f64::NAN, 20.0].map(second);
        let times = [1.0, 11.0, 10.0, 39.0, 51.0, 49.0, f64::NAN].map(second);
        let expected = [Some(1), Some(3), Some(1), Some(0), None, Some(0), None];
        assert_eq!(nearest(&times, &others, 10.0), expected);
        assert_eq!(nearest(&times, &[], 10.0), [None; 7]);
    }
}
