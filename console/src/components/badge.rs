//! A word about a thing: plain, or in a pill where it should stop the eye.

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

/// A pill, for what should stop the eye. Its text says everything; the tone only helps to find it.
#[component]
pub fn Badge(
    /// The colour's meaning.
    #[prop(optional)]
    tone: Tone,
    /// The words.
    children: Children,
) -> impl IntoView {
    view! { <span class=format!("pill {}", tone.class())>{children()}</span> }
}

/// A state in an icon and a word, without a fill: for ordinary outcomes. Its text says everything; the tone only helps to
/// find it.
#[component]
pub fn Word(
    /// The colour's meaning.
    #[prop(optional)]
    tone: Tone,
    /// The icon and the word.
    children: Children,
) -> impl IntoView {
    view! { <span class=format!("word {}", tone.class())>{children()}</span> }
}
