//! Connections as this replica uses them: their opened configurations, and how fresh their tool
//! lists are: at most 60 s old when a call is sent (approvals.md, "A changed definition").

use std::{sync::Arc, time::Duration};

use domain::{ConnectionId, OrgId, directory::Connection};
use tokio_util::sync::CancellationToken;

use super::{
    config::Config,
    entry::UsedConnection,
    listing::{MadeList, Trouble},
    refresh::{self, list_and_keep},
};
use crate::{
    error::Result,
    service::{Base, Catalog},
    upstream::ConnectionSpec,
};

/// How often connections in use are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// How to reach the connection, opened once for each version of its configuration.
///
/// # Errors
/// When its configuration was sealed under another master key.
pub fn spec(services: &Catalog, connection: &Connection) -> Result<Arc<ConnectionSpec>> {
    let connect_timeout = millis(connection.connect_timeout_ms);
    let call_timeout = millis(connection.call_timeout_ms);
    let entry = services.connections.entry(connection.id, connection.org);
    let mut state = entry.state.lock();
    // Approvals are not bound to time limits, so new ones do not count the version up.
    let wanted = (connection.version, connect_timeout, call_timeout);
    let known = state.spec.as_ref().filter(|spec| (spec.version, spec.connect_timeout, spec.call_timeout) == wanted);
    if let Some(spec) = known {
        return Ok(spec.clone());
    }
    let config = Config::open(&services.sealer, connection.id, &connection.kind, &connection.config_sealed)?;
    let spec = Arc::new(ConnectionSpec {
        id: connection.id.0,
        slug: connection.slug.to_string(),
        version: connection.version,
        secrets: Arc::new(config.secrets()),
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
/// what is known of them may have changed since the caller was found. Costs one look-up when they
/// were. Who waits shares the list that is under way, and who gives up waiting leaves it to the others.
///
/// # Errors
/// Why they could not be listed, for agents and people; it does not name the connection. A failure is remembered for as
/// long as it took to come, up to a minute.
pub async fn ensure_fresh(services: &Catalog, connection: &Connection, max_age: Duration) -> Result<bool, String> {
    let entry = services.connections.entry(connection.id, connection.org);
    let asked = services.clock.elapsed();
    entry.used(asked);
    if entry.is_fresh(connection.version, max_age, asked) {
        return Ok(false);
    }
    if !connection.enabled {
        return Err("it is switched off".to_owned());
    }
    if let Some(reason) = entry.listing.failure(connection.version, asked) {
        return Err(reason);
    }
    let mut news = entry.listing.news();
    loop {
        services.connections.want(connection.id);
        let made = tokio::select! {
            made = news.next() => made,
            () = services.stop.cancelled() => None,
        };
        let Some(made) = made else { return Err("the gateway is stopping".to_owned()) };
        // What began before it was asked for may be too old by now: then the next one counts.
        let counts = made.began >= asked
            || made.version != connection.version
            || entry.is_fresh(connection.version, max_age, services.clock.elapsed());
        match &made.outcome {
            Ok(refreshed) if counts => return Ok(made.began < asked || refresh::has_news(refreshed)),
            Ok(_) => {}
            Err(trouble) => return Err(trouble.reason()),
        }
    }
}

/// Follows what changes, until `stop`: lists tools again where an upstream says that they changed and,
/// for connections in use, before a call would have to wait for it; ends what belongs to connections
/// that were removed or switched off.
pub async fn follow(services: Arc<Catalog>, stop: CancellationToken) {
    let mut configuration = services.directory.versions();
    let mut look = tokio::time::interval(LOOK_EVERY);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            id = services.upstreams.list_changed() => list_changed(&services, ConnectionId(id)),
            _ = configuration.changed() => end_removed(&services).await,
            _ = look.tick() => {
                end_removed(&services).await;
                for id in services.connections.due(services.clock.elapsed()) {
                    services.connections.want(id);
                }
            }
        }
    }
}

/// Lists the tools of connections for whom somebody wants that, until `stop`: one list of each at a time, in a task of its
/// own, so that one slow upstream keeps no other waiting.
pub async fn keep_listing(services: Arc<Catalog>, stop: CancellationToken) {
    while let Some(id) = stop.run_until_cancelled(services.connections.wanted.next()).await {
        list(&services, id);
    }
}

fn list(services: &Arc<Catalog>, id: ConnectionId) {
    let Some(entry) = services.connections.find(id) else { return };
    let services = services.clone();
    tokio::spawn(async move {
        let Some(connection) = find(&services, entry.org(), id).await else {
            let trouble = Trouble::Upstream("it was removed or switched off".to_owned());
            return entry.listing.refuse(services.clock.elapsed(), 0, trouble);
        };
        let Some(end) = entry.listing.begin(&connection) else { return };
        let began = services.clock.elapsed();
        let Some(outcome) = list_and_keep(&services, &connection, &entry, &end).await else { return };
        if let Err(trouble) = &outcome {
            tracing::info!(connection.id = %id, ?trouble, "tools could not be listed");
        }
        let again = outcome.is_ok() && entry.is_expired(began);
        let (ended, version) = (services.clock.elapsed(), connection.version);
        entry.listing.finish(&end, MadeList { began, ended, version, outcome });
        // The upstream said meanwhile that its tools changed.
        if again {
            services.connections.want(id);
        }
    });
}

/// The upstream says that its tools changed. It is believed at once, unless it goes on saying so: every list that
/// differs is written down, and makes every replica read the org again. One such task at a time for each
/// connection.
fn list_changed(services: &Arc<Catalog>, id: ConnectionId) {
    let Some(entry) = services.connections.find(id).filter(|entry| entry.is_told()) else { return };
    let services = services.clone();
    tokio::spawn(async move {
        let pause = tokio::time::sleep(entry.hurry(services.clock.elapsed()));
        if services.stop.run_until_cancelled(pause).await.is_none() {
            return;
        }
        // What the upstream says from here on is about a later list.
        entry.believe();
        entry.expire(services.clock.elapsed());
        services.connections.want(id);
    });
}

async fn end_removed(services: &Catalog) {
    let version = *services.directory.versions().borrow();
    let mut all = true;
    for org in services.connections.to_compare(|org| services.directory.version_of(org)) {
        let Ok(now) = services.directory.org(org).await else {
            all = false;
            continue;
        };
        let current = |id| now.as_ref().and_then(|org| org.connections.get(&id)).filter(|found| found.enabled);
        for (id, entry) in services.connections.retain(org, |id| current(id).is_some()) {
            let trouble = Trouble::Upstream("it was removed or switched off".to_owned());
            entry.listing.refuse(services.clock.elapsed(), 0, trouble);
            services.upstreams.forget(id.0).await;
        }
        // A list that is under way has the limits that hold now.
        let outdated =
            |id, entry: &UsedConnection| current(id).is_some_and(|connection| entry.listing.is_outdated(connection));
        for id in services.connections.those(outdated) {
            services.connections.want(id);
        }
    }
    if all {
        services.connections.compared(version);
    }
}

/// The connection as it is now, unless it is switched off.
async fn find(services: &Base, org: OrgId, id: ConnectionId) -> Option<Arc<Connection>> {
    let org = services.directory.org(org).await.ok()??;
    org.connections.get(&id).filter(|connection| connection.enabled).cloned()
}
