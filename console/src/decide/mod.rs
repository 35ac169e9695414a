//! Deciding: a decision waits five seconds in which it can be taken back, is sent, and what became of it
//! is said. All of it lives above the routes, so that walking to another page loses nothing, and a tab
//! that is closed within the five seconds sends nothing: the request keeps waiting.
//!
//! Who shows a request asks here how far its decision is; who moves on after one follows
//! [`Decisions::taken`].

pub mod queue;
mod reject;
mod words;

use std::{collections::HashMap, sync::Arc};

use api_types::{ApprovalDetail, Approve, Reject};
use chrono::{DateTime, Utc};
use gloo_timers::callback::Timeout;
use leptos::{prelude::*, task::spawn_local};
use uuid::Uuid;

pub use queue::{Decision, Phase, Target, Verdict};
pub use reject::RejectDialog;
pub use words::Fate;

use self::{queue::Queue, reject::Rejecting, words::Remedy};
use crate::{
    api::{Api, Failure, approval_path},
    components::{
        Clock, Tone,
        toast::{Act, Offer, Toasts},
    },
    shell::Shortcuts,
    show::words::Words,
};

/// The decisions on their way, and the words of rejections that are being written.
#[derive(Clone, Copy)]
pub struct Decisions {
    queue: RwSignal<Queue>,
    /// Moves when a decision has arrived or failed: what is shown may be old.
    pub settled: RwSignal<u64>,
    /// The request that was decided last: who shows it goes on to the next.
    pub taken: RwSignal<Option<Uuid>>,
    /// The request whose decision was taken back last: who shows requests shows it again.
    pub undone: RwSignal<Option<Uuid>>,
    rejecting: Rejecting,
    undo_toasts: StoredValue<HashMap<Uuid, u64>>,
    clock: RwSignal<DateTime<Utc>>,
    api: Api,
    toasts: Toasts,
}

impl Decisions {
    /// Makes the place, for everything underneath, with its key and its question before leaving.
    pub fn provide() {
        let decisions = Self {
            queue: RwSignal::new(Queue::default()),
            settled: RwSignal::new(0),
            taken: RwSignal::new(None),
            undone: RwSignal::new(None),
            rejecting: Rejecting::new(),
            undo_toasts: StoredValue::new(HashMap::new()),
            clock: Clock::here(),
            api: Api::here(),
            toasts: Toasts::here(),
        };
        provide_context(decisions);
        Shortcuts::here().register("z", "Undo the last decision, within its five seconds", move || {
            if let Some(id) = decisions.queue.with_untracked(Queue::newest_held) {
                decisions.undo(id);
            }
        });
        let leaving = window_event_listener(leptos::ev::beforeunload, move |event| {
            if decisions.queue.with_untracked(|queue| !queue.is_empty()) {
                event.prevent_default();
            }
        });
        on_cleanup(move || leaving.remove());
    }

    /// The place that the application made.
    pub fn here() -> Self {
        expect_context()
    }

    /// The decision of this request that is on its way.
    pub fn of(self, id: Uuid) -> Option<Decision> {
        self.queue.with(|queue| queue.of(id).cloned())
    }

    /// The same, without following it.
    pub fn is_on_its_way(self, id: Uuid) -> bool {
        self.queue.with_untracked(|queue| queue.of(id).is_some())
    }

    /// Takes a decision; it is sent in five seconds. Nothing happens when one of the same request is on
    /// its way already.
    pub fn decide(self, target: Target, verdict: Verdict) {
        let id = target.id;
        let now = self.clock.get_untracked();
        let words = Words::of("{} {}", &[verdict.doing(), &target.tool]);
        let Some(ticket) = self.queue.try_update(|queue| queue.add(target, verdict, now)).flatten() else { return };
        let toast = self.toasts.offer_undo(words, now + queue::GRACE, Arc::new(move || self.undo(id)));
        self.undo_toasts.update_value(|toasts| {
            toasts.insert(id, toast);
        });
        let grace = u32::try_from(queue::GRACE.num_milliseconds()).unwrap_or(u32::MAX);
        Timeout::new(grace, move || self.send(ticket)).forget();
        self.taken.set(Some(id));
    }

    /// Takes the decision of this request back, if it was not sent yet.
    pub fn undo(self, id: Uuid) {
        if let Some(decision) = self.queue.try_update(|queue| queue.undo(id)).flatten() {
            self.remove_toast(id);
            self.toasts.say(Tone::Quiet, Words::of("{} waits again: nothing was sent.", &[&decision.target.tool]));
            self.undone.set(Some(id));
        }
    }

    /// Asks for the reason of a rejection, then rejects.
    pub fn ask_to_reject(self, target: Target) {
        self.rejecting.ask(target);
    }

    /// The request as somebody has just read it: a rejection of it that is being written hears when it
    /// is not waiting any more.
    pub fn saw(self, id: Uuid, fate: Fate) {
        self.rejecting.saw(id, (fate.status != "pending").then(|| self.became(&fate)));
    }

    /// What became of a request, in a few words.
    pub fn became(self, fate: &Fate) -> String {
        words::became(fate, self.me(), None)
    }

    fn me(self) -> Option<Uuid> {
        self.api.me.with_untracked(|me| me.as_ref().map(|me| me.id))
    }

    fn remove_toast(self, id: Uuid) {
        if let Some(toast) = self.undo_toasts.try_update_value(|toasts| toasts.remove(&id)).flatten() {
            self.toasts.take_back(toast);
        }
    }

    fn send(self, ticket: u64) {
        let Some(decision) = self.queue.try_update(|queue| queue.send(ticket)).flatten() else { return };
        self.remove_toast(decision.target.id);
        spawn_local(async move {
            let sent_at = self.clock.get_untracked();
            let answer = post(self.api, &decision).await;
            self.queue.update(|queue| queue.finish(decision.target.id));
            match answer {
                Ok(()) => {
                    self.rejecting.forget(decision.target.id);
                    let words = Words::of("{} was {}.", &[&decision.target.tool, decision.verdict.done()]);
                    self.toasts.say(Tone::Ok, words);
                }
                Err(failure) => self.failed(decision, failure, sent_at).await,
            }
            self.settled.update(|settled| *settled += 1);
        });
    }

    async fn failed(self, decision: Decision, failure: Failure, sent_at: DateTime<Utc>) {
        let Decision { target, verdict, .. } = decision;
        let path = approval_path(&target.org, target.id);
        let fate = match failure.code() {
            Some("not_open") => self.api.get::<ApprovalDetail>(&path).await.ok().map(|now| Fate::of(&now.approval)),
            _ => None,
        };
        let message = failure.message();
        let said = words::failed(&target.tool, &verdict, (failure.code(), &message), fate.as_ref(), self.me(), sent_at);
        let look = Offer::Go("Look at it", format!("/{}/approvals/{}", target.org, target.id));
        let offer = match said.remedy {
            Remedy::Look => look,
            Remedy::Retry => Offer::Do("Send again", {
                let (target, verdict) = (target.clone(), verdict.clone());
                Arc::new(move || self.send_again(target.clone(), verdict.clone())) as Act
            }),
        };
        let mut offers = vec![offer];
        if let Verdict::Reject { reason } = verdict {
            offers.push(Offer::Copy("your reason", reason));
        }
        self.toasts.keep(Tone::Bad, said.words, offers);
    }

    /// Sends a decision at once whose five seconds were over before.
    fn send_again(self, target: Target, verdict: Verdict) {
        let ticket = self.queue.try_update(|queue| queue.add(target, verdict, self.clock.get_untracked())).flatten();
        if let Some(ticket) = ticket {
            self.send(ticket);
        }
    }
}

async fn post(api: Api, decision: &Decision) -> Result<(), Failure> {
    let Target { org, id, arguments_sha256, definition_sha256, .. } = decision.target.clone();
    let path = approval_path(&org, id);
    match decision.verdict.clone() {
        Verdict::Approve { reason } => {
            let body = Approve { arguments_sha256, definition_sha256, reason, arguments: None };
            api.post_only(&format!("{path}/approve"), &body).await
        }
        Verdict::Reject { reason } => {
            let body = Reject { arguments_sha256, definition_sha256, reason };
            api.post_only(&format!("{path}/reject"), &body).await
        }
    }
}
