//! The tasks that a subscription follows (MCP tasks extension, "Task Status Notifications"): told of when
//! their status changes, until they have ended. They are looked at beside the stream, some at once and each
//! with a limit, so that an upstream that is slow to tell of its tasks holds up nothing else.

use std::{collections::HashMap, sync::Arc, time::Duration};

use domain::ApprovalId;
use futures::{StreamExt, stream};
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::sync::{
    broadcast::{self, error::RecvError},
    mpsc,
};

use crate::{
    error::Result,
    live::ApprovalChanged,
    service::{
        Services,
        call::task::{self, Asker},
    },
};

/// How often each is looked at whether or not anything was announced: upstreams announce nothing.
const LOOK: Duration = Duration::from_secs(15);
/// How many are looked at at once: each may bring a whole result along.
const AT_ONCE: usize = 4;
/// How long looking at one may take.
const WITHIN: Duration = Duration::from_secs(10);

/// News of a task.
pub(super) struct News {
    pub(super) id: String,
    /// The task as `tasks/get` answers.
    pub(super) task: Box<RawValue>,
    pub(super) approval: Option<ApprovalId>,
}

/// What counts as news: times move without it.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Status {
    status: String,
    status_message: Option<String>,
}

struct Followed {
    approval: Option<ApprovalId>,
    told: Option<Status>,
}

/// The tasks of a subscription, by id.
pub(super) struct Following {
    asker: Asker,
    changes: broadcast::Receiver<ApprovalChanged>,
    tasks: HashMap<String, Followed>,
}

impl Following {
    /// Those of the ids that are the caller's tasks, each once.
    ///
    /// # Errors
    /// When Postgres cannot be reached.
    pub(super) async fn of(services: &Services, asker: Asker, ids: &[impl AsRef<str>]) -> Result<Self> {
        // First the subscription, then the look: nothing is missed between the two.
        let changes = services.live.approvals();
        let mut tasks = HashMap::new();
        for id in ids {
            let id = id.as_ref();
            if !tasks.contains_key(id)
                && let Some(known) = task::known(services, &asker, id).await?
            {
                tasks.insert(id.to_owned(), Followed { approval: known.approval, told: None });
            }
        }
        Ok(Self { asker, changes, tasks })
    }

    /// Whether this task is followed.
    pub(super) fn has(&self, id: &str) -> bool {
        self.tasks.contains_key(id)
    }

    /// Begins to look; first how each stands now. Ends when all have ended, or nobody listens any more.
    pub(super) fn begin(mut self, services: &Arc<Services>) -> mpsc::Receiver<News> {
        // One waits at most: a result may be large.
        let (tell, told) = mpsc::channel(1);
        let services = services.clone();
        tokio::spawn(async move {
            let mut which = None;
            while !self.tasks.is_empty() && self.look(&services, which, &tell).await {
                tokio::select! {
                    () = tell.closed() => return,
                    () = services.stop.cancelled() => return,
                    moved = self.moved() => which = moved,
                    () = tokio::time::sleep(LOOK) => which = None,
                }
            }
        });
        told
    }

    /// Resolves when one of the approvals may have changed: which, or `None` if it may be any.
    async fn moved(&mut self) -> Option<ApprovalId> {
        loop {
            match self.changes.recv().await {
                Ok(change) if self.tasks.values().any(|task| task.approval == Some(change.approval)) => {
                    return Some(change.approval);
                }
                Ok(_) => {}
                Err(RecvError::Lagged(_)) => return None,
                Err(RecvError::Closed) => return std::future::pending().await,
            }
        }
    }

    /// Tells of the tasks, of one approval or of all, whose status is another than what was told last. One
    /// that has ended is told of and then not followed any more. `false`: nobody listens.
    async fn look(&mut self, services: &Services, approval: Option<ApprovalId>, tell: &mpsc::Sender<News>) -> bool {
        let asker = &self.asker;
        let due = self.tasks.iter().filter(|(_, task)| approval.is_none() || task.approval == approval);
        let due: Vec<String> = due.map(|(id, _)| id.clone()).collect();
        let looks = due.into_iter().map(|id| async move {
            let found = tokio::time::timeout(WITHIN, task::detailed(services, asker, &id)).await;
            (id, found)
        });
        let mut looks = stream::iter(looks).buffer_unordered(AT_ONCE);
        while let Some((id, found)) = looks.next().await {
            // What cannot be read now is looked at again later.
            let Ok(Ok(found)) = found else { continue };
            let Some(found) = found else {
                self.tasks.remove(&id);
                continue;
            };
            let status = serde_json::from_str(found.task.get()).ok();
            let is_news = self.tasks.get(&id).is_some_and(|followed| followed.told != status);
            if !found.under_way {
                self.tasks.remove(&id);
            } else if let Some(followed) = self.tasks.get_mut(&id) {
                followed.told = status;
            }
            if is_news && tell.send(News { id, task: found.task, approval: found.approval }).await.is_err() {
                return false;
            }
        }
        true
    }
}
