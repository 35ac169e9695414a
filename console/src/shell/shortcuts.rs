//! Keys that do what buttons do. A page registers its keys while it is shown; help lists them. They
//! are off while somebody types, while a dialog is open, and for who turned them off (WCAG 2.1.4).

use leptos::{ev::KeyboardEvent, prelude::*};
use wasm_bindgen::JsCast;
use web_sys::Element;

use super::storage;

/// One key.
#[derive(Clone, Copy)]
pub struct Shortcut {
    /// The key, as `KeyboardEvent.key` has it, small.
    pub key: &'static str,
    /// What it does, for help.
    pub does: &'static str,
    act: Callback<()>,
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
}

impl Shortcuts {
    /// Listens, for everything underneath.
    pub fn provide() {
        let shortcuts = Self {
            known: RwSignal::new(Vec::new()),
            on: RwSignal::new(storage::get("shortcuts").as_deref() != Some("off")),
            next: StoredValue::new(0),
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
        self.next.update_value(|id| *id += 1);
        let id = self.next.get_value();
        self.known.update(|known| known.push(Shortcut { key, does, act: Callback::new(move |()| act()), id }));
        on_cleanup(move || {
            self.known.try_update(|known| known.retain(|shortcut| shortcut.id != id));
        });
    }

    /// Turns them on or off, in this browser.
    pub fn turn(self, on: bool) {
        storage::set("shortcuts", (!on).then_some("off"));
        self.on.set(on);
    }

    fn heard(self, event: &KeyboardEvent) {
        let modified = event.ctrl_key() || event.meta_key() || event.alt_key();
        if !self.on.get_untracked() || modified || event.repeat() || event.default_prevented() || is_busy(event) {
            return;
        }
        let key = event.key().to_lowercase();
        let found = self.known.with_untracked(|known| known.iter().rev().find(|shortcut| shortcut.key == key).copied());
        if let Some(shortcut) = found {
            event.prevent_default();
            shortcut.act.run(());
        }
    }
}

/// Somebody types, or answers a dialog.
fn is_busy(event: &KeyboardEvent) -> bool {
    let typing = event
        .target()
        .and_then(|target| target.dyn_into::<Element>().ok())
        .is_some_and(|element| matches!(element.tag_name().as_str(), "INPUT" | "TEXTAREA" | "SELECT"));
    typing || document().query_selector("dialog[open]").ok().flatten().is_some()
}
