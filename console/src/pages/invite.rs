//! `/invite#token`: taking an invitation up. The token stands after the `#`, so that no server sees it
//! in an address.

use api_types::{AcceptInvitation, OfferedInvitation, ViewInvitation};
use leptos::{prelude::*, task::spawn_local};

use crate::{
    api::{Api, Failure},
    components::{Button, EmptyState, Failed, Field, Kind, Skeleton, Until},
    shell::title,
};

#[component]
pub(crate) fn Invite() -> impl IntoView {
    title(|| "Invitation".to_owned());
    let api = Api::here();
    let token = window().location().hash().unwrap_or_default().trim_start_matches('#').to_owned();
    let offer = RwSignal::new(None::<Result<OfferedInvitation, Failure>>);
    let view = ViewInvitation { token: token.clone() };
    spawn_local(async move {
        let answer = api.post("/invitations/view", &view).await;
        offer.try_set(Some(answer));
    });
    view! {
        <main class="door">
            <h1>"Permesso"</h1>
            {move || match offer.get() {
                None => view! { <Skeleton lines=4 /> }.into_any(),
                Some(Ok(offer)) => view! { <Accept offer token=token.clone() /> }.into_any(),
                Some(Err(failure)) if failure.code() == Some("not_found") => {
                    view! {
                        <EmptyState title="This invitation does not work any more">
                            <p>"It may have been used already, withdrawn, or be too old. Ask who invited you for a new link, or "
                                <a href="/login">"sign in"</a>"."</p>
                        </EmptyState>
                    }
                        .into_any()
                }
                Some(Err(failure)) => view! { <Failed failure /> }.into_any(),
            }}
        </main>
    }
}

#[component]
fn Accept(offer: OfferedInvitation, token: String) -> impl IntoView {
    let api = Api::here();
    let email = RwSignal::new(offer.email.clone());
    let name = RwSignal::new(String::new());
    let password = RwSignal::new(String::new());
    let busy = RwSignal::new(false);
    let failure = RwSignal::new(None::<Failure>);
    let org = offer.org.clone();
    let has_password = offer.has_password;
    let submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        if busy.get_untracked() {
            return;
        }
        busy.set(true);
        failure.set(None);
        let given = name.get_untracked();
        let accept = AcceptInvitation {
            token: token.clone(),
            password: password.get_untracked(),
            name: (!has_password && !given.trim().is_empty()).then_some(given),
        };
        let org = org.clone();
        spawn_local(async move {
            match api.post_only("/invitations/accept", &accept).await {
                // A full load: the token leaves the address, and everything is read as the new member.
                Ok(()) => {
                    let _ = window().location().replace(&format!("/{org}"));
                }
                Err(error) => {
                    busy.set(false);
                    failure.set(Some(error));
                }
            }
        });
    };
    let wrong =
        Signal::derive(move || failure.with(|failure| failure.as_ref().and_then(|failure| failure.field("password"))));
    view! {
        <p>"You are invited to " <b>{offer.org_name}</b> " (" {offer.org.clone()} ") as " <b>{offer.role}</b> "."</p>
        <p class="quiet">"This link works once; " <Until at=offer.expires_at /> "."</p>
        <form on:submit=submit class="form">
            <Field label="E-mail" kind="email" value=email autocomplete="username" fixed=true />
            {(!has_password).then(|| view! { <Field label="Your name" value=name autocomplete="name" hint="As others will see it; may stay empty." /> })}
            {if has_password {
                view! { <Field label="Your password" kind="password" value=password autocomplete="current-password" wrong hint="You have an account already: its password." /> }
            } else {
                view! { <Field label="Choose a password" kind="password" value=password autocomplete="new-password" wrong hint="12 characters or more; several words are good." /> }
            }}
            {move || failure.get().map(|failure| view! { <Failed failure /> })}
            <Button kind=Kind::Primary submit=true busy>"Join"</Button>
        </form>
    }
}
