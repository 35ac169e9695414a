//! Records as rows; as cards on narrow screens.

use api_types::AuditRecord;
use leptos::prelude::*;

use super::{
    filters::with_query,
    words::{Ending, ending, said},
};
use crate::{
    components::{Badge, Icon, Said, Table, Time},
    reactive::varying,
    shell::Org,
    show::time,
};

fn named(text: String) -> impl IntoView {
    view! { <Said text /> }
}

/// A table of records, each leading to its page.
#[component]
pub(super) fn Rows(
    /// What they are, for screen readers.
    caption: &'static str,
    /// The records.
    #[prop(into)]
    records: Signal<Vec<AuditRecord>>,
    /// What their pages have in their address, to lead back to this list as it is.
    #[prop(optional, into)]
    query: Signal<String>,
) -> impl IntoView {
    // A record changes once, when its outcome is written.
    let key = |record: &AuditRecord| (record.id, record.status.clone());
    view! {
        <Table caption columns=vec!["When", "Who", "What", "How it ended", "Took", "Approval"]>
            <For each=move || records.get() key=key let:record>
                <Row record query />
            </For>
        </Table>
    }
}

#[component]
fn Row(record: AuditRecord, query: Signal<String>) -> impl IntoView {
    let org = Org::here();
    let id = record.id;
    let to = move || with_query(&format!("/{}/audit/{id}", org.slug.get()), &query.get());
    let tool = record.tool.is_some();
    let both = tool && record.toolkit.is_some();
    let doing = tool.then(|| named(record.action.clone()));
    // Changes are recorded in their own transaction: how long they took was not measured.
    let duration = record.duration_us.filter(|us| *us > 0).map(time::duration);
    view! {
        <tr class="leads">
            <td data-label="When" class="when"><Time at=record.at full=true /></td>
            <td data-label="Who" class="by">
                <span class="stacked">{named(record.actor_name)}<span class="quiet">{record.client.map(named)}</span></span>
            </td>
            <td data-label="What" class="what">
                <span class="stacked">
                    <a class="to-record" href=to><code>{named(record.tool.unwrap_or(record.action))}</code></a>
                    <span class="quiet">{record.toolkit.map(named)} {both.then_some(" · ")} {doing}</span>
                </span>
            </td>
            <td data-label="How it ended" class="ended"><Ended status=record.status.clone() answer=record.answer.clone() /></td>
            <td data-label="Took" class="number">{duration}</td>
            <td data-label="Approval" class="to">{record.approval_id.map(|id| view! { <ToApproval id /> })}</td>
        </tr>
    }
}

/// The badge of a status; what it means on hover.
#[component]
pub(super) fn Ended(status: String, answer: Option<String>) -> impl IntoView {
    match ending(&status) {
        Some(ending @ Ending { tone, shape, .. }) => {
            let (label, means) = said(ending, answer.as_deref());
            view! { <span title=means><Badge tone=*tone><Icon shape=*shape />{label}</Badge></span> }.into_any()
        }
        None => view! { <Badge>{named(status)}</Badge> }.into_any(),
    }
}

#[component]
fn ToApproval(id: uuid::Uuid) -> impl IntoView {
    let org = Org::here();
    // The end of a UUIDv7 is what tells two of the same minute apart.
    let name = id.to_string();
    let short = name.get(name.len() - 6..).unwrap_or_default().to_owned();
    view! {
        <a href=varying(move || format!("/{}/approvals/{id}", org.slug.get())) title=name aria-label=format!("Approval ending in {short}")>
            "…" {short.clone()}
        </a>
    }
}
