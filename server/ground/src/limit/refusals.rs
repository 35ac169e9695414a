//! Records only some refusals, so that a caller with too many requests does not fill the record with them. For each
//! caller and kind one refusal a minute is recorded, with the number of those that were not.

use std::{collections::HashMap, time::Duration};

use domain::Principal;
use parking_lot::Mutex;

use super::tidy;
use crate::clock::Clock;

const MINUTE: Duration = Duration::from_secs(60);

/// The refusals that were recorded recently.
pub struct Refusals {
    clock: Clock,
    recent: Mutex<HashMap<(Principal, &'static str), Recent>>,
}

/// A refusal that was recorded.
struct Recent {
    until: Duration,
    left_out: u64,
}

impl Refusals {
    /// Starts with none.
    pub fn new(clock: Clock) -> Self {
        Self { clock, recent: Mutex::default() }
    }

    /// Counts a refusal of a kind. `Some`: it is to be recorded, with the number of equal ones before it that were not.
    pub fn note(&self, caller: Principal, code: &'static str) -> Option<u64> {
        let now = self.clock.elapsed();
        let mut recent = self.recent.lock();
        tidy(&mut recent, |recent| recent.until > now);
        let next = Recent { until: now + MINUTE, left_out: 0 };
        match recent.get_mut(&(caller, code)) {
            Some(recent) if recent.until > now => {
                recent.left_out += 1;
                None
            }
            Some(recent) => Some(std::mem::replace(recent, next).left_out),
            None => {
                recent.insert((caller, code), next);
                Some(0)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use domain::ApiKeyId;

    use super::*;

    #[test]
    fn of_each_caller_and_kind_one_refusal_a_minute_is_recorded_with_the_number_of_the_others() {
        let (clock, hands) = Clock::test(DateTime::UNIX_EPOCH);
        let refusals = Refusals::new(clock);
        let caller = Principal::Key(ApiKeyId::new());
        assert_eq!(refusals.note(caller, "a"), Some(0));
        for _ in 0..7 {
            assert_eq!(refusals.note(caller, "a"), None);
        }
        assert_eq!(refusals.note(caller, "b"), Some(0));
        assert_eq!(refusals.note(Principal::Key(ApiKeyId::new()), "a"), Some(0));
        hands.advance(MINUTE);
        assert_eq!(refusals.note(caller, "a"), Some(7));
        assert_eq!(refusals.note(caller, "a"), None);
    }
}
