//! What one can do to a request beside deciding it: take an approval back before it is used, give a request that waits
//! more time.

use api_types::{Approval, Extend, Revoke};
use domain::approval::state::EXTENSIONS;
use leptos::{prelude::*, task::spawn_local};
use serde::Serialize;

use super::{Detail, part};
use crate::{
    api::{Api, Failure, approval_path},
    components::{Button, Failed, Field, Fresh, Kind, Moment, Tone, toast::Toasts},
    shell::Org,
};

/// Something that is sent to the server once, and what came of it.
#[derive(Clone, Copy)]
struct Sent {
    detail: Detail,
    busy: RwSignal<bool>,
    failure: RwSignal<Option<Failure>>,
    on_done: Callback<()>,
    here: (Api, Org, Toasts),
}

impl Sent {
    fn new(detail: Detail, on_done: Callback<()>) -> Self {
        let here = (Api::here(), Org::here(), Toasts::here());
        Self { detail, busy: RwSignal::new(false), failure: RwSignal::new(None), on_done, here }
    }

    fn post(self, verb: &str, body: impl Serialize + 'static, done: &'static str) {
        let (api, org, toasts) = self.here;
        let id = self.detail.with_untracked(|detail| detail.approval.id);
        let path = format!("{}/{verb}", approval_path(&org.slug.get_untracked(), id));
        self.busy.set(true);
        self.failure.set(None);
        spawn_local(async move {
            let answer = api.post::<Approval>(&path, &body).await;
            self.busy.try_set(false);
            match answer {
                Ok(_) => {
                    toasts.say(Tone::Ok, done);
                    self.on_done.run(());
                }
                Err(failure) => {
                    self.failure.try_set(Some(failure));
                }
            }
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
    let submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        let reason = reason.get_untracked();
        if reason.trim().is_empty() {
            wrong.set(Some("Say why: the agent has nothing else to go by.".to_owned()));
            return;
        }
        wrong.set(None);
        sent.post("revoke", Revoke { reason }, "Taken back: the call does not run.");
    };
    view! {
        <form class="acts" on:submit=submit>
            <Moment fresh />
            <div class="noting">
                <Field label="Why it must not run after all" value=reason hint="The agent reads this word for word." wrong />
                {move || sent.failure.get().map(|failure| view! { <Failed failure /> })}
            </div>
            <Button kind=Kind::Danger fresh busy=sent.busy submit=true>"Take back"</Button>
        </form>
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
            <Button kind=Kind::Quiet busy=sent.busy on_press=more>"One hour more"</Button>
        </Show>
        {move || sent.failure.get().map(|failure| view! { <Failed failure /> })}
    }
}
