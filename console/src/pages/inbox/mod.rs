//! `/:org/inbox`.

use leptos::prelude::*;

#[component]
pub(crate) fn Inbox() -> impl IntoView {
    view! { <main class="page"></main> }
}
