//! One line of the list: what is asked, how long there is left, and by whom.

use leptos::prelude::*;
use uuid::Uuid;

use super::{board::Entry, is_wide, room::Room};
use crate::{
    api::encoded,
    components::{Badge, Icon, Shape, Time, Tone, Until},
    decide::{Decisions, Phase},
    pages::request::{Said, StatusBadge},
};

/// The name of a line's link in the page.
pub(super) fn element_id(id: Uuid) -> String {
    format!("request-{id}")
}

/// A line.
#[component]
pub(super) fn Row(id: Uuid) -> impl IntoView {
    let room = Room::here();
    let entry = room.entry(id);
    let current = Memo::new(move |_| room.selected() == Some(id));
    let href = move || {
        let mut place = room.place.get();
        place.selected = Some(id);
        place.query(encoded)
    };
    let look = move |event: web_sys::MouseEvent| {
        let elsewhere = event.ctrl_key() || event.meta_key() || event.shift_key() || event.button() != 0;
        if !elsewhere {
            event.prevent_default();
            // Side by side, the list is not a page that one goes back to.
            room.look_at(Some(id), is_wide());
        }
    };
    entry.map(|entry| {
        view! {
            <li>
                <a id=element_id(id) class="entry" href=href aria-current=move || current.get().then_some("true") on:click=look>
                    <Line entry />
                </a>
            </li>
        }
    })
}

#[component]
fn Line(entry: Entry) -> impl IntoView {
    let room = Room::here();
    let approval = entry.approval;
    let (id, status) = (approval.id, approval.status.clone());
    let is_pending = status == "pending";
    let time = if is_pending {
        let gone = Memo::new(move |_| room.is_gone(id));
        let until = approval.expires_at;
        (move || (!gone.get()).then(|| view! { <Until at=until /> })).into_any()
    } else {
        view! { <Time at=approval.decided_at.unwrap_or(approval.created_at) /> }.into_any()
    };
    let destructive = approval.hints.destructive == Some(true) && is_pending;
    let changed = approval.definition_changed && is_pending;
    view! {
        <b><Said text=approval.tool.clone() /></b>
        {time}
        <span class="summary"><Said text=approval.summary.clone().unwrap_or_else(|| "arguments are no longer kept".to_owned()) /></span>
        <span class="meta">
            <span class="from"><Said text=approval.caller_name.clone() />" · "<Said text=approval.toolkit.clone() /></span>
            {destructive.then(|| view! { <Badge tone=Tone::Bad><Icon shape=Shape::Warning />"destructive"</Badge> })}
            {changed.then(|| view! { <Badge tone=Tone::Warn><Icon shape=Shape::Change />"tool changed"</Badge> })}
            {(!is_pending).then(|| view! { <StatusBadge status=status answer=approval.answer.clone() /> })}
            <Progress id />
        </span>
    }
}

/// What happens to the request just now, or has happened while one looked.
#[component]
fn Progress(id: Uuid) -> impl IntoView {
    let room = Room::here();
    let decisions = Decisions::here();
    let words = Memo::new(move |_| {
        if let Some(decision) = decisions.of(id) {
            return Some(match decision.phase {
                Phase::Held(_) => format!("{} …", decision.verdict.doing()),
                Phase::Sending => "Sending …".to_owned(),
            });
        }
        let gone = room.is_gone(id);
        let fate = room.fates.with(|fates| fates.get(&id).cloned());
        gone.then(|| fate.unwrap_or_else(|| "no longer waiting".to_owned()))
    });
    move || words.get().map(|words| view! { <span class="progress"><Badge><Said text=words /></Badge></span> })
}
