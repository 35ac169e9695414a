//! Answers that do not come in response to their request: a server takes it with HTTP 202 and answers on the stream that the
//! gateway asked for by GET, as it did in the transport before Streamable HTTP.

use std::collections::HashMap;

use parking_lot::Mutex;
use tokio::sync::{oneshot, watch};

use super::super::message::Answer;
use crate::limit::Load;

/// Who waits for which answer, and whether there is a stream on which it can come.
#[derive(Default)]
pub(super) struct Elsewhere {
    waiting: Mutex<HashMap<u64, oneshot::Sender<Answer>>>,
    is_open: watch::Sender<bool>,
}

impl Elsewhere {
    /// To be held from before a request is sent.
    pub(super) fn expect(&self, id: u64) -> Expected<'_> {
        let (sender, receiver) = oneshot::channel();
        self.waiting.lock().insert(id, sender);
        Expected { elsewhere: self, id, receiver }
    }

    /// An answer came on the stream. `true`: somebody waited for it.
    pub(super) fn hear(&self, id: u64, answer: &Answer) -> bool {
        let waiting = self.waiting.lock().remove(&id);
        waiting.is_some_and(|waiting| waiting.send(answer.clone()).is_ok())
    }

    /// To be held while the stream is open.
    pub(super) fn open(&self) -> Open<'_> {
        self.is_open.send_replace(true);
        Open(self)
    }
}

/// See [`Elsewhere::open`].
pub(super) struct Open<'a>(&'a Elsewhere);

impl Drop for Open<'_> {
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
    /// The answer, once it comes; none when there is no stream, or it ends before. It counts at `load`.
    pub(super) async fn answer(mut self, load: Option<&Load>) -> Option<Answer> {
        let mut is_open = self.elsewhere.is_open.subscribe();
        let answer = tokio::select! {
            biased;
            answer = &mut self.receiver => answer.ok(),
            _ = is_open.wait_for(|is_open| !is_open) => None,
        };
        if let (Some(load), Some(answer)) = (load, &answer) {
            // All callers share the stream: nobody waits there.
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
