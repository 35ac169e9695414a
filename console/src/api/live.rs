//! The event stream of an org: pages that show approvals, calls or connections follow a counter and
//! read again when it moves. The stream carries ids and summaries only, so nothing is shown that a
//! page did not ask for.

use api_types::event::name;
use gloo_timers::callback::{Interval, Timeout};
use leptos::prelude::*;
use wasm_bindgen::{JsCast, closure::Closure};
use web_sys::{EventSource, MessageEvent, VisibilityState};

use super::{Api, of_org};

/// How often a page that nobody looks at reads again, in milliseconds.
const HIDDEN_MS: u32 = 60_000;

/// How a console hears of what happens.
#[derive(Clone, Copy)]
pub struct Live {
    /// Moves when an approval was opened or has changed.
    pub approvals: RwSignal<u64>,
    /// Moves when a call has finished; at most once a second.
    pub calls: RwSignal<u64>,
    /// Moves when a connection has changed.
    pub connections: RwSignal<u64>,
    /// Whether the stream is open. Before it was for the first time: true, to not cry early.
    pub connected: RwSignal<bool>,
    api: Api,
    stream: StoredValue<Option<Stream>, LocalStorage>,
    /// Instead of the stream, while nobody looks.
    hidden: StoredValue<Option<Interval>, LocalStorage>,
}

/// An open stream and what it calls; dropping it closes it.
struct Stream {
    source: EventSource,
    _listeners: Vec<Closure<dyn FnMut(MessageEvent)>>,
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.source.set_onopen(None);
        self.source.set_onerror(None);
        self.source.close();
    }
}

impl Live {
    /// Follows the org, for everything underneath, for as long as the caller's page is shown. `None`: there
    /// is nothing that one may follow.
    pub fn provide(org: Memo<Option<String>>) -> Self {
        let live = Self {
            approvals: RwSignal::new(0),
            calls: RwSignal::new(0),
            connections: RwSignal::new(0),
            connected: RwSignal::new(true),
            api: Api::here(),
            stream: StoredValue::new_local(None),
            hidden: StoredValue::new_local(None),
        };
        provide_context(live);
        let visible = visibility();
        Effect::new(move |before: Option<()>| match (org.get(), visible.get()) {
            (Some(org), true) => {
                live.open(org, 1);
                // What happened while nobody looked.
                if before.is_some() {
                    live.resync();
                }
            }
            // A browser has six connections to a host: pages that nobody looks at must not take them all. What
            // their titles say is at most a minute old.
            (Some(_), false) => {
                live.stream.set_value(None);
                live.hidden.set_value(Some(Interval::new(HIDDEN_MS, move || live.resync())));
            }
            (None, _) => {
                live.stream.set_value(None);
                live.connected.set(true);
            }
        });
        on_cleanup(move || {
            live.stream.set_value(None);
            live.hidden.set_value(None);
        });
        live
    }

    /// The stream of the org that is shown.
    pub fn here() -> Self {
        expect_context()
    }

    /// Everything may have changed.
    pub fn resync(self) {
        for counter in [self.approvals, self.calls, self.connections] {
            counter.try_update(|n| *n += 1);
        }
    }

    fn open(self, org: String, attempt: u32) {
        self.hidden.set_value(None);
        let Ok(source) = EventSource::new(&format!("/api/v1{}", of_org(&org, "/events"))) else { return };
        let mut listeners = Vec::new();
        let mut listen = |event: &str, heard: Box<dyn FnMut(MessageEvent)>| {
            let listener = Closure::wrap(heard);
            // Only a wrong event target could refuse it.
            let _ = source.add_event_listener_with_callback(event, listener.as_ref().unchecked_ref());
            listeners.push(listener);
        };
        let bump = |counter: RwSignal<u64>| {
            Box::new(move |_| {
                counter.try_update(|n| *n += 1);
            })
        };
        listen(name::APPROVAL_OPENED, bump(self.approvals));
        listen(name::APPROVAL_CHANGED, bump(self.approvals));
        listen(name::CONNECTION_CHANGED, bump(self.connections));
        listen(name::RESYNC, Box::new(move |_| self.resync()));
        let resting = StoredValue::new_local(None::<Timeout>);
        let rested = move || {
            resting.try_set_value(None);
            self.calls.try_update(|n| *n += 1);
        };
        listen(
            name::CALL_FINISHED,
            Box::new(move |_| {
                if resting.try_with_value(Option::is_none) == Some(true) {
                    resting.try_set_value(Some(Timeout::new(1_000, rested)));
                }
            }),
        );
        // Opened again: what happened meanwhile was heard only if the server still knows our place,
        // and a new server does not. To read once more costs little.
        listen(
            "open",
            Box::new(move |_| {
                let lost = self.connected.try_get_untracked() == Some(false);
                self.connected.try_set(true);
                if lost {
                    self.resync();
                }
            }),
        );
        listen("error", Box::new(move |event| self.lost(&event, org.clone(), attempt)));
        self.stream.set_value(Some(Stream { source, _listeners: listeners }));
    }

    /// The browser connects again by itself after a broken connection, not after an error answer.
    fn lost(self, event: &MessageEvent, org: String, attempt: u32) {
        self.connected.try_set(false);
        let source = event.target().and_then(|target| target.dyn_into::<EventSource>().ok());
        if source.is_some_and(|source| source.ready_state() == EventSource::CLOSED) {
            // Refused: one's rights may have ended.
            self.api.look_again();
            let pause = (attempt * 1_000).min(10_000);
            Timeout::new(pause, move || {
                // The page may show another org by now, or none.
                let still = self.stream.try_with_value(|stream| stream.as_ref().is_some_and(Stream::is_closed));
                if still == Some(true) {
                    self.open(org, attempt + 1);
                }
            })
            .forget();
        }
    }
}

impl Stream {
    fn is_closed(&self) -> bool {
        self.source.ready_state() == EventSource::CLOSED
    }
}

/// Whether somebody can see the page.
fn visibility() -> Memo<bool> {
    let seen = || document().visibility_state() != VisibilityState::Hidden;
    let visible = RwSignal::new(seen());
    let changed = window_event_listener_untyped("visibilitychange", move |_| {
        visible.try_set(seen());
    });
    on_cleanup(move || changed.remove());
    Memo::new(move |_| visible.get())
}
