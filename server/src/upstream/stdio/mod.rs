//! A child process that speaks MCP on its standard streams, one message a line
//! (MCP transports, "stdio"). Requests of all callers share it, told apart by id.
//!
//! It is spoken to in the revisions that begin with `initialize`: many a server stays
//! silent at anything before it, so that looking for a newer revision would cost every
//! start a time limit, and on a pipe the newer one has little to give.

mod child;
mod lines;
mod peer;
mod surroundings;
mod user;

use std::path::Path;
use std::sync::Arc;

use secrecy::SecretString;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::departure::{Departure, Limits, supervise, unguarded};
use super::error::Failure;
use super::message::{self, Answer, Request};
use super::status::Observer;
use peer::Peer;

pub use user::{ChildUser, NoChildUser};

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
        let process = child::start(command, args, env, cwd, user).await.map_err(Failure::NotSent)?;
        let peer = child::run(process, observer);
        let over = peer.over.clone().drop_guard();
        let params = message::initialize_params();
        let answer = peer.exchange("initialize", Some(&params), &Departure::new(unguarded()), true).await?;
        message::agreed_revision(&answer, &peer.observer).map_err(Failure::not_sent)?;
        peer.send_aside(message::initialized());
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
        let departure = Departure::with_steps(request.guard, request.steps);
        let params = request.params.as_deref();
        let exchange = self.peer.exchange(request.method, params, &departure, request.once);
        let answer = supervise(&departure, limits, cancel, exchange).await?;
        self.peer.observer.answered();
        if let Some(load) = &request.load {
            // All callers share the pipe: nobody waits there.
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
