//! The records that the list shows: the newest ones, older ones after them page by page, and what a newer reading of
//! the first page changes. Records that stay keep their place and their signal.

use api_types::{AuditRecord, AuditRecords};
use chrono::{DateTime, Utc};
use leptos::prelude::*;
use uuid::Uuid;

/// How many records are kept at most.
pub(super) const MOST: usize = 5_000;

/// One record of the list.
#[derive(Clone)]
pub(super) struct Entry {
    pub id: Uuid,
    pub at: DateTime<Utc>,
    /// The local day on which it began.
    pub day: String,
    /// The record as it is known now: it changes once, when its outcome is written.
    pub record: ArcRwSignal<AuditRecord>,
    /// Whether it is the one at the side.
    pub current: ArcRwSignal<bool>,
}

/// Gives the local day of a record.
pub(super) type DayOf = fn(&AuditRecord) -> String;

/// The records, newest first, and where the next page begins.
#[derive(Clone)]
pub(super) struct Roll {
    pub entries: Vec<Entry>,
    /// The cursor of the next page; `None` after the last.
    pub next: Option<String>,
    /// How many came in at the top since the list was begun.
    pub added: u64,
    day_of: DayOf,
}

/// A line of the table.
#[derive(Clone)]
pub(super) enum Line {
    /// A day, before its first record.
    Day(String, DateTime<Utc>),
    Record(Entry),
}

impl Line {
    /// What tells it from every other line.
    pub(super) fn key(&self) -> Result<Uuid, String> {
        match self {
            Self::Day(day, _) => Err(day.clone()),
            Self::Record(entry) => Ok(entry.id),
        }
    }
}

impl Roll {
    /// A list that begins with this page.
    pub(super) fn new(newest: &AuditRecords, day_of: DayOf) -> Self {
        let mut roll = Self { entries: Vec::new(), next: None, added: 0, day_of };
        roll.append(newest);
        roll
    }

    fn entry(&self, record: &AuditRecord) -> Entry {
        Entry {
            id: record.id,
            at: record.at,
            day: (self.day_of)(record),
            record: ArcRwSignal::new(record.clone()),
            current: ArcRwSignal::new(false),
        }
    }

    /// Adds the next page. What is known already, because records were written late, is left out.
    pub(super) fn append(&mut self, older: &AuditRecords) {
        let last = self.entries.last().map(|entry| entry.id);
        let new = older.items.iter().filter(|record| last.is_none_or(|last| record.id < last));
        let new: Vec<_> = new.map(|record| self.entry(record)).collect();
        self.entries.extend(new);
        self.next.clone_from(&older.next_cursor);
    }

    /// Puts the records of a newer first page in their places. Gives whether that was possible: there may be a gap
    /// between that page and this list, or no room.
    pub(super) fn merge(&mut self, newest: &AuditRecords) -> bool {
        self.refresh(&newest.items);
        let new = self.arrived(&newest.items);
        let all_new = new == newest.items.len() && !self.entries.is_empty();
        if all_new && newest.next_cursor.is_some() || self.entries.len() + new > MOST {
            return false;
        }
        for record in &newest.items {
            let at = self.entries.partition_point(|entry| entry.id > record.id);
            let known = self.find(record.id).is_some();
            // What is older than the last one comes with the next page.
            if !known && (at < self.entries.len() || self.next.is_none()) {
                let entry = self.entry(record);
                self.entries.insert(at, entry);
            }
        }
        self.added += new as u64;
        true
    }

    /// Writes what has become of records since they were read; none comes and none goes.
    pub(super) fn refresh(&self, newest: &[AuditRecord]) {
        for record in newest {
            let Some(entry) = self.find(record.id) else { continue };
            if entry.record.with_untracked(|known| known.status != record.status) {
                entry.record.set(record.clone());
            }
        }
    }

    /// How many records of a newer first page are not in the list yet. Ids rise with time.
    pub(super) fn arrived(&self, newest: &[AuditRecord]) -> usize {
        let oldest = self.entries.last().map(|entry| entry.id);
        let is_new =
            |record: &&AuditRecord| oldest.is_none_or(|oldest| record.id > oldest) && self.find(record.id).is_none();
        newest.iter().filter(is_new).count()
    }

    /// Whether another page can be loaded.
    pub(super) fn goes_on(&self) -> bool {
        self.next.is_some() && self.entries.len() < MOST
    }

    /// The record with this id.
    pub(super) fn find(&self, id: Uuid) -> Option<&Entry> {
        let at = self.entries.binary_search_by(|entry| id.cmp(&entry.id)).ok()?;
        self.entries.get(at)
    }

    /// The record before or after this one in the list; without one, the first.
    pub(super) fn beside(&self, id: Option<Uuid>, forward: bool) -> Option<Uuid> {
        beside(&self.ids(), id, forward)
    }

    /// The ids in order.
    pub(super) fn ids(&self) -> Vec<Uuid> {
        self.entries.iter().map(|entry| entry.id).collect()
    }

    /// The lines of the table: a day is named before its first record, except today's at the top.
    pub(super) fn lines(&self, today: &str) -> Vec<Line> {
        let mut day = today;
        let mut lines = Vec::with_capacity(self.entries.len());
        for entry in &self.entries {
            if entry.day != day {
                day = &entry.day;
                lines.push(Line::Day(entry.day.clone(), entry.at));
            }
            lines.push(Line::Record(entry.clone()));
        }
        lines
    }
}

/// The id before or after another one; without one, the first.
pub(super) fn beside(ids: &[Uuid], id: Option<Uuid>, forward: bool) -> Option<Uuid> {
    let at = id.and_then(|id| ids.iter().position(|known| *known == id));
    match (at, forward) {
        (None, _) => ids.first(),
        (Some(at), true) => ids.get(at + 1),
        (Some(at), false) => at.checked_sub(1).and_then(|at| ids.get(at)),
    }
    .copied()
}

#[cfg(test)]
pub(super) mod sample {
    use chrono::DateTime;

    use super::*;

    /// Record number `id` of a call, with this status.
    pub(in crate::pages::audit) fn record(id: u128, status: &str) -> AuditRecord {
        AuditRecord {
            id: Uuid::from_u128(id),
            at: DateTime::UNIX_EPOCH,
            request_id: Uuid::nil(),
            actor_kind: "key".to_owned(),
            actor_id: None,
            actor_name: "billing-agent".to_owned(),
            actor_org_id: None,
            action: "tools/call".to_owned(),
            toolkit: None,
            tool: None,
            rule: None,
            approval_id: None,
            client: None,
            source: None,
            status: status.to_owned(),
            answer: None,
            duration_us: None,
            values: Vec::new(),
            decided_by_email: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{sample::record, *};

    fn page(ids: &[u128], next: Option<&str>) -> AuditRecords {
        let items = ids.iter().map(|id| record(*id, "ok")).collect();
        AuditRecords { items, next_cursor: next.map(ToOwned::to_owned), count: None, more: None }
    }

    fn day_of(record: &AuditRecord) -> String {
        if record.id.as_u128() < 4 { "before".to_owned() } else { "today".to_owned() }
    }

    fn roll(ids: &[u128], next: Option<&str>) -> Roll {
        Roll::new(&page(ids, next), day_of)
    }

    fn numbers(roll: &Roll) -> Vec<u128> {
        roll.entries.iter().map(|entry| entry.id.as_u128()).collect()
    }

    #[test]
    fn older_pages_follow_without_repeating_anything() {
        let mut roll = roll(&[9, 8], Some("8"));
        roll.append(&page(&[8, 7, 6], None));
        assert_eq!(numbers(&roll), [9, 8, 7, 6]);
        assert!(!roll.goes_on());
    }

    #[test]
    fn new_records_come_in_at_their_places_and_the_rest_stays() {
        let mut roll = roll(&[8, 6, 5], Some("5"));
        roll.append(&page(&[3], Some("3")));
        assert!(roll.merge(&page(&[9, 8, 7, 6, 4], Some("4"))));
        assert_eq!(numbers(&roll), [9, 8, 7, 6, 5, 4, 3], "late ones, too");
        assert_eq!((roll.added, roll.next.as_deref()), (3, Some("3")));
    }

    #[test]
    fn a_gap_begins_the_list_anew() {
        let mut list = roll(&[3, 2], Some("2"));
        assert!(!list.merge(&page(&[9, 8], Some("8"))));
        assert!(list.merge(&page(&[9, 8], None)), "these are all there are");
        assert!(roll(&[], None).merge(&page(&[9, 8], Some("8"))), "and nothing has no gap");
    }

    #[test]
    fn no_more_is_kept_than_can_be_shown() {
        let ids: Vec<u128> = (2..=MOST as u128 + 1).rev().collect();
        let mut roll = roll(&ids, Some("2"));
        assert!(!roll.goes_on());
        let newest = [MOST as u128 + 2, MOST as u128 + 1];
        assert!(!roll.merge(&page(&newest, Some("x"))));
    }

    #[test]
    fn a_list_that_stands_still_learns_how_its_calls_ended() {
        let page = AuditRecords { items: vec![record(2, "interrupted"), record(1, "ok")], ..page(&[], None) };
        let roll = Roll::new(&page, day_of);
        roll.refresh(&[record(3, "ok"), record(2, "held"), record(1, "ok")]);
        let statuses: Vec<_> = roll.entries.iter().map(|entry| entry.record.get_untracked().status).collect();
        assert_eq!(statuses, ["held", "ok"]);
    }

    #[test]
    fn only_records_newer_than_the_list_are_counted_as_new() {
        let list = roll(&[5, 4], Some("4"));
        let count = |roll: &Roll, ids: &[u128]| roll.arrived(&page(ids, None).items);
        assert_eq!(count(&list, &[7, 5, 4, 3]), 1);
        assert_eq!(count(&list, &[5, 4]), 0);
        assert_eq!(count(&roll(&[], None), &[5, 4]), 2);
        assert_eq!(count(&roll(&[5, 3], None), &[5, 4, 3]), 1, "one that was written late");
    }

    #[test]
    fn days_are_named_before_their_first_record() {
        let said = |today: &str| {
            let lines = roll(&[5, 4, 3, 2], None).lines(today);
            lines
                .iter()
                .map(|line| line.key().map_or_else(|day| day, |id| id.as_u128().to_string()))
                .collect::<Vec<_>>()
        };
        assert_eq!(said("today"), ["5", "4", "before", "3", "2"]);
        assert_eq!(said("tomorrow"), ["today", "5", "4", "before", "3", "2"]);
    }

    #[test]
    fn one_steps_through_the_list_and_stops_at_its_ends() {
        let roll = roll(&[5, 4, 3], None);
        let beside = |id: Option<u128>, forward| roll.beside(id.map(Uuid::from_u128), forward).map(|id| id.as_u128());
        assert_eq!(beside(None, true), Some(5));
        assert_eq!(beside(Some(5), true), Some(4));
        assert_eq!(beside(Some(4), false), Some(5));
        assert_eq!(beside(Some(5), false), None);
        assert_eq!(beside(Some(3), true), None);
        assert_eq!(beside(Some(77), true), Some(5), "one that is not in it");
    }
}
