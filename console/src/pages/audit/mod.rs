//! `/:org/audit`.

use leptos::prelude::*;

#[component]
pub(crate) fn AuditList() -> impl IntoView {
    view! { <main class="page"></main> }
}

#[component]
pub(crate) fn AuditRecord() -> impl IntoView {
    view! { <main class="page"></main> }
}
