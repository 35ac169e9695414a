//! What the parts of the inbox share: where one is, what is listed, and how one moves.

use std::collections::{HashMap, HashSet};

use api_types::Approval;
use leptos::prelude::*;
use leptos_router::{
    NavigateOptions,
    hooks::{use_navigate, use_query_map},
};
use uuid::Uuid;

use super::{
    board::{Board, Entry, News},
    filter::{Filter, Finding, Order},
    order,
    picked::Picked,
    place::{Place, Tab},
    reading::Reading,
    urgency::SOON,
};
use crate::{
    api::encoded,
    components::Clock,
    decide::Decisions,
    reactive::{Memo, RwSignal, effect, effect_after, effect_again, memo},
    shell::{Org, Waiting},
};

/// What holds the list: nothing in it moves meanwhile.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Hold {
    /// A mouse is over it.
    pub pointed: bool,
    /// A finger is on it.
    pub touched: bool,
    /// The focus is in it.
    pub focused: bool,
}

/// A line of the list: it stays the same element of the page while what it shows changes.
#[derive(Clone)]
pub(super) struct Line {
    pub entry: ArcRwSignal<Entry>,
    /// Whether search and filter leave it.
    pub found: ArcRwSignal<bool>,
    /// Whether it is the one that is looked at.
    pub current: ArcRwSignal<bool>,
    /// Whether it is picked.
    pub picked: ArcRwSignal<bool>,
}

/// Why a request that is shown is not to be decided there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Missing {
    /// Search or filter hides it.
    Search,
    /// The list does not have it.
    Listed,
    /// Another one is looked at already.
    Left,
}

/// The inbox's shared state.
#[derive(Clone, Copy)]
pub(super) struct Room {
    pub place: Memo<Place>,
    /// What the server has, for the tab that is shown.
    pub reading: Reading,
    pub board: RwSignal<Board>,
    /// What search and filter leave of it, in its order.
    pub visible: Memo<Vec<Uuid>>,
    /// The requests that are picked to be decided together.
    pub picked: RwSignal<Picked>,
    /// Whether requests are being picked.
    pub picking: Memo<bool>,
    /// A finger that stayed on a row has picked it: the click that follows opens nothing.
    pub picked_long: StoredValue<bool>,
    /// The requests that were shown since the inbox was opened, with the definition's hash that was shown.
    pub seen: RwSignal<HashMap<Uuid, String>>,
    pub hold: RwSignal<Hold>,
    asked: RwSignal<u64>,
    /// The request that was decided and is left for the next one, until that is looked at.
    left: RwSignal<Option<Uuid>>,
    lines: StoredValue<HashMap<Uuid, Line>>,
    /// The request that takes the focus once it is shown.
    pub wants_focus: RwSignal<Option<Uuid>>,
    go: Callback<(Place, bool)>,
}

impl Room {
    /// Reads the URL and the list, for everything underneath.
    pub fn provide() -> Self {
        let query = use_query_map();
        let place = memo(move || query.with(|query| Place::of(|name| query.get(name))));
        let tab = memo(move || place.with(|place| place.tab));
        let finding = memo(move || {
            place.with(|place| Finding { filter: place.filter.clone(), words: order::words(&place.search) })
        });
        let board = RwSignal::new(Board::default());
        let visible = memo(move || {
            finding.with(|finding| {
                board.with(|board| board.entries.iter().filter(|entry| finding.finds(entry)).map(Entry::id).collect())
            })
        });
        let picked = RwSignal::new(Picked::default());
        let room = Self {
            place,
            reading: Reading::new(tab),
            board,
            visible,
            picked,
            picking: memo(move || picked.with(|picked| picked.on)),
            picked_long: StoredValue::new(false),
            seen: RwSignal::new(HashMap::new()),
            hold: RwSignal::new(Hold::default()),
            asked: RwSignal::new(0),
            left: RwSignal::new(None),
            lines: StoredValue::new(HashMap::new()),
            wants_focus: RwSignal::new(None),
            go: going(),
        };
        effect(move || {
            room.place.track();
            room.left.set(None);
        });
        room.keep_up(tab, finding);
        room.hide(finding);
        room.mark_selected();
        room.mark_picked();
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

    /// The same, as it is at this moment; `None` where the inbox was left.
    pub fn selected_now(self) -> Option<Uuid> {
        self.place.try_with_untracked(|place| place.selected).flatten()
    }

    /// Goes somewhere in the inbox. `replace`: going back skips where one is.
    pub fn go(self, change: impl FnOnce(&mut Place), replace: bool) {
        let mut place = self.place.get_untracked();
        change(&mut place);
        self.go.run((place, replace));
    }

    /// Shows everything in the tab again.
    pub fn clear_finding(self) {
        self.go(
            |place| {
                place.search.clear();
                place.filter = Filter::default();
            },
            true,
        );
    }

    /// Looks at a request, and brings the focus to it.
    pub fn look_at(self, id: Option<Uuid>, replace: bool) {
        self.wants_focus.set(id);
        self.go(|place| place.selected = id, replace);
    }

    /// Looks at the next request (1) or the one before (-1), and says which that is.
    pub fn step(self, by: isize) -> Option<Uuid> {
        let selected = self.selected_now();
        let to = self.visible.with_untracked(|list| order::stepped(list, selected, by));
        if to.is_some() {
            self.look_at(to, true);
        }
        to
    }

    /// The line of a request.
    pub fn line(self, id: Uuid) -> Option<Line> {
        self.lines.with_value(|lines| lines.get(&id).cloned())
    }

    /// Lets the new ones in, although the list is held: somebody asked for them.
    pub fn let_in(self) {
        self.asked.update(|asked| *asked += 1);
    }

    /// Something came over the list, or left it.
    pub fn held(self, change: impl FnOnce(&mut Hold)) {
        let mut hold = self.hold.get_untracked();
        change(&mut hold);
        if self.hold.get_untracked() != hold {
            self.hold.set(hold);
        }
    }

    /// Why a request that is shown is not one that is looked at in the list; `None` where it is, or that is not known yet.
    pub fn missing(self, id: Uuid) -> Option<Missing> {
        if self.left.get() == Some(id) || self.selected() != Some(id) {
            return Some(Missing::Left);
        }
        let listed = self.board.with(|board| board.find(id).is_some());
        if !listed {
            return self.reading.listed.with(|listed| listed.complete).then_some(Missing::Listed);
        }
        (!self.visible.with(|visible| visible.contains(&id))).then_some(Missing::Search)
    }

    /// After a decision: the next request that is still to be decided by who looks.
    pub fn go_on_after(self, decided: Uuid, decisions: Decisions) {
        let to_do = |id| {
            let line = self.line(id);
            line.is_some_and(|line| line.entry.with_untracked(Entry::is_to_do)) && !decisions.is_on_its_way(id)
        };
        let next = self.visible.with_untracked(|list| order::after(list, decided, to_do));
        self.left.set(next.and(Some(decided)));
        // With nothing left, the focus stays with what was decided: its button is gone.
        self.look_at(next.or(Some(decided)), true);
    }

    /// Brings the board up to date with what the server has and with what must not move now.
    fn keep_up(self, tab: Memo<Tab>, finding: Memo<Finding>) {
        let (decisions, clock, waiting) = (Decisions::here(), Clock::here(), Waiting::here());
        let listed = self.reading.listed;
        let over = memo(move || listed.with_untracked(|listed| listed.over(clock.get())));
        let urgent = memo(move || listed.with_untracked(|listed| listed.over(clock.get() + SOON)));
        // The tab whose list is shown, and whether some of it had been read: before that a row may stand there of which an
        // event told, and what is read must not wait behind it.
        let shown = StoredValue::new((None::<Tab>, false));
        let order = memo(move || self.place.with(|place| place.order));
        effect_after(move |before: Option<(u64, Order)>| {
            // Another order is asked for as well.
            let asked = (self.asked.get(), order.get());
            let (now, selected) = (tab.get(), self.selected());
            let (shown_tab, was_read) = shown.get_value();
            let (same, is_read) = (shown_tab == Some(now), listed.with(|listed| listed.is_read() && listed.tab == now));
            shown.set_value((Some(now), is_read));
            // What is being picked must not move either, although no finger is on it between two taps.
            let touched = self.hold.get() != Hold::default() || self.picking.get();
            let held = touched && before == Some(asked) && same && was_read;
            over.track();
            urgent.track();
            let known = if same { self.board.get_untracked() } else { Board::default() };
            let time = clock.get_untracked();
            let doing = |id| decisions.of(id).map(|decision| decision.verdict.doing());
            let board = listed.with(|listed| {
                // The list may still be the other tab's for a moment.
                if listed.tab != now {
                    return Board::default();
                }
                let here = |approval: &Approval| listed.has(approval, time);
                known.after(&News {
                    rows: listed.rows(),
                    complete: listed.complete,
                    now: time,
                    here: &here,
                    doing: &doing,
                    held,
                    selected,
                    order: asked.1,
                })
            });
            self.show(board, &finding.get_untracked());
            asked
        });
        effect_again(move |again| {
            over.track();
            if again {
                waiting.changed();
            }
        });
    }

    /// Shows a board: lines that stay are told what has changed in them.
    fn show(self, board: Board, finding: &Finding) {
        if self.board.with_untracked(|shown| shown.is_same(&board)) {
            return;
        }
        let selected = self.selected_now();
        self.lines.update_value(|lines| {
            let listed: HashSet<Uuid> = board.entries.iter().map(Entry::id).collect();
            lines.retain(|id, _| listed.contains(id));
            for entry in &board.entries {
                match lines.get(&entry.id()) {
                    Some(line) if line.entry.with_untracked(|shown| shown.is_same(entry)) => {}
                    Some(line) => line.entry.set(entry.clone()),
                    None => {
                        let line = Line {
                            entry: ArcRwSignal::new(entry.clone()),
                            found: ArcRwSignal::new(finding.finds(entry)),
                            current: ArcRwSignal::new(selected == Some(entry.id())),
                            picked: ArcRwSignal::new(false),
                        };
                        lines.insert(entry.id(), line);
                    }
                }
            }
        });
        self.board.set(board);
    }

    /// Marks the line that is looked at, and no other.
    fn mark_selected(self) {
        effect_after(move |before: Option<Option<Uuid>>| {
            let selected = self.selected();
            for (id, current) in [(before.flatten(), false), (selected, true)] {
                if let Some(line) = id.and_then(|id| self.line(id))
                    && line.current.get_untracked() != current
                {
                    line.current.set(current);
                }
            }
            selected
        });
    }

    /// Hides the lines that search and filter do not leave.
    fn hide(self, finding: Memo<Finding>) {
        effect(move || {
            let finding = finding.get();
            self.board.track();
            self.lines.with_value(|lines| {
                for line in lines.values() {
                    let found = line.entry.with_untracked(|entry| finding.finds(entry));
                    if line.found.get_untracked() != found {
                        line.found.set(found);
                    }
                }
            });
        });
    }
}

fn going() -> Callback<(Place, bool)> {
    let org = Org::here();
    let navigate = use_navigate();
    Callback::new(move |(place, replace): (Place, bool)| {
        let to = format!("/{}/inbox{}", org.slug.get_untracked(), place.query(encoded));
        navigate(&to, NavigateOptions { replace, scroll: false, ..NavigateOptions::default() });
    })
}

/// Whether list and request stand side by side; the same bound as in the style sheets.
pub(super) fn is_wide() -> bool {
    window().match_media("(min-width: 721px)").ok().flatten().is_some_and(|media| media.matches())
}
