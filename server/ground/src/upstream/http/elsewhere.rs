//! Answers that do not arrive in the response to their request: a server accepts it with HTTP 202 and answers on the
//! stream that the gateway requested by GET, as it did in the transport before Streamable HTTP.

use std::collections::HashMap;

use parking_lot::Mutex;
use tokio::sync::{oneshot, watch};

use super::super::message::Answer;
use crate::limit::Load;

/// The requests that wait for an answer, and whether a stream is open on which it can arrive.
#[derive(Default)]
pub(super) struct Elsewhere {
    waiting: Mutex<HashMap<u64, oneshot::Sender<Answer>>>,
    is_open: watch::Sender<bool>,
}

impl Elsewhere {
    /// Held from before a request is sent.
    pub(super) fn expect(&self, id: u64) -> Expected<'_> {
        let (sender, receiver) = oneshot::channel();
        self.waiting.lock().insert(id, sender);
        Expected { elsewhere: self, id, receiver }
    }

    /// An answer arrived on the stream. `true`: a request waited for it.
    pub(super) fn hear(&self, id: u64, answer: &Answer) -> bool {
        let waiting = self.waiting.lock().remove(&id);
        waiting.is_some_and(|waiting| waiting.send(answer.clone()).is_ok())
    }

    /// Held while the stream is open.
    pub(super) fn open(&self) -> StreamGuard<'_> {
        self.is_open.send_replace(true);
        StreamGuard(self)
    }
}

/// See [`Elsewhere::open`].
pub(super) struct StreamGuard<'a>(&'a Elsewhere);

impl Drop for StreamGuard<'_> {
    fn drop(&mut self) {
        self.0.is_open.send_replace(false);
    }
}

/// A request that may be answered on the stream.
pub(super) struct Expected<'a> {
    elsewhere: &'a Elsewhere,
    id: u64,
    receiver: oneshot::Receiver<Answer>,
}

impl Expected<'_> {
    /// The answer, once it arrives; `None` if there is no stream, or it ends before. Counts towards `load`.
    pub(super) async fn answer(mut self, load: Option<&Load>) -> Option<Answer> {
        let mut is_open = self.elsewhere.is_open.subscribe();
        let answer = tokio::select! {
            biased;
            answer = &mut self.receiver => answer.ok(),
            _ = is_open.wait_for(|is_open| !is_open) => None,
        };
        if let (Some(load), Some(answer)) = (load, &answer) {
            // All callers share the stream, so it never waits for room.
            load.carry(answer.size());
        }
        answer
    }
}

impl Drop for Expected<'_> {
    fn drop(&mut self) {
        self.elsewhere.waiting.lock().remove(&self.id);
    }
}
