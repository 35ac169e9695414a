//! The state of a request, as it is shown wherever requests are.

use leptos::prelude::*;

use super::words;
use crate::components::{Badge, Icon};

/// A state of a request, as a badge.
#[component]
pub fn StatusBadge(
    /// The state, as the API has it.
    #[prop(into)]
    status: String,
    /// How the upstream answered, of a call that ran.
    answer: Option<String>,
) -> impl IntoView {
    let (tone, shape, word) = words::badge(&status, answer.as_deref());
    view! {
        <Badge tone>
            <Icon shape />
            {word}
        </Badge>
    }
}
