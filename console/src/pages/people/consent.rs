//! What a change would stop or narrow elsewhere, as the server names it; pressing once more is the consent.

use leptos::prelude::*;

use crate::{api::Failure, components::Said};

/// Whether the server asks for consent to what it named.
pub(super) fn is_asked(failure: &Option<Failure>) -> bool {
    let problem = failure.as_ref().and_then(Failure::problem);
    problem.is_some_and(|problem| problem.status == 409 && !problem.affected.is_empty())
}

/// What is sent with the consent.
pub(super) fn query(force: bool) -> &'static str {
    if force { "?force=true" } else { "" }
}

/// What is affected.
#[component]
pub(super) fn Affected(failure: Failure) -> impl IntoView {
    let affected = failure.problem().map(|problem| problem.affected.clone()).unwrap_or_default();
    let more = failure.problem().is_some_and(|problem| problem.more);
    let rows = affected
        .into_iter()
        .map(|one| {
            let kind = one.kind.replace('_', " ");
            view! { <li>{kind} " " <b><Said text=one.name /></b> ": " <Said text=one.effect /></li> }
        })
        .collect_view();
    view! { <ul class="effects">{rows} {more.then(|| view! { <li>"and more, which are not named here"</li> })}</ul> }
}
