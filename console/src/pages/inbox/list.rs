//! The list: its header and the rows under their headings. It never moves under the pointer.

use leptos::prelude::*;
use uuid::Uuid;
use wasm_bindgen::JsCast;
use web_sys::Element;

use super::{empty::empty, header::Header, order::Group, place::Tab, room::Room, row::Row};
use crate::{
    components::{Button, Failed, Late, Show},
    reactive::{memo, varying},
    shell::Shortcuts,
};

/// The keys that are named under the list.
const KEYS: [(&[&str], &str); 3] = [(&["J", "K"], "move"), (&["A"], "approve"), (&["R"], "reject")];

/// The left side.
#[component]
pub(super) fn Requests() -> impl IntoView {
    let room = Room::here();
    let pages = room.reading.pages;
    let retry = Callback::new(move |()| pages.again());
    view! {
        <section
            class="list"
            aria-label="Requests"
            on:pointerenter=move |event| room.held(|hold| hold.pointed = event.pointer_type() == "mouse")
            on:pointerleave=move |_| room.held(|hold| hold.pointed = false)
            on:touchstart=move |_| room.held(|hold| hold.touched = true)
            on:touchend=move |_| room.held(|hold| hold.touched = false)
            on:touchcancel=move |_| room.held(|hold| hold.touched = false)
            on:focusin=move |event| room.held(|hold| hold.focused = is_row(event.target()))
            // A window that is left keeps its focused element: nothing may move it until one comes back.
            on:focusout=move |event| {
                let kept = document().active_element().map(Into::into);
                room.held(|hold| hold.focused = is_row(event.related_target().or(kept)));
            }
        >
            <Header />
            {varying(move || pages.failure.get().map(|failure| view! { <Failed failure retry /> }))}
            <Content />
            <Keys />
        </section>
    }
}

fn is_row(element: Option<web_sys::EventTarget>) -> bool {
    element
        .and_then(|element| element.dyn_into::<Element>().ok())
        .is_some_and(|element| element.matches(".row") == Ok(true))
}

/// What the list shows.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Stage {
    /// Nothing was read yet.
    Unread,
    /// It could not be read.
    Failed,
    /// There is nothing in this tab.
    Empty(Tab),
    /// Requests.
    Rows,
}

/// What the list shows just now.
pub(super) fn stage(room: Room) -> Memo<Stage> {
    memo(move || {
        let tab = room.reading.listed.with(|listed| listed.tab);
        match room.board.with(|board| (board.entries.is_empty(), board.complete)) {
            (false, _) => Stage::Rows,
            (true, true) => Stage::Empty(tab),
            (true, false) if room.reading.pages.failure.with(Option::is_some) => Stage::Failed,
            (true, false) => Stage::Unread,
        }
    })
}

#[component]
fn Content() -> impl IntoView {
    let stage = stage(Room::here());
    varying(move || match stage.get() {
        Stage::Failed => ().into_any(),
        Stage::Unread => view! { <Bones /> }.into_any(),
        Stage::Empty(tab) => view! { <Late part=empty(tab) /> }.into_any(),
        Stage::Rows => view! { <Rows /> }.into_any(),
    })
}

/// Rows that are being read, in the shape of rows.
#[component]
fn Bones() -> impl IntoView {
    let bone = |_| {
        view! {
            <div class="row" aria-hidden="true">
                <span><i class="bone w1"></i><i class="bone w3 end"></i></span>
                <span><i class="bone w2"></i></span>
            </div>
        }
    };
    view! {
        <div class="rows skeleton" role="status">
            <span class="sr">"Loading…"</span>
            {(0..8).map(bone).collect_view()}
        </div>
    }
}

/// A heading, or a row under it. Both are keyed in one list: a row that goes to another group stays the same element.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Item {
    Heading(Group, &'static str),
    Row(Uuid),
}

/// Everything in the list in its order. Rows that the search hides are there, but no heading stands over nothing.
fn items(room: Room) -> Vec<Item> {
    let (mut items, mut group, mut last) = (Vec::new(), None, None);
    room.visible.with(|visible| {
        let mut visible = visible.iter().peekable();
        room.board.with(|board| {
            for entry in &board.entries {
                let seen = visible.next_if_eq(&&entry.id()).is_some();
                if group != Some(entry.group) {
                    group = Some(entry.group);
                    last = entry
                        .group
                        .heading(items.is_empty())
                        .map(|words| (items.len(), Item::Heading(entry.group, words)));
                }
                items.push(Item::Row(entry.id()));
                if let (true, Some((at, heading))) = (seen, last) {
                    items.insert(at, heading);
                    last = None;
                }
            }
        });
    });
    items
}

#[component]
fn Rows() -> impl IntoView {
    let room = Room::here();
    let nothing = memo(move || room.visible.with(Vec::is_empty));
    let items = memo(move || items(room));
    let clear = Callback::new(move |()| room.go(|place| place.search.clear(), true));
    view! {
        <div class="rows" id="requests" tabindex="-1">
            <ul>
                <For each=move || items.get() key=|item| *item let:item>
                    {match item {
                        Item::Heading(_, words) => view! { <li class="heading"><h2>{words}</h2></li> }.into_any(),
                        Item::Row(id) => view! { <Row id /> }.into_any(),
                    }}
                </For>
            </ul>
            <Show when=move || nothing.get()>
                <div class="empty">
                    <p>"No requests match your search."</p>
                    <Button on_press=clear>"Clear search"</Button>
                </div>
            </Show>
            <More />
        </div>
    }
}

#[component]
fn More() -> impl IntoView {
    let room = Room::here();
    let pages = room.reading.pages;
    let more = memo(move || room.reading.listed.with(|listed| listed.more));
    let waiting = move || room.place.with(|place| place.tab == Tab::Waiting);
    view! {
        <Show when=move || more.get()>
            <div class="rest">
                {varying(move || {
                    if waiting() {
                        view! { <p class="dimmer">"The list has room for 1,000 requests. Decide some to see the others."</p> }.into_any()
                    } else {
                        view! { <Button busy=pages.reading on_press=Callback::new(move |()| pages.go_on())>"Show more"</Button> }.into_any()
                    }
                })}
            </div>
        </Show>
    }
}

/// The keys that one needs most, where keys do something; help has all of them.
#[component]
fn Keys() -> impl IntoView {
    let on = Shortcuts::here().on;
    view! {
        <Show when=move || on.get()>
            <div class="keys wide-only" aria-hidden="true">
                {KEYS
                    .map(|(keys, does)| {
                        view! { <span>{keys.iter().map(|key| view! { <kbd>{*key}</kbd> }).collect_view()}" "{does}</span> }
                    })
                    .into_iter()
                    .collect_view()}
            </div>
        </Show>
    }
}
