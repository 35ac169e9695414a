//! One request with everything a person needs to decide: the same card in the inbox and on its own page.
//!
//! `words` are the states in words, `claims` what the server says of its tool; `head`, `notes` (with `alarm`), `result`, `body`,
//! `past` and `about` are the parts; `actions` decide (`approving`: in which words), `amend` withdraws and gives more time,
//! `settle` says what became of a call whose outcome nobody knows. A part is made once
//! and follows what changes in it, so that no event takes focus, folds or half-written words away.

mod about;
mod actions;
mod alarm;
mod amend;
mod approving;
mod body;
mod claims;
mod detail;
mod head;
mod notes;
mod past;
mod result;
mod settle;
mod status;
mod words;

use std::sync::Arc;

use api_types::{Approval, ApprovalDetail};
use leptos::prelude::*;
use uuid::Uuid;

pub use self::status::{SOON, StatusBadge};
use self::{
    about::{About, Change},
    actions::Actions,
    body::Arguments,
    detail::{Unopened, part},
    head::Head,
    notes::{Notes, Reason},
    past::{History, Similar},
};
use crate::{
    api::{approval_path, live::Live, read::Read},
    components::{Bones, EmptyState, Failed, Late, Show, Skeleton},
    decide::{Decisions, Fate, InBar},
    reactive::{RwSignal, effect, effect_after, memo, varying},
    shell::Org,
};

/// What is shown instead of what decides; `None` where one may decide.
pub type Instead = Signal<Option<ViewFn>>;

/// A request, read from the server and followed.
#[component]
pub fn Request(
    /// Which.
    id: Uuid,
    /// Names it: its title takes the focus once it is there, and this is unset.
    wants_focus: RwSignal<Option<Uuid>>,
    /// Is told its row, whenever it was read.
    #[prop(optional)]
    on_read: Option<Callback<Arc<Approval>>>,
    /// What stands in the place of everything that decides, while it must not be decided here; its keys do nothing
    /// then.
    #[prop(optional)]
    instead_of_actions: Option<Instead>,
) -> impl IntoView {
    let decisions = Decisions::here();
    let read = followed(id);
    let retry = Callback::new(move |()| read.again());
    effect(move || {
        if let Some(detail) = read.value.get() {
            decisions.saw(id, Fate::of(&detail.approval));
            if let Some(on_read) = on_read {
                on_read.run(Arc::new(detail.approval.clone()));
            }
        }
    });
    let there = memo(move || read.value.with(Option::is_some));
    let gone = memo(move || {
        read.failure.with(|failure| failure.as_ref().is_some_and(|failure| failure.code() == Some("not_found")))
    });
    view! {
        {varying(move || read.failure.get().filter(|_| !gone.get()).map(|failure| view! { <div class="req"><Failed failure retry /></div> }.into_any()))}
        {varying(move || match (there.get(), gone.get()) {
            (_, true) => view! {
                <EmptyState title="Request not found">
                    <p>"It may belong to another organization, or the address is wrong."</p>
                </EmptyState>
            }
                .into_any(),
            (true, _) => read.value.get_untracked().map(|first| view! { <Card first read wants_focus instead_of_actions /> }).into_any(),
            (false, _) if read.failure.with(Option::is_some) => ().into_any(),
            (false, _) => view! { <div class="late"><Skeleton shape=Bones::Request /></div> }.into_any(),
        })}
    }
}

/// Reads a request, and again when an event names it, when events may have been missed, and after its own decision.
fn followed(id: Uuid) -> Read<ApprovalDetail> {
    let (org, live, decisions) = (Org::here(), Live::here(), Decisions::here());
    let read = Read::<ApprovalDetail>::new(move || {
        live.resynced.track();
        Some(approval_path(&org.slug.get(), id))
    });
    live.on_approvals(move |rows| {
        if rows.iter().any(|row| row.id == id) {
            read.again();
        }
    });
    effect_after(move |before: Option<bool>| {
        let on_its_way = decisions.of(id).is_some();
        if before == Some(true) && !on_its_way {
            read.again();
        }
        on_its_way
    });
    read
}

#[component]
fn Card(
    first: Arc<ApprovalDetail>,
    read: Read<ApprovalDetail>,
    wants_focus: RwSignal<Option<Uuid>>,
    instead_of_actions: Option<Instead>,
) -> impl IntoView {
    let detail = RwSignal::new(first);
    effect(move || {
        if let Some(newer) = read.value.get() {
            detail.set(newer);
        }
    });
    let unsettled = part(detail, |detail| detail.approval.status == "outcome_unknown" || detail.approval.asks_input);
    let decided = part(detail, |detail| detail.approval.status != "pending");
    keeps_clear();
    // What has changed in the tool may have to be loaded first: nothing is decided before it can be seen.
    let compares = RwSignal::new(false);
    let changed = part(detail, |detail| detail.reviewed_definition.is_some());
    let unseen = memo(move || changed.get() && !compares.get());
    provide_context(Unopened(RwSignal::new(false)));
    // Settling decides, too.
    let barred = memo(move || instead_of_actions.is_some_and(|instead| instead.with(Option::is_some)));
    view! {
        <article class="request req" aria-labelledby="request-title">
            <Head detail wants_focus />
            <Notes detail />
            <Show when=move || decided.get()><Late part=result::outcome(detail) /></Show>
            <Show when=move || unsettled.get() && !barred.get()>
                <Late part=settle::form(detail, Callback::new(move |()| read.again())) />
            </Show>
            <Change detail compares />
            <Arguments detail />
            <Reason detail />
            <Similar detail />
            <History detail />
            <About detail />
        </article>
        <InBar>
            {varying(move || match instead_of_actions.and_then(|instead| instead.get()) {
                Some(notice) => notice.run(),
                None if unseen.get() => view! {
                    <p class="cannot" role="status">"The tool has changed. You can decide once the change is shown."</p>
                }
                    .into_any(),
                None => view! { <Actions detail on_done=Callback::new(move |()| read.again()) /> }.into_any(),
            })}
        </InBar>
    }
}

/// Says to the style sheets that a request stands on the page, and a bar to decide with perhaps, while the calling component
/// is shown: news and what the focus goes to keep clear of it. (`:has()` would look through the whole page for it, whenever
/// something changes in it.)
fn keeps_clear() {
    const NAME: &str = "data-request";
    let root = || document().document_element();
    if let Some(root) = root() {
        let _ = root.set_attribute(NAME, "");
    }
    on_cleanup(move || {
        if let Some(root) = root() {
            let _ = root.remove_attribute(NAME);
        }
    });
}
