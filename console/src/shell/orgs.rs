//! The org that is shown, in the navigation: a choice for whoever belongs to several.

use leptos::prelude::*;
use leptos_router::{NavigateOptions, hooks::use_navigate};

use super::Org;
use crate::{
    api::Api,
    components::Said,
    reactive::{memo, varying},
    show::words::plain,
};

/// The org as the address has it, whatever stands there, and the others that one belongs to.
#[component]
pub(super) fn OrgChooser() -> impl IntoView {
    let api = Api::here();
    let org = Org::here();
    let navigate = use_navigate();
    let mine = memo(move || {
        let me = api.me.get();
        me.map(|me| me.orgs.iter().map(|org| org.slug.clone()).collect::<Vec<_>>()).unwrap_or_default()
    });
    let go = move |slug: String| navigate(&format!("/{slug}/inbox"), NavigateOptions::default());
    varying(move || {
        let (slugs, shown) = (mine.get(), org.slug.get());
        if slugs.len() < 2 && slugs.contains(&shown) {
            return view! { <span class="org"><Said text=shown /></span> }.into_any();
        }
        let go = go.clone();
        let other = (!slugs.contains(&shown)).then(|| view! { <option selected=true>{plain(&shown)}</option> });
        let option = |slug: String| {
            let here = slug == shown;
            view! { <option value=slug.clone() selected=here>{plain(&slug)}</option> }
        };
        view! {
            <select class="org" aria-label="Org" on:change:target=move |event| go(event.target().value())>
                {other} {slugs.into_iter().map(option).collect_view()}
            </select>
        }
        .into_any()
    })
}
