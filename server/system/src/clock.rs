//! The time, asked of a value that is handed in, so that tests set it and never sleep. The one place
//! that reads the system's clock; clippy.toml bans the other ways.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use chrono::{DateTime, Utc};
use parking_lot::Mutex;

/// Where time comes from. Cheap to clone; clones of a test clock show the same time.
#[derive(Clone, Debug)]
pub struct Clock(Source);

#[derive(Clone, Debug)]
enum Source {
    System { made: Instant },
    Test(Arc<Mutex<Hands>>),
}

#[derive(Debug)]
struct Hands {
    now: DateTime<Utc>,
    elapsed: Duration,
}

impl Clock {
    /// The system's clock.
    pub fn system() -> Self {
        Self(Source::System { made: Instant::now() })
    }

    /// A clock that stands at `start` until the other half moves it. For tests.
    pub fn test(start: DateTime<Utc>) -> (Self, TestClock) {
        let hands = Arc::new(Mutex::new(Hands { now: start, elapsed: Duration::ZERO }));
        (Self(Source::Test(hands.clone())), TestClock(hands))
    }

    /// The time of day: for what is stored, shown or compared with another machine's time. It may
    /// be set back.
    pub fn now(&self) -> DateTime<Utc> {
        match &self.0 {
            #[allow(clippy::disallowed_methods, reason = "this is the place")]
            Source::System { .. } => Utc::now(),
            Source::Test(hands) => hands.lock().now,
        }
    }

    /// How long ago this clock was made: for intervals within this process. Never goes back. Clones
    /// agree; clocks made apart do not.
    pub fn elapsed(&self) -> Duration {
        match &self.0 {
            Source::System { made } => made.elapsed(),
            Source::Test(hands) => hands.lock().elapsed,
        }
    }
}

/// Moves the hands of a test clock.
#[derive(Clone, Debug)]
pub struct TestClock(Arc<Mutex<Hands>>);

impl TestClock {
    /// Lets `by` pass, in the time of day and in elapsed time.
    pub fn advance(&self, by: Duration) {
        let mut hands = self.0.lock();
        hands.now += by;
        hands.elapsed += by;
    }

    /// Sets the time of day, as an operator or a time server would: elapsed time knows nothing of it.
    pub fn set(&self, now: DateTime<Utc>) {
        self.0.lock().now = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: DateTime<Utc> = DateTime::UNIX_EPOCH;
    const HOUR: Duration = Duration::from_secs(3_600);

    #[test]
    fn a_test_clock_moves_only_when_it_is_moved_and_for_all_clones() {
        let (clock, hands) = Clock::test(START);
        let clone = clock.clone();
        assert_eq!((clock.now(), clock.elapsed()), (START, Duration::ZERO));
        hands.advance(HOUR);
        assert_eq!((clone.now(), clone.elapsed()), (START + HOUR, HOUR));
    }

    #[test]
    fn setting_the_time_of_day_back_takes_back_no_elapsed_time() {
        let (clock, hands) = Clock::test(START);
        hands.advance(HOUR);
        hands.set(START);
        assert_eq!((clock.now(), clock.elapsed()), (START, HOUR));
    }

    #[test]
    fn the_system_clock_goes_on() {
        let clock = Clock::system();
        let before = (clock.now(), clock.elapsed());
        while clock.elapsed() == before.1 {
            std::hint::spin_loop();
        }
        assert!(clock.elapsed() > before.1);
        assert!(clock.now() > DateTime::UNIX_EPOCH && before.0 > DateTime::UNIX_EPOCH);
    }
}
