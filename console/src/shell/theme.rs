//! Light, dark, or as the system has it. `theme.js` does the same before the first paint.

use leptos::prelude::*;

use super::storage;
use crate::{
    components::{Icon, Shape},
    reactive::{RwSignal, effect, varying},
};

/// The chosen theme.
#[derive(Clone, Copy)]
pub struct Theme(RwSignal<Option<String>>);

impl Theme {
    /// Reads what was chosen, for everything underneath.
    pub fn provide() {
        let chosen = RwSignal::new(storage::get("theme"));
        effect(move || {
            let Some(root) = document().document_element() else { return };
            // Setting an attribute of a fixed name cannot fail.
            let _ = match chosen.get() {
                Some(theme) => root.set_attribute("data-theme", &theme),
                None => root.remove_attribute("data-theme"),
            };
        });
        provide_context(Self(chosen));
    }
}

/// Chooses the theme.
#[component]
pub fn ThemePicker() -> impl IntoView {
    let Theme(chosen) = expect_context();
    let choices =
        [(None, "System", Shape::Screen), (Some("light"), "Light", Shape::Sun), (Some("dark"), "Dark", Shape::Moon)];
    view! {
        <div class="tabs themes" role="group" aria-label="Theme">
            {choices
                .into_iter()
                .map(|(value, words, shape)| {
                    let is = move || chosen.with(|chosen| chosen.as_deref() == value);
                    let choose = move |_| {
                        storage::set("theme", value);
                        chosen.set(value.map(str::to_owned));
                    };
                    view! {
                        <button type="button" aria-pressed=varying(move || is().to_string()) on:click=choose>
                            <Icon shape /> {words}
                        </button>
                    }
                })
                .collect_view()}
        </div>
    }
}
