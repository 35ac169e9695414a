//! Taking a text along.

use gloo_timers::callback::Timeout;
use leptos::{prelude::*, task::spawn_local};
use wasm_bindgen_futures::JsFuture;

use super::{Button, Icon, Kind, Shape};
use crate::{
    reactive::{RwSignal, varying},
    show::words::Words,
};

/// A button that puts a text on the clipboard and says that it did.
#[component]
pub fn CopyButton(
    /// The text, exactly.
    #[prop(into)]
    text: Signal<String>,
    /// What it is: "Copy {what}".
    what: &'static str,
) -> impl IntoView {
    let said = RwSignal::new("");
    let copy = Callback::new(move |()| {
        let text = text.get_untracked();
        spawn_local(async move {
            let copied = JsFuture::from(window().navigator().clipboard().write_text(&text)).await.is_ok();
            said.try_set(if copied { "Copied" } else { "Could not copy. Select the text and copy it." });
            Timeout::new(3_000, move || {
                said.try_set("");
            })
            .forget();
        });
    });
    view! {
        <span class="copy">
            <Button kind=Kind::Icon label=Words::of("Copy {}", &[what]) on_press=copy>
                <Icon shape=Shape::Copy />
            </Button>
            <span role="status">{varying(move || said.get())}</span>
        </span>
    }
}
