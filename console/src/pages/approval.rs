//! `/:org/approvals/:id`.

use leptos::prelude::*;

#[component]
pub(crate) fn Approval() -> impl IntoView {
    view! { <main class="page"></main> }
}
