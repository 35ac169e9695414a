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
        <div class="failed" role="alert">
            <Icon shape=Shape::Warning />
            <div>
                <p><Said text=failure.message() /></p>
                {advice.map(|advice| view! { <p class="quiet">{advice}</p> })}
                {request.map(|id| view! { <p class="quiet">"Request " <code>{id}</code></p> })}
                {retry.map(|retry| view! { <Button on_press=retry>"Try again"</Button> })}
            </div>
        </div>
    }
}
