//! Requests in flight to a child, matched with its answers.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use serde_json::value::RawValue;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use wire::envelope;
use wire::lenient::Unreadable;

use super::super::departure::Departure;
use super::super::error::Failure;
use super::super::handshake::words;
use super::super::message::{self, Answer, Heard, hear, hear_behind_text};
use super::super::status::{Log, Observer};
use crate::random;

/// How long an answer after other text waits for one on a line of its own.
const QUOTED: Duration = Duration::from_secs(1);
/// How many bytes of an upstream's error are quoted in a reason.
const REPEATED: usize = 500;

/// A message for the child. A request is written only if its departure agrees.
pub(super) struct Outgoing {
    pub(super) line: Vec<u8>,
    pub(super) request: Option<(u64, Arc<Departure>)>,
}

/// The answer, or why there is none.
type Outcome = Result<Answer, String>;

/// The requests that wait for an answer.
enum Waiters {
    Open(HashMap<u64, Waiter>),
    Ended { reason: String, by_itself: bool },
}

/// One waiting request.
struct Waiter {
    to: oneshot::Sender<Outcome>,
    /// An answer after other text was read.
    quoted: bool,
}

/// The part of a child that callers share.
pub(super) struct Peer {
    outbox: mpsc::Sender<Outgoing>,
    waiting: Mutex<Waiters>,
    next_id: AtomicU64,
    /// The first request after the last message that has no answer, and the last one that was answered.
    after_aside: AtomicU64,
    answered: AtomicU64,
    pub(super) observer: Arc<Observer>,
    /// Cancelled to end the child, and when it has ended by itself.
    pub(super) over: CancellationToken,
    /// Cancelled when all of the child's processes have ended.
    pub(super) gone: CancellationToken,
}

impl Peer {
    pub(super) fn new(outbox: mpsc::Sender<Outgoing>, observer: Arc<Observer>) -> Arc<Self> {
        // Small numbers occur in much that a program prints.
        let mut first = [0; 4];
        random::fill(&mut first);
        let first = u64::from(u32::from_be_bytes(first));
        Arc::new(Self {
            outbox,
            waiting: Mutex::new(Waiters::Open(HashMap::new())),
            next_id: AtomicU64::new(first),
            after_aside: AtomicU64::new(0),
            answered: AtomicU64::new(0),
            observer,
            over: CancellationToken::new(),
            gone: CancellationToken::new(),
        })
    }

    /// Sends a request and waits for its answer.
    pub(super) async fn exchange(
        &self,
        method: &str,
        params: Option<&RawValue>,
        departure: &Arc<Departure>,
        once: bool,
    ) -> Result<Answer, Failure> {
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        let mut entry = InFlight { peer: self, id, departure, tell: !once };
        let answer = self.register(id).map_err(|reason| departure.lost(reason))?;
        let outgoing = Outgoing {
            line: line(envelope::request_bytes(id, method, params)),
            request: Some((id, departure.clone())),
        };
        // Waits here for a child that does not read. If the outbox is closed, the answer says why.
        let _ = self.outbox.send(outgoing).await;
        let outcome = answer.await.unwrap_or_else(|_| Err("the upstream's process was given up".to_owned()));
        entry.tell = false;
        outcome.map_err(|reason| departure.lost(reason))
    }

    /// Queues a message that has no answer. Without room it is dropped: the child does not read.
    pub(super) fn send_aside(&self, message: Vec<u8>) {
        self.after_aside.store(self.next_id.load(Ordering::Relaxed), Ordering::Relaxed);
        if self.outbox.try_send(Outgoing { line: line(message), request: None }).is_err() {
            self.observer.log("not sent: a message that needs no answer, because the upstream does not read");
        }
    }

    fn register(&self, id: u64) -> Result<oneshot::Receiver<Outcome>, String> {
        match &mut *self.waiting.lock() {
            Waiters::Open(waiting) => {
                let (sender, receiver) = oneshot::channel();
                waiting.insert(id, Waiter { to: sender, quoted: false });
                Ok(receiver)
            }
            Waiters::Ended { reason, .. } => Err(reason.clone()),
        }
    }

    /// Gives the request with this id its outcome. `true` if it still waited.
    pub(super) fn settle(&self, id: u64, outcome: Outcome) -> bool {
        let waiting = match &mut *self.waiting.lock() {
            Waiters::Open(waiting) => waiting.remove(&id),
            Waiters::Ended { .. } => None,
        };
        if outcome.is_ok() {
            self.answered.fetch_max(id, Ordering::Relaxed);
        }
        // The receiver is gone: the caller went away at this moment.
        waiting.is_some_and(|waiting| waiting.to.send(outcome).is_ok())
    }

    /// Handles a line from the child. A line that is not MCP is logged, since many children print there what belongs on
    /// stderr. An unreadable answer ends its request: no better one follows. `true`: the line answered a request.
    pub(super) fn receive(self: &Arc<Self>, bytes: &[u8]) -> bool {
        let mut answers = false;
        for heard in hear(bytes, &self.observer) {
            match heard {
                Ok(Heard::Answer(id, answer)) => {
                    let settled = self.settle(id, Ok(answer));
                    if !settled {
                        self.observer.dropped(&format!("an answer to the request {id}, for which nobody waits"));
                    }
                    answers |= settled;
                }
                Ok(Heard::Reply(reply)) => self.send_aside(reply),
                Ok(Heard::Unaddressed { error, has_id }) => match !has_id && self.end_only(&error) {
                    true => answers = true,
                    false => {
                        self.observer.dropped(&format!("an error that answers no request of the gateway's: {error}"));
                    }
                },
                Err(unreadable) => {
                    let text = String::from_utf8_lossy(&bytes[..bytes.len().min(Log::LINE_LENGTH * 2)]);
                    self.observer.log(&format!("stdout: {text}"));
                    answers |= self.end_unread(&unreadable);
                    self.keep_quoted(bytes);
                }
            }
        }
        answers
    }

    /// Notes the answers at the end of a line that begins with other text. The line is either an answer after output
    /// without a line break, or a log that quotes one, perhaps inexactly: the answer counts unless a better one follows
    /// at once.
    fn keep_quoted(self: &Arc<Self>, line: &[u8]) {
        for (id, answer) in hear_behind_text(line, &self.observer) {
            let first = match &mut *self.waiting.lock() {
                Waiters::Open(waiting) => {
                    waiting.get_mut(&id).is_some_and(|waiter| !std::mem::replace(&mut waiter.quoted, true))
                }
                Waiters::Ended { .. } => false,
            };
            if first {
                let peer = self.clone();
                tokio::spawn(async move {
                    tokio::time::sleep(QUOTED).await;
                    peer.settle(id, Ok(answer))
                });
            }
        }
    }

    /// Ends the only request in flight with an error that names none. The error is no answer: on a pipe nothing else
    /// says which message it is about, so an approved call may still have run, and its outcome is unknown. Some servers
    /// answer notifications in this way, so the last message sent must not have been one.
    fn end_only(&self, error: &RawValue) -> bool {
        let only = match &*self.waiting.lock() {
            Waiters::Open(waiting) if waiting.len() == 1 => waiting.keys().next().copied(),
            Waiters::Open(_) | Waiters::Ended { .. } => None,
        };
        let told_since = self.answered.load(Ordering::Relaxed) < self.after_aside.load(Ordering::Relaxed);
        let Some(id) = only.filter(|_| !told_since) else { return false };
        self.observer.log(&format!("an error without an id: {error}"));
        let said = self.observer.secrets.redacted(&words(error), REPEATED).replace(char::is_control, " ");
        self.settle(
            id,
            Err(format!("the upstream said without naming a request, while this one was under way: {said}")),
        )
    }

    /// Ends the request whose answer this was, if that is certain.
    fn end_unread(&self, unreadable: &Unreadable) -> bool {
        let waits = |id: &&u64| match &*self.waiting.lock() {
            Waiters::Open(waiting) => waiting.contains_key(id),
            Waiters::Ended { .. } => false,
        };
        let mut waiting = unreadable.answers.iter().filter(waits);
        let (Some(id), None) = (waiting.next(), waiting.next()) else { return false };
        let reason =
            format!("the upstream's answer cannot be read: {}; the connection's log has it", unreadable.reason);
        self.settle(*id, Err(reason))
    }

    /// Fails all waiting and future requests. The first reason is kept.
    pub(super) fn end(&self, reason: &str, by_itself: bool) {
        let mut waiting = self.waiting.lock();
        if let Waiters::Open(open) = &mut *waiting {
            for (_, waiting) in open.drain() {
                let _ = waiting.to.send(Err(reason.to_owned()));
            }
            *waiting = Waiters::Ended { reason: reason.to_owned(), by_itself };
        }
        drop(waiting);
        self.over.cancel();
    }

    /// Why the child ended, if the gateway did not end it.
    pub(super) fn broke(&self) -> Option<String> {
        match &*self.waiting.lock() {
            Waiters::Ended { reason, by_itself: true } => Some(reason.clone()),
            Waiters::Ended { .. } | Waiters::Open(_) => None,
        }
    }
}

fn line(mut message: Vec<u8>) -> Vec<u8> {
    // A line break between JSON tokens, as raw parameters may have, would end the message early. Strings in JSON
    // contain none.
    for byte in &mut message {
        if matches!(byte, b'\n' | b'\r') {
            *byte = b' ';
        }
    }
    message.push(b'\n');
    message
}

/// Held while an answer is awaited, as in the HTTP transport.
struct InFlight<'a> {
    peer: &'a Peer,
    id: u64,
    departure: &'a Departure,
    tell: bool,
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        if let Waiters::Open(waiting) = &mut *self.peer.waiting.lock() {
            waiting.remove(&self.id);
        }
        let never_left = self.departure.hold_back("nobody waits for it any more");
        if self.tell && !never_left {
            self.peer.send_aside(message::cancelled(self.id));
        }
    }
}
