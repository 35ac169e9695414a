//! The session has ended while a page was open: the person signs in again over the page, and goes on.

use leptos::{html, prelude::*, wasm_split::wasm_split};

use crate::{
    api::Api,
    components::{Button, Dialog, Failed, Field, Form, Kind, Late, Loaded, Sending},
    reactive::{RwSignal, effect, varying},
    show::words::Words,
};

/// The dialog; the page under it stays as it is. Only the same person may go on with it.
#[component]
pub fn SignInAgain() -> impl IntoView {
    let api = Api::here();
    view! {
        <Dialog open=api.expired title=Words::from("Sign in again") insistent=true>
            <Late part=Box::pin(async { ask().await.map(ViewFn::from) }) />
        </Dialog>
    }
}

#[wasm_split(seldom, fallible, wasm_split_path = ::leptos::wasm_split)]
fn ask() -> Loaded<fn() -> AnyView> {
    Ok(|| view! { <Ask /> }.into_any())
}

#[component]
fn Ask() -> impl IntoView {
    let api = Api::here();
    let known = api.me.with_untracked(|me| me.as_ref().and_then(|me| me.email.clone())).unwrap_or_default();
    let email = RwSignal::new(known);
    let password = RwSignal::new(String::new());
    let sending = Sending::idle();
    let field = NodeRef::<html::Input>::new();
    effect(move || {
        // The e-mail is known and cannot be changed here.
        if let Some(field) = field.get() {
            let _ = field.focus();
        }
    });
    let submit = Callback::new(move |()| {
        sending.send(async move { api.sign_in(&email.get_untracked(), &password.get_untracked()).await.map(drop) });
    });
    let leave = Callback::new(|()| {
        // A full reload: nothing of the other person stays.
        let _ = window().location().set_href("/login");
    });
    view! {
        <Form on_submit=submit>
            <p class="dim">"Your session has ended. Sign in to continue; nothing on this page is lost."</p>
            <Field label="E-mail" kind="email" value=email autocomplete="username" fixed=true />
            <Field label="Password" kind="password" value=password autocomplete="current-password" node=field />
            {varying(move || sending.failure.get().map(|failure| view! { <Failed failure /> }))}
            <div class="line wrap">
                <Button kind=Kind::Primary submit=true busy=sending.busy>"Sign in"</Button>
                <Button kind=Kind::Quiet on_press=leave>"Sign in as someone else"</Button>
            </div>
        </Form>
    }
}
