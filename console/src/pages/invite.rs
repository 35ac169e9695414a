//! `/invite#token`: taking an invitation up. The token stands after the `#`, so that no server sees it
//! in an address.

use api_types::{AcceptInvitation, OfferedInvitation, PASSWORD_CHARACTERS, ViewInvitation};
use leptos::{prelude::*, task::spawn_local};

use crate::{
    api::{Api, Failure},
    components::{Button, EmptyState, Failed, Field, Form, Kind, Said, Sending, Skeleton, Until},
    reactive::{derived, varying},
    shell::title,
};

#[component]
pub(crate) fn Invite() -> impl IntoView {
    title(|| "Invitation".into());
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
            {varying(move || match offer.get() {
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
            })}
        </main>
    }
}

#[component]
fn Accept(offer: OfferedInvitation, token: String) -> impl IntoView {
    let api = Api::here();
    let email = RwSignal::new(offer.email.clone());
    let name = RwSignal::new(String::new());
    let password = RwSignal::new(String::new());
    let sending = Sending::idle();
    let org = offer.org.clone();
    let has_password = offer.has_password;
    let short = RwSignal::new(None::<String>);
    let submit = Callback::new(move |()| {
        short.set(password.with_untracked(|password| problem(password)).filter(|_| !has_password));
        if short.with_untracked(Option::is_some) {
            return;
        }
        let given = name.get_untracked();
        let accept = AcceptInvitation {
            token: token.clone(),
            password: password.get_untracked(),
            name: (!has_password && !given.trim().is_empty()).then_some(given),
        };
        let org = org.clone();
        sending.send(async move {
            api.post_only("/invitations/accept", &accept).await?;
            // A full load: the token leaves the address, and everything is read as the new member.
            let _ = window().location().replace(&format!("/{org}"));
            // Until then nothing is sent a second time.
            std::future::pending().await
        });
    });
    let refused = sending.wrong("password");
    let wrong = derived(move || short.get().or_else(|| refused.get()));
    let unfit = sending.wrong("name");
    view! {
        <p>"You are invited to " <b><Said text=offer.org_name /></b> " (" <Said text=offer.org.clone() /> ") as " <b><Said text=offer.role /></b> "."</p>
        <p class="quiet">"This link works once; " <Until at=offer.expires_at /> "."</p>
        <Form on_submit=submit>
            <Field label="E-mail" kind="email" value=email autocomplete="username" fixed=true />
            {(!has_password).then(|| view! { <Field label="Your name" value=name autocomplete="name" wrong=unfit hint="As others will see it; may stay empty." /> })}
            {if has_password {
                view! { <Field label="Your password" kind="password" value=password autocomplete="current-password" wrong hint="You have an account already: its password." /> }
            } else {
                view! { <Field label="Choose a password" kind="password" value=password autocomplete="new-password" wrong hint="12 characters or more; several words are good." /> }
            }}
            {varying(move || sending.rest(&["password", "name"]).map(|failure| view! { <Failed failure /> }))}
            <Button kind=Kind::Primary submit=true busy=sending.busy>"Join"</Button>
        </Form>
    }
}

/// What is wrong with a password that is chosen: only its length can be.
fn problem(password: &str) -> Option<String> {
    let (least, most) = (PASSWORD_CHARACTERS.start(), PASSWORD_CHARACTERS.end());
    match password.chars().count() {
        fits if PASSWORD_CHARACTERS.contains(&fits) => None,
        long => Some(format!("It must have {least} to {most} characters; this one has {long}.")),
    }
}

#[cfg(test)]
mod tests {
    use super::problem;

    #[test]
    fn a_chosen_password_is_as_long_as_the_server_wants_it() {
        assert_eq!(problem("short").as_deref(), Some("It must have 12 to 200 characters; this one has 5."));
        assert_eq!(problem(&"é".repeat(12)), None);
        assert_eq!(problem(&"é".repeat(200)), None);
        assert!(problem(&"x".repeat(201)).is_some_and(|words| words.ends_with("201.")));
    }
}
