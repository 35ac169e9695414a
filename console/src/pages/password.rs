//! `/me`: the form that changes one's own password.

use api_types::{ChangePassword, List, Session};
use leptos::{prelude::*, task::spawn_local};

use crate::{
    api::{Api, Failure, read::Read},
    components::{Button, Failed, Field, Tone, toast::Toasts},
    reactive::derived,
};

/// The form. `sessions` is the list of one's sessions, of which all but this one end.
#[component]
pub(super) fn Password(sessions: Read<List<Session>>) -> impl IntoView {
    let api = Api::here();
    let toasts = Toasts::here();
    let current = RwSignal::new(String::new());
    let new = RwSignal::new(String::new());
    let busy = RwSignal::new(false);
    let failure = RwSignal::new(None::<Failure>);
    let submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        if busy.get_untracked() {
            return;
        }
        busy.set(true);
        failure.set(None);
        let change = ChangePassword { current: current.get_untracked(), new: new.get_untracked() };
        spawn_local(async move {
            match api.put_only("/me/password", &change).await {
                Ok(()) => {
                    current.try_set(String::new());
                    new.try_set(String::new());
                    toasts
                        .say(Tone::Ok, "Your password was changed. Other browsers and programs have to sign in again.");
                    sessions.again();
                }
                Err(error) => {
                    failure.try_set(Some(error));
                }
            }
            busy.try_set(false);
        });
    };
    let wrong = move |field: &'static str| derived(move || failure.with(|failure| failure.as_ref()?.field(field)));
    let rest = move || failure.get().filter(|failure| !failure.is_at(&["current", "new"]));
    view! {
        <form class="form" on:submit=submit>
            <Field label="Present password" kind="password" value=current autocomplete="current-password" wrong=wrong("current") />
            <Field label="New password" kind="password" value=new autocomplete="new-password" wrong=wrong("new") hint="At least 12 characters. Every other browser and program is signed out." />
            {move || rest().map(|failure| view! { <Failed failure /> })}
            <Button submit=true busy>"Change password"</Button>
        </form>
    }
}
