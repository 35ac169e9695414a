//! The request beside the list, or over it on a phone.

use std::{collections::HashSet, sync::Arc, time::Duration};

use api_types::Approval;
use leptos::{html, prelude::*};
use uuid::Uuid;
use wasm_bindgen::JsCast;
use web_sys::HtmlElement;

use super::{
    board::Entry,
    missing,
    room::{Room, is_wide},
    row,
    urgency::Urgency,
};
use crate::{
    components::{Clock, Icon, Shape, Show},
    decide::Bar,
    pages::request::Request,
    reactive::{RwSignal, effect, memo, varying},
    show::time,
};

/// The request whose card stands on the page: the one that is looked at, but that its row is marked is painted before the
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
pub(super) fn Sheet() -> impl IntoView {
    let room = Room::here();
    let sheet = NodeRef::<html::Section>::new();
    let shown = shown(room);
    let nothing = memo(move || room.visible.with(Vec::is_empty));
    effect(move || {
        let looks = shown.get().is_some();
        if let Some(sheet) = sheet.get() {
            sheet.set_scroll_top(0);
        }
        // On a narrow screen it is the page that scrolls, and the way back stands at its top.
        if looks && !is_wide() {
            window().scroll_to_with_x_and_y(0.0, 0.0);
        }
    });
    view! {
        <section class="sheet" aria-label="Request" node_ref=sheet>
            <TopBar />
            {varying(move || match shown.get() {
                Some(id) => view! {
                    <Request
                        id
                        wants_focus=room.wants_focus
                        on_read=Callback::new(move |approval: Arc<Approval>| {
                            room.seen.update(|seen| {
                                seen.insert(id, approval.definition_sha256.clone());
                            });
                            room.reading.hear(&[approval]);
                        })
                        instead_of_actions=missing::notice(room, id)
                    />
                }
                    .into_any(),
                None if nothing.get() => ().into_any(),
                None => view! { <p class="empty">"Select a request to see it here."</p> }.into_any(),
            })}
            <Show when=move || shown.get().is_some()><Bar /></Show>
        </section>
    }
}

/// The bar over a request on a phone: back to the list, the time that is left, where in the list it stands, and the next.
#[component]
fn TopBar() -> impl IntoView {
    let (room, clock) = (Room::here(), Clock::here());
    let entry = move || room.selected().and_then(|id| room.board.with(|board| board.find(id).cloned()));
    let left = memo(move || {
        let entry = entry()?;
        let at = entry.approval.expires_at;
        Some(match (entry.doing, entry.approval.status.as_str()) {
            (Some(doing), _) => (doing.to_owned(), Urgency::Later),
            (None, "pending") => (time::left(at, clock.get()), Urgency::of(at, clock.get())),
            (None, "outcome_unknown") => ("Outcome unknown".to_owned(), Urgency::Later),
            _ => ("Decided".to_owned(), Urgency::Later),
        })
    });
    let place = memo(move || {
        let selected = room.selected();
        let waiting: HashSet<Uuid> =
            room.board.with(|board| board.entries.iter().filter(|entry| entry.waits()).map(Entry::id).collect());
        room.visible.with(|visible| {
            let all = visible.iter().filter(|id| waiting.contains(id));
            let at = all.clone().position(|id| Some(*id) == selected)?;
            Some((at + 1, all.count()))
        })
    });
    let last = move || room.visible.with(|visible| visible.last().copied() == room.selected());
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
    let class = move || left.with(|left| left.as_ref().map_or("", |(_, urgency)| urgency.class()));
    view! {
        <div class=varying(move || format!("topbar{}", class()))>
            <button type="button" class="btn plain icon" aria-label="Back to the inbox" on:click=back>
                <Icon shape=Shape::Back />
            </button>
            <b>{varying(move || left.with(|left| left.as_ref().map(|(words, _)| words.clone())))}</b>
            <span class="dim end">{varying(move || place.get().map(|(at, all)| format!("{at} of {all}")))}</span>
            <button
                type="button"
                class="btn plain icon"
                aria-label="Next request"
                aria-disabled=varying(move || last().to_string())
                on:click=move |_| {
                    room.step(1);
                }
            >
                <Icon shape=Shape::Down />
            </button>
        </div>
    }
}
