//! What one should know before deciding: why it waits, what the agent says, what to beware of.

use leptos::prelude::*;

use super::{
    detail::{Detail, part},
    words,
};
use crate::components::{Clock, Icon, Said, SaidBlock, Sentence, Shape, Time};
use crate::reactive::varying;

/// The notes, the most important first.
#[component]
pub(super) fn Notes(detail: Detail) -> impl IntoView {
    let now = Clock::here();
    let unchecked =
        detail.with_untracked(|detail| words::unchecked(&detail.arguments_check, detail.check_note.as_deref()));
    let approval = detail.with_untracked(|detail| detail.approval.clone());
    let became = part(detail, move |detail| words::became(&detail.approval, now.get_untracked()));
    let ran = part(detail, |detail| detail.same_call_ran_at);
    let nobody = part(detail, words::nobody);
    let waits = part(detail, |detail| detail.approval.status == "pending");
    view! {
        {varying(move || became.get().map(|words| view! { <p class="notice"><Icon shape=Shape::Clock /><span><Sentence words /></span></p> }))}
        {varying(move || {
            ran.get()
                .filter(|_| waits.get())
                .map(|at| view! {
                    <p class="notice warn">
                        <Icon shape=Shape::Warning />
                        <span><b>"The same call ran "<Time at /></b>" with exactly these arguments. Approving runs it once more."</span>
                    </p>
                })
        })}
        {varying(move || nobody.get().map(|(what, why)| view! {
            <p class="notice warn">
                <Icon shape=Shape::Warning />
                <span><b>{what}</b><Said text=why /></span>
            </p>
        }))}
        <p class=varying(move || if waits.get() { "notice warn" } else { "notice" })>
            <Icon shape=Shape::Pause />
            <span><b>"Held because "</b><Sentence words=words::why(&approval.rule, &approval.tool, &approval.toolkit) /></span>
        </p>
        {unchecked.map(|(what, why)| view! {
            <p class="notice warn">
                <Icon shape=Shape::Warning />
                <span><b>{what}" "</b><Said text=why /></span>
            </p>
        })}
        {approval.agent_reason.map(|reason| view! {
            <div class="notice claim">
                <span><b>"The agent says why"</b>" (its claim, not checked)"</span>
                <blockquote><SaidBlock text=reason /></blockquote>
            </div>
        })}
    }
}
