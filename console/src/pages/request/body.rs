//! What would run: the arguments, compared with the last call that was approved.

use leptos::prelude::*;

use super::{
    detail::{Detail, Unopened, part},
    notes::{ArgumentNotes, Held},
    words,
};
use crate::{
    components::{Sentence, Show, Time, Tree, TreeTools, Unfolding},
    reactive::{effect, memo, varying},
    shell::Org,
    show::words::Words,
};

/// Every argument.
#[component]
pub(super) fn Arguments(detail: Detail) -> impl IntoView {
    let json = part(detail, |detail| detail.arguments_json.clone());
    let before = part(detail, |detail| detail.last_approved.as_ref().map(|call| call.arguments_json.clone()));
    let erased = memo(move || json.with(Option::is_none));
    let redacted = part(detail, |detail| detail.arguments_redacted);
    let text = memo(move || json.get().unwrap_or_default());
    let unfolding = Unfolding::of(text.into(), before.into());
    folded_and_destructive(detail, unfolding);
    view! {
        <section class="stack tight" aria-labelledby="request-arguments">
            <div class="line wrap">
                <h3 id="request-arguments">"Arguments"</h3>
                <Show when=move || !erased.get()>
                    <Compared detail unfolding />
                    <TreeTools unfolding />
                </Show>
            </div>
            <Show when=move || redacted.get()>
                <p class="dimmer">"As recorded, without secrets. The exact arguments were erased when the call ended."</p>
            </Show>
            {varying(move || {
                if erased.get() {
                    view! { <p class="dimmer">"The arguments are no longer stored."</p> }.into_any()
                } else {
                    view! {
                        <ArgumentNotes detail unfolding />
                        <Tree unfolding label="Arguments" />
                    }
                    .into_any()
                }
            })}
            <Held detail />
        </section>
    }
}

/// Says to what decides whether a part of a destructive call was never opened.
fn folded_and_destructive(detail: Detail, unfolding: Unfolding) {
    let Some(Unopened(unopened)) = use_context() else { return };
    let destructive = part(detail, |detail| detail.approval.hints.destructive == Some(true));
    let folded = unfolding.unopened();
    effect(move || unopened.set(destructive.get() && folded.get()));
}

/// What the arguments are compared with, and how much differs.
#[component]
fn Compared(detail: Detail, unfolding: Unfolding) -> impl IntoView {
    let org = Org::here();
    let earlier = part(detail, |detail| detail.last_approved.as_ref().map(|call| (call.id, call.approved_at)));
    let none = part(detail, |detail| {
        let approval = &detail.approval;
        (approval.status == "pending").then(|| match detail.similar.is_empty() {
            true => Words::of("First call by {}, nothing to compare", &[&approval.caller_name]),
            false => "No approved call to compare with".into(),
        })
    });
    let outline = unfolding.outline;
    varying(move || match earlier.get() {
        Some((id, at)) => {
            let (before, after) = words::compared(outline.with(|outline| outline.differences()));
            view! {
                <span class="dimmer">
                    {before}
                    <a href=format!("/{}/approvals/{id}", org.slug.get_untracked())>"last approved call"</a>
                    ", "<Time at />{after}
                </span>
            }
            .into_any()
        }
        None => none.get().map(|words| view! { <span class="dimmer"><Sentence words /></span> }).into_any(),
    })
}
