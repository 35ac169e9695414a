//! Connections as this replica uses them: their opened configurations, and how fresh their tool
//! lists are (approvals.md: "Upstream lists are at most 60 s old at dispatch").

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use domain::{ConnectionId, directory::Connection};
use parking_lot::Mutex;
use tokio::sync::broadcast::error::RecvError;
use tokio_util::sync::CancellationToken;

use super::{config::Config, refresh::refresh_tools};
use crate::{
    error::Result,
    service::Services,
    upstream::ConnectionSpec,
};

/// How often a failing upstream's error is written down at most.
const ERRORS_NOTED_EVERY: Duration = Duration::from_secs(5);

/// What this replica keeps of each connection it has used.
#[derive(Default)]
pub struct Open {
    by_id: Mutex<HashMap<ConnectionId, Arc<Entry>>>,
}

#[derive(Default)]
pub(super) struct Entry {
    state: Mutex<State>,
    /// One list at a time: who comes second takes what the first one brought.
    pub(super) listing: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct State {
    spec: Option<Arc<ConnectionSpec>>,
    listed: Option<Listed>,
    expired: Option<Instant>,
    error_noted: Option<Instant>,
}

/// When a list was asked for, and of which version of the configuration.
#[derive(Clone, Copy)]
struct Listed {
    asked: Instant,
    version: i64,
}

impl Open {
    pub(super) fn entry(&self, id: ConnectionId) -> Arc<Entry> {
        self.by_id.lock().entry(id).or_default().clone()
    }

    /// What was listed before now no longer counts as fresh: the upstream says that it changed.
    pub fn expire(&self, id: ConnectionId) {
        if let Some(entry) = self.by_id.lock().get(&id) {
            entry.state.lock().expired = Some(Instant::now());
        }
    }

    fn expire_all(&self) {
        for entry in self.by_id.lock().values() {
            entry.state.lock().expired = Some(Instant::now());
        }
    }

    /// Drops what is kept of connections that `keep` says no to, and names them.
    fn retain(&self, keep: impl Fn(ConnectionId) -> bool) -> Vec<ConnectionId> {
        let mut by_id = self.by_id.lock();
        let gone: Vec<_> = by_id.keys().copied().filter(|id| !keep(*id)).collect();
        for id in &gone {
            by_id.remove(id);
        }
        gone
    }
}

impl Entry {
    /// Whether the list of this version was asked for within `max_age`, and not expired since.
    pub(super) fn is_fresh(&self, version: i64, max_age: Duration) -> bool {
        let state = self.state.lock();
        state.listed.is_some_and(|listed| {
            listed.version == version
                && listed.asked.elapsed() <= max_age
                && state.expired.is_none_or(|expired| expired < listed.asked)
        })
    }

    /// Counts from when the list was asked for, not from when it came.
    pub(super) fn listed(&self, asked: Instant, version: i64) {
        let mut state = self.state.lock();
        state.listed = Some(Listed { asked, version });
        state.error_noted = None;
    }

    /// Whether an error is to be written down now.
    pub(super) fn note_error(&self) -> bool {
        let mut state = self.state.lock();
        let due = state.error_noted.is_none_or(|noted| noted.elapsed() >= ERRORS_NOTED_EVERY);
        if due {
            state.error_noted = Some(Instant::now());
        }
        due
    }
}

/// How to reach the connection, opened once for each version of its configuration.
///
/// # Errors
/// When its configuration was sealed under another master key.
pub fn spec(services: &Services, connection: &Connection) -> Result<Arc<ConnectionSpec>> {
    let connect_timeout = millis(connection.connect_timeout_ms);
    let call_timeout = millis(connection.call_timeout_ms);
    let entry = services.connections.entry(connection.id);
    let mut state = entry.state.lock();
    let known = state.spec.as_ref().filter(|spec| spec.version == connection.version);
    if let Some(spec) = known {
        if spec.connect_timeout == connect_timeout && spec.call_timeout == call_timeout {
            return Ok(spec.clone());
        }
        // New time limits need a new session; approvals are not bound to them, so the version stays.
        let (upstreams, id) = (services.upstreams.clone(), connection.id.0);
        tokio::spawn(async move { upstreams.forget(id).await });
    }
    let config = Config::open(&services.vault, connection.id, &connection.kind, &connection.config_sealed)?;
    let spec = Arc::new(ConnectionSpec {
        id: connection.id.0,
        slug: connection.slug.to_string(),
        version: connection.version,
        transport: config.into_transport(),
        connect_timeout,
        call_timeout,
    });
    state.spec = Some(spec.clone());
    Ok(spec)
}

fn millis(millis: i32) -> Duration {
    Duration::from_millis(u64::try_from(millis).unwrap_or_default())
}

/// Sees to it that the connection's tools were listed within `max_age` on this replica; `true` when
/// that changed what is known of them. Costs one look-up when they were.
///
/// # Errors
/// Why they could not be listed, for agents and people.
pub async fn ensure_fresh(services: &Services, connection: &Connection, max_age: Duration) -> Result<bool, String> {
    let entry = services.connections.entry(connection.id);
    if entry.is_fresh(connection.version, max_age) {
        return Ok(false);
    }
    let _one_at_a_time = entry.listing.lock().await;
    if entry.is_fresh(connection.version, max_age) {
        // Somebody else's list: the caller's snapshot may be older than it.
        return Ok(true);
    }
    match super::refresh::list_and_keep(services, connection, &entry).await {
        Ok(refreshed) => Ok(!(refreshed.added.is_empty() && refreshed.changed.is_empty() && refreshed.gone.is_empty())),
        Err(error) => {
            error.log();
            Err(error.to_string())
        }
    }
}

/// Follows what changes until `stop`: lists again where an upstream says that its tools changed, and
/// ends what belongs to connections that were removed or switched off.
pub async fn follow(services: Arc<Services>, stop: CancellationToken) {
    let mut notices = services.upstreams.list_changed();
    let mut configuration = services.live.configuration();
    let mut tidy = tokio::time::interval(Duration::from_secs(5));
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            notice = notices.recv() => match notice {
                Ok(id) => list_again(&services, ConnectionId(id)).await,
                Err(RecvError::Lagged(_)) => services.connections.expire_all(),
                Err(RecvError::Closed) => return,
            },
            _ = configuration.changed() => end_removed(&services).await,
            _ = tidy.tick() => end_removed(&services).await,
        }
    }
}

async fn list_again(services: &Arc<Services>, id: ConnectionId) {
    services.connections.expire(id);
    let Some(connection) = find(services, id).filter(|connection| connection.enabled) else { return };
    // Beside this loop, so that one slow upstream does not keep others waiting.
    let services = services.clone();
    tokio::spawn(async move {
        if let Err(error) = refresh_tools(&services, &connection).await {
            tracing::info!(connection.id = %connection.id, %error, "tools could not be listed again");
        }
    });
}

async fn end_removed(services: &Services) {
    let Ok(directory) = services.directory.get() else { return };
    let in_use = |id| directory.orgs.values().any(|org| org.connections.get(&id).is_some_and(|found| found.enabled));
    for id in services.connections.retain(in_use) {
        services.upstreams.forget(id.0).await;
    }
}

fn find(services: &Services, id: ConnectionId) -> Option<Arc<Connection>> {
    let directory = services.directory.get().ok()?;
    directory.orgs.values().find_map(|org| org.connections.get(&id).cloned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    #[test]
    fn a_list_is_fresh_for_its_version_until_it_ages_or_expires() {
        let (open, id) = (Open::default(), ConnectionId::new());
        let entry = open.entry(id);
        assert!(!entry.is_fresh(1, MINUTE), "never listed");
        entry.listed(Instant::now(), 1);
        assert!(entry.is_fresh(1, MINUTE));
        assert!(!entry.is_fresh(2, MINUTE), "another configuration");
        assert!(!entry.is_fresh(1, Duration::ZERO), "too old");
        open.expire(id);
        assert!(!entry.is_fresh(1, MINUTE), "the upstream said that it changed");
        entry.listed(Instant::now() + Duration::from_millis(1), 1);
        assert!(entry.is_fresh(1, MINUTE));
    }

    #[test]
    fn a_list_asked_for_before_the_upstream_changed_does_not_count() {
        let (open, id) = (Open::default(), ConnectionId::new());
        let entry = open.entry(id);
        let asked = Instant::now();
        open.expire(id);
        entry.listed(asked, 1);
        assert!(!entry.is_fresh(1, MINUTE));
    }

    #[test]
    fn a_failing_upstream_does_not_write_with_each_call() {
        let entry = Entry::default();
        assert!(entry.note_error());
        assert!(!entry.note_error());
        entry.listed(Instant::now(), 1);
        assert!(entry.note_error(), "the first error after a success counts");
    }

    #[test]
    fn what_is_not_in_use_is_dropped_and_named() {
        let (open, kept, gone) = (Open::default(), ConnectionId::new(), ConnectionId::new());
        open.entry(kept);
        open.entry(gone);
        assert_eq!(open.retain(|id| id == kept), [gone]);
        assert!(open.retain(|id| id == kept).is_empty());
    }
}
