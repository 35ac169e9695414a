//! The tasks that a subscription follows (MCP tasks extension, "Task Status Notifications"): each change of status is
//! sent until they have ended. They are read apart from the stream, several at once and each with a timeout, so that a
//! slow upstream delays nothing else.

use std::{collections::HashMap, sync::Arc, time::Duration};

use domain::ApprovalId;
use futures::{
    StreamExt,
    stream::{self, FuturesUnordered},
};
use serde_json::value::RawValue;
use tokio::{
    sync::{
        broadcast::{self, error::RecvError},
        mpsc,
    },
    time::Instant,
};

use crate::{
    error::Result,
    live::ApprovalChanged,
    service::{
        Services,
        call::task::{self, Asker, Polled, Standing},
    },
};

/// How often each task is read without an announcement, and when a failed read is retried. An upstream's task, which is
/// never announced, is read as often as the upstream says.
const LOOK: Duration = Duration::from_secs(15);
/// How many are read at once: each may carry a whole result.
const AT_ONCE: usize = 4;
/// The timeout of one read.
const WITHIN: Duration = Duration::from_secs(10);

/// News of a task.
pub(in crate::mcp) struct News {
    pub(in crate::mcp) id: String,
    /// The task as `tasks/get` answers.
    pub(in crate::mcp) task: Box<RawValue>,
    pub(in crate::mcp) approval: Option<ApprovalId>,
}

struct Followed {
    approval: Option<ApprovalId>,
    /// What was sent last, if anything was.
    told: Option<Option<Standing>>,
    /// The upstream's task, as last polled.
    polled: Option<Polled>,
    look_at: Instant,
}

impl Followed {
    fn is_due(&self) -> bool {
        self.look_at <= Instant::now() || self.polled.as_ref().is_some_and(Polled::is_stirred)
    }

    async fn due(&self) {
        let stirred = async {
            match &self.polled {
                Some(polled) => polled.stirred().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = stirred => {}
            () = tokio::time::sleep_until(self.look_at) => {}
        }
    }

    /// A change made meanwhile is no reason for an immediate retry.
    fn could_not_be_looked_at(&mut self) {
        self.polled.take_if(|polled| polled.is_stirred());
        self.look_at = Instant::now() + LOOK;
    }
}

/// Which tasks are read.
#[derive(Clone, Copy)]
enum Which {
    All,
    /// The handles on this approval.
    Of(ApprovalId),
    /// The tasks that are due.
    Due,
}

/// The tasks of a subscription, by id.
pub(in crate::mcp) struct Following {
    asker: Asker,
    changes: broadcast::Receiver<ApprovalChanged>,
    tasks: HashMap<String, Followed>,
}

impl Following {
    /// The ids that are the caller's tasks, each once.
    ///
    /// # Errors
    /// When Postgres cannot be reached.
    pub(in crate::mcp) async fn of(services: &Services, asker: Asker, ids: &[impl AsRef<str>]) -> Result<Self> {
        // Subscribes before it reads, so that no change is missed in between.
        let changes = services.live.approvals();
        let mut tasks = HashMap::new();
        for id in ids {
            let id = id.as_ref();
            if !tasks.contains_key(id)
                && let Some(known) = task::known(services, &asker, id).await?
            {
                tasks.insert(
                    id.to_owned(),
                    Followed { approval: known.approval, told: None, polled: None, look_at: Instant::now() },
                );
            }
        }
        Ok(Self { asker, changes, tasks })
    }

    /// Whether this task is followed.
    pub(in crate::mcp) fn has(&self, id: &str) -> bool {
        self.tasks.contains_key(id)
    }

    /// Starts to follow: first sends each task's present state. Ends when all tasks have ended or nobody listens any
    /// more.
    pub(in crate::mcp) fn begin(mut self, services: &Arc<Services>) -> mpsc::Receiver<News> {
        // At most one waits: a result may be large.
        let (tell, told) = mpsc::channel(1);
        let services = services.clone();
        tokio::spawn(async move {
            let mut which = Which::All;
            while !self.tasks.is_empty() {
                // An upstream may be slow, and the listener may have gone.
                tokio::select! {
                    () = tell.closed() => return,
                    () = services.stop.cancelled() => return,
                    listened = self.look(&services, which, &tell) => if !listened { return },
                }
                tokio::select! {
                    () = tell.closed() => return,
                    () = services.stop.cancelled() => return,
                    moved = moved(&mut self.changes, &self.tasks) => which = moved,
                    () = due(&self.tasks) => which = Which::Due,
                }
            }
        });
        told
    }

    /// Sends the tasks that differ from what was sent last. A task that has ended is sent and then no longer followed.
    /// `false`: nobody listens.
    async fn look(&mut self, services: &Services, which: Which, tell: &mpsc::Sender<News>) -> bool {
        let asker = &self.asker;
        let due = self.tasks.iter().filter(|(_, task)| match which {
            Which::All => true,
            Which::Of(approval) => task.approval == Some(approval),
            Which::Due => task.is_due(),
        });
        let due: Vec<String> = due.map(|(id, _)| id.clone()).collect();
        let looks = due.into_iter().map(|id| async move {
            let found = tokio::time::timeout(WITHIN, task::detailed(services, asker, &id)).await;
            (id, found)
        });
        let mut looks = stream::iter(looks).buffer_unordered(AT_ONCE);
        while let Some((id, found)) = looks.next().await {
            let Some(followed) = self.tasks.get_mut(&id) else { continue };
            let Ok(Ok(found)) = found else {
                followed.could_not_be_looked_at();
                continue;
            };
            let Some(found) = found else {
                self.tasks.remove(&id);
                continue;
            };
            let standing = found.standing();
            let is_news = followed.told.as_ref() != Some(&standing);
            if found.under_way {
                followed.told = Some(standing);
                followed.look_at = found.polled.as_ref().map_or_else(|| Instant::now() + LOOK, Polled::due);
                followed.polled = found.polled;
            } else {
                self.tasks.remove(&id);
            }
            if is_news && tell.send(News { id, task: found.task, approval: found.approval }).await.is_err() {
                return false;
            }
        }
        true
    }
}

/// Resolves when one of the approvals may have changed.
async fn moved(changes: &mut broadcast::Receiver<ApprovalChanged>, tasks: &HashMap<String, Followed>) -> Which {
    loop {
        match changes.recv().await {
            Ok(change) if tasks.values().any(|task| task.approval == Some(change.approval)) => {
                return Which::Of(change.approval);
            }
            Ok(_) => {}
            Err(RecvError::Lagged(_)) => return Which::All,
            Err(RecvError::Closed) => return std::future::pending().await,
        }
    }
}

/// Resolves when one of them is due to be read without an announcement.
async fn due(tasks: &HashMap<String, Followed>) {
    let mut due: FuturesUnordered<_> = tasks.values().map(Followed::due).collect();
    due.next().await;
}
