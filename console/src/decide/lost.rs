//! Decisions of pages that are gone: closed, loaded again, crashed or signed out within the five seconds, or before
//! the answer came. The next page of the same person in the same org names each once, and offers it again.

use std::sync::Arc;

use api_types::ApprovalDetail;
use gloo_timers::callback::Timeout;
use leptos::{prelude::*, task::spawn_local, wasm_split::wasm_split};
use leptos_router::hooks::use_params_map;
use uuid::Uuid;

use super::{
    Decisions, Fate, LOOK, Target, Verdict, ledger,
    unsent::{Found, Unsent},
    words,
};
use crate::{
    api::approval_path,
    components::{
        Loaded, Tone,
        news::{Act, Offer},
    },
    reactive::{RwSignal, effect, memo},
    show::words::Words,
};

/// How long a page looks again at a decision before it takes it for lost, in milliseconds: after a sleep, the page
/// that holds the decision is given time to send it.
const LOOK_AGAIN_MS: u32 = 3_000;

/// Names lost decisions of the org that is shown. Shows nothing of its own.
#[component]
pub fn Lost() -> impl IntoView {
    let decisions = Decisions::here();
    let params = use_params_map();
    let org = memo(move || params.with(|params| params.get("org")).unwrap_or_default());
    let me = memo(move || decisions.api.me.with(|me| me.as_ref().map(|me| me.id)));
    let waits = RwSignal::new(false);
    effect(move || {
        decisions.back.track();
        let patient = waits.get();
        if let Some(me) = me.get() {
            look(decisions, me, &org.get(), patient, waits);
        }
    });
}

/// Looks through what other pages have kept. `patient`: what is overdue was given its time.
fn look(decisions: Decisions, me: Uuid, org: &str, patient: bool, waits: RwSignal<bool>) {
    let now = decisions.clock.get_untracked();
    let mut wait = None;
    for (name, unsent) in decisions.ledger.others() {
        let Some(unsent) = unsent else {
            ledger::take(&name);
            continue;
        };
        match unsent.found(me, org, now) {
            Found::Leave => {}
            Found::Forget => ledger::take(&name),
            Found::Report if patient || unsent.alive_until.is_none() => {
                ledger::take(&name);
                spawn_local(report(decisions, unsent));
            }
            Found::Report => wait = Some(0),
            Found::Wait(until) => {
                let left = u32::try_from((until - now).num_milliseconds()).unwrap_or(0);
                wait = Some(wait.map_or(left, |wait: u32| wait.min(left)));
            }
        }
    }
    if let Some(wait) = wait {
        Timeout::new(wait + LOOK_AGAIN_MS, move || {
            waits.try_set(true);
        })
        .forget();
    }
}

/// Says what is known of one, once that is loaded which says it.
async fn report(decisions: Decisions, unsent: Unsent) {
    match teller().await {
        Ok(tell) => tell(decisions, unsent),
        // The next page tries again.
        Err(_) => decisions.ledger.keep(&Unsent { alive_until: None, ..unsent }),
    }
}

#[wasm_split(seldom, fallible, preload(load_seldom), wasm_split_path = ::leptos::wasm_split)]
pub(crate) fn teller() -> Loaded<fn(Decisions, Unsent)> {
    Ok(|decisions, unsent| spawn_local(tell(decisions, unsent)))
}

/// Says what is known of one.
async fn tell(decisions: Decisions, unsent: Unsent) {
    let (target, verdict) = (&unsent.target, &unsent.verdict);
    let read = decisions.api.get::<ApprovalDetail>(&approval_path(&target.org, target.id)).await;
    let fate = match &read {
        Ok(detail) => Some(Fate::of(&detail.approval)),
        Err(failure) if failure.code() == Some("not_found") => None,
        // The next page tries again.
        Err(_) => return decisions.ledger.keep(&Unsent { alive_until: None, ..unsent }),
    };
    if let Verdict::Reject { reason } = verdict {
        decisions.rejecting.begin(target.id, reason.clone());
    }
    let same = read.as_ref().is_ok_and(|detail| is_as_seen(detail, target));
    let Some(words) = words::lost(&unsent, fate.as_ref(), same, decisions.me()) else {
        let words = Words::of("{} {}", &[&target.tool, verdict.done()]);
        return decisions.news.say(Tone::Ok, words);
    };
    let mut offers = Vec::new();
    if fate.is_some() {
        offers.push(Offer::Go(LOOK, format!("/{}/approvals/{}", target.org, target.id)));
    }
    if same {
        let (words, lost) = (verdict.again(), unsent.clone());
        offers.push(Offer::Do(words, Arc::new(move || spawn_local(decide_again(decisions, lost.clone()))) as Act));
    }
    if let Verdict::Reject { reason } = verdict {
        offers.push(Offer::Copy("your reason", reason.clone()));
    }
    let place = decisions.news.keep(Tone::Warn, words, offers);
    decisions.named.update_value(|named| {
        named.insert(place, unsent);
    });
}

/// Decides once more, as if it had not been decided before: against what is there now, with five seconds to undo.
async fn decide_again(decisions: Decisions, unsent: Unsent) {
    let Unsent { target, verdict, .. } = unsent;
    let read = decisions.api.get::<ApprovalDetail>(&approval_path(&target.org, target.id)).await;
    let why = match read {
        Ok(now) if is_as_seen(&now, &target) => {
            match verdict {
                Verdict::Reject { .. } => decisions.ask_to_reject(target),
                Verdict::Approve { .. } => {
                    decisions.decide(target, verdict);
                }
            }
            return;
        }
        Ok(_) => "the request has changed since. Review it again.".to_owned(),
        Err(failure) => failure.message(),
    };
    let look = Offer::Go(LOOK, format!("/{}/approvals/{}", target.org, target.id));
    let words = Words::of("{} was not {}: {}", &[&target.tool, verdict.done(), &why]);
    decisions.news.keep(Tone::Bad, words, vec![look]);
}

/// Whether one may still decide exactly what was seen.
fn is_as_seen(detail: &ApprovalDetail, seen: &Target) -> bool {
    detail.approval.status == "pending" && detail.approval.may_decide && Target::of(detail, seen.org.clone()) == *seen
}

impl Decisions {
    /// What was named and is still there goes to the next page.
    pub(super) fn keep_named(self) {
        self.named.update_value(|named| {
            for (place, unsent) in named.drain().filter(|(place, _)| self.news.is_shown(*place)) {
                self.ledger.keep(&Unsent { alive_until: None, ..unsent });
                self.news.take_back(place);
            }
        });
    }
}
