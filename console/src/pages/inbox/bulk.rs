//! The bar over the list that decides the picked requests: one decision for each of them, with its own five seconds.

use leptos::{prelude::*, wasm_split::wasm_split};

use super::{
    board::Entry,
    picked::{Picked, not_together},
    picking::focus_list,
    room::Room,
};
use crate::{
    components::{Button, Fresh, Kind, Loaded, Loading, Moment, presses::READ},
    decide::{Decisions, Target, Verdict},
    reactive::{derived, effect_again, memo, varying},
    shell::Org,
};

#[wasm_split(seldom, fallible, wasm_split_path = ::leptos::wasm_split)]
fn bar() -> Loaded<fn() -> AnyView> {
    Ok(|| view! { <Bulk /> }.into_any())
}

/// The bar, once it is loaded.
pub(super) fn bulk() -> Loading {
    Box::pin(async { bar().await.map(ViewFn::from) })
}

#[component]
fn Bulk() -> impl IntoView {
    let (room, org, decisions) = (Room::here(), Org::here(), Decisions::here());
    let count = memo(move || room.picked.with(Picked::count));
    // Other requests, or requests that have changed, must be looked at anew.
    let seen = Fresh::new(READ);
    let asks = Fresh::new(0.0);
    effect_again(move |again| {
        room.picked.track();
        if again {
            seen.renew();
        }
    });
    let why_not = memo(move || {
        let rows = room.picked_rows();
        not_together(&rows.iter().collect::<Vec<_>>(), |entry| {
            let shown = room.seen.with(|seen| seen.get(&entry.id()).cloned());
            shown.as_ref() == Some(&entry.approval.definition_sha256)
        })
    });
    let targets = move || untrack(|| room.picked_rows()).iter().map(|entry| target(entry, org)).collect::<Vec<_>>();
    let approve = Callback::new(move |()| {
        let approved = targets().into_iter().map(|target| (target, Verdict::Approve { reason: None }));
        decisions.decide_all(approved.collect());
        room.pick_none();
    });
    let reject = Callback::new(move |()| decisions.ask_to_reject_all(targets()));
    let clear = Callback::new(move |()| room.pick_none());
    // The bar goes by itself once nothing is picked any more: the focus must not go with it.
    on_cleanup(|| {
        request_animation_frame(|| {
            if document().active_element().is_none_or(|element| element.tag_name() == "BODY") {
                focus_list();
            }
        });
    });
    let none = derived(move || count.get() == 0);
    view! {
        <div class="bulk" role="group" aria-label="Selected requests">
            <b role="status">{varying(move || format!("{} selected", count.get()))}</b>
            <Button kind=Kind::Quiet on_press=clear>"Clear"</Button>
            <Button fresh=asks disabled=none on_press=reject>"Reject…"</Button>
            <Button
                kind=Kind::Primary
                fresh=seen
                disabled=derived(move || none.get() || why_not.get().is_some())
                on_press=approve
            >
                {varying(move || format!("Approve {}", count.get()))}
            </Button>
            <p class="dimmer" role="status">{varying(move || why_not.get())}</p>
            <Moment fresh=seen />
        </div>
    }
}

fn target(entry: &Entry, org: Org) -> Target {
    let approval = &entry.approval;
    Target {
        org: org.slug.get_untracked(),
        id: approval.id,
        tool: approval.tool.clone(),
        arguments_sha256: approval.arguments_sha256.clone(),
        definition_sha256: approval.definition_sha256.clone(),
    }
}
