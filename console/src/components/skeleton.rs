//! Where something will stand in a moment.

use leptos::prelude::*;

/// Grey lines instead of text that is being read.
#[component]
pub fn Skeleton(
    /// How many.
    #[prop(default = 5)]
    lines: usize,
) -> impl IntoView {
    view! {
        <div class="skeleton" role="status">
            <span class="visually-hidden">"Loading …"</span>
            {(0..lines).map(|_| view! { <i aria-hidden="true"></i> }).collect_view()}
        </div>
    }
}
