//! `/invite#token`: accepting an invitation. The token stands after the `#`, so that no server sees it in an address.

use api_types::{AcceptInvitation, OfferedInvitation, PASSWORD_CHARACTERS, ViewInvitation};
use leptos::{html, prelude::*, task::spawn_local};

use super::door::Door;
use crate::{
    api::{Api, Failure},
    components::{Button, Failed, Field, Form, Kind, Said, Sending, Skeleton, Until},
    reactive::{RwSignal, derived, varying},
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
        <Door>
            {varying(move || match offer.get() {
                None => view! { <h1 class="sr">"Invitation"</h1> <Skeleton lines=4 /> }.into_any(),
                Some(Ok(offer)) => view! { <Accept offer token=token.clone() /> }.into_any(),
                Some(Err(failure)) if failure.code() == Some("not_found") => view! { <Gone /> }.into_any(),
                Some(Err(failure)) => {
                    view! { <h1 class="big">"Invitation"</h1> <Failed advice=advice(&failure) failure /> }.into_any()
                }
            })}
        </Door>
    }
}

#[component]
fn Gone() -> impl IntoView {
    view! {
        <h1 class="big">"This invitation no longer works"</h1>
        <p class="dim">"It was used, withdrawn or has expired. Ask the person who invited you for a new link."</p>
        <a class="btn full" href="/login">"Sign in instead"</a>
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
        <div class="stack tight">
            <h1 class="big">"Join " <Said text=offer.org_name.clone() /></h1>
            <p class="dim">"You are invited to " <b><Said text=offer.org_name /></b> " (" <Said text=offer.org /> ") with the role " <b><Said text=offer.role /></b> "."</p>
            <p class="dimmer">"The link works once · " <Until at=offer.expires_at /></p>
        </div>
        <Form on_submit=submit>
            <Field label="E-mail" kind="email" value=email autocomplete="username" fixed=true />
            {if has_password {
                view! { <Field label="Your password" kind="password" value=password autocomplete="current-password" wrong hint="You already have an account with this e-mail." /> }.into_any()
            } else {
                view! {
                    <Field label="Your name" value=name autocomplete="name" wrong=unfit hint="Optional. Others see it." />
                    <NewPassword password wrong />
                }
                    .into_any()
            }}
            {varying(move || sending.rest(&["password", "name"]).map(|failure| view! { <Failed advice=advice(&failure) failure /> }))}
            <Button kind=Kind::Primary submit=true busy=sending.busy>"Join"</Button>
        </Form>
    }
}

/// A password that is chosen: typed once, and shown on request.
#[component]
fn NewPassword(password: RwSignal<String>, wrong: Signal<Option<String>>) -> impl IntoView {
    let field = NodeRef::<html::Input>::new();
    let show = move |shown: bool| {
        if let Some(field) = field.get_untracked() {
            field.set_type(if shown { "text" } else { "password" });
        }
    };
    view! {
        <Field label="Choose a password" kind="password" value=password autocomplete="new-password" wrong hint="At least 12 characters. Several words work well." node=field />
        <label class="check">
            <input type="checkbox" class="box" on:change:target=move |event| show(event.target().checked()) />
            "Show password"
        </label>
    }
}

/// What helps when an invitation cannot be shown or accepted, where the failure's own advice would mislead.
fn advice(failure: &Failure) -> Option<&'static str> {
    match failure.code()? {
        "not_found" => Some("The link was used or withdrawn in the meantime. Ask for a new one."),
        "member_exists" => Some("Sign in instead."),
        "try_again" => Some("Reload this page."),
        // The message says what to do.
        "role_gone" | "inviter_lost_right" | "password_needed" => Some(""),
        _ => None,
    }
}

/// What is wrong with a chosen password: only its length can be wrong.
fn problem(password: &str) -> Option<String> {
    let (least, most) = (PASSWORD_CHARACTERS.start(), PASSWORD_CHARACTERS.end());
    match password.chars().count() {
        fits if PASSWORD_CHARACTERS.contains(&fits) => None,
        long => Some(format!("Use {least} to {most} characters; this has {long}.")),
    }
}

#[cfg(test)]
mod tests {
    use super::problem;

    #[test]
    fn a_chosen_password_is_as_long_as_the_server_wants_it() {
        assert_eq!(problem("short").as_deref(), Some("Use 12 to 200 characters; this has 5."));
        assert_eq!(problem(&"é".repeat(12)), None);
        assert_eq!(problem(&"é".repeat(200)), None);
        assert!(problem(&"x".repeat(201)).is_some_and(|words| words.ends_with("201.")));
    }
}
