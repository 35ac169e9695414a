//! The calls of orgs as they were last counted, so that many who look cost no more than one.

use std::{collections::HashMap, time::Duration};

use api_types::Caller;
use parking_lot::Mutex;
use uuid::Uuid;

/// How long a count is good for everybody who looks.
const GOOD_FOR: Duration = Duration::from_secs(10);
/// How many orgs' counts are kept.
const KEPT: usize = 1_000;

/// What was counted of each org's calls, and when, by the clock's elapsed time.
#[derive(Default)]
pub struct CountedCalls(Mutex<HashMap<Uuid, (Duration, Counted)>>);

/// What was counted of an org's calls.
#[derive(Clone, Debug, Default)]
pub struct Counted {
    /// Who called most.
    pub callers: Vec<Caller>,
    /// How many calls.
    pub calls: u64,
    /// How many of them failed.
    pub failed: u64,
}

impl CountedCalls {
    /// The org's count, while it is good.
    pub fn get(&self, org: Uuid, now: Duration) -> Option<Counted> {
        let kept = self.0.lock();
        kept.get(&org).filter(|(at, _)| now.saturating_sub(*at) < GOOD_FOR).map(|(_, counted)| counted.clone())
    }

    /// Keeps a count.
    pub fn keep(&self, org: Uuid, now: Duration, counted: Counted) {
        let mut kept = self.0.lock();
        if kept.len() >= KEPT {
            kept.clear();
        }
        kept.insert(org, (now, counted));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_is_good_for_a_while_and_of_few_orgs_one_is_kept() {
        let (counts, org) = (CountedCalls::default(), Uuid::from_u128(1));
        counts.keep(org, Duration::from_secs(5), Counted { calls: 7, ..Counted::default() });
        let calls = |seconds| counts.get(org, Duration::from_secs(seconds)).map(|counted| counted.calls);
        assert_eq!((calls(14), calls(15)), (Some(7), None));
        assert!(counts.get(Uuid::from_u128(2), Duration::from_secs(5)).is_none());
        for n in 0..5_000 {
            counts.keep(Uuid::from_u128(n), Duration::ZERO, Counted::default());
        }
        assert!(counts.0.lock().len() <= KEPT);
    }
}
