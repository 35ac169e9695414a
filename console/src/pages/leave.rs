//! Leaving an org oneself, after saying what that means.

use leptos::prelude::*;

use super::people::Confirm;
use crate::{api::encoded, components::Said, reactive::derived, show::words::Words};

/// The org that one is about to leave, and whether the dialog is open.
#[derive(Clone, Copy)]
pub(super) struct Leaving {
    slug: RwSignal<String>,
    open: RwSignal<bool>,
}

impl Leaving {
    pub(super) fn new() -> Self {
        Self { slug: RwSignal::new(String::new()), open: RwSignal::new(false) }
    }

    /// Asks about this org.
    pub(super) fn ask(self, slug: &str) {
        self.slug.set(slug.to_owned());
        self.open.set(true);
    }
}

/// The dialog.
#[component]
pub(super) fn Leave(leaving: Leaving) -> impl IntoView {
    let slug = leaving.slug;
    let path = derived(move || format!("/me/orgs/{}", encoded(&slug.get())));
    let title = derived(move || Words::of("Leave {}?", &[&slug.get()]));
    let done = derived(move || Words::of("You do not belong to {} any more.", &[&slug.get()]));
    // A full load: nothing of this org stays in the page.
    let on_done = Callback::new(move |()| {
        let _ = window().location().set_href("/me");
    });
    view! {
        <Confirm open=leaving.open title verb="Leave" path done on_done>
            <ul class="effects">
                <li>
                    "You lose access to " <b>{move || view! { <Said text=slug.get() /> }}</b>
                    " at once. Your account, and other orgs you belong to, stay."
                </li>
                <li>"What you decided and did stays on record under your name."</li>
                <li>"API keys of yours there are revoked, and the secrets end that you made on keys of others."</li>
            </ul>
        </Confirm>
    }
}
