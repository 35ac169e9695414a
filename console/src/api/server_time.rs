//! How far the browser's clock is from the server's: what ends at a time ends by the server's clock, and a browser
//! whose clock is ahead must not take requests away that still wait.

use std::cell::Cell;

use chrono::TimeDelta;
use gloo_net::http::Response;

/// Differences below this are the way of an answer over a slow link and the whole seconds of `Date`, in milliseconds.
const SAME_MS: u64 = 10_000;

thread_local! {
    /// By how many milliseconds the server is ahead.
    static AHEAD: Cell<i64> = const { Cell::new(0) };
}

/// Takes the time of an answer (`Date`, RFC 9110, section 6.6.1).
pub(super) fn notice(response: &Response) {
    let Some(date) = response.headers().get("date") else { return };
    let ahead = js_sys::Date::parse(&date) - js_sys::Date::now();
    if ahead.is_finite() {
        AHEAD.set(difference(ahead as i64));
    }
}

/// By how much the server's clock is ahead of the browser's; less than nothing where it is behind.
pub fn ahead() -> TimeDelta {
    TimeDelta::milliseconds(AHEAD.get())
}

/// What counts of a measured difference, in milliseconds. A clock is never a hundred years wrong.
fn difference(measured: i64) -> i64 {
    const CENTURY_MS: i64 = 100 * 365 * 86_400_000;
    if measured.unsigned_abs() < SAME_MS { 0 } else { measured.clamp(-CENTURY_MS, CENTURY_MS) }
}

#[cfg(test)]
mod tests {
    use super::difference;

    #[test]
    fn only_a_clock_that_is_wrong_counts() {
        assert_eq!([-9_999, 0, 3_200].map(difference), [0; 3]);
        assert_eq!([-600_000, 10_000].map(difference), [-600_000, 10_000]);
        assert!(difference(i64::MIN) < 0 && difference(i64::MAX) > 0);
    }
}
