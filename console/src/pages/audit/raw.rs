//! The way to the request, and the record as a program sees it: its JSON, exactly, and the command that reads it.

use std::sync::Arc;

use api_types::AuditRecordDetail;
use domain::Right;
use leptos::prelude::*;

use crate::{
    api::of_org,
    components::{CopyButton, Marked, Printing, Show},
    reactive::{RwSignal, memo, varying},
    shell::Org,
    show::{folding::Limit, marks::Form},
};

/// What is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Open {
    Json,
    Curl,
}

/// The buttons under a record, and what they open.
#[component]
pub(super) fn Raw(detail: Arc<AuditRecordDetail>) -> impl IntoView {
    let org = Org::here();
    let printing = Printing::here();
    let open = RwSignal::new(None::<Open>);
    let id = detail.record.id;
    let approval = detail.record.approval_id;
    let may = memo(move || org.may(Right::ReadApprovals));
    let shows = move |what: Open| open.get() == Some(what);
    let button = move |what: Open, words: &'static str| {
        let press = move |_| open.update(|open| *open = if *open == Some(what) { None } else { Some(what) });
        view! {
            <button type="button" class="btn" aria-expanded=varying(move || shows(what).to_string()) on:click=press>
                {words}
            </button>
        }
    };
    view! {
        <div class="line wrap">
            {varying(move || approval.filter(|_| may.get()).map(|approval| view! {
                <a class="btn" href=format!("/{}/approvals/{approval}", org.slug.get())>"Open request"</a>
            }))}
            {button(Open::Json, "JSON")}
            {button(Open::Curl, "curl")}
        </div>
        <Show when=move || shows(Open::Json) || printing.get()>
            <Json detail=detail.clone() />
        </Show>
        <Show when=move || shows(Open::Curl)>
            <Text title="curl" what="the command" text=curl(&origin(), &of_org(&org.slug.get(), &format!("/audit/{id}"))) />
        </Show>
    }
}

/// The record as the API gives it, and both bodies byte for byte.
#[component]
fn Json(detail: Arc<AuditRecordDetail>) -> impl IntoView {
    let record = serde_json::to_string_pretty(&detail.record).unwrap_or_default();
    let body = |title: &'static str, what: &'static str, body: &Option<String>| {
        body.clone().map(|text| view! { <Text title what text /> })
    };
    view! {
        <Text title="Record as JSON" what="the record" text=record />
        {body("Request as recorded", "the request", &detail.request)}
        {body("Response as recorded", "the response", &detail.response)}
    }
}

/// A text to read and to copy, exactly.
#[component]
fn Text(title: &'static str, what: &'static str, text: String) -> impl IntoView {
    view! {
        <div class="stack tight">
            <div class="line"><h3 class="grow">{title}</h3><CopyButton text=text.clone() what /></div>
            <pre class="code" tabindex="0"><Marked text form=Form::Block limit=Limit::VALUE /></pre>
        </div>
    }
}

/// This instance's address.
fn origin() -> String {
    window().location().origin().unwrap_or_default()
}

/// The command that reads what stands at a path of the API, which has no quotes in it.
fn curl(origin: &str, path: &str) -> String {
    format!("curl -H 'Authorization: Bearer YOUR_KEY' \\\n  '{origin}/api/v1{path}'")
}

#[cfg(test)]
mod tests {
    use super::curl;

    #[test]
    fn a_command_is_one_to_paste() {
        let command = curl("https://permesso.example", "/orgs/acme/audit/7");
        assert_eq!(
            command,
            "curl -H 'Authorization: Bearer YOUR_KEY' \\\n  'https://permesso.example/api/v1/orgs/acme/audit/7'"
        );
    }
}
