//! Streamable HTTP in both eras: with a session that `initialize` opens, as in the MCP transports page of revisions
//! 2025-03-26 to 2025-11-25, and in MCP 2026-07-28 without one.

mod answer;
mod elsewhere;
mod legacy;
mod listener;
mod lost;
mod modern;
mod peer;
mod said;

use std::sync::Arc;
use std::time::Duration;

use reqwest::Method;
use secrecy::SecretString;
use tokio::time::Instant;
use tokio_util::sync::{CancellationToken, DropGuard};
use url::Url;
use wire::mcp::Revision;

use super::{
    departure::{Departure, Timeouts, supervise, unguarded},
    error::Failure,
    handshake::{agreed_revision, another_revision, initialize_params, initialized},
    message::{self, Answer, Request},
    status::Observer,
};
use crate::egress::Egress;
use modern::{Discovered, Probed};
use peer::{Answered, Peer, Post};

pub(super) use modern::Era;

/// The timeout for ending a session at the upstream.
const FAREWELL: Duration = Duration::from_secs(2);

/// A session, and the stream for the upstream's unrequested messages. In MCP 2026-07-28 it is only what is known about
/// the upstream.
pub(super) struct HttpSession {
    peer: Arc<Peer>,
    // Ends the listener if the session is dropped without being closed.
    _over: DropGuard,
}

impl HttpSession {
    /// Finds out the upstream's era, unless it is known, and performs that era's handshake. `limit` is the timeout for
    /// all of it, which the caller enforces.
    pub(super) async fn open(
        egress: &Egress,
        url: &Url,
        headers: &[(String, SecretString)],
        observer: &Arc<Observer>,
        era: &Era,
        limit: Duration,
    ) -> Result<Self, Failure> {
        let connect = || Peer::new(egress.clone(), url.clone(), headers, observer.clone());
        let mut probed = Probed::Legacy;
        if !era.is_legacy(Instant::now()) {
            let peer = connect()?;
            peer.agree(None, Revision::V2026_07_28);
            probed = modern::probe(&peer, limit).await?;
            if let Probed::Modern(discovered) = probed {
                return Ok(Self::discovered(peer, &discovered));
            }
        }
        let opened = Self::initialize(connect()?).await;
        // An upstream that speaks both eras, and was out of order when it was asked, is asked again next time.
        if probed == Probed::Legacy {
            era.initialized(opened.is_ok(), Instant::now());
        }
        opened
    }

    /// Asks an upstream of the earlier era once more whether it speaks MCP 2026-07-28, unless it was asked just now.
    /// `None` if it does not say so.
    pub(super) async fn open_modern(
        egress: &Egress,
        url: &Url,
        headers: &[(String, SecretString)],
        observer: &Arc<Observer>,
        era: &Era,
        limit: Duration,
    ) -> Option<Self> {
        if !era.may_ask_again(Instant::now()) {
            return None;
        }
        let peer = Peer::new(egress.clone(), url.clone(), headers, observer.clone()).ok()?;
        peer.agree(None, Revision::V2026_07_28);
        let Ok(Probed::Modern(discovered)) = modern::probe(&peer, limit).await else { return None };
        era.found();
        Some(Self::discovered(peer, &discovered))
    }

    fn discovered(peer: Arc<Peer>, discovered: &Discovered) -> Self {
        let over = peer.over.clone().drop_guard();
        if discovered.tools_list_changed {
            tokio::spawn(listener::listen(peer.clone()));
        }
        Self { peer, _over: over }
    }

    async fn initialize(peer: Arc<Peer>) -> Result<Self, Failure> {
        let mut answered = Self::ask(&peer, Revision::LATEST_LEGACY).await;
        if let Some(other) = another_revision(answered.as_ref().map(|answered| &answered.answer)) {
            answered = Self::ask(&peer, other).await;
        }
        let answered = match answered {
            Ok(answered) => answered,
            Err(failure) => return Err(legacy::explain(&peer, failure).await),
        };
        let revision = match agreed_revision(&answered.answer, &peer.observer) {
            Ok(revision) => revision,
            Err(reason) => return Err(legacy::explain(&peer, Failure::Unknown(reason)).await),
        };
        peer.agree(answered.session_id, revision);
        let over = peer.over.clone().drop_guard();
        peer.post_aside("notifications/initialized", initialized()).await.map_err(Failure::not_sent)?;
        tokio::spawn(listener::listen(peer.clone()));
        Ok(Self { peer, _over: over })
    }

    async fn ask(peer: &Arc<Peer>, revision: Revision) -> Result<Answered, Failure> {
        let params = initialize_params(revision);
        let post = Post::plain(peer.next_id(), "initialize", Some(params.into()), false);
        peer.exchange(post, &Departure::new(unguarded())).await
    }

    pub(super) fn over(&self) -> &CancellationToken {
        &self.peer.over
    }

    pub(super) fn is_modern(&self) -> bool {
        self.peer.is_modern()
    }

    pub(super) async fn request(
        &self,
        request: Request,
        limits: Timeouts,
        cancel: &CancellationToken,
    ) -> Result<Answer, Failure> {
        let id = self.peer.next_id();
        let post = match self.is_modern() {
            true => modern::post(id, &request)?,
            false => Post {
                load: request.load.clone(),
                ..Post::plain(id, request.method, request.params.clone(), request.once)
            },
        };
        let once = request.once;
        // In MCP 2026-07-28 closing the connection already cancels.
        let tell = !once && !self.is_modern();
        let departure = Departure::with_steps(request.guard, request.steps);
        let exchange = async {
            let mut abandoned = Abandoned { peer: &self.peer, id, departure: &departure, tell };
            let outcome = self.peer.exchange(post, &departure).await;
            abandoned.tell = false;
            let Answered { answer, .. } = outcome?;
            self.peer.observer.answered();
            if self.is_modern() {
                modern::reconsider(&self.peer, &answer);
            }
            Ok(answer)
        };
        supervise(&departure, limits, cancel, exchange).await
    }

    /// Why the session is over, if the upstream could not be reached.
    pub(super) fn broke(&self) -> Option<String> {
        self.peer.broken.get().cloned()
    }

    pub(super) async fn close(&self) {
        self.peer.over.cancel();
        if self.peer.has_session()
            && let Ok(request) = self.peer.start(Method::DELETE, false)
        {
            // 405 means that sessions end by themselves; other failures cannot be helped either.
            let _ = request.timeout(FAREWELL).send().await;
        }
    }
}

/// Held while an answer is awaited. Dropped early, it keeps the request from leaving or, if it has left, tells the
/// upstream that nobody waits any more.
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
            runtime.spawn(async move { peer.post_aside("notifications/cancelled", body).await });
        }
    }
}
