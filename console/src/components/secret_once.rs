//! A secret that is shown once: the server does not know it any more.

use leptos::prelude::*;

use super::{Button, CopyButton, Said};

/// A secret with a button that copies it, and what one must know of it; it stands there until one says that one has it.
#[component]
pub fn SecretOnce(
    /// What it is: "Copy {what}".
    what: &'static str,
    /// The secret, exactly.
    secret: String,
    /// What to do with it.
    lead: AnyView,
    /// What it allows, and what to do when it is lost.
    children: Children,
    /// What is done once somebody has it: it must not be shown any more.
    on_done: Callback<()>,
) -> impl IntoView {
    view! {
        <div class="stack tight">
            <p>{lead}</p>
            <p class="secret"><code class="grow" tabindex="0"><Said text=secret.clone() /></code> <CopyButton text=secret what /></p>
            <p class="dimmer">{children()}</p>
            <p><Button on_press=on_done>"Done"</Button></p>
        </div>
    }
}
