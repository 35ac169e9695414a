//! `/me`: the form that changes one's own password.

use api_types::{ChangePassword, List, Session};
use leptos::prelude::*;

use crate::{
    api::{Api, read::Read},
    components::{Button, Failed, Field, Form, Sending, Tone, news::News},
    reactive::{RwSignal, varying},
};

/// The form. `sessions` is the list of one's sessions, of which all but this one end.
#[component]
pub(super) fn Password(sessions: Read<List<Session>>) -> impl IntoView {
    let api = Api::here();
    let news = News::here();
    let current = RwSignal::new(String::new());
    let new = RwSignal::new(String::new());
    let sending = Sending::idle();
    let submit = Callback::new(move |()| {
        let change = ChangePassword { current: current.get_untracked(), new: new.get_untracked() };
        sending.send(async move {
            api.put_only("/me/password", &change).await?;
            current.try_set(String::new());
            new.try_set(String::new());
            news.say(Tone::Ok, "Password changed. You are signed out everywhere else.");
            sessions.again();
            Ok(())
        });
    });
    view! {
        <section class="panel" aria-labelledby="password">
            <header><h2 id="password">"Password"</h2></header>
            <Form class="in-p stack" on_submit=submit>
                <Field label="Current password" kind="password" value=current autocomplete="current-password" wrong=sending.wrong("current") />
                <Field label="New password" kind="password" value=new autocomplete="new-password" wrong=sending.wrong("new") hint="At least 12 characters. You will be signed out everywhere else." />
                {varying(move || sending.rest(&["current", "new"]).map(|failure| view! { <Failed failure /> }))}
                <div class="line"><Button submit=true busy=sending.busy>"Change password"</Button></div>
            </Form>
        </section>
    }
}
