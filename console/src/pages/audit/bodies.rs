//! What was asked and what was answered, as it is on record.

use std::sync::Arc;

use api_types::AuditRecordDetail;
use domain::Right;
use leptos::prelude::*;

use super::words::{Digest, digest, is_redacted};
use crate::{
    components::{CopyButton, Marked, Said, SaidBlock, Tree},
    reactive::{memo, varying},
    shell::Org,
    show::{folding::Limit, json::is_json, marks::Form},
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
                <h2>"Request and response"</h2>
                <p class="remark">
                    "They are on record, but your role " <b><Said text=role /></b> " does not have the right " <code>"audit:bodies"</code>
                    " to see them. An administrator of this org can give it."
                </p>
            }
            .into_any();
        }
        let list = detail.response.as_deref().and_then(|response| digest(&detail.record.action, response));
        let no_answer = match detail.record.status.as_str() {
            "interrupted" => "No response is on record.",
            _ => "There was none to record.",
        };
        view! {
            <Body title="Request" body=detail.request.clone() none="There was nothing in it to record." />
            {match list {
                Some(digest) => view! { <ListDigest digest /> }.into_any(),
                None => view! { <Body title="Response" body=detail.response.clone() none=no_answer /> }.into_any(),
            }}
        }
        .into_any()
    })
}

#[component]
fn Body(title: &'static str, body: Option<String>, none: &'static str) -> impl IntoView {
    let what = if title == "Request" { "the request" } else { "the response" };
    view! {
        <h2>{title}</h2>
        {match body {
            None => view! { <p class="quiet">{none}</p> }.into_any(),
            // What a caller was told in words is on record as these words.
            Some(body) if !is_json(&body) => view! { <SaidBlock text=body /> }.into_any(),
            Some(body) => {
                let raw = body.clone();
                let json = body.clone();
                view! {
                    {is_redacted(&body).then(|| view! { <p class="remark">"Secrets were taken out before this was written: they read " <code>"[redacted]"</code> "."</p> })}
                    <Tree json=json label=title />
                    <details class="raw">
                        <summary>"As JSON, byte for byte"</summary>
                        <CopyButton text=body what=what />
                        <pre tabindex="0"><Marked text=raw form=Form::Block limit=Limit::VALUE /></pre>
                    </details>
                }
                    .into_any()
            }
        }}
    }
}

/// Lists are on record by their digest (approvals.md, promise 3).
#[component]
fn ListDigest(digest: Digest) -> impl IntoView {
    view! {
        <h2>"Response"</h2>
        <p class="remark">
            "A list of " {digest.tools} " tools. Lists are recorded by their digest: SHA-256 " <code><Said text=digest.sha256 /></code>
        </p>
    }
}
