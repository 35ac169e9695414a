//! Nothing here: what this is, and the next step.

use leptos::prelude::*;

use super::Mark;

/// What a page shows when it has nothing to show.
#[component]
pub fn EmptyState(
    /// What is not there.
    title: &'static str,
    /// It is all there is on the page: the title is the page's heading.
    #[prop(optional)]
    whole: bool,
    /// The mark stands above the title: this is a place that people come to, not a fault.
    #[prop(optional)]
    mark: bool,
    /// What this place is for, and the next step: a button, or a command to copy.
    children: Children,
) -> impl IntoView {
    view! {
        <div class="empty">
            {mark.then(|| view! { <Mark large=true /> })}
            {if whole {
                view! { <h1 class="big">{title}</h1> }.into_any()
            } else {
                view! { <h2 class="big">{title}</h2> }.into_any()
            }}
            {children()}
        </div>
    }
}
