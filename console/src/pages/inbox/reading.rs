//! How the list comes to be known: it is read once, events keep it current, and it is read again only when events
//! may have been missed.

use std::sync::Arc;

use api_types::{Approval, ApprovalDetail};
use chrono::{DateTime, Utc};
use domain::Right;
use leptos::{prelude::*, task::spawn_local};
use uuid::Uuid;

use super::{
    listed::{Listed, MOST},
    place::Tab,
};
use crate::{
    api::{
        Api, approval_path,
        live::Live,
        of_org,
        pages::{Pages, Step},
    },
    components::Clock,
    decide::Decisions,
    reactive::{Memo, RwSignal, effect, effect_again},
    shell::Org,
    show::sorted::sort,
};

/// How many requests are read at once.
const PAGE: usize = 200;

/// The list of the tab that is shown. Copied freely.
#[derive(Clone, Copy)]
pub(super) struct Reading {
    /// What is known of it.
    pub listed: RwSignal<Listed>,
    /// How far its reading is.
    pub pages: Pages,
    clock: RwSignal<DateTime<Utc>>,
}

impl Reading {
    /// Reads and follows the list of a tab.
    pub fn new(tab: Memo<Tab>) -> Self {
        let (org, live) = (Org::here(), Live::here());
        let listed = RwSignal::new(Listed::default());
        let wanted = move || if tab.get_untracked() == Tab::Waiting { MOST / PAGE } else { 1 };
        let path = move || {
            live.resynced.track();
            let path = format!("/approvals?status={}&limit={PAGE}", tab.get().statuses());
            (live.followed.get() && org.may(Right::ReadApprovals)).then(|| of_org(&org.slug.get(), &path))
        };
        let overrun = Trigger::new();
        let pages = Pages::new(wanted, path, move |step| match step {
            Step::Changed => listed.set(Listed::new(tab.get_untracked())),
            Step::Begun => {
                listed.try_update_untracked(Listed::begin);
            }
            Step::Page { rows, last, more } => {
                if listed.try_update(|listed| listed.take(rows, last, more)) == Some(true) {
                    overrun.notify();
                }
            }
        });
        effect_again(move |again| {
            overrun.track();
            if again {
                pages.again();
            }
        });
        let reading = Self { listed, pages, clock: Clock::here() };
        live.on_approvals(move |rows| reading.hear(rows));
        reading.follow_decisions();
        reading
    }

    /// Takes rows that were read elsewhere, or that an event carried.
    pub fn hear(self, rows: &[Arc<Approval>]) {
        let now = self.clock.get_untracked();
        self.listed.try_maybe_update(|listed| (listed.hear(rows, now), ()));
        let worn = self.listed.try_with_untracked(|listed| listed.is_worn(now)) == Some(true);
        if worn && self.pages.reading.try_get_untracked() == Some(false) {
            self.pages.again();
        }
    }

    /// Reads a request again once its decision was sent or has failed: the event that says so may come a moment
    /// later, and a list that still has it would offer it again.
    fn follow_decisions(self) {
        let (api, org, decisions) = (Api::here(), Org::here(), Decisions::here());
        let sent = StoredValue::new(Vec::<Uuid>::new());
        effect(move || {
            let taken = decisions.taken.get();
            sent.update_value(|sent| sent.extend(taken));
        });
        effect_again(move |again| {
            decisions.settled.track();
            if !again {
                return;
            }
            let mut over = Vec::new();
            sent.update_value(|sent| {
                let (on_its_way, ended) = std::mem::take(sent).into_iter().partition(|id| decisions.is_on_its_way(*id));
                (*sent, over) = (on_its_way, ended);
            });
            sort(&mut over, Ord::cmp);
            over.dedup();
            over.into_iter().for_each(|id| self.read_one(api, approval_path(&org.slug.get_untracked(), id)));
        });
    }

    fn read_one(self, api: Api, path: String) {
        spawn_local(async move {
            // Where it fails, the event says what became of it, or a new reading does.
            if let Ok(detail) = api.get::<ApprovalDetail>(&path).await {
                self.hear(&[Arc::new(detail.approval)]);
            }
        });
    }
}
