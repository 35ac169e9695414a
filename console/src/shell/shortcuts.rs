//! Keys that do what buttons do. A page registers its keys while it is shown; help lists them. They
//! are off while somebody types, while a dialog is open, and for who turned them off (WCAG 2.1.4).
//!
//! A letter that does nothing may begin a word that somebody believes to be typing into a field: the letters that
//! follow it do nothing either (`components::presses`).

use leptos::{ev::KeyboardEvent, prelude::*};
use wasm_bindgen::JsCast;
use web_sys::{Element, Event};

use super::storage;
use crate::{
    components::{Fresh, Presses},
    reactive::RwSignal,
};

/// One key.
#[derive(Clone, Copy)]
pub struct Shortcut {
    /// The key, as `KeyboardEvent.key` has it, small.
    pub key: &'static str,
    /// What it does, for help.
    pub does: &'static str,
    act: Callback<(), bool>,
    decides: bool,
    fresh: Option<Fresh>,
    id: u64,
}

/// The keys that do something now.
#[derive(Clone, Copy)]
pub struct Shortcuts {
    /// In the order they were registered.
    pub known: RwSignal<Vec<Shortcut>>,
    /// Whether they are on, in this browser.
    pub on: RwSignal<bool>,
    next: StoredValue<u64>,
    presses: Presses,
    /// The key that was pressed last outside of a field: while it is held, it does nothing in one.
    held: StoredValue<String>,
}

impl Shortcuts {
    /// Listens, for everything underneath.
    pub fn provide() {
        let shortcuts = Self {
            known: RwSignal::new(Vec::new()),
            on: RwSignal::new(storage::get("shortcuts").as_deref() != Some("off")),
            next: StoredValue::new(0),
            presses: Presses::here(),
            held: StoredValue::new(String::new()),
        };
        provide_context(shortcuts);
        let listener = window_event_listener(leptos::ev::keydown, move |event| shortcuts.heard(&event));
        on_cleanup(move || listener.remove());
    }

    /// The keys of the application.
    pub fn here() -> Self {
        expect_context()
    }

    /// Registers a key for as long as the calling component is shown. The newest holder of a key has it.
    pub fn register(self, key: &'static str, does: &'static str, act: impl Fn() + Send + Sync + 'static) {
        let act = Callback::new(move |()| {
            act();
            true
        });
        self.add(Shortcut { key, does, act, decides: false, fresh: None, id: 0 });
    }

    /// Registers a key that decides something, as [`Self::register`]. It does nothing when the same key has just
    /// decided something else, nor before what it decides is open. `act` says whether it did something.
    pub fn register_decision(
        self,
        key: &'static str,
        does: &'static str,
        fresh: Option<Fresh>,
        act: impl Fn() -> bool + Send + Sync + 'static,
    ) {
        self.add(Shortcut { key, does, act: Callback::new(move |()| act()), decides: true, fresh, id: 0 });
    }

    /// Turns them on or off, in this browser.
    pub fn turn(self, on: bool) {
        storage::set("shortcuts", (!on).then_some("off"));
        self.on.set(on);
    }

    fn add(self, shortcut: Shortcut) {
        self.next.update_value(|id| *id += 1);
        let id = self.next.get_value();
        self.known.update(|known| known.push(Shortcut { id, ..shortcut }));
        on_cleanup(move || {
            self.known.try_update(|known| known.retain(|shortcut| shortcut.id != id));
        });
    }

    fn heard(self, event: &KeyboardEvent) {
        let (key, typing) = (event.key().to_ascii_lowercase(), is_in_field(event));
        if event.repeat() {
            // It was pressed before the field or the dialog was there.
            if typing && self.held.with_value(|held| *held == key) {
                event.prevent_default();
            }
            return;
        }
        self.held.set_value(if typing { String::new() } else { key.clone() });
        let modified = event.ctrl_key() || event.meta_key() || event.alt_key();
        let is_letter = key.chars().count() == 1 && key != " ";
        if !self.on.get_untracked() || modified || typing || !is_letter || event.default_prevented() {
            return;
        }
        // Who steps on faster than letters come to rest would never get on if that lengthened the rest.
        let steps_on = self.presses.is_quiet() && self.find(&key).is_some_and(|shortcut| !shortcut.decides);
        if !self.pressed(&key, event) && !steps_on {
            self.presses.ignored();
        }
    }

    fn find(self, key: &str) -> Option<Shortcut> {
        self.known.with_untracked(|known| known.iter().rev().find(|shortcut| shortcut.key == key).copied())
    }

    /// Does what a letter is for, and says whether that was something.
    fn pressed(self, key: &str, event: &KeyboardEvent) -> bool {
        if self.presses.is_quiet() || is_asked() {
            return false;
        }
        let Some(shortcut) = self.find(key) else { return false };
        event.prevent_default();
        if let Some(fresh) = shortcut.fresh.filter(|fresh| !fresh.is_open()) {
            fresh.refuse();
            return false;
        }
        let rests = shortcut.decides && self.presses.rests(key);
        let did = !rests && shortcut.act.run(());
        if did {
            if shortcut.decides {
                self.presses.acted(shortcut.key);
            }
            self.presses.anew();
        }
        did
    }
}

/// Somebody types into a field. Nobody types into a box to be ticked.
fn is_in_field(event: &Event) -> bool {
    let target = event.target().and_then(|target| target.dyn_into::<Element>().ok());
    let fields = "input:not([type=checkbox],[type=radio]), textarea, select";
    target.is_some_and(|element| element.matches(fields).unwrap_or(true))
}

/// A dialog waits for an answer.
fn is_asked() -> bool {
    document().query_selector("dialog[open]").ok().flatten().is_some()
}
