//! Deciding: a decision waits five seconds in which it can be taken back, is sent, and its outcome is said. All of it lives above the routes, so that walking to another page loses nothing. A tab that is closed
//! within the five seconds sends nothing: the request keeps waiting, and the next page says so (`lost`).
//!
//! Who shows a request asks here how far its decision is; who moves on after one says so with
//! [`Decisions::goes_on`]. All decisions speak in one place, the [`Bar`] (`components::news`).

mod bar;
mod ledger;
mod lost;
pub mod queue;
mod reject;
mod tally;
mod unsent;
mod words;

use std::{collections::HashMap, sync::Arc};

use api_types::{ApprovalDetail, Approve, Reject};
use chrono::{DateTime, Utc};
use gloo_timers::callback::{Interval, Timeout};
use leptos::{prelude::*, task::spawn_local};
use uuid::Uuid;

pub use bar::{Bar, InBar};
pub use lost::Lost;
pub(crate) use lost::load_seldom;
pub use queue::{Decision, Phase, Target, Verdict};
pub use reject::RejectDialog;
pub use words::Fate;

use self::{
    ledger::Ledger,
    queue::Queue,
    reject::Rejecting,
    tally::Tally,
    unsent::{SENDING, Unsent},
    words::Remedy,
};
use crate::{
    api::{Api, Failure, approval_path},
    components::{
        Clock, Tone,
        news::{Act, News, Offer, UnderWay, Undo},
    },
    reactive::RwSignal,
    shell::Shortcuts,
    show::words::Words,
};

/// How long after it was made a decision is sent at the latest, in milliseconds.
const LATEST_MS: f64 = 15_000.0;
/// What leads to the request of a decision that did not arrive.
const LOOK: &str = "Open request";

/// The decisions on their way, and the words of rejections that are being written.
#[derive(Clone, Copy)]
pub struct Decisions {
    queue: RwSignal<Queue>,
    /// Moves when a decision has arrived or failed: what is shown may be old.
    pub settled: RwSignal<u64>,
    /// The requests that were decided last, together.
    pub taken: RwSignal<Vec<Uuid>>,
    /// Goes on to the next request, where requests are shown one after the other; and how often that was said, which tells
    /// who said so last.
    go_on: StoredValue<(u64, Option<Callback<Uuid>>)>,
    /// The request whose decision was taken back last: who shows requests shows it again.
    pub undone: RwSignal<Option<Uuid>>,
    rejecting: Rejecting,
    ledger: Ledger,
    /// Decisions of pages that are gone which are named now: where, and what to keep if this page goes too.
    named: StoredValue<HashMap<u64, Unsent>>,
    /// Moves when the page has come back from the browser's cache.
    back: RwSignal<u64>,
    clock: RwSignal<DateTime<Utc>>,
    api: Api,
    news: News,
}

impl Decisions {
    /// Makes the place, for everything underneath, with its key and its question before leaving.
    pub fn provide() {
        let decisions = Self {
            queue: RwSignal::new(Queue::default()),
            settled: RwSignal::new(0),
            taken: RwSignal::new(Vec::new()),
            go_on: StoredValue::new((0, None)),
            undone: RwSignal::new(None),
            rejecting: Rejecting::new(),
            ledger: Ledger::new(),
            named: StoredValue::new(HashMap::new()),
            back: RwSignal::new(0),
            clock: Clock::here(),
            api: Api::here(),
            news: News::here(),
        };
        provide_context(decisions);
        Shortcuts::here()
            .register_decision("z", "Undo the last decision, within 5 seconds", None, move || decisions.undo_newest());
        let leaving = window_event_listener(leptos::ev::beforeunload, move |event| {
            if decisions.queue.with_untracked(|queue| !queue.is_empty()) {
                event.prevent_default();
            }
        });
        let left = window_event_listener_untyped("pagehide", move |_| decisions.leave());
        let back = window_event_listener_untyped("pageshow", move |_| decisions.back.update(|back| *back += 1));
        on_cleanup(move || {
            leaving.remove();
            left.remove();
            back.remove();
        });
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

    /// Takes a decision; it is sent in five seconds. Nothing happens, and the answer is no, when one of the same
    /// request is on its way already.
    pub fn decide(self, target: Target, verdict: Verdict) -> bool {
        self.decide_all(vec![(target, verdict)]) > 0
    }

    /// Takes several decisions together: each is sent in five seconds, as a request of its own, and one Undo takes all of
    /// them back until then. Leaves out requests of which a decision is on its way already; says how many are left.
    pub fn decide_all(self, made: Vec<(Target, Verdict)>) -> usize {
        let now = self.clock.get_untracked();
        let added = self.queue.try_update_untracked(|queue| queue.add(made, now)).unwrap_or_default();
        if added.is_empty() {
            return 0;
        }
        if let (_, Some(go_on)) = self.go_on.get_value() {
            added.iter().for_each(|decision| {
                go_on.try_run(decision.target.id);
            });
        }
        self.queue.notify();
        self.news.hush();
        self.tell();
        let grace = u32::try_from(queue::GRACE.num_milliseconds()).unwrap_or(u32::MAX);
        for decision in &added {
            if let Some(unsent) = self.unsent(decision) {
                self.ledger.keep(&unsent);
            }
            let (ticket, made) = (decision.ticket, js_sys::Date::now());
            Timeout::new(grace, move || self.send(ticket, made)).forget();
        }
        self.taken.set(added.iter().map(|decision| decision.target.id).collect());
        added.len()
    }

    /// Has somebody go on from every request that is decided, for as long as the calling component is shown. They go on
    /// before the request's card learns that it was decided: what the card would make of that would be thrown away.
    pub fn goes_on(self, act: impl Fn(Uuid) + Send + Sync + 'static) {
        let act = Callback::new(act);
        let mine = self.go_on.with_value(|(times, _)| times + 1);
        self.go_on.set_value((mine, Some(act)));
        on_cleanup(move || {
            self.go_on.try_update_value(|(times, act)| {
                if *times == mine {
                    *act = None;
                }
            });
        });
    }

    /// Takes the decision of this request back, if it was not sent yet; says whether it did.
    pub fn undo(self, id: Uuid) -> bool {
        self.undo_all(&[id])
    }

    /// Takes back the newest decision that was not sent yet, with those that were made together with it; says whether
    /// there was one.
    fn undo_newest(self) -> bool {
        self.undo_all(&self.queue.with_untracked(Queue::newest_held))
    }

    /// Whether the bar's Undo takes the decision of this request back.
    pub fn is_newest(self, id: Uuid) -> bool {
        self.queue.with(|queue| queue.newest_held().contains(&id))
    }

    fn undo_all(self, ids: &[Uuid]) -> bool {
        let undone = self.queue.try_update(|queue| {
            let undone: Vec<_> = ids.iter().filter_map(|id| queue.undo(*id)).collect();
            (undone, queue.all_arrived())
        });
        let (undone, arrived) = undone.unwrap_or_default();
        let Some(first) = undone.first().map(|decision| decision.target.id) else { return false };
        let mut tally = Tally::default();
        for Decision { target, verdict, .. } in &undone {
            self.ledger.forget(target.id);
            tally.add(verdict, &target.tool);
        }
        let also = arrived.map(|arrived| Words::from(" · ").and(arrived.done())).unwrap_or_default();
        self.news.say(Tone::Quiet, tally.undone().and(also));
        self.tell();
        self.undone.set(Some(first));
        true
    }

    /// Asks for the reason of a rejection, then rejects.
    pub fn ask_to_reject(self, target: Target) {
        self.ask_to_reject_all(vec![target]);
    }

    /// Asks for one reason, then rejects all of them together.
    pub fn ask_to_reject_all(self, targets: Vec<Target>) {
        self.rejecting.ask(targets);
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

    /// Has the bar say what is on its way.
    fn tell(self) {
        let line = self.queue.with_untracked(Queue::line);
        self.news.under_way(line.map(|line| {
            let undo = line.until.map(|until| {
                let act = Arc::new(move || {
                    self.undo_newest();
                });
                Undo { since: until - queue::GRACE, until, act }
            });
            UnderWay { words: line.words, undo }
        }));
    }

    /// A decision is not on its way any more. Once none is, the bar says what has arrived.
    fn finish(self, id: Uuid, arrived: bool) {
        let all = self.queue.try_update(|queue| {
            queue.finish(id, arrived);
            queue.all_arrived()
        });
        self.ledger.forget(id);
        if let Some(all) = all.flatten() {
            self.news.say(Tone::Ok, all.done());
        }
        self.tell();
    }

    /// Sends a decision that is due, made at a time of this machine, in milliseconds. A page that slept for longer sends
    /// nothing: what one sees then may be hours older than one thinks.
    fn send(self, ticket: u64, made: f64) {
        let Some(decision) = self.queue.try_update(|queue| queue.send(ticket)).flatten() else { return };
        let id = decision.target.id;
        if js_sys::Date::now() - made > LATEST_MS || !self.ledger.may_send(id) {
            return self.was_given_up(&decision);
        }
        self.tell();
        let alive = self.keep_alive(&decision);
        spawn_local(async move {
            let sent_at = self.clock.get_untracked();
            let answer = post(self.api, &decision).await;
            drop(alive);
            self.finish(id, answer.is_ok());
            match answer {
                Ok(()) => self.rejecting.forget(id),
                Err(failure) => self.failed(decision, failure, sent_at).await,
            }
            self.settled.update(|settled| *settled += 1);
        });
    }

    /// Has other pages of this browser know that the decision is on its way, for as long as what is given is kept.
    fn keep_alive(self, decision: &Decision) -> Option<Interval> {
        let mut unsent = self.unsent(decision)?;
        unsent.sent = true;
        let mut keep = move || {
            unsent.alive_until = Some(self.clock.get_untracked() + SENDING);
            self.ledger.keep(&unsent);
        };
        keep();
        Some(Interval::new(20_000, keep))
    }

    fn unsent(self, decision: &Decision) -> Option<Unsent> {
        let now = self.clock.get_untracked();
        Some(Unsent::new(self.me()?, decision.target.clone(), decision.verdict.clone(), now))
    }

    /// This page was asleep for too long; perhaps another one has said that its decision was not sent.
    fn was_given_up(self, decision: &Decision) {
        let Target { org, id, tool, .. } = &decision.target;
        self.finish(*id, false);
        let words =
            Words::of("Your {} of {} was not sent because this page was asleep.", &[decision.verdict.noun(), tool]);
        let look = Offer::Go(LOOK, format!("/{org}/approvals/{id}"));
        self.news.keep(Tone::Warn, words, vec![look]);
    }

    /// The page is left. What was not sent is never sent then, and the next page says so.
    fn leave(self) {
        let left = self.queue.try_update(Queue::leave).unwrap_or_default();
        for decision in left {
            if let Some(mut unsent) = self.unsent(&decision) {
                unsent.sent = !decision.is_held();
                unsent.alive_until = None;
                self.ledger.keep(&unsent);
            }
        }
        self.tell();
        self.keep_named();
        self.ledger.leave();
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
        let look = Offer::Go(LOOK, format!("/{}/approvals/{}", target.org, target.id));
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
        self.news.keep(Tone::Bad, said.words, offers);
    }

    /// Sends a decision at once whose five seconds were over before.
    fn send_again(self, target: Target, verdict: Verdict) {
        let now = self.clock.get_untracked();
        let added = self.queue.try_update(|queue| queue.add(vec![(target, verdict)], now)).unwrap_or_default();
        added.iter().for_each(|decision| self.send(decision.ticket, js_sys::Date::now()));
        self.taken.set(added.iter().map(|decision| decision.target.id).collect());
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
