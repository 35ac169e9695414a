//! Something to fill in: a line, several lines, or one of some words.

use leptos::{html, prelude::*};

use super::{Icon, Said, Shape};
use crate::reactive::{RwSignal, varying};
use crate::show::words::plain;

/// A labelled line of text.
#[component]
pub fn Field(
    /// What to fill in.
    label: &'static str,
    /// The text, both ways.
    value: RwSignal<String>,
    /// `text`, `email`, `password`, `search`, `datetime-local`.
    #[prop(default = "text")]
    kind: &'static str,
    /// What the browser may fill in (HTML `autocomplete`).
    #[prop(default = "off")]
    autocomplete: &'static str,
    /// A line of help under it.
    #[prop(optional)]
    hint: Option<&'static str>,
    /// What is wrong with it.
    #[prop(optional, into)]
    wrong: Signal<Option<String>>,
    /// It cannot be changed here.
    #[prop(optional)]
    fixed: bool,
    /// To focus it.
    #[prop(optional)]
    node: NodeRef<html::Input>,
) -> impl IntoView {
    let id = super::id::unique("field");
    let notes = format!("{id}-notes");
    view! {
        <div class="field">
            <label for=id.clone()>{label}</label>
            <input
                node_ref=node
                class="in"
                id=id.clone()
                type=kind
                autocomplete=autocomplete
                readonly=fixed
                aria-invalid=varying(move || wrong.get().is_some().to_string())
                aria-describedby=notes.clone()
                prop:value=varying(move || value.get())
                on:input:target=move |event| value.set(event.target().value())
            />
            {fixed.then(|| value.get_untracked()).filter(|text| plain(text) != *text).map(|text| view! { <Said text /> })}
            <Notes id=notes hint wrong />
        </div>
    }
}

/// Labelled lines of text.
#[component]
pub fn Area(
    /// What to fill in.
    label: &'static str,
    /// The text, both ways.
    value: RwSignal<String>,
    /// A line of help under it.
    #[prop(optional)]
    hint: Option<&'static str>,
    /// What is wrong with it.
    #[prop(optional, into)]
    wrong: Signal<Option<String>>,
    /// To focus it.
    #[prop(optional)]
    node: NodeRef<html::Textarea>,
) -> impl IntoView {
    let id = super::id::unique("field");
    let notes = format!("{id}-notes");
    view! {
        <div class="field">
            <label for=id.clone()>{label}</label>
            <textarea
                node_ref=node
                class="in"
                id=id.clone()
                rows="3"
                aria-invalid=varying(move || wrong.get().is_some().to_string())
                aria-describedby=notes.clone()
                prop:value=varying(move || value.get())
                on:input:target=move |event| value.set(event.target().value())
            />
            <Notes id=notes hint wrong />
        </div>
    }
}

/// One of some words.
#[component]
pub fn Choice(
    /// What to choose.
    label: &'static str,
    /// The chosen one's value, both ways.
    value: RwSignal<String>,
    /// Values and their words.
    #[prop(into)]
    options: Signal<Vec<(String, String)>>,
) -> impl IntoView {
    let id = super::id::unique("field");
    view! {
        <div class="field">
            <label for=id.clone()>{label}</label>
            <select class="pick" id=id on:change:target=move |event| value.set(event.target().value())>
                {varying(move || {
                    let options = options.get().into_iter();
                    options
                        .map(|(option, words)| {
                            let chosen = { let option = option.clone(); move || value.get() == option };
                            view! { <option value=option prop:selected=chosen>{plain(&words)}</option> }
                        })
                        .collect_view()
                })}
            </select>
        </div>
    }
}

#[component]
fn Notes(id: String, hint: Option<&'static str>, wrong: Signal<Option<String>>) -> impl IntoView {
    view! {
        <div id=id>
            <span class="word bad" role="alert">
                {varying(move || wrong.get().map(|text| view! { <Icon shape=Shape::Warning /> <Said text /> }.into_any()))}
            </span>
            // What is wrong says what the hint says, and is said once.
            {varying(move || hint.filter(|_| wrong.get().is_none()).map(|hint| view! { <span class="help">{hint}</span> }.into_any()))}
        </div>
    }
}
