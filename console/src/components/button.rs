//! Something to press.

use leptos::{ev::MouseEvent, prelude::*};

use crate::show::words::Words;

/// How much a button asks to be pressed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Kind {
    /// One of several.
    #[default]
    Plain,
    /// What most people came for; one on a page.
    Primary,
    /// Ends or refuses something.
    Danger,
    /// Hardly there: inside rows and bars.
    Quiet,
}

impl Kind {
    fn class(self) -> &'static str {
        match self {
            Self::Plain => "btn",
            Self::Primary => "btn primary",
            Self::Danger => "btn danger",
            Self::Quiet => "btn quiet",
        }
    }
}

/// A button. While `busy` it stays focusable, says so, and does nothing.
#[component]
pub fn Button(
    /// How much it asks to be pressed.
    #[prop(optional)]
    kind: Kind,
    /// What it does, where the words in it do not say it.
    #[prop(optional, into)]
    label: Option<Words>,
    /// The key that does the same, shown beside it.
    #[prop(optional)]
    key: Option<&'static str>,
    /// Under way: it cannot be pressed again.
    #[prop(optional, into)]
    busy: Signal<bool>,
    /// Not now.
    #[prop(optional, into)]
    disabled: Signal<bool>,
    /// Sends the form it stands in.
    #[prop(optional)]
    submit: bool,
    /// What happens.
    #[prop(optional)]
    on_press: Option<Callback<()>>,
    /// The words in it.
    children: Children,
) -> impl IntoView {
    let off = move || busy.get() || disabled.get();
    let press = move |event: MouseEvent| {
        if off() {
            event.prevent_default();
        } else if let Some(act) = on_press {
            act.run(());
        }
    };
    view! {
        <button
            class=kind.class()
            type=if submit { "submit" } else { "button" }
            aria-label=label.map(|label| label.plain())
            aria-disabled=move || off().to_string()
            aria-busy=move || busy.get().to_string()
            aria-keyshortcuts=key
            on:click=press
        >
            {children()}
            {key.map(|key| view! { <kbd aria-hidden="true">{key}</kbd> })}
        </button>
    }
}
