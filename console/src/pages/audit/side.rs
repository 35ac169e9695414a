//! The record beside the list.

use std::sync::Arc;

use api_types::AuditRecordDetail;
use leptos::{ev::KeyboardEvent, html, prelude::*};

use super::{
    detail::{Detail, Head, read},
    room::{Room, SIDE, focus},
};
use crate::{
    components::{EmptyState, Failed, Icon, Shape, Skeleton},
    reactive::{RwSignal, effect, memo, varying},
};

/// The record that is selected. The one before it stays until it is read, so that stepping through the list does not
/// flicker.
#[component]
pub(super) fn Side(room: Room) -> impl IntoView {
    let selected = room.search.selected;
    let read = read(move || selected.get().map(|id| id.to_string()));
    let shown = RwSignal::new(None::<Arc<AuditRecordDetail>>);
    effect(move || {
        if let Some(detail) = read.value.get() {
            shown.set(Some(detail));
        } else if read.failure.with(Option::is_some) {
            shown.set(None);
        }
    });
    let old = memo(move || shown.with(|shown| shown.as_ref().map(|shown| shown.record.id)) != selected.get());
    let side = NodeRef::<html::Aside>::new();
    effect(move || {
        if room.wants_focus.get() && side.get().is_some() {
            focus(SIDE);
            room.wants_focus.set(false);
        }
    });
    let retry = Callback::new(move |()| read.again());
    let press = move |event: KeyboardEvent| {
        if event.key() == "Escape" {
            room.close();
        }
    };
    view! {
        <aside node_ref=side class="side" id=SIDE tabindex="-1" aria-label="Record" aria-busy=varying(move || old.get().to_string()) on:keydown=press>
            <div class="line">
                {varying(move || shown.get().map(|detail| view! { <Head record=detail.record.clone() beside=true /> }))}
                <button type="button" class="btn plain icon end" aria-label="Close" on:click=move |_| room.close()>
                    <Icon shape=Shape::Cross />
                </button>
            </div>
            {varying(move || {
                let failure = read.failure.get()?;
                Some(match failure.code() {
                    Some("not_found") => view! { <NoRecord whole=false /> }.into_any(),
                    _ => view! { <Failed failure retry /> }.into_any(),
                })
            })}
            <div class=varying(move || if old.get() { "stack old" } else { "stack" })>
                {varying(move || match shown.get() {
                    Some(detail) => view! { <Detail detail /> }.into_any(),
                    None if read.failure.with(Option::is_some) => ().into_any(),
                    None => view! { <Skeleton lines=6 /> }.into_any(),
                })}
            </div>
        </aside>
    }
}

/// There is nothing at the address.
#[component]
pub(super) fn NoRecord(
    /// It is all there is on the page.
    whole: bool,
) -> impl IntoView {
    view! {
        <EmptyState title="No such record" whole>
            <p>"It may belong to another org or be older than what is kept, or the address is wrong."</p>
        </EmptyState>
    }
}
