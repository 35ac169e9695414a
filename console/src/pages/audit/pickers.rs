//! All filters. What can be read of the org is offered to choose from; where it cannot be read, or is too much for a list,
//! a name is typed.

use api_types::List;
use chrono::{DateTime, TimeDelta, Utc};
use domain::Right;
use gloo_timers::callback::Timeout;
use leptos::{ev::KeyboardEvent, prelude::*, task::spawn_local};
use serde::Deserialize;

use super::{
    filters::{Name, point},
    search::Search,
    words::{CALL, ENDINGS, action, statuses},
};
use crate::{
    api::{Api, Failure, encoded, of_org, read::Read},
    components::{Choice, Clock, Field, from_field, to_field},
    reactive::{RwSignal, derived, effect, memo, varying},
    shell::Org,
    show::sorted::sort,
};

/// How long a rest in typing is, in milliseconds.
const REST: u32 = 350;
/// The tools of so many toolkits are offered together.
const TOOLKITS: usize = 12;

/// What the filter for actions offers: what people look for.
const ACTIONS: [&str; 24] = [
    CALL,
    "tools/list",
    "initialize",
    "approve_approval",
    "reject_approval",
    "settle_approval",
    "revoke_approval",
    "expire_approval",
    "create_api_key",
    "rotate_api_key",
    "revoke_api_key",
    "create_member",
    "update_member",
    "delete_member",
    "create_toolkit",
    "update_toolkit",
    "add_toolkit_tools",
    "put_toolkit_tool",
    "put_role_policy",
    "create_connection",
    "update_connection",
    "delete_connection",
    "review_tool",
    "export_audit",
];

/// An entry of any list, as far as a filter needs it.
#[derive(Clone, Debug, PartialEq, Deserialize)]
struct Named {
    name: Option<String>,
    slug: Option<String>,
    email: Option<String>,
}

/// Values and their words; `None` where a value must be typed.
type Offers = Option<Vec<(String, String)>>;

/// All filters, side by side.
#[component]
pub(super) fn Pickers() -> impl IntoView {
    let search = Search::here();
    let now = Clock::here();
    let org = Org::here();
    let list = move |right: Right, path: &'static str| {
        Read::<List<Named>>::new(move || org.may(right).then(|| of_org(&org.slug.get(), path)))
    };
    let toolkits = list(Right::ReadToolkits, "/toolkits?limit=200");
    let keys = list(Right::ReadKeys, "/api-keys?limit=200");
    let members = list(Right::ReadMembers, "/members?limit=200");
    let tools = tools(search, org, toolkits);
    let outcomes = Signal::stored(Some(
        ["error,failed"]
            .into_iter()
            .chain(ENDINGS.iter().map(|ending| ending.word))
            .map(|word| (word.to_owned(), statuses(word)))
            .collect(),
    ));
    let actions = Signal::stored(Some(ACTIONS.map(|name| (name.to_owned(), named_action(name))).to_vec()));
    let callers = derived(move || match (offers(keys), offers(members)) {
        (None, None) => None,
        (keys, members) => Some(keys.into_iter().chain(members).flatten().collect()),
    });
    let hours = |hours: i64, words: &'static str| {
        let since = move |_| {
            let filters = search.filters.get_untracked().with(Name::From, &since(now.get_untracked(), hours));
            search.ask(&filters.with(Name::To, ""), false);
        };
        view! { <button type="button" class="chip" on:click=since>{words}</button> }
    };
    view! {
        <div class="panel" role="group" aria-label="Filters">
            <div class="asks in-p">
                <Pick name=Name::Status offers=outcomes />
                <Pick name=Name::Toolkit offers=derived(move || offers(toolkits)) />
                <Pick name=Name::Tool offers=derived(move || tools.get()) />
                <Pick name=Name::Actor offers=callers />
                <Pick name=Name::Action offers=actions />
                <Ask name=Name::From kind="datetime-local" />
                <Ask name=Name::To kind="datetime-local" />
                <div class="chips" role="group" aria-label="Time range">
                    {hours(1, "Last hour")} {hours(24, "Last 24 hours")} {hours(7 * 24, "Last 7 days")} {hours(30 * 24, "Last 30 days")}
                </div>
            </div>
        </div>
    }
}

fn since(now: DateTime<Utc>, hours: i64) -> String {
    point(now - TimeDelta::hours(hours))
}

fn named_action(name: &str) -> String {
    match name {
        CALL => "Tool calls".to_owned(),
        "tools/list" => "Tool lists".to_owned(),
        "initialize" => "New sessions".to_owned(),
        name => action(name),
    }
}

/// What a list offers; nothing where it may not be read or has more than one page.
fn offers(list: Read<List<Named>>) -> Offers {
    list.value.with(|read| match read {
        Some(read) => read.next_cursor.is_none().then(|| read.items.iter().filter_map(offer).collect()),
        None => (list.reading.get() && list.failure.with(Option::is_none)).then(Vec::new),
    })
}

/// The value and the words of an entry: toolkits are asked for by their slug, people by their e-mail, all else by its name.
fn offer(entry: &Named) -> Option<(String, String)> {
    let Named { name, slug, email } = entry;
    let value = slug.as_ref().or(email.as_ref()).or(name.as_ref())?;
    let words = match name.as_ref().filter(|name| *name != value && !name.is_empty()) {
        Some(name) => format!("{name} ({value})"),
        None => value.clone(),
    };
    Some((value.clone(), words))
}

/// The tools of the chosen toolkit, or of all.
fn tools(search: Search, org: Org, toolkits: Read<List<Named>>) -> RwSignal<Offers> {
    let api = Api::here();
    let tools = RwSignal::new(Some(Vec::new()));
    let turn = StoredValue::new(0_u64);
    let slugs = memo(move || {
        let all: Vec<_> = offers(toolkits)?.into_iter().map(|(slug, _)| slug).collect();
        let chosen = search.filters.with(|filters| filters.get(Name::Toolkit).to_owned());
        match all.contains(&chosen) {
            true => Some(vec![chosen]),
            false => (all.len() <= TOOLKITS).then_some(all),
        }
    });
    effect(move || {
        turn.update_value(|turn| *turn += 1);
        let mine = turn.get_value();
        let Some(slugs) = slugs.get() else { return tools.set(None) };
        let org = org.slug.get_untracked();
        spawn_local(async move {
            let read = tools_of(api, &org, slugs).await;
            // Another choice, or a closed panel, wants none of it.
            if turn.try_get_value() == Some(mine) {
                tools.set(read.ok().flatten());
            }
        });
    });
    tools
}

async fn tools_of(api: Api, org: &str, slugs: Vec<String>) -> Result<Offers, Failure> {
    let mut tools = Vec::new();
    for slug in slugs {
        let path = of_org(org, &format!("/toolkits/{}/tools?limit=200", encoded(&slug)));
        let page: List<Named> = api.get(&path).await?;
        if page.next_cursor.is_some() {
            return Ok(None);
        }
        tools.extend(page.items.iter().filter_map(offer));
    }
    sort(&mut tools, Ord::cmp);
    tools.dedup();
    Ok(Some(tools))
}

/// A filter to choose, or to type where there is nothing to choose from.
#[component]
fn Pick(name: Name, #[prop(into)] offers: Signal<Offers>) -> impl IntoView {
    let chooses = memo(move || offers.with(Option::is_some));
    varying(move || match chooses.get() {
        true => view! { <Choose name offers /> }.into_any(),
        false => view! { <Ask name hint="Exact name" /> }.into_any(),
    })
}

#[component]
fn Choose(name: Name, offers: Signal<Offers>) -> impl IntoView {
    let search = Search::here();
    let asked = memo(move || search.filters.with(|filters| filters.get(name).to_owned()));
    let value = RwSignal::new(asked.get_untracked());
    effect(move || value.set(asked.get()));
    effect(move || {
        let value = value.get();
        if asked.get_untracked() != value {
            search.set(name, &value, false);
        }
    });
    let options = derived(move || {
        let offers = offers.get().unwrap_or_default();
        let asked = asked.get();
        let mut options = vec![(String::new(), "Any".to_owned())];
        // What is asked for can be seen, whatever else there is.
        if !asked.is_empty() && offers.iter().all(|(value, _)| *value != asked) {
            options.push((asked.clone(), if name == Name::Status { statuses(&asked) } else { asked }));
        }
        options.extend(offers);
        options
    });
    view! { <Choice label=name.label() value options /> }
}

/// A filter to type.
#[component]
fn Ask(
    name: Name,
    #[prop(default = "text")] kind: &'static str,
    #[prop(optional)] hint: Option<&'static str>,
) -> impl IntoView {
    let search = Search::here();
    let asked = memo(move || search.filters.with(|filters| shown(name, filters.get(name))));
    let text = RwSignal::new(asked.get_untracked());
    let resting = StoredValue::new_local(None::<Timeout>);
    let apply = move || {
        resting.try_set_value(None);
        let Some(text) = text.try_get_untracked() else { return };
        if asked.get_untracked() != text.trim() {
            search.set(name, &taken(name, &text), true);
        }
    };
    effect(move || {
        let asked = asked.get();
        if resting.with_value(Option::is_none) && text.with_untracked(|text| text.trim() != asked) {
            text.set(asked);
        }
    });
    effect(move || {
        if text.with(|text| text.trim() != asked.get_untracked()) {
            resting.set_value(Some(Timeout::new(REST, apply)));
        }
    });
    let enter = move |event: KeyboardEvent| {
        if event.key() == "Enter" {
            apply();
        }
    };
    view! {
        <div on:keydown=enter>
            {match hint {
                Some(hint) => view! { <Field label=name.label() value=text kind hint /> }.into_any(),
                None => view! { <Field label=name.label() value=text kind /> }.into_any(),
            }}
        </div>
    }
}

/// The text of a field for a value of the address.
fn shown(name: Name, value: &str) -> String {
    match name {
        Name::From | Name::To => value.parse().map(to_field).unwrap_or_default(),
        _ => value.to_owned(),
    }
}

/// The value for the address of a field's text.
fn taken(name: Name, text: &str) -> String {
    match name {
        Name::From | Name::To => from_field(text).map(point).unwrap_or_default(),
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_list_offers_what_the_audit_is_asked_by() {
        let offered = |json: &str| serde_json::from_str(json).ok().and_then(|entry| offer(&entry));
        let both = |value: &str, words: &str| Some((value.to_owned(), words.to_owned()));
        assert_eq!(offered(r#"{"slug":"bank","name":"Bank"}"#), both("bank", "Bank (bank)"));
        assert_eq!(offered(r#"{"name":"triage-bot","role":"agent"}"#), both("triage-bot", "triage-bot"));
        assert_eq!(offered(r#"{"email":"jo@example.com","name":"Jo"}"#), both("jo@example.com", "Jo (jo@example.com)"));
        assert_eq!(offered(r#"{"email":"jo@example.com","name":""}"#), both("jo@example.com", "jo@example.com"));
        assert_eq!(offered("{}"), None);
    }

    #[test]
    fn actions_are_told_apart_by_their_words() {
        let words: std::collections::HashSet<_> = ACTIONS.map(named_action).into();
        assert_eq!(words.len(), ACTIONS.len());
    }
}
