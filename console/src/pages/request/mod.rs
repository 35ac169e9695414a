//! One request with everything a person needs to decide: the same card in the inbox and on its own page.
//!
//! `words` are the states in words; `head`, `notes`, `body` and `past` are the parts from top to bottom;
//! `actions` decide, `settle` says what became of a call whose outcome nobody knows. A part is made once
//! and follows what changes in it, so that no event takes focus, folds or half-written words away.

mod actions;
mod body;
mod head;
mod notes;
mod past;
mod settle;
mod words;

use std::sync::Arc;

use api_types::ApprovalDetail;
use leptos::prelude::*;
use uuid::Uuid;

use self::{
    actions::Actions,
    body::{Arguments, Definition},
    head::Head,
    notes::Notes,
    past::{History, Similar},
    settle::SettleForm,
};
pub use crate::components::Said;
use crate::{
    api::{approval_path, live::Live, read::Read},
    components::{Badge, EmptyState, Failed, Icon, Skeleton},
    decide::{Decisions, Fate},
    shell::Org,
};

/// The request that is shown, as it is now.
type Detail = RwSignal<Arc<ApprovalDetail>>;

/// A part of a request that says so only when it has changed.
fn part<T: PartialEq + Send + Sync + 'static>(
    detail: Detail,
    of: impl Fn(&ApprovalDetail) -> T + Send + Sync + 'static,
) -> Memo<T> {
    Memo::new(move |_| detail.with(|detail| of(detail)))
}

/// A request, read from the server and followed.
#[component]
pub fn Request(
    /// Which.
    id: Uuid,
    /// Names it: its title takes the focus once it is there, and this is unset.
    wants_focus: RwSignal<Option<Uuid>>,
    /// It does not wait any more: what became of it, in a few words.
    #[prop(optional)]
    on_news: Option<Callback<String>>,
) -> impl IntoView {
    let (org, live, decisions) = (Org::here(), Live::here(), Decisions::here());
    let read = Read::<ApprovalDetail>::new(move || {
        live.approvals.track();
        decisions.settled.track();
        Some(approval_path(&org.slug.get(), id))
    });
    let retry = Callback::new(move |()| read.again());
    Effect::new(move |_| {
        if let Some(detail) = read.value.get() {
            let fate = Fate::of(&detail.approval);
            if detail.approval.status != "pending"
                && let Some(on_news) = on_news
            {
                on_news.run(decisions.became(&fate));
            }
            decisions.saw(id, fate);
        }
    });
    let there = Memo::new(move |_| read.value.with(Option::is_some));
    let gone = Memo::new(move |_| {
        read.failure.with(|failure| failure.as_ref().is_some_and(|failure| failure.code() == Some("not_found")))
    });
    view! {
        {move || (!gone.get()).then(|| read.failure.get().map(|failure| view! { <div class="card-part"><Failed failure retry /></div> }))}
        {move || match (there.get(), gone.get()) {
            (_, true) => view! {
                <EmptyState title="There is no such request">
                    <p>"It may belong to another org, or the address was mistyped."</p>
                </EmptyState>
            }
                .into_any(),
            (true, _) => read.value.get_untracked().map(|first| view! { <Card first read wants_focus /> }).into_any(),
            (false, _) if read.failure.with(Option::is_some) => ().into_any(),
            (false, _) => view! { <div class="card-part late"><Skeleton lines=8 /></div> }.into_any(),
        }}
    }
}

#[component]
fn Card(first: Arc<ApprovalDetail>, read: Read<ApprovalDetail>, wants_focus: RwSignal<Option<Uuid>>) -> impl IntoView {
    let detail = RwSignal::new(first);
    Effect::new(move |_| {
        if let Some(newer) = read.value.get() {
            detail.set(newer);
        }
    });
    let unsettled = part(detail, |detail| detail.approval.status == "outcome_unknown" || detail.approval.asks_input);
    view! {
        <article class="request" aria-labelledby="request-title">
            <Head detail wants_focus />
            <Notes detail />
            <Show when=move || unsettled.get()>
                <SettleForm detail on_settled=Callback::new(move |()| read.again()) />
            </Show>
            <Arguments detail />
            <Definition detail />
            <Similar detail />
            <History detail />
        </article>
        <Actions detail />
    }
}

/// A state of a request, as a badge.
#[component]
pub fn StatusBadge(
    /// The state, as the API has it.
    #[prop(into)]
    status: String,
) -> impl IntoView {
    let (tone, shape, word) = words::badge(&status);
    view! {
        <Badge tone>
            <Icon shape />
            {word}
        </Badge>
    }
}
