//! The event stream of an org. Approvals come with their list row: who shows them keeps rows current by
//! [`Live::on_approvals`] and reads again only when [`Live::resynced`] moves, that is when events may have been
//! missed. Pages that show calls or connections follow a counter.

use std::{collections::HashMap, rc::Rc, sync::Arc};

use api_types::{Approval, event::name};
use gloo_timers::callback::{Interval, Timeout};
use leptos::prelude::*;
use uuid::Uuid;
use wasm_bindgen::{JsCast, closure::Closure};
use web_sys::{EventSource, MessageEvent, VisibilityState};

use super::{Api, of_org};

use crate::reactive::{Memo, RwSignal, effect, memo};

/// How often a page that nobody looks at asks how many requests wait, in milliseconds.
const HIDDEN_MS: u32 = 60_000;
/// How long approvals are gathered before they are told together, in milliseconds: a burst must not keep the page
/// busy with one row at a time.
const GATHER_MS: u32 = 50;
/// The least time between two readings because of events that cannot be read, in milliseconds.
const UNREADABLE_MS: u32 = 1_000;
/// Without a stream, what is shown is read again at the first attempt to open one and after each so many more, which
/// are some ten seconds apart.
const BLIND: u32 = 6;

type Hear = Rc<dyn Fn(&[Arc<Approval>])>;

/// How a console hears of what happens.
#[derive(Clone, Copy)]
pub struct Live {
    /// Moves when events may have been missed: what is shown must be read again.
    pub resynced: RwSignal<u64>,
    /// Moves once a minute while nobody looks at the page.
    pub unseen: RwSignal<u64>,
    /// Moves when a call has finished; at most once a second.
    pub calls: RwSignal<u64>,
    /// Moves when a connection has changed.
    pub connections: RwSignal<u64>,
    /// Whether the stream is open. Before it was for the first time: true, to not cry early.
    pub connected: RwSignal<bool>,
    /// Whether what is read from now on misses nothing that happens after: the stream has been open once, or cannot be
    /// opened now. What is kept current by events is read only then.
    pub followed: RwSignal<bool>,
    listeners: StoredValue<Vec<(u64, Hear)>, LocalStorage>,
    next: StoredValue<u64>,
    gathered: StoredValue<Gathered>,
    gathering: StoredValue<Option<Timeout>, LocalStorage>,
    unreadable: StoredValue<Option<Timeout>, LocalStorage>,
    api: Api,
    stream: StoredValue<Option<Stream>, LocalStorage>,
    /// Instead of the stream, while nobody looks.
    hidden: StoredValue<Option<Interval>, LocalStorage>,
}

/// Approvals that were heard of and not told yet: of each only the newest row, in the order in which they were first
/// heard of. Bounded by how many differ within [`GATHER_MS`].
#[derive(Default)]
struct Gathered {
    rows: Vec<Arc<Approval>>,
    at: HashMap<Uuid, usize>,
}

impl Gathered {
    fn add(&mut self, row: Arc<Approval>) {
        match self.at.get(&row.id).and_then(|at| self.rows.get_mut(*at)) {
            Some(older) => *older = row,
            None => {
                self.at.insert(row.id, self.rows.len());
                self.rows.push(row);
            }
        }
    }
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
        let counter = || RwSignal::new(0);
        let live = Self {
            resynced: counter(),
            unseen: counter(),
            calls: counter(),
            connections: counter(),
            connected: RwSignal::new(true),
            followed: RwSignal::new(false),
            listeners: StoredValue::new_local(Vec::new()),
            next: StoredValue::new(0),
            gathered: StoredValue::new(Gathered::default()),
            gathering: StoredValue::new_local(None),
            unreadable: StoredValue::new_local(None),
            api: Api::here(),
            stream: StoredValue::new_local(None),
            hidden: StoredValue::new_local(None),
        };
        provide_context(live);
        let visible = visibility();
        effect(move || match (org.get(), visible.get()) {
            (Some(org), true) => live.open(org, 1),
            // A browser has six connections to a host: pages that nobody looks at must not take them all. What
            // their titles say is at most a minute old.
            (Some(_), false) => {
                live.stream.set_value(None);
                live.followed.set(true);
                live.hidden.set_value(Some(Interval::new(HIDDEN_MS, move || moved(live.unseen))));
            }
            (None, _) => {
                live.stream.set_value(None);
                live.connected.set(true);
                live.followed.set(true);
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

    /// Tells of approvals that were opened or have changed, for as long as the calling component is shown. Several
    /// come together, each once, as its newest row.
    pub fn on_approvals(self, hear: impl Fn(&[Arc<Approval>]) + 'static) {
        self.next.update_value(|id| *id += 1);
        let id = self.next.get_value();
        self.listeners.update_value(|listeners| listeners.push((id, Rc::new(hear))));
        on_cleanup(move || {
            self.listeners.try_update_value(|listeners| listeners.retain(|(known, _)| *known != id));
        });
    }

    /// Everything may have changed.
    pub fn resync(self) {
        for counter in [self.resynced, self.calls, self.connections] {
            moved(counter);
        }
    }

    fn heard(self, event: &MessageEvent) {
        let row = event.data().as_string().and_then(|text| serde_json::from_str(&text).ok());
        let Some(row) = row else { return self.not_understood() };
        self.gathered.try_update_value(|gathered| gathered.add(Arc::new(row)));
        if self.gathering.try_with_value(Option::is_none) == Some(true) {
            self.gathering.try_set_value(Some(Timeout::new(GATHER_MS, move || self.tell())));
        }
    }

    fn tell(self) {
        self.gathering.try_set_value(None);
        let gathered = self.gathered.try_update_value(std::mem::take).unwrap_or_default();
        // A listener may register another, or end.
        let listeners = self.listeners.try_with_value(Clone::clone).unwrap_or_default();
        for (_, hear) in listeners {
            hear(&gathered.rows);
        }
    }

    /// A server of another version: what it tells must be read.
    fn not_understood(self) {
        if self.unreadable.try_with_value(Option::is_none) == Some(true) {
            let rested = move || {
                self.unreadable.try_set_value(None);
                self.resync();
            };
            self.unreadable.try_set_value(Some(Timeout::new(UNREADABLE_MS, rested)));
        }
    }

    fn open(self, org: String, attempt: u32) {
        self.hidden.set_value(None);
        // Perhaps another org's; what is not told is read once the stream is open.
        self.gathered.set_value(Gathered::default());
        let Ok(source) = EventSource::new(&format!("/api/v1{}", of_org(&org, "/events"))) else { return };
        let mut listeners = Vec::new();
        let mut listen = |event: &str, heard: Box<dyn FnMut(MessageEvent)>| {
            let listener = Closure::wrap(heard);
            // Only a wrong event target could refuse it.
            let _ = source.add_event_listener_with_callback(event, listener.as_ref().unchecked_ref());
            listeners.push(listener);
        };
        listen(name::APPROVAL_OPENED, Box::new(move |event| self.heard(&event)));
        listen(name::APPROVAL_CHANGED, Box::new(move |event| self.heard(&event)));
        listen(name::CONNECTION_CHANGED, Box::new(move |_| moved(self.connections)));
        listen(name::RESYNC, Box::new(move |_| self.resync()));
        let resting = StoredValue::new_local(None::<Timeout>);
        let rested = move || {
            resting.try_set_value(None);
            moved(self.calls);
        };
        listen(
            name::CALL_FINISHED,
            Box::new(move |_| {
                if resting.try_with_value(Option::is_none) == Some(true) {
                    resting.try_set_value(Some(Timeout::new(1_000, rested)));
                }
            }),
        );
        // Opened again, or for another org, or after nobody looked: what happened meanwhile was heard only if the server
        // still knows our place, and what was read before may be older than where the stream begins.
        listen(
            "open",
            Box::new(move |_| {
                self.connected.try_set(true);
                if self.followed.try_get_untracked() == Some(true) {
                    self.resync();
                }
                self.followed.try_set(true);
            }),
        );
        listen("error", Box::new(move |event| self.lost(&event, org.clone(), attempt)));
        self.stream.set_value(Some(Stream { source, _listeners: listeners }));
    }

    /// The browser connects again by itself after a broken connection, not after an error answer.
    fn lost(self, event: &MessageEvent, org: String, attempt: u32) {
        self.connected.try_set(false);
        self.followed.try_set(true);
        let source = event.target().and_then(|target| target.dyn_into::<EventSource>().ok());
        if source.is_some_and(|source| source.ready_state() == EventSource::CLOSED) {
            // Refused: one's rights may have ended.
            self.api.look_again();
            let pause = (attempt * 1_000).min(10_000);
            let spread = (f64::from(pause) / 2.0 * js_sys::Math::random()) as u32;
            Timeout::new(pause + spread, move || {
                // The page may show another org by now, or none.
                let still = self.stream.try_with_value(|stream| stream.as_ref().is_some_and(Stream::is_closed));
                if still == Some(true) {
                    self.open(org, attempt + 1);
                    if attempt % BLIND == 1 {
                        self.resync();
                    }
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

fn moved(counter: RwSignal<u64>) {
    counter.try_update(|n| *n += 1);
}

/// Whether somebody can see the page.
fn visibility() -> Memo<bool> {
    let seen = || document().visibility_state() != VisibilityState::Hidden;
    let visible = RwSignal::new(seen());
    let changed = window_event_listener_untyped("visibilitychange", move |_| {
        visible.try_set(seen());
    });
    on_cleanup(move || changed.remove());
    memo(move || visible.get())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::sample::request;

    #[test]
    fn of_one_approval_only_the_newest_row_is_told_in_the_place_of_the_first() {
        let mut gathered = Gathered::default();
        for row in [request(1, "pending", 1), request(2, "pending", 2), request(1, "approved", 1)] {
            gathered.add(Arc::new(row));
        }
        let told: Vec<_> = gathered.rows.iter().map(|row| (row.id.as_u128(), row.status.as_str())).collect();
        assert_eq!(told, [(1, "approved"), (2, "pending")]);
    }
}
