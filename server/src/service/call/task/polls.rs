//! What a replica knows of the upstreams' tasks that are followed: the result of the last poll, and when to poll again.

use std::{collections::HashMap, sync::Arc, time::Duration};

use domain::ConnectionId;
use parking_lot::Mutex;
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::{
    db::task::Followed,
    error::{Error, Result},
};

/// The pause between two polls, if the upstream names none.
pub(super) const UNNAMED: Duration = Duration::from_secs(5);
/// The shortest and the longest pause, whatever the upstream names.
const NAMED: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));

/// The largest answer that is remembered while nobody follows the task, in bytes.
const KEPT: usize = 16 * 1024;

/// An upstream's task, in one configuration of its connection.
type Key = (ConnectionId, i64, String);

/// The upstreams' tasks that are followed on this replica right now.
#[derive(Default)]
pub struct Polls {
    by_task: Mutex<HashMap<Key, Arc<Poll>>>,
}

impl Polls {
    /// What is known of this task here. Kept while it is held and, if the answer is small, until it is time to poll
    /// again.
    pub(super) fn of(&self, followed: &Followed) -> Arc<Poll> {
        let mut by_task = self.by_task.lock();
        let key = key(followed);
        if let Some(poll) = by_task.get(&key).filter(|poll| poll.is_kept()) {
            return poll.clone();
        }
        by_task.retain(|_, poll| poll.is_kept());
        let poll: Arc<Poll> = Arc::default();
        by_task.insert(key, poll.clone());
        poll
    }

    /// Discards what is known of this task after a request that may have changed it; those who wait for its next poll
    /// poll now.
    pub(super) fn stir(&self, followed: &Followed) {
        let poll = self.by_task.lock().remove(&key(followed));
        if let Some(poll) = poll {
            poll.stirred.cancel();
        }
    }
}

fn key(followed: &Followed) -> Key {
    (followed.source.connection, followed.source.connection_version, followed.task.clone())
}

/// What is known of one task.
#[derive(Debug, Default)]
pub(super) struct Poll {
    pub(super) last: Mutex<Option<Look>>,
    /// Held during a poll: whoever comes second gets the first one's result.
    pub(super) asking: tokio::sync::Mutex<()>,
    /// Cancelled when all this no longer counts.
    stirred: CancellationToken,
}

#[derive(Clone, Debug)]
pub(super) struct Look {
    pub(super) told: Told,
    /// When to poll again.
    pub(super) due: Instant,
}

/// The upstream's answer; `None` if it no longer knows the task.
pub(super) type Told = Result<Option<Arc<RawValue>>, Arc<Error>>;

/// A polled task of an upstream. What is known of the task is kept while this is held.
#[derive(Debug)]
pub struct Polled {
    pub(super) poll: Arc<Poll>,
    pub(super) due: Instant,
}

impl Polled {
    /// When it may be polled again.
    pub fn due(&self) -> Instant {
        self.due
    }

    /// Whether a request may have changed it since it was polled.
    pub fn is_stirred(&self) -> bool {
        self.poll.stirred.is_cancelled()
    }

    /// Resolves when a request from here may have changed it.
    pub async fn stirred(&self) {
        self.poll.stirred.cancelled().await;
    }
}

impl Poll {
    fn is_kept(self: &Arc<Self>) -> bool {
        let is_small = |look: Look| matches!(look.told, Ok(Some(told)) if told.get().len() <= KEPT);
        Arc::strong_count(self) > 1 || self.current().is_some_and(is_small)
    }

    pub(super) fn current(&self) -> Option<Look> {
        self.last.lock().clone().filter(|look| Instant::now() < look.due)
    }
}

/// How long to wait before asking again.
pub(super) fn pause(task: &RawValue) -> Duration {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Named {
        poll_interval_ms: Option<f64>,
    }
    let named = serde_json::from_str::<Named>(task.get()).ok().and_then(|named| named.poll_interval_ms);
    let (shortest, longest) = NAMED;
    named.map_or(UNNAMED, |millis| {
        Duration::from_secs_f64((millis / 1_000.0).clamp(shortest.as_secs_f64(), longest.as_secs_f64()))
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn an_upstream_names_the_pause_within_bounds() {
        let of = |interval: &str| {
            let task = RawValue::from_string(format!(r#"{{"taskId":"a"{interval}}}"#)).unwrap();
            pause(&task).as_millis()
        };
        assert_eq!(of(""), 5_000);
        assert_eq!(of(r#","pollIntervalMs":null"#), 5_000);
        assert_eq!(of(r#","pollIntervalMs":"2000""#), 5_000, "not a number");
        assert_eq!(of(r#","pollIntervalMs":2500"#), 2_500);
        assert_eq!(of(r#","pollIntervalMs":2.5e3"#), 2_500);
        assert_eq!(of(r#","pollIntervalMs":50"#), 1_000);
        assert_eq!(of(r#","pollIntervalMs":-1"#), 1_000);
        assert_eq!(of(r#","pollIntervalMs":86400000"#), 60_000);
        assert_eq!(of(r#","pollIntervalMs":1e300"#), 60_000);
    }
}
