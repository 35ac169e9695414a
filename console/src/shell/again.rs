//! The session has ended while a page was open: one signs in again over it, and goes on.

use leptos::{html, prelude::*, task::spawn_local};

use crate::{
    api::{Api, Failure},
    components::{Button, Dialog, Failed, Field, Kind},
    reactive::effect,
    show::words::Words,
};

/// The dialog; the page under it stays as it is. Only the same person may go on with it.
#[component]
pub fn SignInAgain() -> impl IntoView {
    let api = Api::here();
    view! {
        <Dialog open=api.expired title=Words::from("Sign in again") insistent=true>
            <Form />
        </Dialog>
    }
}

#[component]
fn Form() -> impl IntoView {
    let api = Api::here();
    let known = api.me.with_untracked(|me| me.as_ref().and_then(|me| me.email.clone())).unwrap_or_default();
    let email = RwSignal::new(known);
    let password = RwSignal::new(String::new());
    let busy = RwSignal::new(false);
    let failure = RwSignal::new(None::<Failure>);
    let field = NodeRef::<html::Input>::new();
    effect(move || {
        // The e-mail is known and cannot be changed here.
        if let Some(field) = field.get() {
            let _ = field.focus();
        }
    });
    let submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        if busy.get_untracked() {
            return;
        }
        busy.set(true);
        failure.set(None);
        spawn_local(async move {
            let answer = api.sign_in(&email.get_untracked(), &password.get_untracked()).await;
            busy.try_set(false);
            if let Err(error) = answer {
                failure.try_set(Some(error));
            }
        });
    };
    let leave = move |_| {
        // A full reload: nothing of the other person stays.
        let _ = window().location().set_href("/login");
    };
    view! {
        <form on:submit=submit class="form">
            <p>"Your session has ended. Nothing on this page is lost: sign in, and what you did goes on."</p>
            <Field label="E-mail" kind="email" value=email autocomplete="username" fixed=true />
            <Field label="Password" kind="password" value=password autocomplete="current-password" node=field />
            {move || failure.get().map(|failure| view! { <Failed failure /> })}
            <div class="row-end">
                <button type="button" class="btn quiet" on:click=leave>"Sign in as somebody else"</button>
                <Button kind=Kind::Primary submit=true busy>"Sign in"</Button>
            </div>
        </form>
    }
}
