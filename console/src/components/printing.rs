//! Whether the page is being printed: paper has no buttons, so what is folded is open there.

use leptos::prelude::*;

use crate::reactive::RwSignal;

/// Moves when the browser begins to print, and when it has.
#[derive(Clone, Copy)]
pub struct Printing(RwSignal<bool>);

impl Printing {
    /// Listens, for everything underneath, as long as the application runs.
    pub fn provide() {
        let printing = RwSignal::new(false);
        for (event, now) in [("beforeprint", true), ("afterprint", false)] {
            let listener = window_event_listener_untyped(event, move |_| printing.set(now));
            on_cleanup(move || listener.remove());
        }
        provide_context(Self(printing));
    }

    /// The signal.
    pub fn here() -> RwSignal<bool> {
        expect_context::<Self>().0
    }
}
