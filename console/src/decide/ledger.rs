//! Where this browser keeps decisions that have not arrived (`unsent`): one entry for each decision of each page, so
//! that two pages never write over each other.

use chrono::{DateTime, Utc};
use leptos::prelude::*;
use uuid::Uuid;

use super::unsent::Unsent;
use crate::{shell::storage, show::sorted::sort};

/// How many are kept, of all pages and people; the oldest of other pages goes first. A selection of the inbox is decided at
/// once, and it may be all that the list holds: all of it must have room.
const KEPT: usize = 2_000;

/// The decisions that this page keeps.
#[derive(Clone, Copy)]
pub(super) struct Ledger {
    /// Tells this page from others, and from itself before it was loaded again.
    page: StoredValue<String>,
    /// What this page has kept, and the browser has not refused.
    kept: StoredValue<Vec<Uuid>>,
}

impl Ledger {
    pub(super) fn new() -> Self {
        Self { page: StoredValue::new(Uuid::now_v7().simple().to_string()), kept: StoredValue::new(Vec::new()) }
    }

    /// Keeps a decision of this page, or keeps it anew.
    pub(super) fn keep(self, unsent: &Unsent) {
        let name = self.name(unsent.target.id);
        if storage::get(&name).is_none() {
            self.make_room();
        }
        storage::set(&name, Some(&unsent.to_text()));
        // A browser that keeps nothing must not keep a decision from being sent.
        if storage::get(&name).is_some() && !self.kept.with_value(|kept| kept.contains(&unsent.target.id)) {
            self.kept.update_value(|kept| kept.push(unsent.target.id));
        }
    }

    /// Whether a decision of this page may be sent: another page may have taken it for lost, and said so.
    pub(super) fn may_send(self, id: Uuid) -> bool {
        !self.kept.with_value(|kept| kept.contains(&id)) || storage::get(&self.name(id)).is_some()
    }

    /// It has arrived, was taken back, or somebody was told what became of it.
    pub(super) fn forget(self, id: Uuid) {
        storage::set(&self.name(id), None);
        self.kept.update_value(|kept| kept.retain(|kept| *kept != id));
    }

    /// Every decision that other pages have kept: by its name, to be taken.
    pub(super) fn others(self) -> Vec<(String, Option<Unsent>)> {
        let own = self.own();
        let names = storage::names("unsent.").into_iter().filter(|name| !name.starts_with(&own));
        names.filter_map(|name| storage::get(&name).map(|text| (name, Unsent::of_text(&text)))).collect()
    }

    /// The page is left: what it kept is another page's from now on, also where the browser brings this one back.
    pub(super) fn leave(self) {
        self.page.set_value(Uuid::now_v7().simple().to_string());
        self.kept.update_value(Vec::clear);
    }

    fn own(self) -> String {
        self.page.with_value(|page| format!("unsent.{page}."))
    }

    fn name(self, id: Uuid) -> String {
        self.page.with_value(|page| format!("unsent.{page}.{id}"))
    }

    /// Never at the cost of what this page has on its way: what is not kept is not sent.
    fn make_room(self) {
        let own = self.own();
        let names = storage::names("unsent.");
        let over = (names.len() + 1).saturating_sub(KEPT);
        if over == 0 {
            return;
        }
        let mut kept: Vec<(DateTime<Utc>, String)> = names
            .into_iter()
            .filter(|name| !name.starts_with(&own))
            .map(|name| {
                let at = storage::get(&name).and_then(|text| Unsent::of_text(&text)).map(|unsent| unsent.at);
                (at.unwrap_or_default(), name)
            })
            .collect();
        sort(&mut kept, Ord::cmp);
        kept.into_iter().take(over).for_each(|(_, name)| take(&name));
    }
}

/// Takes one out, to report it. From then on no page sends it.
pub(super) fn take(name: &str) {
    storage::set(name, None);
}
