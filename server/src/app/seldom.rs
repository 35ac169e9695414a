//! Rate-limits log messages that strangers can cause.

use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// Lets one occasion pass, and then none for a while.
pub(super) struct Seldom {
    every: Duration,
    last: Mutex<Option<Instant>>,
}

impl Seldom {
    /// At most one occasion in `every`.
    pub(super) const fn new(every: Duration) -> Self {
        Self { every, last: Mutex::new(None) }
    }

    /// Whether the next occasion passes.
    pub(super) fn is_due(&self) -> bool {
        let mut last = self.last.lock();
        let is_due = last.is_none_or(|at| at.elapsed() >= self.every);
        if is_due {
            *last = Some(Instant::now());
        }
        is_due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_many_occasions_the_first_passes_and_the_next_after_a_while() {
        let hourly = Seldom::new(Duration::from_secs(3_600));
        assert_eq!((0..1_000).filter(|_| hourly.is_due()).count(), 1);
        let always = Seldom::new(Duration::ZERO);
        assert_eq!((0..1_000).filter(|_| always.is_due()).count(), 1_000);
    }
}
