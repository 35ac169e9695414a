//! The top of a request: what, who, when, and how long there is left.

use chrono::{DateTime, Utc};
use leptos::{html, prelude::*};
use uuid::Uuid;

use super::{
    claims,
    detail::{Detail, part},
    status::{SOON, StatusOnTop},
    words,
};
use crate::{
    components::{Badge, Clock, Icon, Said, Shape, Time, Tone, Until, Word},
    reactive::{RwSignal, effect, memo, varying},
};

/// Title, time left or outcome, who asks, what is unusual about the tool.
#[component]
pub(super) fn Head(detail: Detail, wants_focus: RwSignal<Option<Uuid>>) -> impl IntoView {
    let id = detail.with_untracked(|detail| detail.approval.id);
    let title = NodeRef::<html::H2>::new();
    effect(move || {
        if let Some(title) = title.get()
            && wants_focus.get() == Some(id)
        {
            let _ = title.focus();
            wants_focus.set(None);
        }
    });
    let approval = detail.with_untracked(|detail| detail.approval.clone());
    let status = part(detail, |detail| (detail.approval.status.clone(), detail.approval.answer.clone()));
    let from = approval.created_at;
    let until = part(detail, |detail| detail.approval.expires_at);
    let (pills, quiet) = claims::claims(&approval.hints);
    view! {
        <div class="top">
            <div class="line wrap">
                <h2 class="big" id="request-title" tabindex="-1" node_ref=title><Said text=approval.tool.clone() /></h2>
                <span class="dim">"in "<Said text=approval.toolkit.clone() /></span>
                {varying(move || {
                    // Read here: what is read for a component's property is not followed.
                    let (status, answer) = status.get();
                    if status == "pending" {
                        let until = until.get();
                        view! { <TimeLeft from until /> }.into_any()
                    } else {
                        view! { <span class="end"><StatusOnTop status answer /></span> }.into_any()
                    }
                })}
            </div>
            <div class="line wrap">
                <Who detail />
                {pills
                    .into_iter()
                    .map(|(tone, shape, words)| view! { <Badge tone><Icon shape />{words}" (according to the server)"</Badge> })
                    .collect_view()}
                {approval
                    .definition_changed
                    .then(|| view! { <Badge tone=Tone::Warn><Icon shape=Shape::Change />"Tool changed"</Badge> })}
                {(!quiet.is_empty()).then(|| view! { <Word>{quiet}" (according to the server)"</Word> })}
            </div>
        </div>
    }
}

#[component]
fn Who(detail: Detail) -> impl IntoView {
    let approval = detail.with_untracked(|detail| detail.approval.clone());
    let owner = approval.owner_email.unwrap_or_else(|| words::GONE.to_owned());
    let by_key = approval.caller_kind == "key";
    view! {
        <span>
            <b><Said text=approval.caller_name /></b>
            " "
            <span class="dim">{by_key.then(|| view! { "for "<Said text=owner.clone() />", " })}<Time at=approval.created_at /></span>
        </span>
    }
}

/// A quiet bar, and the same in words. On a phone the bar above the page says it.
#[component]
fn TimeLeft(from: DateTime<Utc>, until: DateTime<Utc>) -> impl IntoView {
    let now = Clock::here();
    let whole = (until - from).num_seconds().max(1);
    // In whole pixels: the bar need not move each second.
    let share = memo(move || ((until - now.get()).num_seconds().clamp(0, whole) * 64 / whole).to_string());
    let soon = memo(move || until - now.get() < SOON);
    view! {
        <span class=varying(move || if soon.get() { "line end wide-only soon" } else { "line end wide-only" })>
            <svg class="left-bar" aria-hidden="true" width="64" height="4" viewBox="0 0 64 4">
                <rect class="track" width="64" height="4" rx="2" />
                <rect width=varying(move || share.get()) height="4" rx="2" />
            </svg>
            <span class="dim"><Until at=until /></span>
        </span>
    }
}
