//! `/:org/inbox`: what waits on the left, the request that is looked at on the right; on narrow screens
//! one after the other.
//!
//! `listed` is what the server has and `board` what is shown of it; they, `order` and `place` are what can be known
//! without a browser. `reading` reads and follows the list, `room` is what the parts share; `list`, `row`, `missing`
//! and `empty` are what is seen. The request itself is `pages::request`.

mod board;
mod empty;
mod list;
mod listed;
mod missing;
mod order;
mod place;
mod reading;
mod room;
mod row;

use std::time::Duration;

use leptos::{html, prelude::*};
use uuid::Uuid;
use wasm_bindgen::JsCast;
use web_sys::HtmlElement;

use self::{
    list::{Requests, Stage},
    place::Tab,
    room::Room,
};
use super::request::Request;
use crate::{
    components::{Icon, Shape, Show},
    decide::{Bar, Decisions},
    reactive::{effect, effect_again, memo, varying},
    shell::{Org, Shortcuts, Waiting, title},
    show::words::Words,
};

#[component]
pub(crate) fn Inbox() -> impl IntoView {
    let org = Org::here();
    let room = Room::provide();
    let waiting = Waiting::here().count;
    title(move || match waiting.get() {
        0 => Words::of("Inbox · {}", &[&org.slug.get()]),
        count => Words::of("({}) Inbox · {}", &[&count.to_string(), &org.slug.get()]),
    });
    keys(room);
    follow_decisions(room);
    choose_first(room);
    bring_into_view(room);
    let stage = list::stage(room);
    let class = move || match (room.selected().is_some(), stage.get()) {
        (true, _) => "inbox looking",
        (false, Stage::Empty(_)) => "inbox bare",
        (false, _) => "inbox",
    };
    view! {
        <main class=class>
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
    decisions.goes_on(move |id| {
        if room.selected_now() == Some(id) {
            room.go_on_after(id, decisions);
        }
    });
    effect_again(move |again| {
        let undone = decisions.undone.get();
        if again
            && let Some(id) = undone
            && room.line(id).is_some()
        {
            room.look_at(Some(id), true);
        }
    });
}

/// Where there is room for both, the first request is looked at without being asked for.
fn choose_first(room: Room) {
    let chosen = StoredValue::new(None::<Tab>);
    effect(move || {
        let tab = room.place.with(|place| place.tab);
        // Not before all of it is there: what ends first may come last.
        let whole = room.reading.listed.with(|listed| listed.complete && listed.tab == tab);
        let first = room.visible.with(|list| list.first().copied()).filter(|_| whole);
        if chosen.get_value() == Some(tab) || first.is_none() || !is_wide() {
            return;
        }
        chosen.set_value(Some(tab));
        if room.place.with_untracked(|place| place.selected.is_none()) {
            room.go(|place| place.selected = first, true);
        }
    });
}

/// The line that is looked at can be seen, however one came to it.
fn bring_into_view(room: Room) {
    let listed = memo(move || {
        let selected = room.selected()?;
        room.board.with(|board| board.entries.iter().any(|entry| entry.id() == selected)).then_some(selected)
    });
    effect(move || {
        let Some(id) = listed.get() else { return };
        // Once a line that has just come is in the page.
        request_animation_frame(move || {
            let options = web_sys::ScrollIntoViewOptions::new();
            options.set_block(web_sys::ScrollLogicalPosition::Nearest);
            if let Some(row) = document().get_element_by_id(&row::element_id(id)) {
                row.scroll_into_view_with_scroll_into_view_options(&options);
            }
        });
    });
}

/// The request whose card stands on the page: the one that is looked at, but that its line is marked is painted before the
/// last card is taken down, which takes long. Nothing is decided on a card that is on its way out (`missing`).
fn shown(room: Room) -> RwSignal<Option<Uuid>> {
    let shown = RwSignal::new(room.selected_now());
    let change = move || {
        // Where one is by now; the page may be left.
        if shown.try_get_untracked().is_some_and(|before| before != room.selected_now()) {
            shown.set(room.selected_now());
        }
    };
    effect(move || {
        room.place.track();
        match shown.get_untracked() {
            None => change(),
            Some(_) => request_animation_frame(move || set_timeout(change, Duration::ZERO)),
        }
    });
    shown
}

/// The request that is looked at.
#[component]
fn Looked() -> impl IntoView {
    let room = Room::here();
    let pane = NodeRef::<html::Section>::new();
    let shown = shown(room);
    let nothing = memo(move || room.visible.with(Vec::is_empty));
    effect(move || {
        let looks = shown.get().is_some();
        if let Some(pane) = pane.get() {
            pane.set_scroll_top(0);
        }
        // On a narrow screen it is the page that scrolls, and the way back stands at its top.
        if looks && !is_wide() {
            window().scroll_to_with_x_and_y(0.0, 0.0);
        }
    });
    let back = move |_| {
        let looked_at = room.selected_now();
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
            {varying(move || match shown.get() {
                Some(id) => view! {
                    <Request
                        id
                        wants_focus=room.wants_focus
                        on_read=Callback::new(move |approval| room.reading.hear(&[approval]))
                        instead_of_actions=missing::notice(room, id)
                    />
                }
                    .into_any(),
                None if nothing.get() => ().into_any(),
                None => view! { <p class="nothing quiet">"Choose a request to look at."</p> }.into_any(),
            })}
            <Show when=move || shown.get().is_some()><Bar /></Show>
        </section>
    }
}

/// Whether list and request stand side by side; the same bound as in `inbox.css`.
pub(super) fn is_wide() -> bool {
    window().match_media("(min-width: 901px)").ok().flatten().is_some_and(|media| media.matches())
}
