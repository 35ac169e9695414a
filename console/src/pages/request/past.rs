//! What was before: requests like this one, and what happened to this one.

use api_types::{Approval, ApprovalEvent};
use leptos::prelude::*;

use super::{
    detail::{Detail, part},
    words,
};
use crate::{
    components::{Badge, Icon, Said, SaidBlock, Sentence, Table, Time},
    reactive::varying,
    shell::Org,
};

/// The last requests of this tool by this caller, and what became of them.
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
        (!none).then(|| view! {
            <h3>"Similar requests"</h3>
            <Table caption="The last requests of this tool by this caller" columns=vec!["Call", "When", "What became of it"]>
                {rows.into_iter().map(|one| view! { <SimilarRow one /> }).collect_view()}
            </Table>
        })
    })
}

#[component]
fn SimilarRow(one: Approval) -> impl IntoView {
    let org = Org::here();
    let href = format!("/{}/approvals/{}", org.slug.get_untracked(), one.id);
    let (tone, shape, _) = words::badge(&one.status, one.answer.as_deref());
    let outcome = words::outcome(&one);
    view! {
        <tr>
            <td data-label="Call"><a href=href><Said text={one.summary.unwrap_or_else(|| "arguments not kept".to_owned())} /></a></td>
            <td data-label="When"><Time at=one.created_at /></td>
            <td data-label="What became of it"><Badge tone><Icon shape /><span><Sentence words=outcome /></span></Badge></td>
        </tr>
    }
}

/// Everything that happened to it, as a line of time.
#[component]
pub(super) fn History(detail: Detail) -> impl IntoView {
    let shown = part(detail, |detail| (detail.history.len(), detail.approval.answer.clone()));
    view! {
        <h3>"History"</h3>
        <ol class="history">
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
    }
}

#[component]
fn Event(event: ApprovalEvent, is_first: bool, answer: Option<String>) -> impl IntoView {
    let (tone, shape, _) = words::badge(&event.to, answer.as_deref());
    let words = words::event(event.from.as_deref(), &event.to, is_first, answer.as_deref());
    view! {
        <li class=tone.class()>
            <Icon shape />
            <div>
                <p>
                    <b>{words}</b>
                    {(event.actor_kind != "system").then(|| view! { " by "<Said text=event.actor_name /> })}
                    " · "
                    <Time at=event.at full=true />
                </p>
                {event.note.map(|note| view! { <SaidBlock text=note /> })}
            </div>
        </li>
    }
}
