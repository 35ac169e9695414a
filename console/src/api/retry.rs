//! A read that failed is tried again by itself: after a pause that grows, a little different in every page so
//! that many pages do not come back at once, and only while somebody can see the page.

use gloo_timers::callback::Timeout;
use leptos::prelude::*;

use crate::reactive::RwSignal;
use web_sys::VisibilityState;

use super::Failure;

/// The first pause, in milliseconds; each further one is twice as long.
const FIRST_MS: u32 = 1_000;
/// The longest pause, in milliseconds, unless the server asks for a longer one.
const LONGEST_MS: u32 = 30_000;
/// The longest pause that a server can ask for, in seconds.
const ASKED_SECONDS: u32 = 3_600;
/// How often a page that nobody sees looks whether somebody does, in milliseconds.
const LOOK_MS: u32 = 1_000;

/// How long to wait before the next attempt, in milliseconds, after `attempts` that failed before this one.
/// `None`: the server has answered, and will answer the same again. `spread` is a random number from 0 to 1.
fn pause(failure: &Failure, attempts: u32, spread: f64) -> Option<u32> {
    if !failure.is_passing() {
        return None;
    }
    let grown = FIRST_MS.saturating_mul(1 << attempts.min(10)).min(LONGEST_MS);
    let asked = failure.retry_after().unwrap_or_default().min(ASKED_SECONDS) * 1_000;
    // Half of a pause is chance; what the server asks for is the least.
    let chance = (f64::from(grown) / 2.0 * spread) as u32;
    Some((grown / 2).max(asked) + chance)
}

/// The attempts of one reading. Copied freely; the pending attempt ends with the component that made it.
#[derive(Clone, Copy)]
pub(crate) struct Retry {
    again: Trigger,
    attempts: StoredValue<u32>,
    timer: StoredValue<Option<Timeout>, LocalStorage>,
}

impl Retry {
    /// Notifies `again` whenever the reading is to be tried again.
    pub fn new(again: Trigger) -> Self {
        Self { again, attempts: StoredValue::new(0), timer: StoredValue::new_local(None) }
    }

    /// A reading begins, whoever asked for it: the pending attempt is not needed any more.
    pub fn begun(self) {
        self.timer.set_value(None);
    }

    /// The reading succeeded, or something else is read from now on.
    pub fn over(self) {
        self.timer.set_value(None);
        self.attempts.set_value(0);
    }

    /// The reading failed: it is tried again, if that may help.
    pub fn failed(self, failure: &Failure) {
        let attempts = self.attempts.get_value();
        if let Some(pause) = pause(failure, attempts, js_sys::Math::random()) {
            self.attempts.set_value(attempts.saturating_add(1));
            self.arm(pause);
        }
    }

    fn arm(self, pause: u32) {
        let due = move || {
            if document().visibility_state() == VisibilityState::Hidden {
                self.arm(LOOK_MS);
            } else {
                self.again.notify();
            }
        };
        self.timer.set_value(Some(Timeout::new(pause, due)));
    }
}

/// Keeps the first of several failures that say the same, so that it is not announced at every attempt.
pub(crate) fn remember(shown: RwSignal<Option<Failure>>, failure: Failure) {
    let known = shown.with_untracked(|shown| shown.as_ref().is_some_and(|shown| shown.says_the_same(&failure)));
    if !known {
        shown.set(Some(failure));
    }
}

#[cfg(test)]
mod tests {
    use api_types::Problem;

    use super::*;

    fn problem(status: u16, retry_after: Option<u32>) -> Failure {
        Failure::Problem(
            Box::new(Problem {
                r#type: String::new(),
                title: String::new(),
                status,
                detail: "as it is".to_owned(),
                code: "a_code".to_owned(),
                request_id: uuid::Uuid::nil(),
                errors: Vec::new(),
                affected: Vec::new(),
                more: false,
                executed: None,
                rule: None,
                next_action: None,
                approval_id: None,
            }),
            retry_after,
        )
    }

    #[test]
    fn pauses_grow_up_to_a_bound_however_often_it_fails() {
        let pauses = [0, 1, 2, 5, 10, 40, u32::MAX].map(|attempts| pause(&Failure::Unreachable, attempts, 1.0));
        assert_eq!(pauses, [1_000, 2_000, 4_000, 30_000, 30_000, 30_000, 30_000].map(Some));
    }

    #[test]
    fn pages_do_not_come_back_at_the_same_moment() {
        let at = |spread| pause(&Failure::Unreachable, 3, spread);
        assert_eq!([at(0.0), at(0.5), at(1.0)], [Some(4_000), Some(6_000), Some(8_000)]);
    }

    #[test]
    fn what_the_server_asks_for_is_the_least_that_is_waited() {
        assert_eq!(pause(&problem(503, Some(20)), 0, 0.0), Some(20_000));
        assert_eq!(pause(&problem(429, Some(20)), 0, 1.0), Some(20_500));
        assert_eq!(pause(&Failure::Busy(7), 0, 0.0), Some(7_000));
        assert_eq!(pause(&problem(503, Some(1)), 6, 0.0), Some(15_000), "a short one does not shorten the pause");
        assert_eq!(pause(&problem(503, Some(u32::MAX)), 0, 0.0), Some(3_600_000), "and a mad one has a bound");
    }

    #[test]
    fn an_answer_is_not_asked_for_again() {
        for status in [400, 401, 403, 404, 409, 410, 422] {
            assert_eq!(pause(&problem(status, Some(1)), 0, 0.0), None, "{status}");
        }
        for status in [408, 425, 429, 500, 502, 503, 504] {
            assert!(pause(&problem(status, None), 0, 0.0).is_some(), "{status}");
        }
    }
}
