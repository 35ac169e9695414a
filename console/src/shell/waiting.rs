//! How many requests of the org wait for a decision: one number for navigation, tabs and titles. It is read once and
//! again after events, at most once a second, however many events there were.

use api_types::ApprovalsSummary;
use domain::Right;
use gloo_timers::callback::Timeout;
use leptos::prelude::*;

use super::Org;
use crate::{
    api::{live::Live, of_org, read::Read},
    reactive::{Memo, memo},
};

/// How long after the first of several events the number is read, in milliseconds.
const GATHER_MS: u32 = 250;
/// The least time between two readings because of events, in milliseconds.
const REST_MS: u32 = 1_000;

/// The number of requests that wait. Copied freely; found with [`Waiting::here`].
#[derive(Clone, Copy)]
pub struct Waiting {
    /// How many wait, whoever must decide them; 0 before that is known.
    pub count: Memo<u64>,
    read: Read<ApprovalsSummary>,
    due: StoredValue<Option<Timeout>, LocalStorage>,
    /// Whether something changed while the last reading was less than [`REST_MS`] ago.
    more: StoredValue<bool>,
}

impl Waiting {
    /// Follows the number, for everything underneath.
    pub(super) fn provide(org: Org, live: Live) -> Self {
        let read = Read::<ApprovalsSummary>::new(move || {
            live.resynced.track();
            live.unseen.track();
            (live.followed.get() && org.may(Right::ReadApprovals))
                .then(|| of_org(&org.slug.get(), "/approvals/summary"))
        });
        let waiting = Self {
            count: memo(move || read.value.with(|read| read.as_ref().map_or(0, |summary| summary.waiting))),
            read,
            due: StoredValue::new_local(None),
            more: StoredValue::new(false),
        };
        live.on_approvals(move |_| waiting.changed());
        provide_context(waiting);
        waiting
    }

    /// The number of the org that is shown.
    pub fn here() -> Self {
        expect_context()
    }

    /// A request was opened or does not wait any more: the number is read in a moment.
    pub fn changed(self) {
        match self.due.try_with_value(Option::is_none) {
            Some(true) => self.due.set_value(Some(Timeout::new(GATHER_MS, move || self.ask()))),
            Some(false) => self.more.set_value(true),
            None => {}
        }
    }

    fn ask(self) {
        self.more.set_value(false);
        self.read.again();
        let rested = move || {
            self.due.set_value(None);
            if self.more.get_value() {
                self.ask();
            }
        };
        self.due.set_value(Some(Timeout::new(REST_MS, rested)));
    }
}
