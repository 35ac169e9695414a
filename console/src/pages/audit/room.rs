//! What the parts of the page share, and how one moves between its records.

use leptos::prelude::*;
use uuid::Uuid;
use wasm_bindgen::JsCast;
use web_sys::HtmlElement;

use super::{results::Results, rows::element_id, search::Search};
use crate::{
    reactive::{Memo, RwSignal, effect, memo},
    shell::Shortcuts,
};

/// The name of the element at the side.
pub(super) const SIDE: &str = "record";

/// The page.
#[derive(Clone, Copy)]
pub(super) struct Room {
    pub search: Search,
    pub results: Results,
    /// Whether a record has room beside the list. Where it has none, one that is selected covers the list.
    wide: Memo<bool>,
    /// Whether the focus is to go to the record at the side, once that is there.
    pub wants_focus: RwSignal<bool>,
}

impl Room {
    /// Reads the address and the list.
    pub(super) fn new() -> Self {
        let search = Search::provide();
        let room = Self { search, results: Results::new(search), wide: wide(), wants_focus: RwSignal::new(false) };
        room.mark();
        let shortcuts = Shortcuts::here();
        shortcuts.register("j", "Next record", move || room.step(true));
        shortcuts.register("k", "Previous record", move || room.step(false));
        room
    }

    /// Shows a record: at the side, or on its own page. By a key, the focus goes to it.
    pub(super) fn look_at(self, id: Uuid, by_key: bool) {
        if !self.wide.get_untracked() {
            return self.search.open(id, false);
        }
        self.search.select(Some(id));
        self.wants_focus.set(by_key);
    }

    /// Closes the side; the focus goes back to the row.
    pub(super) fn close(self) {
        let id = self.search.selected.get_untracked();
        self.search.select(None);
        if let Some(id) = id {
            focus(&element_id(id));
        }
    }

    /// To the next record or the one before: the focus goes there, and so does the side.
    fn step(self, forward: bool) {
        let shown = self.search.selected.get_untracked();
        let to = self.results.beside(shown.or_else(focused), forward);
        if let Some(to) = to {
            focus(&element_id(to));
            if shown.is_some() {
                self.search.select(Some(to));
            }
        }
    }

    /// Marks the row whose record is at the side.
    fn mark(self) {
        let marked = StoredValue::new(None::<ArcRwSignal<bool>>);
        effect(move || {
            let id = self.search.selected.get();
            let now = self.results.roll.with(|roll| {
                let entry = roll.as_ref()?.find(id?)?;
                Some(entry.current.clone())
            });
            if let Some(before) = marked.get_value() {
                before.set(false);
            }
            if let Some(now) = &now {
                now.set(true);
            }
            marked.set_value(now);
        });
    }
}

/// Brings the focus to an element.
pub(super) fn focus(id: &str) {
    let element = document().get_element_by_id(id).and_then(|element| element.dyn_into::<HtmlElement>().ok());
    if let Some(element) = element {
        // What cannot take the focus leaves it where it is.
        let _ = element.focus();
    }
}

/// The record whose row has the focus.
fn focused() -> Option<Uuid> {
    document().active_element()?.id().strip_prefix("record-")?.parse().ok()
}

/// Whether the window is wide enough for a record beside the list (`styles/phone.css` has the same width).
fn wide() -> Memo<bool> {
    let is = || window().match_media("(min-width: 1101px)").ok().flatten().is_some_and(|media| media.matches());
    let wide = RwSignal::new(is());
    let resized = window_event_listener_untyped("resize", move |_| {
        wide.try_set(is());
    });
    on_cleanup(move || resized.remove());
    memo(move || wide.get())
}
