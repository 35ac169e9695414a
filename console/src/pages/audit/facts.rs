//! What is known of a record besides the request and the response.

use api_types::AuditRecord;
use domain::Right;
use leptos::prelude::*;

use super::{
    filters::{Filters, Name},
    rows::{said, took},
    search::Search,
    words::decided,
};
use crate::{
    components::{CopyButton, Icon, Shape, Time},
    reactive::{derived, varying},
    shell::Org,
    show::words::plain,
};

/// Where a record came from, in words.
fn source(word: &str) -> &'static str {
    match word {
        "mcp" => "MCP",
        "rest" => "REST API",
        "console" => "Console",
        "job" => "Permesso itself",
        _ => "Unknown",
    }
}

/// The facts, as a list of names and values.
#[component]
pub(super) fn Facts(record: AuditRecord) -> impl IntoView {
    let decided_by = decided(&record).map(|(what, email)| (what, email.to_owned()));
    let took = took(&record);
    let AuditRecord {
        id,
        at,
        request_id,
        actor_kind,
        actor_name,
        action,
        toolkit,
        tool,
        rule,
        client,
        source: from,
        ..
    } = record;
    let kind = match actor_kind.as_str() {
        "key" => "API key",
        "user" => "person",
        _ => "Permesso itself",
    };
    let is_person = actor_kind == "user";
    let of = |name: Name, value: String| view! { <Only name value /> };
    view! {
        <dl class="facts">
            <dt>"When"</dt><dd><Time at full=true /></dd>
            {took.map(|took| view! { <dt>"Took"</dt><dd>{took}</dd> })}
            <dt>"Caller"</dt>
            <dd>
                {if is_person { view! { <Person name=actor_name.clone() /> }.into_any() } else { said(actor_name.clone()) }}
                " (" {kind} ")" {of(Name::Actor, actor_name)}
            </dd>
            {decided_by.map(|(what, email)| view! { <dt>{what}</dt><dd><Person name=email /></dd> })}
            {tool.map(|tool| view! { <dt>"Tool"</dt><dd>{said(tool.clone())} {of(Name::Tool, tool)}</dd> })}
            {toolkit.map(|toolkit| view! { <dt>"Toolkit"</dt><dd>{said(toolkit.clone())} {of(Name::Toolkit, toolkit)}</dd> })}
            <dt>"Action"</dt><dd>{said(action.clone())} {of(Name::Action, action)}</dd>
            {rule.map(|rule| view! { <dt>"Rule"</dt><dd>{said(rule)}</dd> })}
            {client.map(|client| view! { <dt>"Client (self-reported)"</dt><dd>{said(client)}</dd> })}
            {from.map(|word| view! { <dt>"Source"</dt><dd>{source(&word)}</dd> })}
            <dt>"Request id"</dt><dd class="v">{request_id.to_string()} <CopyButton text=request_id.to_string() what="the request id" /></dd>
            <dt>"Record id"</dt><dd class="v">{id.to_string()} <CopyButton text=id.to_string() what="the record id" /></dd>
        </dl>
    }
}

/// A person, with a link to the people of the org for whoever may see them.
#[component]
fn Person(name: String) -> impl IntoView {
    let org = Org::here();
    varying(move || {
        let who = said(name.clone());
        match org.may(Right::ReadMembers) {
            true => view! { <a href=format!("/{}/people", org.slug.get())>{who}</a> }.into_any(),
            false => who,
        }
    })
}

/// The way to all records that have this, too.
#[component]
fn Only(name: Name, value: String) -> impl IntoView {
    let search = Search::here();
    let label = format!("Show all with {} {}", name.label().to_ascii_lowercase(), plain(&value));
    let words = label.clone();
    let address = derived(move || search.address(&Filters::default().with(name, &value)));
    view! { <a class="only" href=address aria-label=label title=words><Icon shape=Shape::Filter /></a> }
}

#[cfg(test)]
mod tests {
    use super::source;

    #[test]
    fn every_source_has_words() {
        for word in ["mcp", "rest", "console", "job"] {
            assert_ne!(source(word), "Unknown", "{word}");
        }
    }
}
