//! One of a few views of the same thing.

use leptos::{ev::KeyboardEvent, html, prelude::*};
use wasm_bindgen::JsCast;
use web_sys::HtmlElement;

use crate::reactive::varying;

/// One tab.
#[derive(Clone, Debug, PartialEq)]
pub struct Tab {
    /// Its name in the URL.
    pub name: &'static str,
    /// Its words, and perhaps a count after them: "Waiting 9".
    pub words: Signal<String>,
}

/// Tabs, as ARIA's practices have them: arrow keys go from one to the next, and choose it.
#[component]
pub fn Tabs(
    /// What they choose between.
    label: &'static str,
    /// The tabs.
    tabs: Vec<Tab>,
    /// The name of the chosen one.
    #[prop(into)]
    chosen: Signal<String>,
    /// Another one was chosen.
    on_choose: Callback<&'static str>,
) -> impl IntoView {
    let list = NodeRef::<html::Div>::new();
    let names: Vec<&'static str> = tabs.iter().map(|tab| tab.name).collect();
    let go = move |event: KeyboardEvent| {
        let at = names.iter().position(|name| *name == chosen.get_untracked()).unwrap_or(0);
        let to = match event.key().as_str() {
            "ArrowRight" => (at + 1) % names.len(),
            "ArrowLeft" => (at + names.len() - 1) % names.len(),
            "Home" => 0,
            "End" => names.len() - 1,
            _ => return,
        };
        event.prevent_default();
        on_choose.run(names[to]);
        let tab = list.get_untracked().and_then(|list| list.children().item(u32::try_from(to).unwrap_or(0)));
        if let Some(tab) = tab.and_then(|tab| tab.dyn_into::<HtmlElement>().ok()) {
            let _ = tab.focus();
        }
    };
    view! {
        <div class="tabs" role="tablist" aria-label=label node_ref=list on:keydown=go>
            {tabs
                .into_iter()
                .map(|tab| {
                    let is = move || chosen.get() == tab.name;
                    view! {
                        <button
                            type="button"
                            role="tab"
                            aria-selected=varying(move || is().to_string())
                            tabindex=varying(move || if is() { "0" } else { "-1" })
                            on:click=move |_| on_choose.run(tab.name)
                        >
                            {varying(move || tab.words.with(|words| {
                                let (words, count) = counted(words);
                                view! { {words.to_owned()} {count.map(|count| view! { " " <span class="n">{count.to_owned()}</span> })} }
                            }))}
                        </button>
                    }
                })
                .collect_view()}
        </div>
    }
}

/// The words of a tab, and the count after them.
fn counted(words: &str) -> (&str, Option<&str>) {
    match words.rsplit_once(' ') {
        Some((words, count)) if count.starts_with(|first: char| first.is_ascii_digit()) => (words, Some(count)),
        _ => (words, None),
    }
}

#[cfg(test)]
mod tests {
    use super::counted;

    #[test]
    fn a_count_stands_after_the_words() {
        assert_eq!(counted("Waiting 9"), ("Waiting", Some("9")));
        assert_eq!(counted("Waiting 1,200"), ("Waiting", Some("1,200")));
        assert_eq!(counted("Decided"), ("Decided", None));
        assert_eq!(counted("Decided by me"), ("Decided by me", None));
    }
}
