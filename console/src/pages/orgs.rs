//! `/me`: the orgs that one belongs to, and leaving one.

use leptos::{prelude::*, task::spawn_local};

use crate::{
    api::{Api, encoded},
    components::{Button, Confirm, Kind, Said},
    reactive::{derived, varying},
    show::words::Words,
};

/// The list.
#[component]
pub(super) fn Orgs() -> impl IntoView {
    let api = Api::here();
    let open = RwSignal::new(false);
    let about = RwSignal::new(String::new());
    let rows = move || {
        let me = api.me.get();
        // Who administers the instance is in every org, a member or not.
        let administers = me.as_ref().is_some_and(|me| me.instance_admin);
        let orgs = me.map(|me| me.orgs.clone()).unwrap_or_default();
        let row = |org: api_types::MyOrg| {
            // Of some there is only a record, and no inbox.
            let room = if org.records_only { "audit" } else { "inbox" };
            let only = org.records_only.then_some(", only its record");
            let label = Words::of("Leave {}", &[&org.slug]);
            let slug = org.slug.clone();
            let ask = Callback::new(move |()| {
                about.set(slug.clone());
                open.set(true);
            });
            view! {
                <li>
                    <span><a href=format!("/{}/{room}", org.slug)><Said text=org.slug.clone() /></a> " as " <Said text=org.role />{only}</span>
                    {(!administers && !org.records_only).then(|| view! { <Button kind=Kind::Quiet label on_press=ask>"Leave"</Button> })}
                </li>
            }
        };
        orgs.into_iter().map(row).collect_view()
    };
    let path = derived(move || format!("/me/orgs/{}", encoded(&about.get())));
    let title = derived(move || Words::of("Leave {}?", &[&about.get()]));
    let done = derived(move || Words::of("You do not belong to {} any more.", &[&about.get()]));
    let on_done = Callback::new(move |()| {
        spawn_local(async move {
            // Should it fail, the list is as it was, and the server still refuses.
            let _ = api.find_me().await;
        });
    });
    view! {
        <ul class="orgs">{rows}</ul>
        <Confirm open title verb="Leave" path done on_done>
            <ul class="effects">
                <li>"You lose access to " <b>{varying(move || view! { <Said text=about.get() /> })}</b> " at once. Your account, and other orgs you belong to, stay."</li>
                <li>"What you decided and did stays on record under your name."</li>
                <li>"API keys of yours are revoked, and the secrets end that you made on keys of others."</li>
            </ul>
        </Confirm>
    }
}
