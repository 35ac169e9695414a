//! Which calls have finished since the last look. An outcome may come long after its intent, and both
//! become durable a little after they were made, so the last seconds are read again each time and
//! intents without an outcome are remembered.

use std::collections::HashSet;

use uuid::Uuid;

use crate::{
    db::{
        OrgScope,
        audit::finished::{self, before},
    },
    error::Result,
};

/// How far back intents may become visible, by replicas' clocks and their writers, in milliseconds.
const LATE_MS: u64 = 6_000;
/// How far back a call that is under way may have begun when watching begins, in milliseconds: longer
/// than any call is held.
const BEGUN_MS: u64 = 5 * 60_000;
/// How long an outcome is waited for, in milliseconds.
const WAITED_MS: u64 = 3_600_000;
/// How many unfinished calls are remembered.
const REMEMBERED: usize = 2_000;
/// How many records one look reads.
const LOOK: i64 = 500;
/// How many are looked at when watching begins.
const FIRST_LOOK: i64 = 5_000;

/// What is remembered between two looks.
#[derive(Debug, Default)]
pub(super) struct Calls {
    /// Finished and told, or finished before watching began; only the newest.
    told: HashSet<Uuid>,
    unfinished: HashSet<Uuid>,
}

/// What a look found.
pub(super) enum FinishedCalls {
    /// These have finished, in the order in which they did.
    Finished(Vec<finished::Row>),
    /// Too many to tell them one by one.
    TooMany,
}

impl Calls {
    /// Begins to watch: only what finishes from now on is told.
    pub(super) async fn begin(scope: &mut OrgScope) -> Result<Self> {
        let now = Uuid::now_v7();
        let recent = finished::recent(scope, before(now, BEGUN_MS), FIRST_LOOK).await?;
        let mut calls = Self::default();
        for (id, finished) in recent {
            if finished {
                calls.told.insert(id)
            } else {
                calls.unfinished.insert(id)
            };
        }
        calls.forget(now);
        Ok(calls)
    }

    /// What has finished since the last look.
    pub(super) async fn look(&mut self, scope: &mut OrgScope) -> Result<FinishedCalls> {
        let now = Uuid::now_v7();
        let told: Vec<Uuid> = self.told.iter().copied().collect();
        let unfinished: Vec<Uuid> = self.unfinished.iter().copied().collect();
        let limit = LOOK + i64::try_from(unfinished.len()).unwrap_or(LOOK);
        let rows = finished::since(scope, before(now, LATE_MS), &told, &unfinished, limit).await?;
        if i64::try_from(rows.len()).unwrap_or(limit) >= limit {
            *self = Self::begin(scope).await?;
            return Ok(FinishedCalls::TooMany);
        }
        let mut found = Vec::new();
        for row in rows {
            if row.status.is_some() {
                self.unfinished.remove(&row.id);
                self.told.insert(row.id);
                found.push(row);
            } else {
                self.unfinished.insert(row.id);
            }
        }
        found.sort_by_key(|row| row.finished_at);
        self.forget(now);
        Ok(FinishedCalls::Finished(found))
    }

    /// Forgets what is too old to be read again, or to be waited for.
    fn forget(&mut self, now: Uuid) {
        let (late, waited) = (before(now, LATE_MS), before(now, WAITED_MS));
        self.told.retain(|id| *id >= late);
        self.unfinished.retain(|id| *id >= waited);
        if self.unfinished.len() > REMEMBERED {
            let mut newest: Vec<Uuid> = self.unfinished.drain().collect();
            newest.sort_unstable();
            self.unfinished = newest.split_off(newest.len() - REMEMBERED).into_iter().collect();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_compared_by_their_time() {
        let now = Uuid::now_v7();
        assert!(before(now, 0) <= now && before(now, 1) < before(now, 0));
        let second = |id: Uuid| id.get_timestamp().map(|time| time.to_unix().0);
        let full = |id: Uuid| Uuid::from_u128(id.as_u128() | 0x7000_8000_0000_0000_0000);
        assert_eq!(second(full(before(now, 60_000))), second(now).map(|second| second - 60));
    }

    #[test]
    fn what_never_finishes_is_forgotten_after_a_while_and_when_there_is_too_much() {
        let now = Uuid::now_v7();
        let mut calls = Calls::default();
        calls.unfinished.extend([before(now, WAITED_MS + 1), before(now, 1_000)]);
        calls.told.extend([before(now, LATE_MS + 1), before(now, 1_000)]);
        calls.forget(now);
        assert_eq!((calls.unfinished.len(), calls.told.len()), (1, 1));
        calls.unfinished.extend((0..REMEMBERED).map(|_| Uuid::now_v7()));
        calls.forget(now);
        assert_eq!(calls.unfinished.len(), REMEMBERED);
        assert!(!calls.unfinished.contains(&before(now, 1_000)), "the oldest goes first");
    }
}
