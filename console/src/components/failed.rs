//! Something went wrong: what, what to try, and the request id.

use leptos::prelude::*;

use super::{Button, Icon, Said, Shape};
use crate::api::Failure;

/// A failure, announced to screen readers.
#[component]
pub fn Failed(
    /// What went wrong.
    failure: Failure,
    /// What to try, where the page knows it better than the failure itself.
    #[prop(optional_no_strip)]
    advice: Option<&'static str>,
    /// Tries again at once. What is read, and can be tried again, is also tried again by itself (`api::retry`).
    #[prop(optional)]
    retry: Option<Callback<()>>,
) -> impl IntoView {
    // A wrong password is no fault to be looked up.
    let problem = failure.problem().filter(|problem| problem.status != 401);
    let request = problem.map(|problem| problem.request_id.to_string());
    let meanwhile = retry.and_then(|_| failure.advice_meanwhile());
    let advice = meanwhile.or(advice).unwrap_or_else(|| failure.advice());
    let advice = Some(advice).filter(|advice| !advice.is_empty());
    view! {
        <div class="loud bad" role="alert">
            <Icon shape=Shape::Warning />
            <b><Said text=failure.message() /></b>
            {advice.map(|advice| view! { <span>{advice}</span> })}
            {retry.map(|retry| view! { <span><Button on_press=retry>"Try again"</Button></span> })}
            {request.map(|id| view! { <span class="dimmer">"Request id " <code>{id}</code></span> })}
        </div>
    }
}
