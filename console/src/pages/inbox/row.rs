//! One line of the list: what is asked, how long there is left, and by whom. It stays the same element while what it
//! shows changes, so that no event takes it away from under a finger or a focus.

use leptos::prelude::*;
use uuid::Uuid;

use super::{
    board::Entry,
    is_wide,
    place::{Place, Tab},
    room::{Line, Room},
};
use crate::{
    api::encoded,
    components::{Badge, Icon, Said, Shape, Time, Tone, Until},
    decide::{Decisions, Fate, Phase},
    pages::request::StatusBadge,
    reactive::memo,
};

/// The name of a line's link in the page.
pub(super) fn element_id(id: Uuid) -> String {
    format!("request-{id}")
}

/// A line.
#[component]
pub(super) fn Row(id: Uuid) -> impl IntoView {
    let room = Room::here();
    let look = move |event: web_sys::MouseEvent| {
        let elsewhere = event.ctrl_key() || event.meta_key() || event.shift_key() || event.button() != 0;
        if !elsewhere {
            event.prevent_default();
            // Side by side, the list is not a page that one goes back to.
            room.look_at(Some(id), is_wide());
        }
    };
    room.line(id).map(|Line { entry, found, current }| {
        // Without the search: five hundred addresses need not change with every letter.
        let tab = if entry.with_untracked(is_decided) { Tab::Decided } else { Tab::Waiting };
        let href = Place { tab, selected: Some(id), ..Place::default() }.query(encoded);
        view! {
            <li hidden=move || !found.get()>
                <a id=element_id(id) class="entry" href=href aria-current=move || current.get().then_some("true") on:click=look>
                    <Shown entry />
                </a>
            </li>
        }
    })
}

fn is_decided(entry: &Entry) -> bool {
    entry.group == super::order::Group::Decided
}

#[component]
fn Shown(entry: ArcRwSignal<Entry>) -> impl IntoView {
    let (tool, summary, caller, toolkit) = entry.with_untracked(|entry| {
        let approval = &entry.approval;
        let summary = approval.summary.clone().unwrap_or_else(|| "arguments are no longer kept".to_owned());
        (approval.tool.clone(), summary, approval.caller_name.clone(), approval.toolkit.clone())
    });
    let (time, badges) = (entry.clone(), entry.clone());
    view! {
        <b><Said text=tool /></b>
        {move || time.with(when)}
        <span class="summary"><Said text=summary /></span>
        <span class="meta">
            <span class="from"><Said text=caller />" · "<Said text=toolkit /></span>
            {move || badges.with(notable)}
            <Progress entry />
        </span>
    }
}

/// How long there is left, or when it was decided.
fn when(entry: &Entry) -> AnyView {
    let approval = &entry.approval;
    match (is_decided(entry), entry.gone) {
        (true, _) => view! { <Time at=approval.decided_at.unwrap_or(approval.created_at) /> }.into_any(),
        (false, true) => ().into_any(),
        (false, false) if approval.status == "pending" => view! { <Until at=approval.expires_at /> }.into_any(),
        (false, false) => view! { <Time at=approval.decided_at.unwrap_or(approval.created_at) /> }.into_any(),
    }
}

/// What should stop the eye; of one that does not wait, its state.
fn notable(entry: &Entry) -> AnyView {
    let approval = &entry.approval;
    if entry.gone {
        return ().into_any();
    }
    if approval.status != "pending" {
        return view! { <StatusBadge status=approval.status.clone() answer=approval.answer.clone() /> }.into_any();
    }
    let destructive = approval.hints.destructive == Some(true);
    view! {
        {destructive.then(|| view! { <Badge tone=Tone::Bad><Icon shape=Shape::Warning />"destructive"</Badge> })}
        {approval.definition_changed.then(|| view! { <Badge tone=Tone::Warn><Icon shape=Shape::Change />"tool changed"</Badge> })}
    }
    .into_any()
}

/// What happens to the request just now, or has happened while one looked.
#[component]
fn Progress(entry: ArcRwSignal<Entry>) -> impl IntoView {
    let decisions = Decisions::here();
    let id = entry.with_untracked(Entry::id);
    let words = memo(move || {
        if let Some(decision) = decisions.of(id) {
            return Some(match decision.phase {
                Phase::Held(_) => format!("{} …", decision.verdict.doing()),
                Phase::Sending => "Sending …".to_owned(),
            });
        }
        entry.with(|entry| {
            let decided = entry.approval.status != "pending";
            entry.gone.then(|| match decided {
                true => decisions.became(&Fate::of(&entry.approval)),
                // Its time is over by this page's clock, or it was decided while nothing could be heard.
                false => "no longer waiting".to_owned(),
            })
        })
    });
    move || words.get().map(|words| view! { <span class="progress"><Badge><Said text=words /></Badge></span> })
}
