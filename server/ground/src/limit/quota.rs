//! How many bytes a caller from outside an org may write into the org's record in an hour. Each replica counts
//! separately.

use std::{collections::HashMap, time::Duration};

use domain::Principal;
use parking_lot::Mutex;

use super::tidy;
use crate::{
    clock::Clock,
    error::{Error, Kind, Result},
    metrics,
};

/// The code of a refusal for lack of room.
pub const CODE: &str = "too_much_recorded";

const HOUR: Duration = Duration::from_secs(3_600);

/// A number of bytes an hour for each caller.
pub struct Quota {
    each: usize,
    clock: Clock,
    hours: Mutex<HashMap<Principal, Hour>>,
}

/// The hour of one caller. It begins with the first bytes.
struct Hour {
    ends: Duration,
    bytes: usize,
}

impl Quota {
    /// `each` bytes an hour for each caller.
    pub fn new(each: usize, clock: Clock) -> Self {
        Self { each, clock, hours: Mutex::default() }
    }

    /// Takes room for a record that is about to be written for a caller.
    ///
    /// # Errors
    /// [`CODE`] if the caller's hour has less room; then nothing is taken.
    pub fn take(&self, caller: Principal, bytes: usize) -> Result<()> {
        self.with(caller, |hour, now| {
            if hour.bytes.saturating_add(bytes) > self.each {
                return Err(self.exceeded(hour.ends.saturating_sub(now)));
            }
            hour.bytes += bytes;
            Ok(())
        })
    }

    /// Counts further records of an accepted call, such as its answer. This may exceed the quota; the next call is
    /// refused.
    pub fn add(&self, caller: Principal, bytes: usize) {
        self.with(caller, |hour, _| hour.bytes = hour.bytes.saturating_add(bytes));
    }

    /// Returns room that was taken for a record that is not written after all.
    pub fn give_back(&self, caller: Principal, bytes: usize) {
        self.with(caller, |hour, _| hour.bytes = hour.bytes.saturating_sub(bytes));
    }

    fn with<T>(&self, caller: Principal, then: impl FnOnce(&mut Hour, Duration) -> T) -> T {
        let now = self.clock.elapsed();
        let mut hours = self.hours.lock();
        tidy(&mut hours, |hour| hour.ends > now);
        let hour = hours.entry(caller).or_insert(Hour { ends: now + HOUR, bytes: 0 });
        if hour.ends <= now {
            *hour = Hour { ends: now + HOUR, bytes: 0 };
        }
        then(hour, now)
    }

    fn exceeded(&self, left: Duration) -> Error {
        let minutes = left.as_secs().div_ceil(60);
        let text = format!(
            "what you send and are answered is recorded here, and callers from outside the org may fill {} bytes of its \
             record in an hour; nothing was done, come back in {minutes} minutes",
            self.each
        );
        metrics::over_budget("guest", CODE);
        Error::new(Kind::TooMany(left), CODE, text)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use chrono::DateTime;
    use domain::ApiKeyId;

    use super::*;

    #[test]
    fn a_caller_has_so_many_bytes_an_hour_and_gets_back_what_is_not_recorded() {
        let (clock, hands) = Clock::test(DateTime::UNIX_EPOCH);
        let quota = Quota::new(100, clock);
        let (caller, other) = (Principal::Key(ApiKeyId::new()), Principal::Key(ApiKeyId::new()));
        quota.take(caller, 60).unwrap();
        quota.give_back(caller, 20);
        hands.advance(HOUR / 2);
        quota.take(caller, 60).unwrap();
        let error = quota.take(caller, 1).unwrap_err();
        assert_eq!((error.code, error.kind), (CODE, Kind::TooMany(HOUR / 2)));
        quota.take(other, 100).unwrap();
        hands.advance(HOUR / 2);
        quota.take(caller, 100).unwrap();
    }

    #[test]
    fn an_answer_may_go_over_and_what_comes_next_is_refused() {
        let quota = Quota::new(100, Clock::system());
        let caller = Principal::Key(ApiKeyId::new());
        quota.take(caller, 1).unwrap();
        quota.add(caller, 1_000);
        assert!(quota.take(caller, 1).is_err());
    }

    #[test]
    fn callers_whose_hour_is_over_are_forgotten() {
        let (clock, hands) = Clock::test(DateTime::UNIX_EPOCH);
        let quota = Quota::new(100, clock);
        for _ in 0..20 {
            for _ in 0..200 {
                quota.add(Principal::Key(ApiKeyId::new()), 1);
            }
            hands.advance(2 * HOUR);
        }
        assert!(quota.hours.lock().len() <= 2_048, "{}", quota.hours.lock().len());
    }
}
