//! What was found: read again as calls finish, shown as it comes or, while somebody reads in it, only
//! counted, so that nothing moves under a pointer or a focus.

use std::sync::Arc;

use api_types::{AuditRecord, List};
use leptos::{ev::PointerEvent, html, prelude::*};

use super::{
    filters::{Name, with_query},
    follow::{arrived, refreshed},
    search::Search,
};
use crate::{
    api::{live::Live, of_org, read::Read},
    reactive::{effect, memo},
    shell::Org,
};

/// How many records a page has.
pub(super) const PAGE: usize = 50;

/// One page of records.
#[derive(Clone, Copy)]
pub(super) struct Results {
    /// What the server has now.
    pub read: Read<List<AuditRecord>>,
    /// What the page shows.
    pub shown: RwSignal<Option<Vec<AuditRecord>>>,
    /// Where the next page begins.
    pub next: RwSignal<Option<String>>,
    /// How many newer ones there are that are not shown.
    pub new: RwSignal<usize>,
    /// Whether new ones are to be shown as they come.
    pub on: RwSignal<bool>,
    /// Whether there can be new ones on this page.
    pub open: Memo<bool>,
    /// Where they stand.
    pub place: NodeRef<html::Div>,
    pointed: StoredValue<bool>,
}

impl Results {
    /// Reads what is searched for.
    pub(super) fn new(search: Search) -> Self {
        let org = Org::here();
        let path = memo(move || {
            let asked = search.query(&search.cursor.get());
            let query = if asked.is_empty() { format!("limit={PAGE}") } else { format!("limit={PAGE}&{asked}") };
            of_org(&org.slug.get(), &with_query("/audit", &query))
        });
        let results = Self {
            read: Read::new(move || Some(path.get())),
            shown: RwSignal::new(None),
            next: RwSignal::new(None),
            new: RwSignal::new(0),
            on: RwSignal::new(true),
            open: memo(move || {
                search.cursor.with(String::is_empty) && search.filters.with(|filters| filters.get(Name::To).is_empty())
            }),
            place: NodeRef::new(),
            pointed: StoredValue::new(false),
        };
        results.show(path);
        results.follow();
        results
    }

    /// Shows everything there is now.
    pub(super) fn catch_up(self) {
        if let Some(newest) = self.read.value.get_untracked() {
            self.take(&newest);
        }
    }

    /// A mouse came over the list or left it.
    pub(super) fn point(self, event: &PointerEvent, over: bool) {
        self.pointed.set_value(over && event.pointer_type() == "mouse");
    }

    fn take(self, newest: &List<AuditRecord>) {
        self.shown.set(Some(newest.items.clone()));
        self.next.set(newest.next_cursor.clone());
        self.new.set(0);
    }

    fn show(self, path: Memo<String>) {
        let of = StoredValue::new(String::new());
        effect(move || {
            let Some(newest) = self.read.value.get() else {
                // Something else is asked for: the old stays until it is there, unless it cannot be read.
                if self.read.failure.with(Option::is_some) {
                    self.shown.set(None);
                }
                return;
            };
            let path = path.get_untracked();
            if of.with_value(|of| *of != path) {
                of.set_value(path);
                self.take(&newest);
            } else if self.on.get_untracked() && !self.is_read() {
                self.take(&newest);
            } else {
                self.wait(&newest);
            }
        });
    }

    fn wait(self, newest: &Arc<List<AuditRecord>>) {
        let Some(shown) = self.shown.get_untracked() else { return self.take(newest) };
        self.new.set(arrived(&shown, &newest.items));
        self.shown.set(Some(refreshed(&shown, &newest.items)));
    }

    /// Reads again when a call has finished, one reading at a time.
    fn follow(self) {
        let live = Live::here();
        let behind = StoredValue::new(false);
        Effect::new(move |before: Option<u64>| {
            let now = live.calls.get();
            if before.is_some_and(|before| before != now) && self.open.get_untracked() {
                match self.read.reading.get_untracked() {
                    true => behind.set_value(true),
                    false => self.read.again(),
                }
            }
            now
        });
        effect(move || {
            if !self.read.reading.get() && behind.get_value() {
                behind.set_value(false);
                self.read.again();
            }
        });
    }

    /// Somebody points into the list, has the focus in it, or has scrolled down in it.
    fn is_read(self) -> bool {
        let Some(place) = self.place.get_untracked() else { return false };
        let focus = document().active_element();
        self.pointed.get_value()
            || focus.is_some_and(|focus| place.contains(Some(&focus)))
            || place.get_bounding_client_rect().top() < 0.0
    }
}
