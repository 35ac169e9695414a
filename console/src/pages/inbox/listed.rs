//! The requests of a tab as the server has them: read once, page by page, then kept current by the rows that
//! events carry. Nothing that was heard of is lost, and nothing old replaces what is newer.
//!
//! A reading that was sent after an event was heard knows what the event said. Only what is heard while a reading is
//! under way can be older or newer than its pages, and is compared with them.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use api_types::Approval;
use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::place::Tab;

/// How many requests a tab lists at most: beyond that a list is of no use.
pub const MOST: usize = 1_000;
/// How many rows are kept that are not of the tab any more, and how many may be heard of during one reading.
const MOST_HEARD: usize = 2_000;

/// What the server has, as far as it was read and heard of.
#[derive(Debug, Default)]
pub struct Listed {
    /// Of which tab.
    pub tab: Tab,
    /// Whether all pages were read once.
    pub complete: bool,
    /// Whether the server has more than is listed.
    pub more: bool,
    rows: HashMap<Uuid, Arc<Approval>>,
    /// What was read by the reading under way.
    read: HashSet<Uuid>,
    /// What was heard of since the reading under way was sent; `None` while there is none.
    since: Option<HashMap<Uuid, Arc<Approval>>>,
    /// More was heard of than is kept: what is listed must be read again.
    overrun: bool,
}

impl Listed {
    /// Nothing yet, of this tab.
    pub fn new(tab: Tab) -> Self {
        Self { tab, ..Self::default() }
    }

    /// Whether a page of the tab was read.
    pub fn is_read(&self) -> bool {
        self.complete || !self.read.is_empty()
    }

    /// Everything that is known, by id; some of it may not be of the tab any more.
    pub fn rows(&self) -> &HashMap<Uuid, Arc<Approval>> {
        &self.rows
    }

    /// Whether a request belongs in the tab at this time: what nobody decided in time waits no more, although no
    /// event may have said so yet.
    pub fn has(&self, approval: &Approval, now: DateTime<Utc>) -> bool {
        let waits = match approval.status.as_str() {
            "pending" => approval.expires_at > now,
            status => status == "outcome_unknown",
        };
        match self.tab {
            Tab::Waiting => waits,
            Tab::Decided => !waits && approval.status != "pending",
        }
    }

    /// When the last of those that expire until `now` does; moves whenever one more has expired by then.
    pub fn over(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let pending = self.rows.values().filter(|row| row.status == "pending");
        pending.map(|row| row.expires_at).filter(|end| *end <= now).max()
    }

    /// A reading begins, from the first page on.
    pub fn begin(&mut self) {
        self.read.clear();
        self.since = Some(HashMap::new());
        self.overrun = false;
    }

    /// The next page of the reading; `last` ends it, and what it did not have is gone. Gives whether more must be
    /// read, because too much was heard of meanwhile.
    pub fn take(&mut self, page: Vec<Arc<Approval>>, last: bool, more: bool) -> bool {
        let since = self.since.take().unwrap_or_default();
        for row in page {
            self.read.insert(row.id);
            let newest = since.get(&row.id).filter(|heard| !is_older(heard, &row)).cloned();
            self.rows.insert(row.id, newest.unwrap_or(row));
        }
        if last {
            self.rows.retain(|id, _| self.read.contains(id) || since.contains_key(id));
            self.read.clear();
            (self.complete, self.more) = (true, more);
        } else {
            self.since = Some(since);
        }
        last && self.overrun
    }

    /// Rows that events or other readings have told. Gives whether something changed.
    pub fn hear(&mut self, heard: &[Arc<Approval>], now: DateTime<Utc>) -> bool {
        let mut changed = false;
        let mut free = self.free(heard.len(), now);
        for row in heard {
            if let Some(since) = &mut self.since {
                match since.get(&row.id) {
                    Some(known) if is_older(row, known) => {}
                    None if since.len() >= MOST_HEARD => self.overrun = true,
                    _ => drop(since.insert(row.id, row.clone())),
                }
            }
            changed |= self.put(row, &mut free, now);
        }
        if self.rows.len() > MOST + MOST_HEARD {
            self.forget(now);
        }
        changed
    }

    /// Whether so much has left a list that was not read whole, or came to one that goes on, that reading it again
    /// shows what it should.
    pub fn is_worn(&self, now: DateTime<Utc>) -> bool {
        let here = || self.rows.values().filter(|row| self.has(row, now)).count();
        match self.tab {
            Tab::Waiting => self.more && here() < MOST / 2,
            Tab::Decided => self.rows.len() >= MOST + MOST_HEARD / 2,
        }
    }

    /// For how many of so many new rows there is room.
    fn free(&self, new: usize, now: DateTime<Utc>) -> usize {
        if self.tab == Tab::Decided || self.rows.len() + new <= MOST {
            return new;
        }
        MOST.saturating_sub(self.rows.values().filter(|row| self.has(row, now)).count())
    }

    fn put(&mut self, row: &Arc<Approval>, free: &mut usize, now: DateTime<Utc>) -> bool {
        match self.rows.get(&row.id) {
            Some(known) if is_older(row, known) => return false,
            Some(_) => {}
            None if !self.has(row, now) => return false,
            None if *free == 0 => {
                self.more = true;
                return true;
            }
            None => *free -= 1,
        }
        self.rows.insert(row.id, row.clone());
        true
    }

    /// Forgets what is not of the tab any more.
    fn forget(&mut self, now: DateTime<Utc>) {
        let mut rows = std::mem::take(&mut self.rows);
        rows.retain(|_, row| self.has(row, now));
        self.rows = rows;
    }
}

/// Whether a row of an approval is older than another of the same: an approval moves forward through its states, and
/// where it goes back (a late decision of an expired one), it was decided later (approvals.md, "States").
fn is_older(row: &Approval, than: &Approval) -> bool {
    let age = |row: &Approval| {
        let step = match row.status.as_str() {
            "pending" => 0,
            // An execution that provably never began leads back to approved.
            "approved" | "executing" => 1,
            "outcome_unknown" => 2,
            _ => 3,
        };
        (row.decided_at, step)
    };
    age(row) < age(than)
}

#[cfg(test)]
#[path = "listed_tests.rs"]
mod tests;
