//! What was asked and what was answered, as it is on record.

use std::sync::Arc;

use api_types::AuditRecordDetail;
use domain::Right;
use leptos::prelude::*;

use super::words::{CALL, Digest, arguments, digest, is_redacted, texts};
use crate::{
    components::{Said, SaidBlock, Tree},
    reactive::{memo, varying},
    shell::Org,
    show::json::is_json,
};

/// Both bodies; for who may not see them, why there are none.
#[component]
pub(super) fn Bodies(detail: Arc<AuditRecordDetail>) -> impl IntoView {
    let org = Org::here();
    let may = memo(move || org.may(Right::ReadAuditBodies));
    varying(move || {
        if !may.get() {
            let role = org.mine.with(|mine| mine.as_ref().map(|mine| mine.role.clone())).unwrap_or_default();
            return view! {
                <p class="dim">
                    "Request and response are recorded, but your role " <b><Said text=role /></b> " lacks the right " <code>"audit:bodies"</code>
                    " to see them. An administrator of this org can change that."
                </p>
            }
            .into_any();
        }
        let action = &detail.record.action;
        let is_call = action == CALL;
        let redacted = [&detail.request, &detail.response].into_iter().flatten().any(|body| is_redacted(body));
        let answer = detail.response.as_deref();
        view! {
            {redacted.then(|| view! { <p class="dimmer">"Secrets were removed before this was recorded: they read " <code>"[redacted]"</code> "."</p> })}
            <Asked detail=detail.clone() title=if is_call { "Arguments" } else { "Request" } />
            <div class="stack tight">
                <h2>{if is_call { "Result" } else { "Response" }}</h2>
                {match (answer.and_then(|answer| digest(action, answer)), answer) {
                    (Some(digest), _) => view! { <ListDigest digest /> }.into_any(),
                    (None, Some(answer)) => answered(action, answer),
                    (None, None) => view! { <p class="dimmer">"None recorded"</p> }.into_any(),
                }}
            </div>
        }
        .into_any()
    })
}

/// The arguments of a call, or the request of anything else.
#[component]
fn Asked(detail: Arc<AuditRecordDetail>, title: &'static str) -> impl IntoView {
    let request = detail.request.clone();
    let shown = request.as_deref().and_then(|request| arguments(&detail.record.action, request)).or(request);
    view! {
        <div class="stack tight">
            <h2 class="sr">{title}</h2>
            {match shown {
                None => view! { <p class="dimmer">"No request recorded"</p> }.into_any(),
                Some(text) => body(text, title),
            }}
        </div>
    }
}

/// What a tool said in words, or all that was answered.
fn answered(action: &str, response: &str) -> AnyView {
    match texts(action, response) {
        Some(texts) => texts.into_iter().map(|text| body(text, "Result")).collect_view().into_any(),
        None => body(response.to_owned(), "Result"),
    }
}

/// JSON as a tree; what is no JSON as the words that it is.
fn body(text: String, label: &'static str) -> AnyView {
    if is_json(&text) {
        view! { <Tree json=text label /> }.into_any()
    } else {
        view! { <div class="code"><SaidBlock text /></div> }.into_any()
    }
}

/// Lists are on record by their digest (approvals.md, promise 3).
#[component]
fn ListDigest(digest: Digest) -> impl IntoView {
    view! {
        <p class="dim">
            "A list of " {digest.tools} " tools. Only the digest of a list is recorded: SHA-256 " <code><Said text=digest.sha256 /></code>
        </p>
    }
}
