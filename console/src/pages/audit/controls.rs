//! The fields that ask: applied while one types, after a short rest, or on Enter.

use gloo_timers::callback::Timeout;
use leptos::{ev::KeyboardEvent, html, prelude::*};

use super::{filters::Name, search::Search, words::ENDINGS};
use crate::{
    components::{Choice, Field, from_field, to_field},
    reactive::{effect, memo},
    shell::Shortcuts,
};

/// How long a rest in typing is, in milliseconds.
const REST: u32 = 350;

/// Everything that can be asked for.
#[component]
pub(super) fn Controls() -> impl IntoView {
    let search = Search::here();
    let first = NodeRef::<html::Input>::new();
    Shortcuts::here().register("/", "Search", move || {
        if let Some(input) = first.get_untracked() {
            let _ = input.focus();
        }
    });
    let more = [Name::Toolkit, Name::Tool, Name::Actor, Name::Action, Name::From, Name::To];
    let used = search.filters.with_untracked(|filters| more.iter().any(|name| !filters.get(*name).is_empty()));
    view! {
        <div class="asks" role="search" aria-label="Audit records">
            <Ask name=Name::Q label="Search" kind="search" node=first />
            <AskEnding />
        </div>
        <details class="more" open=used>
            <summary>"More filters"</summary>
            <div class="asks">
                <Ask name=Name::Toolkit label="Toolkit" hint="Its slug." />
                <Ask name=Name::Tool label="Tool" hint="Its name, whole." />
                <Ask name=Name::Actor label="Who" hint="Key name, e-mail or id." />
                <Ask name=Name::Action label="Action" hint="Such as tools/call or create_api_key." />
                <Ask name=Name::From label="From" kind="datetime-local" />
                <Ask name=Name::To label="To" kind="datetime-local" />
            </div>
        </details>
    }
}

/// One field.
#[component]
fn Ask(
    name: Name,
    label: &'static str,
    #[prop(default = "text")] kind: &'static str,
    #[prop(optional)] hint: Option<&'static str>,
    #[prop(optional)] node: NodeRef<html::Input>,
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
        // What is being typed wins over an address that changes meanwhile.
        if resting.with_value(Option::is_none) && text.with_untracked(|text| text.trim() != asked) {
            text.set(asked);
        }
    });
    Effect::new(move |before: Option<String>| {
        let now = text.get();
        if before.is_some_and(|before| before != now) && asked.get_untracked() != now.trim() {
            resting.set_value(Some(Timeout::new(REST, apply)));
        }
        now
    });
    let enter = move |event: KeyboardEvent| {
        if event.key() == "Enter" {
            apply();
        }
    };
    view! {
        <div class="ask" on:keydown=enter>
            {match hint {
                Some(hint) => view! { <Field label value=text kind hint node /> }.into_any(),
                None => view! { <Field label value=text kind node /> }.into_any(),
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
        Name::From | Name::To => from_field(text).map(super::filters::point).unwrap_or_default(),
        _ => text.to_owned(),
    }
}

#[component]
fn AskEnding() -> impl IntoView {
    let search = Search::here();
    let asked = memo(move || search.filters.with(|filters| filters.get(Name::Status).to_owned()));
    let value = RwSignal::new(asked.get_untracked());
    effect(move || value.set(asked.get()));
    Effect::new(move |before: Option<String>| {
        let now = value.get();
        if before.is_some_and(|before| before != now) {
            search.set(Name::Status, &now, false);
        }
        now
    });
    let any = [(String::new(), "any".to_owned())];
    let endings = ENDINGS.iter().map(|ending| (ending.word.to_owned(), ending.label.to_owned()));
    let options: Vec<_> = any.into_iter().chain(endings).collect();
    view! { <div class="ask"><Choice label="How it ended" value options /></div> }
}
