//! Records as rows; as cards on a phone. Every row is a grid of its own, so that rows out of sight cost nothing; the roles
//! say that they are a table.

use api_types::AuditRecord;
use chrono::{DateTime, Utc};
use leptos::prelude::*;
use uuid::Uuid;
use web_sys::MouseEvent;

use super::{
    local::{self, exact},
    roll::{Entry, Line},
    room::Room,
    words::{Outcome, action, decided, outcome, short_name},
};
use crate::{
    components::{Clock, For, Icon, Said, Word},
    reactive::{RwSignal, memo, varying},
    show::{time, words::plain},
};

/// The name of a row's link in the page.
pub(super) fn element_id(id: Uuid) -> String {
    format!("record-{id}")
}

/// Somebody else's words in a row. Most have nothing to mark.
pub(super) fn said(text: String) -> AnyView {
    if text.is_ascii() && plain(&text) == text {
        view! { <bdi>{text}</bdi> }.into_any()
    } else {
        view! { <Said text /> }.into_any()
    }
}

/// The table.
#[component]
pub(super) fn Rows(room: Room) -> impl IntoView {
    let roll = room.results.roll;
    let now = Clock::here();
    let today = memo(move || local::date_of(now.get()));
    let lines =
        move || today.with(|today| roll.with(|roll| roll.as_ref().map(|roll| roll.lines(today)).unwrap_or_default()));
    view! {
        <table class="table recs" role="table">
            <caption class="sr">"Records, newest first"</caption>
            <thead role="rowgroup">
                <tr role="row">
                    <th role="columnheader">"Time"</th>
                    <th role="columnheader">"Arguments"</th>
                    <th role="columnheader">"Tool"</th>
                    <th role="columnheader">"Caller"</th>
                    <th role="columnheader">"Outcome"</th>
                    <th role="columnheader" class="num ms">"Took"</th>
                </tr>
            </thead>
            <tbody role="rowgroup">
                <For each=lines key=Line::key let:line>
                    {match line {
                        Line::Day(_, at) => view! { <Day at now /> }.into_any(),
                        Line::Record(entry) => view! { <Row room entry /> }.into_any(),
                    }}
                </For>
            </tbody>
        </table>
    }
}

#[component]
fn Day(at: DateTime<Utc>, now: RwSignal<DateTime<Utc>>) -> impl IntoView {
    let day = memo(move || local::day_name(at, now.get()));
    view! { <tr role="row" class="day"><th role="rowheader" colspan="6">{varying(move || day.get())}</th></tr> }
}

#[component]
fn Row(room: Room, entry: Entry) -> impl IntoView {
    let Entry { id, record, current, .. } = entry;
    let known = record.get_untracked();
    let look = move |event: MouseEvent| {
        let elsewhere = event.ctrl_key() || event.meta_key() || event.shift_key() || event.button() != 0;
        if !elsewhere {
            event.prevent_default();
            // A key has pressed it, not a pointer: reading goes on at the record.
            room.look_at(id, event.detail() == 0);
        }
    };
    let marked = current.clone();
    // Only a call that is under way changes.
    let end = match known.status.as_str() {
        "interrupted" => varying(move || record.with(end)).into_any(),
        _ => end(&known),
    };
    let at = known.at;
    view! {
        <tr role="row" class=varying(move || if marked.get() { "on" } else { "" })>
            <td role="cell" class="dim t"><time datetime=exact(at) title=exact(at)>{local::clock_of(at)}</time></td>
            <td role="cell" class="cut">
                <a
                    id=element_id(id)
                    class="go to-record"
                    href=room.search.page(id)
                    aria-current=varying(move || current.get().then_some("true"))
                    on:click=look
                >
                    {values(&known)}
                </a>
            </td>
            <td role="cell" class="hide one">{known.tool.map(said)}</td>
            <td role="cell" class="hide dim one">{said(known.actor_name)}</td>
            {end}
        </tr>
    }
}

/// The values of the arguments, the first of them bold; without any, what was done.
fn values(record: &AuditRecord) -> AnyView {
    let mut values = record.values.iter().cloned();
    let Some(first) = values.next() else {
        let name = record.tool.clone().unwrap_or_else(|| action(&record.action));
        return view! { <b>{said(name)}</b> }.into_any();
    };
    let rest = values.map(|value| view! { " · " {said(value)} }).collect_view();
    view! { <b>{said(first)}</b> {rest} }.into_any()
}

/// The outcome and the duration.
fn end(record: &AuditRecord) -> AnyView {
    view! {
        <td role="cell" class="o">{ended(record)}</td>
        <td role="cell" class="num hide dim ms">{took(record)}</td>
    }
    .into_any()
}

/// How long it took. Changes are recorded in their own transaction: that was not measured.
pub(super) fn took(record: &AuditRecord) -> Option<String> {
    record.duration_us.filter(|us| *us > 0).map(time::duration)
}

/// The word for the outcome and who decided; what it means on hover.
pub(super) fn ended(record: &AuditRecord) -> AnyView {
    let by = decided(record).map(|(_, email)| view! { ", " {said(short_name(email))} });
    match outcome(record) {
        Some(Outcome { label, means, tone, shape }) => view! {
            <span title=means><Word tone><Icon shape />{label}{by}</Word></span>
        }
        .into_any(),
        None => {
            let status = said(record.status.clone());
            view! { <Word>{status}</Word> }.into_any()
        }
    }
}
