//! Everything that bounds what callers take up of this process, or how often they may do something.
//!
//! | module | what it bounds |
//! |---|---|
//! | [`budget`] | requests in flight and the bytes held for them: of a caller, of its org, of the process |
//! | [`body`] | a request body while it is read, counted at a budget |
//! | [`seats`] | how many of something one caller has open at once |
//! | [`turns`] | changes of one thing: one after the other |
//! | [`throttle`] | failed sign-ins, by account, address and browser |
//! | [`quota`] | what callers from outside write into an org's record, by time |
//! | [`refusals`] | how many refusals of one kind are recorded |

pub mod body;
mod budget;
pub mod quota;
pub mod refusals;
pub mod seats;
pub mod throttle;
pub mod turns;

use std::{collections::HashMap, hash::Hash};

pub use budget::{Budget, Load, Waiting};

use crate::error::Error;

/// Whether an error says that a budget or a quota has no room: `too_many_calls` and `too_many_bytes` (429) for the
/// caller's and its org's, `overloaded` (503) for the process's, `too_much_recorded` (429) for a [`quota`].
pub fn is_over(error: &Error) -> bool {
    matches!(error.code, "too_many_calls" | "too_many_bytes" | "overloaded" | quota::CODE)
}

/// Removes entries that no longer count, from time to time: at each doubling of a map from 1,024 entries on.
fn tidy<K: Eq + Hash, V>(map: &mut HashMap<K, V>, counts: impl Fn(&V) -> bool) {
    if map.len() >= 1_024 && map.len().is_power_of_two() {
        map.retain(|_, value| counts(value));
    }
}
