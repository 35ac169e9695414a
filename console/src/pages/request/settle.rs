//! A call whose outcome is unknown: what is known, where to look, and what a person found.

use api_types::{Settle, SettleOutcome};
use chrono::{DateTime, Utc};
use leptos::{prelude::*, wasm_split::wasm_split};

use super::detail::{Detail, part};
use crate::{
    api::{Api, approval_path},
    components::{
        Area, Button, Clock, Failed, Icon, Kind, Loaded, Loading, Said, Sending, Shape, Time, Tone, Until, local_time,
        news::News,
    },
    reactive::{RwSignal, derived, memo, varying},
    shell::Org,
};

#[wasm_split(seldom, fallible, wasm_split_path = ::leptos::wasm_split)]
fn settle_form() -> Loaded<fn(Detail, Callback<()>) -> AnyView> {
    Ok(|detail, on_settled| view! { <SettleForm detail on_settled /> }.into_any())
}

/// The explanation and the two choices, once they are loaded.
pub(super) fn form(detail: Detail, on_settled: Callback<()>) -> Loading {
    Box::pin(async move { settle_form().await.map(|build| ViewFn::from(move || build(detail, on_settled))) })
}

/// The explanation and the two choices.
#[component]
fn SettleForm(detail: Detail, on_settled: Callback<()>) -> impl IntoView {
    let asks = detail.with_untracked(|detail| detail.approval.asks_input);
    let (sent, lost) = detail.with_untracked(|detail| {
        let is = |from: &Option<String>, to: &str, name: &str| to == name && from.as_deref() != Some(name);
        let last = |name: &str| detail.history.iter().rev().find(|event| is(&event.from, &event.to, name)).cloned();
        (last("executing").map(|event| event.at), last("outcome_unknown"))
    });
    let may = part(detail, |detail| detail.approval.may_decide);
    // Where nobody may, the notes say so.
    let because = part(detail, |detail| detail.may_not_decide_because.clone().filter(|_| detail.somebody_may_decide));
    let tool = detail.with_untracked(|detail| detail.approval.tool.clone());
    view! {
        <section class="loud" aria-labelledby="settle-title">
            <Icon shape=Shape::Question />
            <h3 id="settle-title">"Did it run? Someone needs to check"</h3>
            <p>
                "The call was sent" {sent.map(|at| view! { " " <Time at full=true /> })}
                {if asks {
                    " and is waiting for input from the agent. Unless the agent is gone, wait for it to answer. Part of the call may have run."
                } else {
                    " and no answer came"
                }}
                {lost.filter(|_| !asks).and_then(|event| event.note).map(|note| view! { ": "<Said text=note /> })}
                {(!asks).then_some(". All or part of it may have run. Permesso does not send it again, and refuses the same call until this is settled.")}
            </p>
            <p>"Check wherever " <code><Said text=tool /></code> " would have left a trace: what it creates or changes, or the other system’s log."</p>
            {varying(move || {
                match because.get() {
                    _ if may.get() => view! { <Choices detail on_settled /> }.into_any(),
                    Some(because) => view! { <p class="dim">"You cannot settle this: "<Said text=because />"."</p> }.into_any(),
                    None => ().into_any(),
                }
            })}
        </section>
    }
}

#[component]
fn Choices(detail: Detail, on_settled: Callback<()>) -> impl IntoView {
    let (api, org, news) = (Api::here(), Org::here(), News::here());
    let now = Clock::here();
    let id = detail.with_untracked(|detail| detail.approval.id);
    let from = part(detail, |detail| detail.settle_from);
    let early = memo(move || from.get().filter(|from| now.get() < *from));
    let note = RwSignal::new(String::new());
    let wrong = RwSignal::new(None::<String>);
    let sending = Sending::idle();
    let settle = move |outcome: SettleOutcome| {
        if note.with_untracked(|note| note.trim().is_empty()) {
            wrong.set(Some("Say how you know: it stays on record.".to_owned()));
            return;
        }
        wrong.set(None);
        let path = format!("{}/settle", approval_path(&org.slug.get_untracked(), id));
        let body = Settle { outcome, note: note.get_untracked() };
        sending.send(async move {
            api.post_only(&path, &body).await?;
            news.say(Tone::Ok, follows(outcome));
            // The card may be another request's by now.
            on_settled.try_run(());
            Ok(())
        });
    };
    let off = derived(move || early.get().is_some());
    view! {
        <div class="stack">
            <Area label="How you know" value=note hint="Stays on record. The agent does not see it." wrong />
            {varying(move || sending.failure.get().map(|failure| view! { <Failed failure /> }))}
            {varying(move || early.get().map(|from| view! { <Early from /> }))}
            <div class="line wrap">
                <Button kind=Kind::Danger busy=sending.busy disabled=off on_press=Callback::new(move |()| settle(SettleOutcome::Executed))>"It ran"</Button>
                <Button busy=sending.busy disabled=off on_press=Callback::new(move |()| settle(SettleOutcome::NotExecuted))>"It did not run"</Button>
            </div>
            <p class="dimmer">"It ran: the agent is told so, and that the answer is lost. It did not run: the agent can ask again, and a person decides again."</p>
        </div>
    }
}

#[component]
fn Early(from: DateTime<Utc>) -> impl IntoView {
    view! {
        <p class="quiet" role="status">
            <Icon shape=Shape::Clock />
            <span>"The answer may still arrive. You can settle this at " {local_time(from)} " (" <Until at=from /> ")."</span>
        </p>
    }
}

/// What follows for the agent.
fn follows(outcome: SettleOutcome) -> &'static str {
    match outcome {
        SettleOutcome::Executed => "Settled: it ran. The agent is told so and does not run it again.",
        SettleOutcome::NotExecuted => "Settled: it did not run. The agent can ask again.",
    }
}
