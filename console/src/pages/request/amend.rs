//! What one can do to a request beside deciding it: take an approval back before it is used, give a request that waits
//! more time.

use api_types::{Extend, Revoke};
use domain::approval::state::EXTENSIONS;
use leptos::prelude::*;
use serde::Serialize;

use super::detail::{Detail, part};
use crate::{
    api::{Api, approval_path},
    components::{Button, Failed, Field, Form, Fresh, Kind, Moment, Sending, Show, Tone, toast::Toasts},
    reactive::varying,
    shell::Org,
};

/// What is done to a request, and what came of it.
#[derive(Clone, Copy)]
struct Sent {
    detail: Detail,
    sending: Sending,
    on_done: Callback<()>,
    here: (Api, Org, Toasts),
}

impl Sent {
    fn new(detail: Detail, on_done: Callback<()>) -> Self {
        let here = (Api::here(), Org::here(), Toasts::here());
        Self { detail, sending: Sending::idle(), on_done, here }
    }

    fn post(self, verb: &str, body: impl Serialize + 'static, done: &'static str) {
        let (api, org, toasts) = self.here;
        let id = self.detail.with_untracked(|detail| detail.approval.id);
        let path = format!("{}/{verb}", approval_path(&org.slug.get_untracked(), id));
        self.sending.send(async move {
            api.post_only(&path, &body).await?;
            toasts.say(Tone::Ok, done);
            self.on_done.run(());
            Ok(())
        });
    }
}

/// Takes an approval back, with a reason.
#[component]
pub(super) fn TakeBack(detail: Detail, on_done: Callback<()>) -> impl IntoView {
    let sent = Sent::new(detail, on_done);
    let (reason, wrong) = (RwSignal::new(String::new()), RwSignal::new(None::<String>));
    // It comes up where the approval was pressed.
    let fresh = Fresh::new(0.0);
    let submit = Callback::new(move |()| {
        let reason = reason.get_untracked();
        if reason.trim().is_empty() {
            wrong.set(Some("Say why: the agent has nothing else to go by.".to_owned()));
            return;
        }
        wrong.set(None);
        sent.post("revoke", Revoke { reason }, "Taken back: the call does not run.");
    });
    view! {
        <Form class="acts" on_submit=submit>
            <Moment fresh />
            <div class="noting">
                <Field label="Why it must not run after all" value=reason hint="The agent reads this word for word." wrong />
                {varying(move || sent.sending.failure.get().map(|failure| view! { <Failed failure /> }))}
            </div>
            <Button kind=Kind::Danger fresh busy=sent.sending.busy submit=true>"Take back"</Button>
        </Form>
    }
}

/// Gives a request that waits an hour more, as often as that can be.
#[component]
pub(super) fn MoreTime(detail: Detail, on_done: Callback<()>) -> impl IntoView {
    let sent = Sent::new(detail, on_done);
    let left = part(detail, |detail| detail.approval.extended < EXTENSIONS);
    let more = Callback::new(move |()| sent.post("extend", Extend { seconds: 3_600 }, "It waits an hour longer."));
    view! {
        <Show when=move || left.get()>
            <Button kind=Kind::Quiet busy=sent.sending.busy on_press=more>"One hour more"</Button>
        </Show>
        {varying(move || sent.sending.failure.get().map(|failure| view! { <Failed failure /> }))}
    }
}
