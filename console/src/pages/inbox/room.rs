//! What the parts of the inbox share: where one is, what is listed, and how one moves.

use std::{collections::HashMap, sync::Arc};

use api_types::Approval;
use domain::Right;
use leptos::prelude::*;
use leptos_router::{
    NavigateOptions,
    hooks::{use_navigate, use_query_map},
};
use uuid::Uuid;

use super::{
    board::{Board, Entry, News},
    order::{self, Group},
    place::{Place, Tab},
};
use crate::{
    api::{encoded, live::Live, of_org, pages::Pages},
    decide::Decisions,
    shell::Org,
};

/// How many requests are read at once.
const PAGE: usize = 100;
/// How many pages of waiting requests are read: beyond that a list is of no use.
const WAITING_PAGES: usize = 10;

/// The inbox's shared state.
#[derive(Clone, Copy)]
pub(super) struct Room {
    pub place: Memo<Place>,
    /// What the server lists, for the tab that is shown.
    pub listed: Pages<Approval>,
    /// How many wait for a decision, those of others included.
    pub waiting: Memo<usize>,
    pub board: RwSignal<Board>,
    /// Whether the board shows what the server has, be it nothing.
    pub read: RwSignal<bool>,
    /// What the search leaves of it, in its order.
    pub visible: Memo<Vec<Uuid>>,
    /// A pointer is over the list.
    pub pointed: RwSignal<bool>,
    /// The focus is in the list.
    pub focused: RwSignal<bool>,
    asked: RwSignal<u64>,
    /// What became of requests that were looked at, in words.
    pub fates: RwSignal<HashMap<Uuid, String>>,
    /// The request that takes the focus once it is shown.
    pub wants_focus: RwSignal<Option<Uuid>>,
    go: Callback<(Place, bool)>,
}

impl Room {
    /// Reads the URL and the lists, for everything underneath.
    pub fn provide() -> Self {
        let query = use_query_map();
        let place = Memo::new(move |_| {
            query.with(|query| Place::of(query.get("tab").as_deref(), query.get("q"), query.get("selected").as_deref()))
        });
        let tab = Memo::new(move |_| place.with(|place| place.tab));
        let (listed, mine) = (list(tab), mine(tab));
        let board = RwSignal::new(Board::default());
        let room = Self {
            place,
            listed,
            waiting: Memo::new(move |old| match (tab.get(), listed.rows.get()) {
                (Tab::Waiting, Some(rows)) => rows.iter().filter(|one| one.status == "pending").count(),
                _ => old.copied().unwrap_or_default(),
            }),
            board,
            read: RwSignal::new(false),
            visible: Memo::new(move |_| place.with(|place| board.with(|board| visible(board, &place.search)))),
            pointed: RwSignal::new(false),
            focused: RwSignal::new(false),
            asked: RwSignal::new(0),
            fates: RwSignal::new(HashMap::new()),
            wants_focus: RwSignal::new(None),
            go: going(),
        };
        room.keep_up(tab, mine);
        provide_context(room);
        room
    }

    /// The inbox that is shown.
    pub fn here() -> Self {
        expect_context()
    }

    /// The request that is looked at.
    pub fn selected(self) -> Option<Uuid> {
        self.place.with(|place| place.selected)
    }

    /// Goes somewhere in the inbox. `replace`: going back skips where one is.
    pub fn go(self, change: impl FnOnce(&mut Place), replace: bool) {
        let mut place = self.place.get_untracked();
        change(&mut place);
        self.go.run((place, replace));
    }

    /// Looks at a request, and brings the focus to it.
    pub fn look_at(self, id: Option<Uuid>, replace: bool) {
        self.wants_focus.set(id);
        self.go(|place| place.selected = id, replace);
    }

    /// Looks at the next request (1) or the one before (-1).
    pub fn step(self, by: isize) {
        let selected = self.place.with_untracked(|place| place.selected);
        if let Some(id) = self.visible.with_untracked(|list| order::stepped(list, selected, by)) {
            self.look_at(Some(id), true);
        }
    }

    /// The line of a request.
    pub fn entry(self, id: Uuid) -> Option<Entry> {
        self.board.with_untracked(|board| board.entries.iter().find(|entry| entry.id() == id).cloned())
    }

    /// Whether the server lists a shown request no more: it was decided, here or elsewhere.
    pub fn is_gone(self, id: Uuid) -> bool {
        self.board.with(|board| board.entries.iter().any(|entry| entry.id() == id && entry.gone))
    }

    /// Lets the new ones in, although a pointer is over the list: somebody asked for them.
    pub fn let_in(self) {
        self.asked.update(|asked| *asked += 1);
    }

    /// After a decision: the next request that is still to be decided by who looks.
    pub fn go_on_after(self, decided: Uuid) {
        let decisions = Decisions::here();
        let to_do = |id| {
            self.board.with_untracked(|board| {
                let entry = board.entries.iter().find(|entry| entry.id() == id);
                entry.is_some_and(|entry| !entry.gone && entry.group == Group::Mine)
            }) && !decisions.is_on_its_way(id)
        };
        let next = self.visible.with_untracked(|list| order::after(list, decided, to_do));
        // With nothing left, the focus stays with what was decided: its button is gone.
        self.look_at(next.or(Some(decided)), true);
    }

    /// Brings the board up to date with what the server lists and with what must not move now.
    fn keep_up(self, tab: Memo<Tab>, mine: Pages<Approval>) {
        let decisions = Decisions::here();
        let shown = StoredValue::new(None::<Tab>);
        let empty = move || {
            self.board.set(Board::default());
            self.read.set(false);
        };
        Effect::new(move |before: Option<u64>| {
            let (now, asked, selected) = (tab.get(), self.asked.get(), self.selected());
            let held = (self.pointed.get() || self.focused.get()) && before == Some(asked);
            if shown.with_value(|shown| *shown != Some(now)) {
                shown.set_value(Some(now));
                empty();
            }
            // Both lists together, else a new request stands in the wrong place for a moment.
            if self.listed.reading.get() || mine.reading.get() {
                return before.unwrap_or(asked);
            }
            let read = self.listed.rows.get().and_then(|fresh| Some((mine_of(mine, now, &fresh)?, fresh)));
            let Some((mine, fresh)) = read else {
                empty();
                return asked;
            };
            let keep = |id| selected == Some(id) || decisions.of(id).is_some();
            let news = News { fresh: &fresh, mine: &mine, held, keep: &keep };
            self.board.set(self.board.with_untracked(|board| board.after(&news)));
            self.read.set(true);
            asked
        });
    }
}

/// Which of the waiting wait for who looks; `None` as long as that is not known. Where it cannot be read,
/// each request says for itself whether one may decide it.
fn mine_of(mine: Pages<Approval>, tab: Tab, fresh: &[Arc<Approval>]) -> Option<Vec<Uuid>> {
    let ids = |rows: &[Arc<Approval>]| rows.iter().map(|one| one.id).collect();
    match (mine.rows.get(), mine.failure.with(Option::is_some), tab) {
        (_, _, Tab::Decided) => Some(Vec::new()),
        (Some(rows), ..) => Some(ids(&rows)),
        (None, true, _) => Some(ids(fresh)),
        (None, false, _) => None,
    }
}

fn visible(board: &Board, search: &str) -> Vec<Uuid> {
    let found = board.entries.iter().filter(|entry| order::matches(&entry.approval, search));
    found.map(Entry::id).collect()
}

/// Reads the list of the tab that is shown.
fn list(tab: Memo<Tab>) -> Pages<Approval> {
    let (org, live, decisions) = (Org::here(), Live::here(), Decisions::here());
    let wanted = move || if tab.get_untracked() == Tab::Waiting { WAITING_PAGES } else { 1 };
    Pages::new(wanted, move || {
        live.approvals.track();
        decisions.settled.track();
        let path = format!("/approvals?status={}&limit={PAGE}", tab.get().statuses());
        org.may(Right::ReadApprovals).then(|| of_org(&org.slug.get(), &path))
    })
}

/// Reads which requests wait for who looks.
fn mine(tab: Memo<Tab>) -> Pages<Approval> {
    let (org, live, decisions) = (Org::here(), Live::here(), Decisions::here());
    Pages::new(
        || WAITING_PAGES,
        move || {
            live.approvals.track();
            decisions.settled.track();
            let path = format!("/approvals?status=pending&mine=true&limit={PAGE}");
            (tab.get() == Tab::Waiting && org.may(Right::ReadApprovals)).then(|| of_org(&org.slug.get(), &path))
        },
    )
}

fn going() -> Callback<(Place, bool)> {
    let org = Org::here();
    let navigate = use_navigate();
    Callback::new(move |(place, replace): (Place, bool)| {
        let to = format!("/{}/inbox{}", org.slug.get_untracked(), place.query(encoded));
        navigate(&to, NavigateOptions { replace, scroll: false, ..NavigateOptions::default() });
    })
}
