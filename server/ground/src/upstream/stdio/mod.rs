//! A child process that speaks MCP on its standard streams, one message a line (MCP transports, "stdio"). Requests of
//! all callers share it, distinguished by id.
//!
//! Only revisions that begin with `initialize` are used: many servers do not answer anything before it, so a probe for
//! a newer revision would cost every start a timeout, and on a pipe the newer revision has few benefits.

mod child;
mod lines;
mod peer;
mod surroundings;
mod user;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;
use tokio_util::sync::{CancellationToken, DropGuard};
use wire::mcp::Revision;

use super::departure::{Departure, Timeouts, supervise, unguarded};
use super::error::Failure;
use super::handshake::{agreed_revision, another_revision, initialize_params, initialized};
use super::message::{Answer, Request};
use super::status::Observer;
use peer::Peer;

pub use user::{ChildUser, NoChildUser};

/// How long to wait for the last output of a child that ended.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// A running child. Dropping it ends the process soon; [`StdioSession::close`]
/// also waits for that.
pub(super) struct StdioSession {
    peer: Arc<Peer>,
    _over: DropGuard,
}

impl StdioSession {
    pub(super) async fn open(
        command: &str,
        args: &[String],
        env: &[(String, SecretString)],
        cwd: Option<&Path>,
        user: &ChildUser,
        observer: Arc<Observer>,
    ) -> Result<Self, Failure> {
        let before = observer.log.count();
        let process = child::start(command, args, env, cwd, user).await.map_err(Failure::NotSent)?;
        let peer = child::run(process, observer);
        let over = peer.over.clone().drop_guard();
        let mut answer = Self::ask(&peer, Revision::LATEST_LEGACY).await;
        if let Some(other) = another_revision(answer.as_ref()) {
            answer = Self::ask(&peer, other).await;
        }
        let answer = match answer {
            Ok(answer) => answer,
            Err(failure) => return Err(Self::explain(&peer, failure, before).await),
        };
        agreed_revision(&answer, &peer.observer).map_err(Failure::not_sent)?;
        peer.send_aside(initialized());
        Ok(Self { peer, _over: over })
    }

    async fn ask(peer: &Arc<Peer>, revision: Revision) -> Result<Answer, Failure> {
        let params = initialize_params(revision);
        peer.exchange("initialize", Some(&params), &Departure::new(unguarded()), true).await
    }

    /// Why a child did not start: its own output explains most. That may be more than agents should know, so it is put
    /// into the connection's last error and not into the reason. `before`: the number of log lines from before the
    /// child.
    async fn explain(peer: &Peer, failure: Failure, before: u64) -> Failure {
        let _ = tokio::time::timeout(LAST_WORDS, peer.gone.cancelled()).await;
        let said = peer.observer.log.since(before);
        let names_error = |line: &&String| line.to_ascii_lowercase().contains("error");
        let Some(last) = said.iter().rev().find(names_error).or(said.last()) else { return failure };
        let why = failure.into_reason();
        let reason = format!("{why}; its log says why");
        peer.observer.explain(&reason, format!("{why}: {last}"));
        Failure::NotSent(reason)
    }

    pub(super) fn over(&self) -> &CancellationToken {
        &self.peer.over
    }

    pub(super) async fn request(
        &self,
        request: Request,
        limits: Timeouts,
        cancel: &CancellationToken,
    ) -> Result<Answer, Failure> {
        let departure = Departure::with_steps(request.guard, request.steps);
        let params = request.params.as_deref();
        let exchange = self.peer.exchange(request.method, params, &departure, request.once);
        let answer = supervise(&departure, limits, cancel, exchange).await?;
        self.peer.observer.answered();
        if let Some(load) = &request.load {
            // All callers share the pipe, so it never waits for room.
            load.carry(answer.size());
        }
        Ok(answer)
    }

    pub(super) async fn close(&self) {
        self.peer.over.cancel();
        self.peer.gone.cancelled().await;
    }

    /// Why the process ended, if it did so by itself.
    pub(super) fn broke(&self) -> Option<String> {
        self.peer.broke()
    }
}
