//! The last events of an org, numbered without gaps. Whoever reads them keeps their own place: one who
//! falls too far behind is told so and costs no memory.

use std::{collections::VecDeque, sync::Arc};

use domain::Right;

/// How many events are kept.
pub(super) const KEPT: usize = 2_000;

/// One event.
#[derive(Debug, PartialEq, Eq)]
pub struct Event {
    /// Its number: one more than that of the event before.
    pub seq: u64,
    /// Its name (`api_types::event::name`).
    pub name: &'static str,
    /// Its data: JSON in one line.
    pub data: String,
    /// The right that it takes to receive it; `None`: everybody who watches.
    pub needs: Option<Right>,
}

/// The last events.
#[derive(Debug, Default)]
pub(super) struct Ring {
    events: VecDeque<Arc<Event>>,
    last: u64,
}

impl Ring {
    /// The number of the newest event; 0 before the first.
    pub(super) fn last(&self) -> u64 {
        self.last
    }

    /// Adds an event, and forgets the oldest when there are too many.
    pub(super) fn push(&mut self, name: &'static str, data: String, needs: Option<Right>) -> u64 {
        self.last += 1;
        if self.events.len() == KEPT {
            self.events.pop_front();
        }
        self.events.push_back(Arc::new(Event { seq: self.last, name, data, needs }));
        self.last
    }

    /// At most `limit` of the events after `place`, oldest first. `None`: some of them are gone, or there
    /// was no such place.
    pub(super) fn after(&self, place: u64, limit: usize) -> Option<Vec<Arc<Event>>> {
        let behind = usize::try_from(self.last.checked_sub(place)?).ok()?;
        let skip = self.events.len().checked_sub(behind)?;
        Some(self.events.iter().skip(skip).take(limit).cloned().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(events: usize) -> Ring {
        let mut ring = Ring::default();
        for _ in 0..events {
            ring.push("resync", "{}".to_owned(), None);
        }
        ring
    }

    fn numbers(ring: &Ring, place: u64) -> Option<Vec<u64>> {
        Some(ring.after(place, 3)?.iter().map(|event| event.seq).collect())
    }

    #[test]
    fn what_came_after_a_place_is_given_in_order() {
        let ring = filled(5);
        assert_eq!(numbers(&ring, 0), Some(vec![1, 2, 3]));
        assert_eq!(numbers(&ring, 3), Some(vec![4, 5]));
        assert_eq!(numbers(&ring, 5), Some(vec![]));
        assert_eq!(numbers(&filled(0), 0), Some(vec![]));
    }

    #[test]
    fn a_place_that_is_gone_or_never_was_is_told() {
        let ring = filled(KEPT + 10);
        assert_eq!(ring.events.len(), KEPT);
        assert_eq!(numbers(&ring, 10), Some(vec![11, 12, 13]));
        assert_eq!(numbers(&ring, 9), None, "event 10 is forgotten");
        assert_eq!(numbers(&ring, ring.last() + 1), None, "not yet");
    }
}
