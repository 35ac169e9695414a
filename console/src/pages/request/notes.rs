//! What one should know before deciding. Loud is only what is unusual; why the request was held is one quiet line.

use api_types::ApprovalDetail;
use leptos::prelude::*;

use super::{
    alarm::Alarm,
    detail::{Detail, part},
    words,
};
use crate::{
    components::{Icon, Said, SaidBlock, Sentence, Shape, Time, Unfolding},
    reactive::varying,
    show::words::Words,
};

/// A loud line: what is unusual, and what follows from it.
pub(super) fn loud(bad: bool, shape: Shape, what: AnyView, more: AnyView) -> AnyView {
    view! {
        <div class=if bad { "loud bad" } else { "loud" }>
            <Icon shape />
            <b>{what}</b>
            <span>{more}</span>
        </div>
    }
    .into_any()
}

/// What is unusual about the request as a whole.
#[component]
pub(super) fn Notes(detail: Detail) -> impl IntoView {
    let nobody = part(detail, words::nobody);
    let ran = part(detail, |detail| detail.same_call_ran_at.filter(|_| waits(detail)));
    let expired = part(detail, |detail| waits(detail) && words::expired_before(detail));
    view! {
        {varying(move || nobody.get().map(|(what, why)| {
            loud(false, Shape::Warning, what.into_any(), view! { <Said text=words::sentence(&why) /> }.into_any())
        }))}
        {varying(move || ran.get().map(|at| loud(
            false,
            Shape::Warning,
            view! { "The same call ran "<Time at /> }.into_any(),
            "With exactly these arguments. Approving runs it once more.".into_any(),
        )))}
        {varying(move || expired.get().then(|| loud(
            false,
            Shape::Clock,
            "This request expired once before".into_any(),
            "Nobody decided in time, and the agent asked again.".into_any(),
        )))}
    }
}

fn waits(detail: &ApprovalDetail) -> bool {
    detail.approval.status == "pending"
}

/// What is unusual about the arguments.
#[component]
pub(super) fn ArgumentNotes(detail: Detail, unfolding: Unfolding) -> impl IntoView {
    let outline = unfolding.outline;
    let unchecked =
        detail.with_untracked(|detail| words::unchecked(&detail.arguments_check, detail.check_note.as_deref()));
    view! {
        {varying(move || outline.with(|outline| Alarm::of(outline)).map(|alarm| {
            let what = view! { <Sentence words=alarm.what() /> }.into_any();
            loud(true, Shape::Eye, what, alarm.more().into_any())
        }))}
        {unchecked.map(|(what, why)| loud(false, Shape::Warning, what.into_any(), view! { <Said text=why /> }.into_any()))}
    }
}

/// Why the request was held, in one line.
#[component]
pub(super) fn Held(detail: Detail) -> impl IntoView {
    let words = detail.with_untracked(|detail| {
        let approval = &detail.approval;
        Words::from("Held because ").and(words::why(&approval.rule, &approval.tool, &approval.toolkit))
    });
    view! { <p class="quiet"><Icon shape=Shape::Pause /><span><Sentence words /></span></p> }
}

/// Why the agent asks, when it said so.
#[component]
pub(super) fn Reason(detail: Detail) -> impl IntoView {
    let reason = detail.with_untracked(|detail| detail.approval.agent_reason.clone());
    reason.map(|text| {
        view! {
            <section class="stack tight">
                <h3>"Agent’s reason "<span class="dimmer">"its own words, not checked"</span></h3>
                <blockquote class="dim"><SaidBlock text /></blockquote>
            </section>
        }
    })
}
