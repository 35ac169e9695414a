//! One record, beside the list and on its own page: what was asked, what became of it, and everything else about it.

use std::sync::Arc;

use api_types::{AuditRecord, AuditRecordDetail, List};
use leptos::prelude::*;
use uuid::Uuid;

use super::{
    bodies::Bodies,
    facts::Facts,
    raw::Raw,
    rows::{ended, said},
    search::Search,
    words::{action, capital, outcome},
};
use crate::{
    api::{encoded, live::Live, of_org, read::Read},
    components::{Badge, Icon, Said, Shown, Time, Tone, Word},
    reactive::effect_again,
    shell::Org,
};

/// Reads a record, and reads it again while its call goes on.
pub(super) fn read(id: impl Fn() -> Option<String> + 'static) -> Read<AuditRecordDetail> {
    let org = Org::here();
    let calls = Live::here().calls;
    let read = Read::<AuditRecordDetail>::new(move || {
        id().map(|id| of_org(&org.slug.get(), &format!("/audit/{}", encoded(&id))))
    });
    // A record that has its outcome never changes again.
    effect_again(move |again| {
        calls.track();
        let open =
            read.value.with_untracked(|read| read.as_ref().is_some_and(|read| read.record.status == "interrupted"));
        if again && open {
            read.again();
        }
    });
    read
}

/// What a record is called: its tool, or what was done.
pub(super) fn name(record: &AuditRecord) -> &str {
    record.tool.as_deref().unwrap_or(&record.action)
}

/// The name of a record and its outcome. What did not do what was asked stops the eye.
#[component]
pub(super) fn Head(
    record: AuditRecord,
    /// Beside the list, whose page has a heading of its own.
    beside: bool,
) -> impl IntoView {
    let text = record.tool.clone().unwrap_or_else(|| action(&record.action));
    let outcome = match outcome(&record) {
        Some(outcome) => {
            let words = capital(outcome.label);
            match outcome.tone {
                Tone::Bad => view! { <Badge tone=Tone::Bad><Icon shape=outcome.shape />{words}</Badge> }.into_any(),
                tone => view! { <Word tone><Icon shape=outcome.shape />{words}</Word> }.into_any(),
            }
        }
        None => view! { <Word><Said text=record.status /></Word> }.into_any(),
    };
    view! {
        {match beside {
            true => view! { <h2 class="one"><Said text /></h2> }.into_any(),
            false => view! { <h1 class="one"><Said text /></h1> }.into_any(),
        }}
        <span class="end">{outcome}</span>
    }
}

/// Everything about a record.
#[component]
pub(super) fn Detail(detail: Arc<AuditRecordDetail>) -> impl IntoView {
    let record = detail.record.clone();
    let means = outcome(&record).map(|outcome| outcome.means);
    let siblings = record.approval_id.map(|approval| view! { <Siblings approval own=record.id /> });
    view! {
        {means.map(|means| view! { <p class="dim">{means}</p> })}
        <Bodies detail=detail.clone() />
        <Facts record />
        <Raw detail />
        {siblings}
    }
}

/// The other records of the same request.
#[component]
fn Siblings(approval: Uuid, own: Uuid) -> impl IntoView {
    let org = Org::here();
    let search = Search::here();
    let others = Read::<List<AuditRecord>>::new(move || {
        Some(of_org(&org.slug.get(), &format!("/audit?approval={approval}&limit=50")))
    });
    let line = move |record: AuditRecord| {
        let name = action(name(&record));
        view! {
            <li class="wrap">
                <a class="grow one" href=search.page(record.id)>{said(name)}</a>
                {ended(&record)}
                <Time at=record.at />
            </li>
        }
    };
    view! {
        <div class="stack tight">
            <h2>"Other records of this request"</h2>
            <Shown read=others lines=2 let:list>
                {
                    let records: Vec<_> = list.items.iter().filter(|record| record.id != own).cloned().map(line).collect();
                    if records.is_empty() {
                        view! { <p class="dimmer">"None"</p> }.into_any()
                    } else {
                        view! { <ul class="lines">{records}</ul> }.into_any()
                    }
                }
            </Shown>
        </div>
    }
}
