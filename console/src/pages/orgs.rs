//! `/me`: the orgs that one belongs to, and leaving one.

use api_types::MyOrg;
use leptos::{html, prelude::*, task::spawn_local};

use super::focus::hand_on;
use crate::{
    api::{Api, encoded},
    components::{Button, Confirm, Kind, Said},
    reactive::{RwSignal, derived, varying},
    show::words::Words,
};

/// The list.
#[component]
pub(super) fn Orgs() -> impl IntoView {
    let api = Api::here();
    let open = RwSignal::new(false);
    let about = RwSignal::new(String::new());
    let heading = NodeRef::<html::H2>::new();
    hand_on(derived(move || api.me.with(Option::is_some)), Signal::stored(None), heading);
    let ask = Callback::new(move |slug| {
        about.set(slug);
        open.set(true);
    });
    let rows = move || {
        let me = api.me.get();
        // An administrator of the instance is in every org, as a member or not.
        let stays = me.as_ref().is_some_and(|me| me.instance_admin);
        let orgs = me.map(|me| me.orgs.clone()).unwrap_or_default();
        if orgs.is_empty() {
            return view! { <p class="dim">"You are not in an org. Ask an administrator for an invite link."</p> }
                .into_any();
        }
        let rows = orgs.into_iter().map(|org| view! { <Row org stays ask /> }).collect_view();
        view! { <ul class="lines roomy" role="list" aria-labelledby="orgs">{rows}</ul> }.into_any()
    };
    let path = derived(move || format!("/me/orgs/{}", encoded(&about.get())));
    let title = derived(move || Words::of("Leave {}?", &[&about.get()]));
    let done = derived(move || Words::of("You left {}.", &[&about.get()]));
    let on_done = Callback::new(move |()| {
        spawn_local(async move {
            // Should it fail, the list is as it was, and the server still refuses.
            let _ = api.find_me().await;
        });
    });
    view! {
        <section class="panel" aria-labelledby="orgs">
            <header><h2 id="orgs" tabindex="-1" node_ref=heading>"Your orgs"</h2></header>
            <div class="in-p">{varying(rows)}</div>
            <Confirm open title verb="Leave" path done on_done>
                <ul class="bullets">
                    <li>"You lose access to " <b>{varying(move || view! { <Said text=about.get() /> })}</b> " immediately. You keep your account and your other orgs."</li>
                    <li>"Your decisions and actions stay on record under your name."</li>
                    <li>"Your API keys there are revoked, and the secrets you created on other people's keys stop working."</li>
                </ul>
            </Confirm>
        </section>
    }
}

#[component]
fn Row(org: MyOrg, stays: bool, ask: Callback<String>) -> impl IntoView {
    // Of some there is only a record, and no inbox.
    let room = if org.records_only { "audit" } else { "inbox" };
    let only = org.records_only.then_some(" · audit records only");
    let label = Words::of("Leave {}", &[&org.slug]);
    let slug = org.slug.clone();
    let leave = Callback::new(move |()| ask.run(slug.clone()));
    view! {
        <li>
            <a class="grow" href=format!("/{}/{room}", org.slug)><Said text=org.slug.clone() /></a>
            <span class="dimmer"><Said text=org.role />{only}</span>
            {(!stays && !org.records_only).then(|| view! { <Button kind=Kind::Quiet label on_press=leave>"Leave"</Button> })}
        </li>
    }
}
