//! Nothing here: what this is, and the next step.

use leptos::prelude::*;

/// What a page shows when it has nothing to show.
#[component]
pub fn EmptyState(
    /// What is not there.
    title: &'static str,
    /// It is all there is on the page: the title is the page's heading.
    #[prop(optional)]
    whole: bool,
    /// What this place is for, and the next step: a button, or a command to copy.
    children: Children,
) -> impl IntoView {
    view! {
        <div class="empty">
            {if whole {
                view! { <h1 class="empty-title">{title}</h1> }.into_any()
            } else {
                view! { <p class="empty-title">{title}</p> }.into_any()
            }}
            {children()}
        </div>
    }
}
