//! Work whose cost strangers decide, beside the workers that serve everybody: few threads at once, each with a stack of
//! known size.

use std::{sync::Arc, time::Duration};

use tokio::sync::{Semaphore, oneshot};

/// The stack of a thread, in bytes. Memory is taken only as far as the stack is used.
pub(super) const STACK: usize = 32 * 1024 * 1024;
/// How many such threads work at once: a worker is left for everything else.
const AT_ONCE: usize = 2;

/// How long to wait for a turn. Each takes about a tenth of a second; compiling may take some.
const PATIENCE: Duration = Duration::from_secs(10);

/// Why there is no result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NotDone {
    /// There was no turn, or no thread: another time there may be.
    Busy,
    /// It panicked.
    Failed,
}

/// Where such work is done.
pub(super) struct Aside {
    turns: Arc<Semaphore>,
}

impl Default for Aside {
    fn default() -> Self {
        Self { turns: Arc::new(Semaphore::new(AT_ONCE)) }
    }
}

impl Aside {
    /// Does `work` on a thread of its own and waits for it. The work goes on when the caller leaves, and keeps its
    /// turn until it has ended.
    ///
    /// # Errors
    /// When it was not done.
    pub(super) async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, NotDone> {
        let turn = tokio::time::timeout(PATIENCE, self.turns.clone().acquire_owned()).await;
        let turn = turn.map_err(|_| NotDone::Busy)?.map_err(|_| NotDone::Busy)?;
        let (send, done) = oneshot::channel();
        let thread = std::thread::Builder::new().name("schema".to_owned()).stack_size(STACK);
        let begun = thread.spawn(move || {
            let _turn = turn;
            // Nobody waits any more: the result is not wanted.
            let _ = send.send(work());
        });
        if let Err(error) = begun {
            tracing::error!(%error, "no thread for checking arguments");
            return Err(NotDone::Busy);
        }
        done.await.map_err(|_| NotDone::Failed)
    }
}
