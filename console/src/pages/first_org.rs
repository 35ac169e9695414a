//! `/`: leads to an org of the person who is signed in.

use leptos::prelude::*;
use leptos_router::components::Redirect;

use crate::{api::Api, components::EmptyState, shell::title};

#[component]
pub(crate) fn FirstOrg() -> impl IntoView {
    title(|| "Welcome".into());
    let api = Api::here();
    let first = api.me.with_untracked(|me| {
        me.as_ref().and_then(|me| me.orgs.iter().find(|org| !org.records_only).map(|org| org.slug.clone()))
    });
    match first {
        Some(slug) => view! { <Redirect path=format!("/{slug}/inbox") /> }.into_any(),
        None => view! {
            <main class="page">
                <EmptyState title="You belong to no org yet" whole=true>
                    <p>"Ask an administrator for an invitation; it comes as a link."</p>
                </EmptyState>
            </main>
        }
        .into_any(),
    }
}
