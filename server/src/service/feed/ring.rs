//! The last events of an org, numbered without gaps. Whoever reads them keeps their own place: one who
//! falls too far behind is told so and costs no memory.

use std::{collections::VecDeque, sync::Arc};

use api_types::{Approval, event::ApprovalEventData};
use domain::{Right, ToolkitToolId, UserId, approval::Own};

/// How many events are kept at most.
pub(super) const KEPT: usize = 2_000;
/// How many bytes they take at most, but for the newest event: one of an approval has about 1.3 kB and, with the
/// longest texts that people and agents may write, some tens of kB.
pub(super) const KEPT_BYTES: usize = 8 * 1024 * 1024;

/// One event.
#[derive(Debug)]
pub struct Event {
    /// Its number: one more than that of the event before.
    pub seq: u64,
    /// Its name (`api_types::event::name`).
    pub name: &'static str,
    /// The right that it takes to receive it; `None`: everybody who watches.
    pub needs: Option<Right>,
    data: Data,
    /// About how much memory it takes.
    bytes: usize,
}

/// What an event says.
#[derive(Debug)]
pub(super) enum Data {
    /// The same to everybody: JSON in one line.
    Json(String),
    /// A row of a list, which says to each whether they may decide it.
    Approval(Box<ApprovalRow>),
}

/// An approval as nobody in particular sees it, and what tells who may decide it.
#[derive(Debug)]
pub(super) struct ApprovalRow {
    pub(super) approval: Approval,
    pub(super) tool: ToolkitToolId,
    /// The people whose request it is.
    pub(super) people: Vec<(UserId, Own)>,
}

impl Event {
    /// Its data, as somebody sees it: JSON in one line. `may_decide` tells whether they may decide a request of this tool
    /// that is these people's.
    pub fn data(&self, may_decide: impl Fn(ToolkitToolId, &[(UserId, Own)]) -> bool) -> String {
        match &self.data {
            Data::Json(json) => json.clone(),
            Data::Approval(row) => row.json(may_decide(row.tool, &row.people)),
        }
    }
}

impl Data {
    fn bytes(&self) -> usize {
        match self {
            Self::Json(json) => json.len(),
            // Its texts are no longer than the JSON that has them.
            Self::Approval(row) => {
                size_of::<ApprovalRow>() + row.json(false).len() + size_of_val(row.people.as_slice())
            }
        }
    }
}

impl ApprovalRow {
    fn json(&self, may_decide: bool) -> String {
        let approval = Approval { may_decide, ..self.approval.clone() };
        // Plain data always is JSON.
        serde_json::to_string(&ApprovalEventData { approval_id: approval.id, approval }).unwrap_or_default()
    }
}

/// The last events.
#[derive(Debug, Default)]
pub(super) struct Ring {
    events: VecDeque<Arc<Event>>,
    last: u64,
    /// What the events take together.
    bytes: usize,
}

impl Ring {
    /// The number of the newest event; 0 before the first.
    pub(super) fn last(&self) -> u64 {
        self.last
    }

    /// Adds an event, and forgets the oldest while there are too many or they take too much.
    pub(super) fn push(&mut self, name: &'static str, data: Data, needs: Option<Right>) -> u64 {
        self.last += 1;
        let bytes = size_of::<Event>() + data.bytes();
        self.events.push_back(Arc::new(Event { seq: self.last, name, needs, data, bytes }));
        self.bytes += bytes;
        while self.events.len() > KEPT || self.bytes > KEPT_BYTES && self.events.len() > 1 {
            self.bytes -= self.events.pop_front().map_or(0, |event| event.bytes);
        }
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
            ring.push("resync", Data::Json("{}".to_owned()), None);
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

    #[test]
    fn what_is_kept_is_bounded_in_bytes_too_and_the_newest_event_always_is() {
        let mut ring = Ring::default();
        let large = "x".repeat(KEPT_BYTES / 10);
        for _ in 0..30 {
            ring.push("resync", Data::Json(large.clone()), None);
            assert!(
                ring.bytes <= KEPT_BYTES && ring.bytes == ring.events.iter().map(|event| event.bytes).sum::<usize>()
            );
        }
        assert_eq!((ring.events.len(), numbers(&ring, 20)), (9, None), "event 21 is forgotten");
        assert_eq!(numbers(&ring, 21), Some(vec![22, 23, 24]));
        ring.push("resync", Data::Json("x".repeat(KEPT_BYTES)), None);
        assert_eq!((ring.events.len(), numbers(&ring, 30)), (1, Some(vec![31])));
    }
}
