//! How long this thread has been factoring: what a profile tells apart from the rest of a fit.

use std::cell::Cell;
use std::time::{Duration, Instant};

thread_local! {
    static FACTORING: Cell<Duration> = const { Cell::new(Duration::ZERO) };
}

/// Time that this thread has spent in factorisations of designs, ever.
///
/// It is always measured: that costs less than a thousandth of a factorisation.
#[must_use]
pub fn time_factoring() -> Duration {
    FACTORING.get()
}

/// Does work that factors a design.
pub(super) fn factoring<T>(work: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    let done = work();
    FACTORING.set(FACTORING.get() + start.elapsed());
    done
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_thread_that_factors_counts() {
        const SHORT: Duration = Duration::from_millis(5);
        let before = time_factoring();
        assert_eq!(factoring(|| std::thread::sleep(SHORT)), ());
        assert!(time_factoring() >= before + SHORT);
        assert_eq!(std::thread::spawn(time_factoring).join().unwrap(), Duration::ZERO);
    }
}
