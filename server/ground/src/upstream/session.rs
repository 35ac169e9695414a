//! One open session with an upstream, for every transport.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::{
    ConnectionSpec, Transport,
    departure::Timeouts,
    error::Failure,
    http::{Era, HttpSession},
    message::{Answer, Request},
    status::Observer,
    stdio::{ChildUser, StdioSession},
};
use crate::egress::Egress;

/// Shared by all callers of a connection; ends when it is closed or dropped.
pub(super) enum Session {
    Http(HttpSession),
    Stdio(StdioSession),
}

impl Session {
    /// Connects and performs the handshake. Has no timeout of its own: dropping the future leaves nothing behind.
    pub(super) async fn open(
        spec: &ConnectionSpec,
        egress: &Egress,
        children: &ChildUser,
        era: &Era,
        observer: &Arc<Observer>,
    ) -> Result<Self, Failure> {
        match &spec.transport {
            Transport::StreamableHttp { url, headers } => {
                let opening = HttpSession::open(egress, url, headers, observer, era, spec.connect_timeout);
                opening.await.map(Self::Http)
            }
            Transport::Stdio { command, args, env, cwd } => {
                let opening = StdioSession::open(command, args, env, cwd.as_deref(), children, observer.clone());
                opening.await.map(Self::Stdio)
            }
        }
    }

    /// A session in MCP 2026-07-28 with an upstream whose session is of an earlier revision; `None` if it speaks no
    /// other. Takes no longer than opening one.
    pub(super) async fn open_modern(
        spec: &ConnectionSpec,
        egress: &Egress,
        era: &Era,
        observer: &Arc<Observer>,
    ) -> Option<Self> {
        let Transport::StreamableHttp { url, headers } = &spec.transport else { return None };
        HttpSession::open_modern(egress, url, headers, observer, era, spec.connect_timeout).await.map(Self::Http)
    }

    /// Sends a request and waits for its answer.
    pub(super) async fn request(
        &self,
        request: Request,
        limits: Timeouts,
        cancel: &CancellationToken,
    ) -> Result<Answer, Failure> {
        if request.needs_modern() && !self.is_modern() {
            return Err(Failure::not_sent(
                "the upstream is not spoken to in MCP 2026-07-28, so it knows no tasks and no further rounds",
            ));
        }
        match self {
            Self::Http(session) => session.request(request, limits, cancel).await,
            Self::Stdio(session) => session.request(request, limits, cancel).await,
        }
    }

    pub(super) fn is_modern(&self) -> bool {
        match self {
            Self::Http(session) => session.is_modern(),
            Self::Stdio(_) => false,
        }
    }

    /// Cancelled once the session can no longer be used.
    pub(super) fn over(&self) -> &CancellationToken {
        match self {
            Self::Http(session) => session.over(),
            Self::Stdio(session) => session.over(),
        }
    }

    /// Whether it may end without a request, as a process can.
    pub(super) fn is_process(&self) -> bool {
        matches!(self, Self::Stdio(_))
    }

    /// What broke the session, if it is over because something broke. An HTTP session that the upstream forgot did not
    /// break: a new one costs nothing and is no failure.
    pub(super) fn broke(&self) -> Option<String> {
        match self {
            Self::Http(session) => session.broke(),
            Self::Stdio(session) => session.broke(),
        }
    }

    /// Ends the session at the upstream, or the child process. Requests that still wait are abandoned. Takes at most a
    /// few seconds.
    pub(super) async fn close(&self) {
        match self {
            Self::Http(session) => session.close().await,
            Self::Stdio(session) => session.close().await,
        }
    }
}
