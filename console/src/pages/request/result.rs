//! What the upstream answered when the call ran, as its record has it.

use api_types::RunResult;
use domain::Right;
use leptos::prelude::*;

use super::{
    detail::{Detail, part},
    words,
};
use crate::{
    components::{Icon, SaidBlock, Shape, Tree},
    reactive::{memo, varying},
    shell::Org,
    show::json,
};

/// The result; nothing while there is none.
#[component]
pub(super) fn Outcome(detail: Detail) -> impl IntoView {
    let shown = part(detail, |detail| (detail.result.clone(), detail.approval.answer.clone()));
    varying(move || {
        let (result, answer) = shown.get();
        result.map(|result| view! { <Told result title=words::result(answer.as_deref()) /> })
    })
}

#[component]
fn Told(result: RunResult, title: &'static str) -> impl IntoView {
    let org = Org::here();
    let RunResult { record_id, response, is_whole, bytes } = result;
    let (is_error, is_redacted) = (title != words::result(None), response.contains("[redacted"));
    let may = memo(move || org.may(Right::ReadAudit));
    view! {
        <h3 class="outcome">{is_error.then(|| view! { <Icon shape=Shape::Warning /> })}{title}</h3>
        {is_redacted.then(|| view! { <p class="quiet">"Secrets were taken out before it was recorded: they read " <code>"[redacted]"</code> "."</p> })}
        {if is_whole && json::is_json(&response) {
            view! { <Tree json=response label=title /> }.into_any()
        } else {
            view! { <SaidBlock text=response /> }.into_any()
        }}
        <p class="quiet">
            {(!is_whole).then(|| format!("This is the beginning of {} kB. ", bytes.div_ceil(1000)))}
            {varying(move || may.get().then(|| view! {
                <a href=format!("/{}/audit/{record_id}", org.slug.get_untracked())>"The record of this run"</a>
            }))}
        </p>
    }
}
