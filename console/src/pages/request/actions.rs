//! The bar under a request: what one can do about it, or why one cannot.

use gloo_timers::callback::Timeout;
use leptos::prelude::*;

use super::{Detail, Said, words};
use crate::{
    components::{Button, Clock, Field, Kind},
    decide::{Decisions, Phase, Target, Verdict},
    shell::{Org, Shortcuts},
};

/// How long a request must have been seen before a key or a click decides it: a second press that was
/// meant for the one before must not decide this one.
const SEEN_MS: u32 = 400;

/// What one can do.
#[derive(Clone, PartialEq)]
enum Can {
    /// It waits for who looks.
    Decide,
    /// Nobody decided in time, and one still may.
    ApproveLate,
    /// It waits for others: why.
    Not(String),
    /// Nothing is to be decided.
    Nothing,
}

/// The bar.
#[component]
pub(super) fn Actions(detail: Detail) -> impl IntoView {
    let decisions = Decisions::here();
    let now = Clock::here();
    let id = detail.with_untracked(|detail| detail.approval.id);
    let can = Memo::new(move |_| {
        detail.with(|detail| {
            let waits = detail.approval.status == "pending";
            let late = words::may_be_late(&detail.approval, now.get());
            match (waits, late, detail.approval.may_decide) {
                (true, _, true) => Can::Decide,
                (false, true, true) => Can::ApproveLate,
                (true, ..) => Can::Not(detail.may_not_decide_because.clone().unwrap_or_default()),
                _ => Can::Nothing,
            }
        })
    });
    let phase = Memo::new(move |_| decisions.of(id).map(|decision| (decision.verdict.doing(), decision.phase)));
    move || {
        match (phase.get(), can.get()) {
        (Some((doing, phase)), _) => view! { <OnItsWay detail doing phase /> }.into_any(),
        (None, Can::Decide) => view! { <Decide detail late=false /> }.into_any(),
        (None, Can::ApproveLate) => view! { <Decide detail late=true /> }.into_any(),
        (None, Can::Not(why)) => view! {
            <div class="acts"><p class="cannot"><b>"You cannot decide this: "</b><span><Said text=why />"."</span></p></div>
        }
        .into_any(),
        (None, Can::Nothing) => ().into_any(),
    }
    }
}

#[component]
fn OnItsWay(detail: Detail, doing: &'static str, phase: Phase) -> impl IntoView {
    let decisions = Decisions::here();
    let id = detail.with_untracked(|detail| detail.approval.id);
    let tool = detail.with_untracked(|detail| detail.approval.tool.clone());
    view! {
        <div class="acts">
            {match phase {
                Phase::Held(_) => view! {
                    <Button key="Z" on_press=Callback::new(move |()| decisions.undo(id))>"Undo"</Button>
                    <p class="cannot">{doing}" "<Said text=tool />" in a moment; nothing was sent yet."</p>
                }
                    .into_any(),
                Phase::Sending => view! { <p class="cannot">"Sending …"</p> }.into_any(),
            }}
        </div>
    }
}

#[component]
fn Decide(detail: Detail, late: bool) -> impl IntoView {
    let (decisions, org) = (Decisions::here(), Org::here());
    let seen = RwSignal::new(false);
    Timeout::new(SEEN_MS, move || {
        seen.try_set(true);
    })
    .forget();
    let noting = RwSignal::new(false);
    let note = RwSignal::new(String::new());
    let target = move || {
        detail.with_untracked(|detail| Target {
            org: org.slug.get_untracked(),
            id: detail.approval.id,
            tool: detail.approval.tool.clone(),
            arguments_sha256: detail.approval.arguments_sha256.clone(),
            definition_sha256: detail.approval.definition_sha256.clone(),
        })
    };
    let approve = move || {
        if seen.get_untracked() {
            let reason = Some(note.get_untracked()).filter(|note| !note.trim().is_empty());
            decisions.decide(target(), Verdict::Approve { reason });
        }
    };
    let reject = move || {
        if seen.get_untracked() {
            decisions.ask_to_reject(target());
        }
    };
    let shortcuts = Shortcuts::here();
    shortcuts.register("a", "Approve", approve);
    if !late {
        shortcuts.register("r", "Reject, with a reason", reject);
    }
    let submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        approve();
    };
    let words = if late { "Approve after all" } else { "Approve" };
    view! {
        <form class="acts" on:submit=submit>
            <Show when=move || noting.get()>
                <Field label="A note for the record" value=note hint="People read it in the history; the agent does not." />
            </Show>
            <Button kind=Kind::Primary key="A" submit=true>{words}</Button>
            {(!late).then(|| view! { <Button key="R" on_press=Callback::new(move |()| reject())>"Reject"</Button> })}
            <Show when=move || !noting.get()>
                <Button kind=Kind::Quiet on_press=Callback::new(move |()| noting.set(true))>"Add a note"</Button>
            </Show>
            <span class="hint" aria-hidden="true"><kbd>"J"</kbd>" "<kbd>"K"</kbd>" next, previous"</span>
        </form>
    }
}
