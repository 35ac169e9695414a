//! `/:org/inbox`: what waits on the left, the request that is looked at on the right; on narrow screens
//! one after the other.
//!
//! `order`, `board` and `place` are what can be known without a browser; `room` is what the parts share;
//! `list`, `row` and `empty` are what is seen. The request itself is `pages::request`.

mod board;
mod empty;
mod list;
mod order;
mod place;
mod room;
mod row;

use domain::Right;
use leptos::{html, prelude::*};
use wasm_bindgen::JsCast;
use web_sys::HtmlElement;

use self::{list::Requests, order::Group, place::Tab, room::Room};
use super::request::Request;
use crate::{
    components::{Icon, Shape},
    decide::Decisions,
    shell::{Needs, Org, Shortcuts, title},
    show::words::Words,
};

#[component]
pub(crate) fn Inbox() -> impl IntoView {
    view! {
        <Needs
            right=Right::ReadApprovals
            page="Inbox"
            cannot="You may not see requests here"
            about="The inbox shows the calls of agents that wait for a person to decide, and what became of earlier ones."
        >
            <Rooms />
        </Needs>
    }
}

#[component]
fn Rooms() -> impl IntoView {
    let org = Org::here();
    let room = Room::provide();
    title(move || match room.waiting.get() {
        0 => Words::of("Inbox · {}", &[&org.slug.get()]),
        count => Words::of("({}) Inbox · {}", &[&count.to_string(), &org.slug.get()]),
    });
    keys(room);
    follow_decisions(room);
    choose_first(room);
    let narrow = move || if room.selected().is_some() { "inbox looking" } else { "inbox" };
    view! {
        <main class=narrow>
            <Requests />
            <Looked />
        </main>
    }
}

fn keys(room: Room) {
    let shortcuts = Shortcuts::here();
    shortcuts.register("j", "Next request", move || room.step(1));
    shortcuts.register("k", "Previous request", move || room.step(-1));
}

/// After a decision the next request comes, after one that was taken back that one again.
fn follow_decisions(room: Room) {
    let decisions = Decisions::here();
    Effect::new(move |before: Option<()>| {
        let taken = decisions.taken.get();
        if let (Some(()), Some(id)) = (before, taken)
            && room.place.with_untracked(|place| place.selected == Some(id))
        {
            room.go_on_after(id);
        }
    });
    Effect::new(move |before: Option<()>| {
        let undone = decisions.undone.get();
        if let (Some(()), Some(id)) = (before, undone)
            && room.board.with_untracked(|board| board.entries.iter().any(|entry| entry.id() == id))
        {
            room.look_at(Some(id), true);
        }
    });
}

/// Where there is room for both, the first request is looked at without being asked for.
fn choose_first(room: Room) {
    let chosen = StoredValue::new(None::<Tab>);
    Effect::new(move |_| {
        let tab = room.place.with(|place| place.tab);
        // The list may still be the other tab's for a moment.
        let first = room.visible.with(|list| list.first().copied()).filter(|first| {
            let entry = room.entry(*first);
            entry.is_some_and(|entry| (entry.group == Group::Decided) == (tab == Tab::Decided))
        });
        if chosen.get_value() == Some(tab) || first.is_none() || !is_wide() {
            return;
        }
        chosen.set_value(Some(tab));
        if room.place.with_untracked(|place| place.selected.is_none()) {
            room.go(|place| place.selected = first, true);
        }
    });
}

/// The request that is looked at.
#[component]
fn Looked() -> impl IntoView {
    let room = Room::here();
    let pane = NodeRef::<html::Section>::new();
    let selected = Memo::new(move |_| room.selected());
    Effect::new(move |_| {
        selected.track();
        if let Some(pane) = pane.get() {
            pane.set_scroll_top(0);
        }
    });
    let back = move |_| {
        let looked_at = selected.get_untracked();
        room.look_at(None, false);
        // Once the list is shown again.
        request_animation_frame(move || {
            let row = looked_at.and_then(|id| document().get_element_by_id(&row::element_id(id)));
            if let Some(row) = row.and_then(|row| row.dyn_into::<HtmlElement>().ok()) {
                let _ = row.focus();
            }
        });
    };
    view! {
        <section class="pane" aria-label="The request" node_ref=pane>
            <button type="button" class="btn quiet back" on:click=back>
                <Icon shape=Shape::Back />
                "All requests"
            </button>
            {move || match selected.get() {
                Some(id) => view! {
                    <Request
                        id
                        wants_focus=room.wants_focus
                        on_news=Callback::new(move |words| {
                            room.fates.update(|fates| {
                                fates.insert(id, words);
                            });
                        })
                    />
                }
                    .into_any(),
                None if room.visible.with(Vec::is_empty) => ().into_any(),
                None => view! { <p class="nothing quiet">"Choose a request to look at."</p> }.into_any(),
            }}
        </section>
    }
}

/// Whether list and request stand side by side; the same bound as in `inbox.css`.
pub(super) fn is_wide() -> bool {
    window().match_media("(min-width: 901px)").ok().flatten().is_some_and(|media| media.matches())
}
