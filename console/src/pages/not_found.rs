//! An address with nothing behind it.

use leptos::prelude::*;

use crate::{components::EmptyState, shell::title};

#[component]
pub(crate) fn NotFound() -> impl IntoView {
    title(|| "Nothing here".into());
    view! {
        <main class="page">
            <EmptyState title="There is nothing at this address" whole=true>
                <p>"It may have been removed, or mistyped." <br /> <a href="/">"Go to the inbox"</a></p>
            </EmptyState>
        </main>
    }
}
