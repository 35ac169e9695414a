//! One connection in one configuration. Its session is opened on first use, kept warm, and reopened with growing pauses
//! when it breaks.

use std::sync::{Arc, Weak};
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;

use super::{
    ConnectionSpec,
    departure::{Timeouts, seconds},
    error::Failure,
    http::Era,
    message::{Answer, Request},
    session::Session,
    status::{MANY_FAILURES, Observer},
    stdio::ChildUser,
};
use crate::egress::Egress;

/// How long a caller waits for the next attempt; if the pause is longer, the call fails.
const PATIENCE: Duration = Duration::from_millis(500);

pub(super) struct Link {
    pub(super) spec: Arc<ConnectionSpec>,
    pub(super) observer: Arc<Observer>,
    egress: Egress,
    children: ChildUser,
    era: Era,
    slot: Mutex<Option<Arc<Session>>>,
    /// Held while a session is opened.
    opening: tokio::sync::Mutex<()>,
    /// Cancelled when the connection was removed or changed: no new session.
    retired: CancellationToken,
    busy: TaskTracker,
}

impl Link {
    pub(super) fn new(
        spec: Arc<ConnectionSpec>,
        egress: Egress,
        children: ChildUser,
        observer: Arc<Observer>,
    ) -> Arc<Self> {
        Arc::new(Self {
            spec,
            observer,
            egress,
            children,
            era: Era::default(),
            slot: Mutex::new(None),
            opening: tokio::sync::Mutex::new(()),
            retired: CancellationToken::new(),
            busy: TaskTracker::new(),
        })
    }

    /// Held during a request: a connection that is removed or changed lets such requests finish.
    pub(super) fn hold(&self) -> TaskTrackerToken {
        self.busy.token()
    }

    /// Sends a request on the open session, or on a new one. Retries it once if a lost session provably did not process
    /// it.
    pub(super) async fn request(
        self: &Arc<Self>,
        request: Request,
        cancel: &CancellationToken,
    ) -> Result<Answer, Failure> {
        let limits = Timeouts { leave: self.spec.connect_timeout, answer: self.spec.call_timeout };
        let mut last_chance = false;
        loop {
            let session = tokio::select! {
                biased;
                () = cancel.cancelled() => {
                    return Err(Failure::not_sent("it was cancelled before it was sent"));
                }
                session = self.session_for(&request) => session?,
            };
            let outcome = session.request(request.clone(), limits, cancel).await;
            let is_over = session.over().is_cancelled();
            if is_over {
                self.discard(&session);
            }
            // The session ended under this request, but did not break: the upstream forgot it.
            let forgotten = is_over && session.broke().is_none() && !session.is_modern();
            match outcome {
                Err(Failure::Lost(_)) if !last_chance => last_chance = true,
                Err(Failure::Unknown(_)) | Ok(Answer::Error(_))
                    if forgotten && !last_chance && request.may_be_repeated() && !cancel.is_cancelled() =>
                {
                    last_chance = true;
                }
                // An upstream that says twice that it knows no session is not trusted to have ignored a call that must
                // run at most once.
                Err(Failure::Lost(reason)) if request.once => return Err(Failure::Unknown(reason)),
                Err(Failure::Unknown(reason)) => {
                    if !cancel.is_cancelled() {
                        self.observer.unanswered(&reason);
                    }
                    return Err(Failure::Unknown(reason));
                }
                outcome => return outcome,
            }
        }
    }

    /// The open session; or one in the revision that the request needs, if the upstream speaks it after all. It may not
    /// have been able to say so when the open session was opened.
    async fn session_for(self: &Arc<Self>, request: &Request) -> Result<Arc<Session>, Failure> {
        let session = self.session().await?;
        if !request.needs_modern() || session.is_modern() {
            return Ok(session);
        }
        let _turn = self.opening.lock().await;
        if let Some(current) = self.current().filter(|current| current.is_modern()) {
            return Ok(current);
        }
        match Session::open_modern(&self.spec, &self.egress, &self.era, &self.observer).await {
            // Requests in flight on the earlier session keep it until they are answered.
            Some(modern) => self.keep(Arc::new(modern)).await,
            None => Ok(session),
        }
    }

    /// The open session. If the caller that first needed it goes away, opening continues for the others.
    async fn session(self: &Arc<Self>) -> Result<Arc<Session>, Failure> {
        if let Some(session) = self.current() {
            return Ok(session);
        }
        let link = self.clone();
        tokio::spawn(async move { link.open().await })
            .await
            .unwrap_or_else(|_| Err(Failure::not_sent("connecting to the upstream failed")))
    }

    /// Whether the open session is one in MCP 2026-07-28.
    pub(super) fn is_modern(&self) -> bool {
        self.slot.lock().as_ref().is_some_and(|session| session.is_modern())
    }

    pub(super) fn current(&self) -> Option<Arc<Session>> {
        let session = self.slot.lock().clone()?;
        if session.over().is_cancelled() {
            self.discard(&session);
            return None;
        }
        Some(session)
    }

    /// Forgets a session that is over. The first to do it counts the failure.
    fn discard(&self, session: &Arc<Session>) {
        let mut slot = self.slot.lock();
        if slot.as_ref().is_some_and(|kept| Arc::ptr_eq(kept, session)) {
            *slot = None;
            drop(slot);
            match session.broke() {
                Some(reason) => self.observer.failed(&reason),
                None => self.observer.ended(),
            }
        }
    }

    async fn open(self: Arc<Self>) -> Result<Arc<Session>, Failure> {
        let _turn = self.opening.lock().await;
        if let Some(session) = self.current() {
            return Ok(session);
        }
        if let Some((wait, reason)) = self.observer.wait() {
            if wait > PATIENCE {
                return Err(Failure::NotSent(format!("{reason}; the next attempt to connect is in {}", seconds(wait))));
            }
            tokio::time::sleep(wait).await;
        }
        let opened = self.retired.run_until_cancelled(self.try_open()).await;
        match opened.ok_or_else(removed)? {
            Ok(session) => {
                let session = self.keep(session).await?;
                self.observer.ready();
                if session.is_process() {
                    tokio::spawn(revive(Arc::downgrade(&self), session.over().clone()));
                }
                Ok(session)
            }
            Err(reason) => {
                self.observer.failed(&reason);
                Err(Failure::NotSent(reason))
            }
        }
    }

    /// Makes a newly opened session the current one.
    async fn keep(&self, session: Arc<Session>) -> Result<Arc<Session>, Failure> {
        // Retiring cancels first and then empties the slot, so a session that comes too late is noticed here.
        *self.slot.lock() = Some(session.clone());
        if self.retired.is_cancelled() {
            self.slot.lock().take();
            session.close().await;
            return Err(removed());
        }
        Ok(session)
    }

    async fn try_open(&self) -> Result<Arc<Session>, String> {
        self.observer.connecting();
        let limit = self.spec.connect_timeout;
        let opening = Session::open(&self.spec, &self.egress, &self.children, &self.era, &self.observer);
        match tokio::time::timeout(limit, opening).await {
            Ok(Ok(session)) => Ok(Arc::new(session)),
            Ok(Err(failure)) => Err(failure.into_reason()),
            Err(_) => Err(format!(
                "no session with the upstream within {}, which is the connection's connect_timeout_ms",
                seconds(limit)
            )),
        }
    }

    /// Ends the session after the requests in flight, or when `now` is cancelled.
    pub(super) async fn retire(&self, now: &CancellationToken) {
        self.retired.cancel();
        self.busy.close();
        tokio::select! {
            () = now.cancelled() => {}
            () = self.busy.wait() => {}
        }
        let session = self.slot.lock().take();
        if let Some(session) = session {
            session.close().await;
        }
    }

    /// Whether no request is in flight.
    pub(super) fn is_idle(&self) -> bool {
        self.busy.is_empty()
    }
}

fn removed() -> Failure {
    Failure::not_sent("the connection was removed or changed meanwhile")
}

/// Restarts a process that ended by itself, so that the next call finds it warm. After many failures in a row it is
/// restarted only by the next call.
fn revive(link: Weak<Link>, over: CancellationToken) -> BoxFuture<'static, ()> {
    async move {
        over.cancelled().await;
        loop {
            let wait = {
                let Some(link) = link.upgrade() else { return };
                if link.current().is_some() || link.observer.failures() >= MANY_FAILURES {
                    return;
                }
                link.observer.wait()
            };
            if let Some((wait, _)) = wait {
                tokio::time::sleep(wait).await;
            }
            let Some(link) = link.upgrade() else { return };
            if link.retired.is_cancelled() || link.session().await.is_ok() {
                return;
            }
        }
    }
    .boxed()
}
