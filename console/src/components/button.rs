//! Something to press.

use leptos::{
    ev::{KeyboardEvent, MouseEvent},
    prelude::*,
};

use super::Fresh;

use crate::reactive::varying;
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
    /// Hardly there, and nothing but an icon: it needs a label.
    Icon,
}

impl Kind {
    fn class(self) -> &'static str {
        match self {
            Self::Plain => "btn",
            Self::Primary => "btn go",
            Self::Danger => "btn stop",
            Self::Quiet => "btn plain",
            Self::Icon => "btn plain icon",
        }
    }
}

/// A button. While `busy`, `disabled` or only just come up it stays focusable and as it is, says so, and does
/// nothing. A key that is held presses it once.
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
    /// A press counts only once this has been shown for long enough.
    #[prop(optional)]
    fresh: Option<Fresh>,
    /// Sends the form it stands in.
    #[prop(optional)]
    submit: bool,
    /// What happens.
    #[prop(optional)]
    on_press: Option<Callback<()>>,
    /// The words in it.
    children: Children,
) -> impl IntoView {
    let inert = move || fresh.is_some_and(|fresh| fresh.inert.get());
    let off = move || busy.get() || disabled.get();
    let press = move |event: MouseEvent| {
        if off() {
            event.prevent_default();
        } else if let Some(fresh) = fresh.filter(|fresh| !fresh.is_open()) {
            event.prevent_default();
            fresh.refuse();
        } else if let Some(act) = on_press {
            act.run(());
        }
    };
    let hold = move |event: KeyboardEvent| {
        if event.repeat() && event.key() == "Enter" {
            event.prevent_default();
        }
    };
    view! {
        <button
            class=kind.class()
            type=if submit { "submit" } else { "button" }
            aria-label=label.map(|label| label.plain())
            aria-disabled=varying(move || (off() || inert()).to_string())
            aria-busy=varying(move || busy.get().to_string())
            aria-keyshortcuts=key
            on:keydown=hold
            on:click=press
        >
            {children()}
            {key.map(|key| view! { <kbd aria-hidden="true">{key}</kbd> })}
        </button>
    }
}

/// Says that nothing has gone wrong where something was pressed that has only just come up.
#[component]
pub fn Moment(
    /// What was pressed.
    fresh: Fresh,
) -> impl IntoView {
    view! {
        <span class="moment" role="status">
            {varying(move || fresh.refused.get().then_some("One moment: this has just appeared. Press again."))}
        </span>
    }
}
