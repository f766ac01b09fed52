//! The wall time after which an iterative method gives up.

use std::time::{Duration, Instant};

/// A moment after which iterations stop; none unless the user asked for one, because what a slow
/// machine leaves unfinished a fast one does not: results then depend on the machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct Deadline(Option<(Instant, Duration)>);

impl Deadline {
    /// No moment: iterations stop by themselves, or by their number.
    pub const NONE: Self = Self(None);

    /// So long from now; `None` for no deadline.
    #[must_use]
    pub fn after(limit: Option<Duration>) -> Self {
        let at = |limit: Duration| Some((Instant::now().checked_add(limit)?, limit));
        Self(limit.and_then(at))
    }

    /// Why an iteration must stop now, if it must.
    #[must_use]
    pub fn passed(&self) -> Option<String> {
        let (at, limit) = self.0?;
        let reason = || format!("stopped after {} s, the limit of a unit", limit.as_secs_f64());
        (Instant::now() >= at).then(reason)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_deadline_that_passed_stops() {
        assert_eq!(Deadline::NONE.passed(), None);
        assert_eq!(Deadline::after(None).passed(), None);
        assert_eq!(Deadline::after(Some(Duration::from_secs(3600))).passed(), None);
        assert_eq!(Deadline::after(Some(Duration::MAX)).passed(), None);
        let passed = Deadline::after(Some(Duration::ZERO)).passed().unwrap();
        assert!(passed.contains("0 s"), "{passed}");
    }
}
