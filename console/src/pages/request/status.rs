//! The state of a request, as it is shown wherever requests are.

use chrono::TimeDelta;
use leptos::prelude::*;

use super::words;
use crate::components::{Badge, Icon, Tone, Word};

/// From here on the time left is shown as short.
pub const SOON: TimeDelta = TimeDelta::minutes(5);

/// A state of a request, in an icon and a word.
#[component]
pub fn StatusBadge(
    /// The state, as the API has it.
    #[prop(into)]
    status: String,
    /// How the server answered, of a call that ran.
    answer: Option<String>,
) -> impl IntoView {
    let (tone, shape, word) = words::badge(&status, answer.as_deref());
    view! { <Word tone><Icon shape />{word}</Word> }
}

/// The same over the request itself: a pill for what should stop the eye.
#[component]
pub(super) fn StatusOnTop(status: String, answer: Option<String>) -> impl IntoView {
    let (tone, shape, word) = words::badge(&status, answer.as_deref());
    let word = words::capital(word);
    match tone {
        Tone::Warn | Tone::Bad => view! { <Badge tone><Icon shape />{word}</Badge> }.into_any(),
        Tone::Ok | Tone::Quiet => view! { <Word tone><Icon shape />{word}</Word> }.into_any(),
    }
}
