//! Picking requests in the list: by X and Shift, by checkbox, and by a finger that stays on a row. The bar that decides the
//! picked ones is loaded when it is first shown (`bulk`).

use gloo_timers::callback::Timeout;
use js_sys::Reflect;
use leptos::prelude::*;
use uuid::Uuid;
use wasm_bindgen::JsCast;
use web_sys::{Element, HtmlElement, MouseEvent, PointerEvent};

use super::{board::Entry, picked::Picked, room::Room, row};
use crate::{
    reactive::{effect, effect_after, memo},
    shell::Shortcuts,
};

/// How long a finger stays on a row until it picks it, in milliseconds.
const LONG_MS: u32 = 450;
/// How far it may move meanwhile, in CSS pixels: further is scrolling.
const STILL: i32 = 10;

impl Room {
    /// Picks a request, or does not pick it any more; with `range` everything from the last one on. Only what waits for a
    /// decision of who looks can be picked.
    pub fn pick(self, id: Uuid, range: bool) {
        if !self.may_pick(id) {
            return;
        }
        let listed: Vec<Uuid> =
            self.visible.with_untracked(|visible| visible.iter().copied().filter(|id| self.may_pick(*id)).collect());
        self.picked.update(|picked| if range { picked.extend(&listed, id) } else { picked.toggle(id) });
    }

    /// Picks nothing any more. The focus, where a button had it that is gone, goes to the list.
    pub fn pick_none(self) {
        self.picked.update(|picked| *picked = Picked::default());
        focus_list();
    }

    /// The rows that are picked, in the order of the list.
    pub fn picked_rows(self) -> Vec<Entry> {
        self.picked.with(|picked| {
            self.board.with(|board| board.entries.iter().filter(|entry| picked.has(entry.id())).cloned().collect())
        })
    }

    fn may_pick(self, id: Uuid) -> bool {
        self.line(id).is_some_and(|line| line.entry.with_untracked(Entry::is_to_do))
    }

    /// Tells the rows whether they are picked, and forgets those that left or were decided.
    pub(super) fn mark_picked(self) {
        effect(move || {
            self.board.track();
            let mut picked = self.picked.get_untracked();
            picked.retain(|id| self.may_pick(id));
            if self.picked.with_untracked(|before| *before != picked) {
                self.picked.set(picked);
            }
        });
        let ids = memo(move || {
            self.picked.with(|picked| {
                self.board
                    .with(|board| board.entries.iter().map(Entry::id).filter(|id| picked.has(*id)).collect::<Vec<_>>())
            })
        });
        effect_after(move |before: Option<Vec<Uuid>>| {
            let (before, now) = (before.unwrap_or_default(), ids.get());
            for (ids, picked) in [(&before, false), (&now, true)] {
                for id in ids {
                    let changed = picked || !now.contains(id);
                    if let Some(line) = self.line(*id).filter(|line| changed && line.picked.get_untracked() != picked) {
                        line.picked.set(picked);
                    }
                }
            }
            now
        });
    }
}

/// The keys of the list.
pub(super) fn keys(room: Room) {
    let shortcuts = Shortcuts::here();
    let step = move |by| {
        let range = is_range();
        let from = room.selected_now().filter(|_| range && room.picked.with_untracked(|picked| picked.count() == 0));
        // The address says only later where one has gone.
        let to = room.step(by).filter(|_| range);
        from.into_iter().for_each(|id| room.pick(id, false));
        to.into_iter().for_each(|id| room.pick(id, true));
    };
    shortcuts.register("j", "Next request", move || step(1));
    shortcuts.register("k", "Previous request", move || step(-1));
    shortcuts.register("x", "Select the request; with Shift, all from the last one", move || {
        focused().or(room.selected_now()).into_iter().for_each(|id| room.pick(id, is_range()));
    });
}

/// Whether the event that is handled has Shift with it.
pub(super) fn is_range() -> bool {
    let event = Reflect::get(&window(), &"event".into()).unwrap_or_default();
    event.is_object() && Reflect::get(&event, &"shiftKey".into()).is_ok_and(|shift| shift.is_truthy())
}

/// The request whose row has the focus.
fn focused() -> Option<Uuid> {
    document().active_element().and_then(|element| row::request_of(&element))
}

/// Where the focus goes from a button of the header that is gone.
pub(super) fn focus_list() {
    let list = document().get_element_by_id("requests").and_then(|list| list.dyn_into::<HtmlElement>().ok());
    if let Some(list) = list {
        let _ = list.focus();
    }
}

/// A finger that stays on a row picks it. Copied freely.
#[derive(Clone, Copy)]
pub(super) struct LongPress {
    room: Room,
    /// Where the finger came down, and when that is long enough.
    waits: StoredValue<Option<Wait>, LocalStorage>,
}

struct Wait {
    id: Uuid,
    at: (i32, i32),
    _timer: Timeout,
}

impl LongPress {
    pub fn new(room: Room) -> Self {
        Self { room, waits: StoredValue::new_local(None) }
    }

    /// A finger comes down.
    pub fn down(self, event: &PointerEvent) {
        self.room.picked_long.set_value(false);
        let row = event.target().and_then(|target| target.dyn_into::<Element>().ok()?.closest(".row").ok()?);
        let id = row.filter(|_| event.pointer_type() == "touch").and_then(|row| row::request_of(&row));
        let wait = id.map(|id| Wait {
            id,
            at: (event.client_x(), event.client_y()),
            _timer: Timeout::new(LONG_MS, move || {
                self.pick();
            }),
        });
        self.waits.set_value(wait);
    }

    /// It moves.
    pub fn moved(self, event: &PointerEvent) {
        let far = |at: i32, from: i32| (at - from).abs() > STILL;
        let scrolls = self.waits.with_value(|waits| {
            waits.as_ref().is_some_and(|wait| far(event.client_x(), wait.at.0) || far(event.client_y(), wait.at.1))
        });
        if scrolls {
            self.up();
        }
    }

    /// It is lifted, or the browser scrolls with it.
    pub fn up(self) {
        self.waits.try_update_value(|waits| *waits = None);
    }

    /// The browser would show its menu: it has waited for as long as we.
    pub fn menu(self, event: &MouseEvent) {
        if self.pick() || self.room.picked_long.get_value() {
            event.prevent_default();
        }
    }

    fn pick(self) -> bool {
        let Some(wait) = self.waits.try_update_value(Option::take).flatten() else { return false };
        self.room.picked_long.set_value(true);
        self.room.pick(wait.id, false);
        true
    }
}
