//! What one can do to a request beside deciding it: withdraw an approval before it is used, give a request that waits
//! more time.

use api_types::{Extend, Revoke};
use domain::approval::state::EXTENSIONS;
use leptos::{prelude::*, wasm_split::wasm_split};
use serde::Serialize;

use super::detail::{Detail, part};
use crate::{
    api::{Api, approval_path},
    components::{
        Button, Failed, Field, Form, Fresh, Icon, Kind, Loaded, Moment, NotLoaded, Sending, Shape, Show, Tone, late,
        news::News,
    },
    reactive::{RwSignal, effect, varying},
    shell::Org,
    show::words::Words,
};

/// What is done to a request, and what came of it.
#[derive(Clone, Copy)]
struct Sent {
    detail: Detail,
    sending: Sending,
    on_done: Callback<()>,
    here: (Api, Org, News),
}

impl Sent {
    fn new(detail: Detail, on_done: Callback<()>) -> Self {
        let here = (Api::here(), Org::here(), News::here());
        Self { detail, sending: Sending::idle(), on_done, here }
    }

    fn post(self, verb: &str, body: impl Serialize + 'static, done: &'static str) {
        let (api, org, news) = self.here;
        let id = self.detail.with_untracked(|detail| detail.approval.id);
        let path = format!("{}/{verb}", approval_path(&org.slug.get_untracked(), id));
        self.sending.send(async move {
            api.post_only(&path, &body).await?;
            news.say(Tone::Ok, done);
            // The card may be another request's by now.
            self.on_done.try_run(());
            Ok(())
        });
    }
}

#[wasm_split(seldom, fallible, wasm_split_path = ::leptos::wasm_split)]
fn withdrawing() -> Loaded<fn(Detail, Callback<()>) -> AnyView> {
    Ok(|detail, on_done| view! { <Withdraw detail on_done /> }.into_any())
}

/// Withdraws an approval, once that is loaded.
pub(super) fn withdraw(detail: Detail, on_done: Callback<()>) -> AnyView {
    let part = async move { withdrawing().await.map(|build| ViewFn::from(move || build(detail, on_done))) };
    late(Box::pin(part), || ().into_any(), || view! { <NotLoaded /> }.into_any())
}

/// Withdraws an approval, with a reason.
#[component]
fn Withdraw(detail: Detail, on_done: Callback<()>) -> impl IntoView {
    let sent = Sent::new(detail, on_done);
    let (reason, wrong) = (RwSignal::new(String::new()), RwSignal::new(None::<String>));
    // It comes up where the approval was pressed.
    let fresh = Fresh::new(0.0);
    let submit = Callback::new(move |()| {
        let reason = reason.get_untracked();
        if reason.trim().is_empty() {
            wrong.set(Some("Give a reason: the agent has nothing else to go by.".to_owned()));
            return;
        }
        wrong.set(None);
        sent.post("revoke", Revoke { reason }, "Approval withdrawn: the call will not run.");
    });
    view! {
        <Form class="acts" on_submit=submit>
            <Moment fresh />
            <div class="noting">
                <Field label="Why it should not run" value=reason hint="The agent sees this word for word." wrong />
                {varying(move || sent.sending.failure.get().map(|failure| view! { <Failed failure /> }))}
            </div>
            <Button kind=Kind::Danger fresh busy=sent.sending.busy submit=true>"Withdraw approval"</Button>
        </Form>
    }
}

/// Gives a request that waits an hour more, as often as that can be.
#[component]
pub(super) fn MoreTime(detail: Detail, on_done: Callback<()>) -> impl IntoView {
    let sent = Sent::new(detail, on_done);
    let left = part(detail, |detail| detail.approval.extended < EXTENSIONS);
    let more = Callback::new(move |()| sent.post("extend", Extend { seconds: 3_600 }, "Extended by 1 hour"));
    effect(move || {
        if let Some(failure) = sent.sending.failure.get() {
            sent.here.2.say(Tone::Bad, Words::of("Not extended: {}", &[&failure.message()]));
        }
    });
    view! {
        <Show when=move || left.get()>
            <Button kind=Kind::Quiet label="Extend by 1 hour" busy=sent.sending.busy on_press=more>
                <Icon shape=Shape::Clock />
                <span class="wide">"Extend by 1 hour"</span>
            </Button>
        </Show>
    }
}
