//! A word about a thing, in a pill.

use leptos::prelude::*;

/// What a badge says by its colour, besides its word.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tone {
    /// Just so.
    #[default]
    Quiet,
    /// Done, or good.
    Ok,
    /// Look here.
    Warn,
    /// Refused, failed, dangerous.
    Bad,
}

impl Tone {
    /// The class of everything that has tones.
    pub fn class(self) -> &'static str {
        match self {
            Self::Quiet => "",
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Bad => "bad",
        }
    }
}

/// A badge. Its text says everything; the tone only helps to find it.
#[component]
pub fn Badge(
    /// The colour's meaning.
    #[prop(optional)]
    tone: Tone,
    /// The words.
    children: Children,
) -> impl IntoView {
    view! { <span class=format!("badge {}", tone.class())>{children()}</span> }
}
