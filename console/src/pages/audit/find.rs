//! The search field: it searches while one types, after a short rest, or at once on Enter.

use gloo_timers::callback::Timeout;
use leptos::{ev::KeyboardEvent, html, prelude::*};

use super::{filters::Name, search::Search};
use crate::{
    components::{Icon, Shape},
    reactive::{RwSignal, effect, memo, varying},
    shell::Shortcuts,
};

/// How long a rest in typing is, in milliseconds.
const REST: u32 = 350;

/// The field.
#[component]
pub(super) fn Find() -> impl IntoView {
    let search = Search::here();
    let asked = memo(move || search.filters.with(|filters| filters.get(Name::Q).to_owned()));
    let text = RwSignal::new(asked.get_untracked());
    let resting = StoredValue::new_local(None::<Timeout>);
    let apply = move || {
        resting.try_set_value(None);
        if let Some(text) = text.try_get_untracked() {
            search.set(Name::Q, &text, true);
        }
    };
    effect(move || {
        let asked = asked.get();
        // What is being typed wins over an address that changes meanwhile.
        if resting.with_value(Option::is_none) && text.with_untracked(|text| text.trim() != asked) {
            text.set(asked);
        }
    });
    let input = NodeRef::<html::Input>::new();
    Shortcuts::here().register("/", "Search", move || {
        if let Some(input) = input.get_untracked() {
            let _ = input.focus();
            input.select();
        }
    });
    let press = move |event: KeyboardEvent| match event.key().as_str() {
        "Enter" => apply(),
        "Escape" => {
            text.set(String::new());
            apply();
        }
        _ => {}
    };
    view! {
        <div class="find grow" role="search">
            <Icon shape=Shape::Search />
            <input
                node_ref=input
                class="in"
                type="search"
                aria-label="Search"
                placeholder="Tool, value, request id"
                autocomplete="off"
                maxlength="500"
                prop:value=varying(move || text.get())
                on:input:target=move |event| {
                    text.set(event.target().value());
                    resting.set_value(Some(Timeout::new(REST, apply)));
                }
                on:keydown=press
            />
            <kbd aria-hidden="true">"/"</kbd>
        </div>
    }
}
