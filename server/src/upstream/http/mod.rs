//! Streamable HTTP, as the MCP transports page of revisions 2025-03-26 to
//! 2025-11-25 describes it.

mod answer;
mod listener;
mod peer;

use std::sync::Arc;
use std::time::Duration;

use reqwest::Method;
use secrecy::SecretString;
use tokio_util::sync::{CancellationToken, DropGuard};
use url::Url;
use wire::envelope;

use super::departure::{Departure, Limits, supervise, unguarded};
use super::egress::Egress;
use super::error::Failure;
use super::message::{self, Answer, Request};
use super::status::Observer;
use peer::Peer;

/// How long an upstream may take to let go of a session.
const FAREWELL: Duration = Duration::from_secs(2);

/// A session, and the stream on which the upstream may speak first.
pub(super) struct HttpSession {
    peer: Arc<Peer>,
    // Ends the listener when the session is dropped without having been closed.
    _over: DropGuard,
}

impl HttpSession {
    pub(super) async fn open(
        egress: Egress,
        url: Url,
        headers: &[(String, SecretString)],
        observer: Arc<Observer>,
    ) -> Result<Self, Failure> {
        let peer = Peer::new(egress, url, headers, observer)?;
        let id = peer.next_id();
        let params = message::initialize_params();
        let body = envelope::request_bytes(id, "initialize", Some(&params));
        let (answer, session_id) = peer.exchange(id, body, &Departure::new(unguarded()), false).await?;
        let revision = message::agreed_revision(&answer, &peer.observer).map_err(Failure::not_sent)?;
        peer.agree(session_id, revision);
        let over = peer.over.clone().drop_guard();
        peer.post_aside(message::initialized()).await.map_err(Failure::not_sent)?;
        tokio::spawn(listener::listen(peer.clone()));
        Ok(Self { peer, _over: over })
    }

    pub(super) fn over(&self) -> &CancellationToken {
        &self.peer.over
    }

    pub(super) async fn request(
        &self,
        request: Request,
        limits: Limits,
        cancel: &CancellationToken,
    ) -> Result<Answer, Failure> {
        let id = self.peer.next_id();
        let body = envelope::request_bytes(id, request.method, request.params.as_deref());
        let departure = Departure::new(request.guard);
        let exchange = async {
            let mut abandoned = Abandoned { peer: &self.peer, id, departure: &departure, tell: !request.once };
            let outcome = self.peer.exchange(id, body, &departure, request.once).await;
            abandoned.tell = false;
            if outcome.is_ok() {
                self.peer.observer.answered();
            }
            outcome.map(|(answer, _)| answer)
        };
        supervise(&departure, limits, cancel, exchange).await
    }

    /// Why it is over, if the upstream could not be reached.
    pub(super) fn broke(&self) -> Option<String> {
        self.peer.broken.get().cloned()
    }

    pub(super) async fn close(&self) {
        self.peer.over.cancel();
        if self.peer.has_session()
            && let Ok(request) = self.peer.start(Method::DELETE, false)
        {
            // 405 means that sessions end by themselves; nothing else can be done either.
            let _ = request.timeout(FAREWELL).send().await;
        }
    }
}

/// Held while an answer is awaited. Dropped early, it keeps the request from
/// leaving or, when it has left, tells the upstream that nobody waits any more.
struct Abandoned<'a> {
    peer: &'a Arc<Peer>,
    id: u64,
    departure: &'a Departure,
    tell: bool,
}

impl Drop for Abandoned<'_> {
    fn drop(&mut self) {
        let never_left = self.departure.hold_back("nobody waits for it any more");
        if self.tell
            && !never_left
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
        {
            let peer = self.peer.clone();
            let body = message::cancelled(self.id);
            runtime.spawn(async move { peer.post_aside(body).await });
        }
    }
}
