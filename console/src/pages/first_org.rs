//! `/`: leads to an org of the person who is signed in.

use leptos::{prelude::*, wasm_split::wasm_split};
use leptos_router::components::Redirect;

use super::door::Door;
use crate::{
    api::Api,
    components::{Late, Loaded, Said},
    shell::title,
};

#[component]
pub(crate) fn FirstOrg() -> impl IntoView {
    title(|| "Welcome".into());
    let api = Api::here();
    let first = api.me.with_untracked(|me| {
        me.as_ref().and_then(|me| me.orgs.iter().find(|org| !org.records_only).map(|org| org.slug.clone()))
    });
    match first {
        Some(slug) => view! { <Redirect path=format!("/{slug}/inbox") /> }.into_any(),
        None => view! { <Late part=Box::pin(async { no_org().await.map(ViewFn::from) }) /> }.into_any(),
    }
}

#[wasm_split(account, fallible, wasm_split_path = ::leptos::wasm_split)]
fn no_org() -> Loaded<fn() -> AnyView> {
    Ok(|| view! { <NoOrg /> }.into_any())
}

#[component]
fn NoOrg() -> impl IntoView {
    let api = Api::here();
    let email = api.me.with_untracked(|me| me.as_ref().and_then(|me| me.email.clone())).unwrap_or_default();
    view! {
        <Door>
            <h1 class="big">"You are not in an org yet"</h1>
            <p class="dim">"Ask an administrator for an invite link to " <Said text=email /> "."</p>
            <a class="btn full" href="/me">"Your account"</a>
        </Door>
    }
}
