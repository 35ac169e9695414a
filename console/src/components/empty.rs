//! Nothing here: what this is, and the next step.

use leptos::prelude::*;

/// What a page shows when it has nothing to show.
#[component]
pub fn EmptyState(
    /// What is not there.
    #[prop(into)]
    title: String,
    /// What this place is for, and the next step: a button, or a command to copy.
    children: Children,
) -> impl IntoView {
    view! {
        <div class="empty">
            <p class="empty-title">{title}</p>
            {children()}
        </div>
    }
}
