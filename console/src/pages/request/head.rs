//! The top of a request: what, who, when, and how long there is left.

use chrono::{DateTime, Utc};
use leptos::{html, prelude::*};
use uuid::Uuid;

use super::{
    detail::{Detail, part},
    status::StatusBadge,
    words,
};
use crate::{
    components::{Badge, Clock, Icon, Said, Shape, Show, Time, Tone, Until, local_time},
    reactive::{effect, memo, varying},
};

/// Title, badges, who asks, time left.
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
    let waits = memo(move || status.with(|(status, _)| status == "pending"));
    let claims = words::claims(&approval.hints).into_iter().map(|(tone, shape, words)| {
        view! { <Badge tone>{shape.map(|shape| view! { <Icon shape /> })}{words}", says the upstream"</Badge> }
    });
    view! {
        <div class="title">
            <h2 id="request-title" tabindex="-1" node_ref=title><Said text=approval.tool.clone() /></h2>
            {claims.collect_view()}
            {approval
                .definition_changed
                .then(|| view! { <Badge tone=Tone::Warn><Icon shape=Shape::Change />"tool changed"</Badge> })}
            <Badge>"toolkit "<Said text=approval.toolkit.clone() /></Badge>
            {varying(move || {
                // Read here: what is read for a component's property is not followed.
                let (status, answer) = status.get();
                (status != "pending").then(|| view! { <StatusBadge status answer /> })
            })}
        </div>
        <Who detail />
        <Show when=move || waits.get()>
            {varying(move || view! { <TimeLeft from until=until.get() /> })}
        </Show>
    }
}

#[component]
fn Who(detail: Detail) -> impl IntoView {
    let approval = detail.with_untracked(|detail| detail.approval.clone());
    let owner = approval.owner_email.unwrap_or_else(|| "somebody who is gone".to_owned());
    let by_key = approval.caller_kind == "key";
    view! {
        <p class="who">
            <b><Said text=approval.caller_name /></b>
            {approval.caller_prefix.map(|prefix| view! { " "<code><Said text=prefix />"…"</code> })}
            {by_key.then(|| view! { ", owned by "<Said text=owner.clone() /> })}
            {approval.client.map(|client| view! { " · with "<Said text=client /> })}
            " · asked "
            <Time at=approval.created_at />
        </p>
    }
}

/// A quiet bar, and the same in words.
#[component]
fn TimeLeft(from: DateTime<Utc>, until: DateTime<Utc>) -> impl IntoView {
    let now = Clock::here();
    let whole = (until - from).num_seconds().max(1);
    // In hundredths: the bar need not move each second.
    let share = memo(move || ((until - now.get()).num_seconds().clamp(0, whole) * 100 / whole).to_string());
    view! {
        <svg class="left" aria-hidden="true" width="100%" height="3" viewBox="0 0 100 3" preserveAspectRatio="none">
            <rect class="whole" width="100" height="3" />
            <rect class="rest" width=share height="3" />
        </svg>
        <p class="quiet">"Expires: " <Until at=until /> ", at " {local_time(until)}</p>
    }
}
