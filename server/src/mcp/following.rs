//! The tasks that a subscription follows (MCP tasks extension, "Task Status Notifications"): told of when
//! their status changes, until they have ended.

use std::sync::Arc;

use domain::ApprovalId;
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::sync::broadcast::{self, error::RecvError};

use super::{record::Place, tasks};
use crate::{
    error::Result,
    live::ApprovalChanged,
    service::{
        Services,
        call::task::{self, Asker},
    },
};

/// Tasks, and who follows them.
pub(super) struct Following {
    asker: Asker,
    tasks: Vec<Followed>,
    changes: Option<broadcast::Receiver<ApprovalChanged>>,
}

struct Followed {
    id: String,
    approval: Option<ApprovalId>,
    told: Option<Status>,
}

/// What counts as news of a task: times move without it.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Status {
    status: String,
    status_message: Option<String>,
}

impl Following {
    /// Follows nothing yet.
    pub(super) fn new(place: &Place) -> Self {
        Self { asker: tasks::asker_at(place), tasks: Vec::new(), changes: None }
    }

    /// Follows a task too, if it is the caller's.
    ///
    /// # Errors
    /// When Postgres cannot be reached.
    pub(super) async fn begin(&mut self, services: &Services, id: &str) -> Result<()> {
        // First the subscription, then the look: nothing is missed between the two.
        self.changes.get_or_insert_with(|| services.live.approvals());
        if let Some(task) = task::detailed(services, &self.asker, id).await? {
            self.tasks.push(Followed { id: id.to_owned(), approval: task.approval, told: None });
        }
        Ok(())
    }

    /// The ids of the tasks that are followed.
    pub(super) fn ids(&self) -> Vec<&str> {
        self.tasks.iter().map(|task| &*task.id).collect()
    }

    /// Resolves when one of the approvals may have changed: which, or `None` if it may be any.
    pub(super) async fn moved(&mut self, services: &Arc<Services>) -> Option<ApprovalId> {
        if self.tasks.is_empty() {
            return std::future::pending().await;
        }
        loop {
            let changes = self.changes.get_or_insert_with(|| services.live.approvals());
            match changes.recv().await {
                Ok(change) if self.tasks.iter().any(|task| task.approval == Some(change.approval)) => {
                    return Some(change.approval);
                }
                Ok(_) => {}
                Err(RecvError::Lagged(_)) => return None,
                Err(RecvError::Closed) => return std::future::pending().await,
            }
        }
    }

    /// The tasks, of one approval or of all, whose status is another than what was told last. One that has
    /// ended is told and then not followed any more.
    pub(super) async fn news(&mut self, services: &Services, approval: Option<ApprovalId>) -> Vec<Box<RawValue>> {
        let mut news = Vec::new();
        let mut still = Vec::new();
        for mut followed in std::mem::take(&mut self.tasks) {
            if approval.is_some() && approval != followed.approval {
                still.push(followed);
                continue;
            }
            // One that cannot be read now is looked at again later.
            let Ok(found) = task::detailed(services, &self.asker, &followed.id).await else {
                still.push(followed);
                continue;
            };
            let Some(found) = found else { continue };
            let status = serde_json::from_str(found.task.get()).ok();
            if status != followed.told {
                followed.told = status;
                news.push(found.task);
            }
            if found.under_way {
                still.push(followed);
            }
        }
        self.tasks = still;
        news
    }
}
