//! `/:org/audit/:id`.

use std::sync::Arc;

use api_types::{AuditRecord as Record, AuditRecordDetail, List};
use leptos::prelude::*;
use leptos_router::hooks::{use_params_map, use_query_map};

use super::{
    bodies::Bodies,
    filters::{Filters, Name, with_query},
    rows::{Ended, Rows},
    search::Search,
    words::{ending, said},
};
use crate::{
    api::{encoded, live::Live, of_org, read::Read},
    components::{CopyButton, EmptyState, Icon, Said, Shape, Show, Shown, Time},
    reactive::{derived, memo, varying},
    shell::{Org, Shortcuts, title},
    show::{time, words::Words},
};

#[component]
pub(crate) fn AuditRecord() -> impl IntoView {
    let org = Org::here();
    let live = Live::here();
    Search::provide();
    let params = use_params_map();
    let id = memo(move || params.with(|params| params.get("id").unwrap_or_default()));
    let read = Read::<AuditRecordDetail>::new(move || {
        Some(of_org(&org.slug.get(), &format!("/audit/{}", encoded(&id.get()))))
    });
    // A record that has its outcome never changes again.
    Effect::new(move |before: Option<u64>| {
        let now = live.calls.get();
        let open =
            read.value.with_untracked(|read| read.as_ref().is_some_and(|read| read.record.status == "interrupted"));
        if open && before.is_some_and(|before| before != now) {
            read.again();
        }
        now
    });
    title(move || {
        read.value.with(|read| match read {
            Some(read) => Words::of("{} · Audit", &[name(&read.record)]),
            None => "A record of the audit".into(),
        })
    });
    let gone = memo(move || {
        read.failure.with(|failure| failure.as_ref().is_some_and(|failure| failure.code() == Some("not_found")))
    });
    let there = memo(move || read.value.with(Option::is_some));
    view! {
        <main class="page audit">
            <Back />
            <Show when=move || !there.get() && !gone.get()><h1 class="visually-hidden">"A record of the audit"</h1></Show>
            {varying(move || if gone.get() {
                view! {
                    <EmptyState title="There is no such record" whole=true>
                        <p>"It may belong to another org, be older than what is kept, or the address was mistyped."</p>
                    </EmptyState>
                }
                    .into_any()
            } else {
                view! { <Shown read lines=8 let:detail><Detail detail /></Shown> }.into_any()
            })}
        </main>
    }
}

fn name(record: &Record) -> &str {
    record.tool.as_deref().unwrap_or(&record.action)
}

/// Back to the list as it was.
#[component]
fn Back() -> impl IntoView {
    let org = Org::here();
    let query = use_query_map();
    let list = memo(move || {
        let query = query.with(|query| {
            let filters = Filters::read(|name| query.get(name)).query(encoded);
            let cursor = query.get("cursor").map(|cursor| format!("cursor={}", encoded(&cursor)));
            let parts: Vec<_> = [Some(filters), cursor].into_iter().flatten().filter(|part| !part.is_empty()).collect();
            parts.join("&")
        });
        with_query(&format!("/{}/audit", org.slug.get()), &query)
    });
    let navigate = leptos_router::hooks::use_navigate();
    Shortcuts::here().register("u", "Up to the list", move || {
        navigate(&list.get_untracked(), leptos_router::NavigateOptions::default());
    });
    view! { <p class="back"><a href=list><Icon shape=Shape::Back />" Audit"</a></p> }
}

#[component]
fn Detail(detail: Arc<AuditRecordDetail>) -> impl IntoView {
    let record = detail.record.clone();
    let means = ending(&record.status).map(|ending| said(ending, record.answer.as_deref()).1);
    let within = record.toolkit.clone().map(|text| view! { " in " <Said text /> });
    view! {
        <header class="head">
            <h1 class="mono"><Said text=name(&record) /></h1>
            <Ended status=record.status.clone() answer=record.answer.clone() />
        </header>
        <p class="who">
            <b><Said text=record.actor_name.clone() /></b> {within} " · " <Time at=record.at full=true />
        </p>
        {means.map(|means| view! { <p>{means}</p> })}
        <Facts record=record.clone() />
        <Bodies detail=detail.clone() />
        {record.approval_id.map(|approval| view! { <Siblings approval own=record.id /> })}
    }
}

/// Everything about it but the bodies.
#[component]
fn Facts(record: Record) -> impl IntoView {
    let org = Org::here();
    let search = Search::here();
    let all_of = move |name: Name, value: String| {
        let address = derived(move || search.address(&Filters::default().with(name, &value)));
        let by = format!(", by {}", name.label().to_ascii_lowercase());
        view! { " " <a class="all" href=address>"all of these"<span class="visually-hidden">{by}</span></a> }
    };
    let actor = match record.actor_kind.as_str() {
        "key" => "API key",
        "user" => "person",
        _ => "the gateway itself",
    };
    let approval = record.approval_id;
    let tool = record.tool.clone();
    let toolkit = record.toolkit.clone();
    view! {
        <dl class="facts">
            <div><dt>"Who"</dt><dd><Said text=record.actor_name.clone() /> " (" {actor} ")" {all_of(Name::Actor, record.actor_name)}</dd></div>
            {record.client.map(|client| view! { <div><dt>"Client, as it said"</dt><dd><Said text=client /></dd></div> })}
            <div><dt>"Action"</dt><dd><code><Said text=record.action.clone() /></code> {all_of(Name::Action, record.action)}</dd></div>
            {toolkit.map(|toolkit| view! { <div><dt>"Toolkit"</dt><dd><Said text=toolkit.clone() /> {all_of(Name::Toolkit, toolkit)}</dd></div> })}
            {tool.map(|tool| view! { <div><dt>"Tool"</dt><dd><code><Said text=tool.clone() /></code> {all_of(Name::Tool, tool)}</dd></div> })}
            {record.rule.map(|rule| view! { <div><dt>"Rule that decided"</dt><dd><Said text=rule /></dd></div> })}
            {approval
                .map(|id| {
                    view! {
                        <div>
                            <dt>"Approval"</dt>
                            <dd><a href=varying(move || format!("/{}/approvals/{id}", org.slug.get()))>{id.to_string()}</a></dd>
                        </div>
                    }
                })}
            {record.duration_us.filter(|us| *us > 0).map(|us| view! { <div><dt>"Took"</dt><dd>{time::duration(us)}</dd></div> })}
            <div>
                <dt>"Request id"</dt>
                <dd><code>{record.request_id.to_string()}</code> <CopyButton text=record.request_id.to_string() what="the request id" /></dd>
            </div>
        </dl>
    }
}

/// The other records of the same approval.
#[component]
fn Siblings(approval: uuid::Uuid, own: uuid::Uuid) -> impl IntoView {
    let org = Org::here();
    let others = Read::<List<Record>>::new(move || {
        Some(of_org(&org.slug.get(), &format!("/audit?approval={approval}&limit=50")))
    });
    view! {
        <h2>"Other records of this approval"</h2>
        <Shown read=others lines=2 let:list>
            {
                let records: Vec<Record> = list.items.iter().filter(|record| record.id != own).cloned().collect();
                if records.is_empty() {
                    view! { <p class="quiet">"This is the only one."</p> }.into_any()
                } else {
                    view! { <Rows caption="Other records of this approval" records=Signal::stored(records) /> }.into_any()
                }
            }
        </Shown>
    }
}
