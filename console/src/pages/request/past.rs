//! What was before: requests like this one, and what happened to this one.

use api_types::{Approval, ApprovalEvent};
use leptos::prelude::*;

use super::{
    detail::{Detail, part},
    words,
};
use crate::{
    components::{Icon, Said, SaidBlock, Sentence, Time, Word},
    reactive::varying,
    shell::Org,
};

/// The last requests of this tool by this caller, and their outcomes.
#[component]
pub(super) fn Similar(detail: Detail) -> impl IntoView {
    // What can change of them is their state.
    let states = part(detail, |detail| {
        let state = |one: &Approval| (one.id, one.status.clone(), one.answer.clone(), one.decision_reason.clone());
        detail.similar.iter().map(state).collect::<Vec<_>>()
    });
    varying(move || {
        let none = states.with(Vec::is_empty);
        let rows = detail.with_untracked(|detail| detail.similar.clone());
        (!none).then(|| {
            view! {
                <section class="stack tight">
                    <h3>"Similar requests"</h3>
                    <ul class="lines">{rows.into_iter().map(|one| view! { <SimilarRow one /> }).collect_view()}</ul>
                </section>
            }
            .into_any()
        })
    })
}

#[component]
fn SimilarRow(one: Approval) -> impl IntoView {
    let org = Org::here();
    let href = format!("/{}/approvals/{}", org.slug.get_untracked(), one.id);
    let (tone, shape, _) = words::badge(&one.status, one.answer.as_deref());
    let outcome = words::outcome(&one);
    let mut values = one.values.into_iter();
    let first = values.next().or(one.summary).unwrap_or_else(|| "arguments no longer stored".to_owned());
    view! {
        <li class="two">
            <a class="grow one" href=href>
                <b><Said text=first /></b>
                {values.map(|value| view! { " · "<Said text=value /> }).collect_view()}
            </a>
            <span class="col"><Time at=one.created_at /></span>
            <span class="out"><Word tone><Icon shape /><span class="one"><Sentence words=outcome /></span></Word></span>
        </li>
    }
}

/// Everything that happened to the request, step by step.
#[component]
pub(super) fn History(detail: Detail) -> impl IntoView {
    let shown = part(detail, |detail| (detail.history.len(), detail.approval.answer.clone()));
    view! {
        <section class="stack tight">
            <h3>"History"</h3>
            <ol class="steps">
                {varying(move || {
                    // Read and not only tracked: a memo that was never read follows nothing.
                    let (_, answer) = shown.get();
                    let events = detail.with_untracked(|detail| detail.history.clone());
                    events
                        .into_iter()
                        .enumerate()
                        .map(|(at, event)| view! { <Event event is_first=at == 0 answer=answer.clone() /> })
                        .collect_view()
                })}
            </ol>
        </section>
    }
}

#[component]
fn Event(event: ApprovalEvent, is_first: bool, answer: Option<String>) -> impl IntoView {
    let (tone, shape, _) = words::badge(&event.to, answer.as_deref());
    let words = words::event(event.from.as_deref(), &event.to, is_first, answer.as_deref());
    view! {
        <li>
            <span class=tone.class()><Icon shape /></span>
            <div>
                <b>{words::capital(words)}</b>
                {(event.actor_kind != "system").then(|| view! { <span class="dim">" by "<Said text=event.actor_name /></span> })}
                {event.note.map(|note| view! { <div class="dim"><SaidBlock text=note /></div> })}
            </div>
            <Time at=event.at full=true />
        </li>
    }
}
