//! `/login`: the door.

use leptos::{html, prelude::*};
use leptos_router::{
    NavigateOptions,
    hooks::{use_navigate, use_query_map},
};

use super::door::Door;
use crate::{
    api::Api,
    components::{Button, Failed, Field, Form, Kind, Sending},
    reactive::{RwSignal, effect, varying},
    shell::title,
};

#[component]
pub(crate) fn SignIn() -> impl IntoView {
    title(|| "Sign in".into());
    let api = Api::here();
    let query = use_query_map();
    let navigate = use_navigate();
    let email = RwSignal::new(String::new());
    let password = RwSignal::new(String::new());
    let sending = Sending::idle();
    let first = NodeRef::<html::Input>::new();
    effect(move || {
        if let Some(input) = first.get() {
            let _ = input.focus();
        }
    });
    let submit = Callback::new(move |()| {
        let navigate = navigate.clone();
        let next = query.with_untracked(|query| query.get("next"));
        sending.send(async move {
            api.sign_in(&email.get_untracked(), &password.get_untracked()).await?;
            let options = NavigateOptions { replace: true, ..NavigateOptions::default() };
            navigate(&inside(next), options);
            Ok(())
        });
    });
    view! {
        <Door>
            <div class="stack tight">
                <h1 class="big">"Sign in to Permesso"</h1>
                <p class="dim">"The door between AI agents and your tools."</p>
            </div>
            <Form on_submit=submit>
                <Field label="E-mail" kind="email" value=email autocomplete="username" node=first />
                <Field label="Password" kind="password" value=password autocomplete="current-password" />
                {varying(move || sending.failure.get().map(|failure| view! { <Failed failure /> }))}
                <Button kind=Kind::Primary submit=true busy=sending.busy>"Sign in"</Button>
            </Form>
            <p class="dimmer">"New here? Ask an administrator for an invite link."</p>
        </Door>
    }
}

/// Where to go on: only inside the console, whatever the address says.
fn inside(next: Option<String>) -> String {
    let safe =
        |next: &String| next.starts_with('/') && !next.starts_with("//") && !next.contains(['\\', '\n', '\r', '\t']);
    next.filter(safe).unwrap_or_else(|| "/".to_owned())
}

#[cfg(test)]
mod tests {
    use super::inside;

    #[test]
    fn after_signing_in_one_stays_inside() {
        assert_eq!(inside(Some("/acme/inbox?selected=1".to_owned())), "/acme/inbox?selected=1");
        for outside in
            ["https://evil.example", "//evil.example", "/\\evil.example", "/\t/evil.example", "javascript:alert(1)", ""]
        {
            assert_eq!(inside(Some(outside.to_owned())), "/", "{outside}");
        }
        assert_eq!(inside(None), "/");
    }
}
