//! An address with nothing behind it.

use leptos::prelude::*;

use crate::{components::EmptyState, shell::title};

#[component]
pub(crate) fn NotFound() -> impl IntoView {
    title(|| "Page not found".into());
    view! {
        <main class="page">
            <EmptyState title="Page not found" whole=true>
                <p>"The address may be mistyped, or what was here has been removed."</p>
                <a class="btn" href="/">"Go to the inbox"</a>
            </EmptyState>
        </main>
    }
}
