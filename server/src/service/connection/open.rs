//! Connections as this replica uses them: their opened configurations, and how fresh their tool
//! lists are: at most 60 s old when a call is sent (approvals.md, "A changed definition").

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use domain::{ConnectionId, directory::Connection};
use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;

use super::{
    by_hand::ByHand,
    config::Config,
    listing::{Listing, Made, Trouble, Wanted},
    refresh::{self, list_and_keep},
};
use crate::{error::Result, service::Services, upstream::ConnectionSpec};

/// How often a failing upstream's error is written down at most.
const ERRORS_NOTED_EVERY: Duration = Duration::from_secs(5);
/// How long after its last use a connection's tools are listed again without being asked for.
const IN_USE: Duration = Duration::from_secs(60);
/// How old a list gets before that; well under the age at which a call would have to wait.
const LISTED_AGAIN_AT: Duration = Duration::from_secs(40);

/// How long an upstream that goes on saying that its tools changed has to wait between two lists, at most. Each time it
/// waits twice as long, from a second on; after as long a silence it is believed at once again.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// How often connections in use are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// What this replica keeps of each connection it has used. Times are the clock's elapsed time.
#[derive(Default)]
pub struct Open {
    by_id: Mutex<HashMap<ConnectionId, Arc<Entry>>>,
    wanted: Wanted,
}

#[derive(Default)]
pub(super) struct Entry {
    state: Mutex<State>,
    pub(super) listing: Listing,
    /// Held while a list is compared and kept.
    pub(super) keeping: tokio::sync::Mutex<()>,
    /// Lists that were asked for. Whoever asks for one waits here, so that those who wait share the next.
    pub(super) by_hand: tokio::sync::Mutex<ByHand>,
    /// The upstream said that its tools changed, and is about to be believed.
    told: AtomicBool,
}

#[derive(Default)]
struct State {
    spec: Option<Arc<ConnectionSpec>>,
    used: Duration,
    listed: Option<Listed>,
    expired: Option<Duration>,
    error_noted: Option<Duration>,
    /// How often the upstream had its tools listed again by saying that they changed, without a quiet minute between.
    hurried: u32,
    hurried_at: Duration,
}

/// When a list was asked for, and of which version of the configuration.
#[derive(Clone, Copy)]
struct Listed {
    asked: Duration,
    version: i64,
}

impl Open {
    pub(super) fn entry(&self, id: ConnectionId) -> Arc<Entry> {
        self.by_id.lock().entry(id).or_default().clone()
    }

    /// The entry, if the connection was ever used here.
    fn find(&self, id: ConnectionId) -> Option<Arc<Entry>> {
        self.by_id.lock().get(&id).cloned()
    }

    /// Has the connection's tools listed, unless that is under way.
    pub(super) fn want(&self, id: ConnectionId) {
        self.wanted.add(id);
    }

    /// Drops what is kept of connections that `keep` says no to, and gives it.
    fn retain(&self, keep: impl Fn(ConnectionId) -> bool) -> Vec<(ConnectionId, Arc<Entry>)> {
        self.by_id.lock().extract_if(|id, _| !keep(*id)).collect()
    }

    /// The connections for which `is` says yes.
    fn those(&self, is: impl Fn(ConnectionId, &Entry) -> bool) -> Vec<ConnectionId> {
        self.by_id.lock().iter().filter(|(id, entry)| is(**id, entry)).map(|(id, _)| *id).collect()
    }

    /// The connections that are in use and whose list grows old.
    fn due(&self, now: Duration) -> Vec<ConnectionId> {
        self.those(|_, entry| {
            let state = entry.state.lock();
            let Some(listed) = state.listed else { return false };
            now.saturating_sub(listed.asked) >= LISTED_AGAIN_AT
                && now.saturating_sub(state.used) <= IN_USE
                && entry.listing.failure(listed.version, now).is_none()
        })
    }
}

impl Entry {
    /// Whether the list of this version was asked for within `max_age`, and not expired since.
    fn is_fresh(&self, version: i64, max_age: Duration, now: Duration) -> bool {
        let state = self.state.lock();
        state.listed.is_some_and(|listed| {
            listed.version == version
                && now.saturating_sub(listed.asked) <= max_age
                && state.expired.is_none_or(|expired| expired < listed.asked)
        })
    }

    /// Whether a list that was asked for then was out of date before it came.
    fn is_expired(&self, asked: Duration) -> bool {
        self.state.lock().expired.is_some_and(|expired| expired >= asked)
    }

    /// What was listed before `now` no longer counts as fresh.
    fn expire(&self, now: Duration) {
        self.state.lock().expired = Some(now);
    }

    /// The upstream says that its tools changed: how long until it is believed.
    fn hurry(&self, now: Duration) -> Duration {
        let mut state = self.state.lock();
        if now.saturating_sub(state.hurried_at) > LONGEST_PAUSE {
            state.hurried = 0;
        }
        let pause = match state.hurried {
            0 => Duration::ZERO,
            times => Duration::from_secs(1 << (times - 1).min(6)).min(LONGEST_PAUSE),
        };
        state.hurried = state.hurried.saturating_add(1);
        state.hurried_at = now + pause;
        pause
    }

    fn used(&self, now: Duration) {
        self.state.lock().used = now;
    }

    /// Counts from when the list was asked for, not from when it came.
    pub(super) fn listed(&self, asked: Duration, version: i64) {
        let mut state = self.state.lock();
        state.listed = Some(Listed { asked, version });
        state.error_noted = None;
    }

    /// Whether an error is to be written down now.
    pub(super) fn note_error(&self, now: Duration) -> bool {
        let mut state = self.state.lock();
        let due = state.error_noted.is_none_or(|noted| now.saturating_sub(noted) >= ERRORS_NOTED_EVERY);
        if due {
            state.error_noted = Some(now);
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
    // Approvals are not bound to time limits, so new ones do not count the version up.
    let wanted = (connection.version, connect_timeout, call_timeout);
    let known = state.spec.as_ref().filter(|spec| (spec.version, spec.connect_timeout, spec.call_timeout) == wanted);
    if let Some(spec) = known {
        return Ok(spec.clone());
    }
    let config = Config::open(&services.vault, connection.id, &connection.kind, &connection.config_sealed)?;
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
/// what is known of them may have changed since the caller's snapshot. Costs one look-up when they
/// were. Who waits shares the list that is under way, and who gives up waiting leaves it to the others.
///
/// # Errors
/// Why they could not be listed, for agents and people; it does not name the connection. A failure is remembered for as
/// long as it took to come, up to a minute.
pub async fn ensure_fresh(services: &Services, connection: &Connection, max_age: Duration) -> Result<bool, String> {
    let entry = services.connections.entry(connection.id);
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
pub async fn follow(services: Arc<Services>, stop: CancellationToken) {
    let mut configuration = services.live.configuration();
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
pub async fn keep_listing(services: Arc<Services>, stop: CancellationToken) {
    while let Some(id) = stop.run_until_cancelled(services.connections.wanted.next()).await {
        list(&services, id);
    }
}

fn list(services: &Arc<Services>, id: ConnectionId) {
    let entry = services.connections.entry(id);
    let Some(connection) = find(services, id) else {
        let trouble = Trouble::Upstream("it was removed or switched off".to_owned());
        return entry.listing.refuse(services.clock.elapsed(), 0, trouble);
    };
    let Some(end) = entry.listing.begin(&connection) else { return };
    let services = services.clone();
    tokio::spawn(async move {
        let began = services.clock.elapsed();
        let Some(outcome) = list_and_keep(&services, &connection, &entry, &end).await else { return };
        if let Err(trouble) = &outcome {
            tracing::info!(connection.id = %id, ?trouble, "tools could not be listed");
        }
        let again = outcome.is_ok() && entry.is_expired(began);
        let (ended, version) = (services.clock.elapsed(), connection.version);
        entry.listing.finish(&end, Made { began, ended, version, outcome });
        // The upstream said meanwhile that its tools changed.
        if again {
            services.connections.want(id);
        }
    });
}

/// The upstream says that its tools changed. It is believed at once, unless it goes on saying so: every list that
/// differs is written down, and makes every replica load its configuration again. One such task at a time for each
/// connection.
fn list_changed(services: &Arc<Services>, id: ConnectionId) {
    let Some(entry) = services.connections.find(id).filter(|entry| begins(&entry.told)) else { return };
    let services = services.clone();
    tokio::spawn(async move {
        let pause = tokio::time::sleep(entry.hurry(services.clock.elapsed()));
        if services.stop.run_until_cancelled(pause).await.is_none() {
            return;
        }
        // What the upstream says from here on is about a later list.
        entry.told.store(false, Ordering::Release);
        entry.expire(services.clock.elapsed());
        services.connections.want(id);
    });
}

/// Whether what the flag stands for was not under way; from here on it is.
fn begins(flag: &AtomicBool) -> bool {
    !flag.swap(true, Ordering::AcqRel)
}

async fn end_removed(services: &Services) {
    let Ok(directory) = services.directory.get() else { return };
    let current = |id| directory.orgs.values().find_map(|org| org.connections.get(&id)).filter(|found| found.enabled);
    for (id, entry) in services.connections.retain(|id| current(id).is_some()) {
        let trouble = Trouble::Upstream("it was removed or switched off".to_owned());
        entry.listing.refuse(services.clock.elapsed(), 0, trouble);
        services.upstreams.forget(id.0).await;
    }
    // A list that is under way has the limits that hold now.
    let outdated = |id, entry: &Entry| current(id).is_some_and(|connection| entry.listing.is_outdated(connection));
    for id in services.connections.those(outdated) {
        services.connections.want(id);
    }
}

/// The connection in the snapshot, unless it is switched off.
fn find(services: &Services, id: ConnectionId) -> Option<Arc<Connection>> {
    let directory = services.directory.get().ok()?;
    let found = directory.orgs.values().find_map(|org| org.connections.get(&id).cloned());
    found.filter(|connection| connection.enabled)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_list_is_fresh_for_its_version_until_it_ages_or_expires() {
        let (open, id) = (Open::default(), ConnectionId::new());
        assert!(open.find(id).is_none(), "nothing was listed yet");
        let entry = open.entry(id);
        assert!(!entry.is_fresh(1, MINUTE, at(0)), "never listed");
        entry.listed(at(1), 1);
        assert!(entry.is_fresh(1, MINUTE, at(61)));
        assert!(!entry.is_fresh(2, MINUTE, at(61)), "another configuration");
        assert!(!entry.is_fresh(1, MINUTE, at(62)), "too old");
        entry.expire(at(2));
        assert!(!entry.is_fresh(1, MINUTE, at(2)), "the upstream said that it changed");
        entry.listed(at(3), 1);
        assert!(entry.is_fresh(1, MINUTE, at(3)));
    }

    #[test]
    fn a_list_asked_for_before_the_upstream_changed_does_not_count() {
        let entry = Entry::default();
        entry.expire(at(5));
        entry.listed(at(5), 1);
        assert!(!entry.is_fresh(1, MINUTE, at(6)));
    }

    #[test]
    fn lists_are_made_ahead_of_calls_only_while_the_connection_is_used() {
        let (open, id) = (Open::default(), ConnectionId::new());
        let entry = open.entry(id);
        entry.used(at(0));
        assert!(open.due(at(50)).is_empty(), "never listed: the call that needs it lists");
        entry.listed(at(0), 1);
        assert!(open.due(at(39)).is_empty(), "young");
        assert_eq!(open.due(at(40)), [id]);
        assert!(open.due(at(61)).is_empty(), "no longer used");
    }

    #[test]
    fn a_notice_counts_once_and_is_not_lost_in_a_list_that_is_about_to_be_made() {
        let entry = Entry::default();
        assert!(begins(&entry.told));
        assert!(!begins(&entry.told), "said again before it was believed, it is the same notice");
        entry.told.store(false, Ordering::Release);
        assert!(begins(&entry.told), "said again afterwards it is another");
    }

    #[test]
    fn an_upstream_that_goes_on_saying_that_it_changed_waits_ever_longer() {
        let entry = Entry::default();
        let mut now = at(100);
        let mut lists = 0;
        while now < at(700) {
            now += entry.hurry(now);
            lists += 1;
        }
        assert!(lists < 20, "{lists} lists in ten minutes");
        assert_eq!(entry.hurry(now + at(61)), Duration::ZERO, "after a quiet minute it is believed at once");
    }

    #[test]
    fn a_failing_upstream_does_not_write_with_each_call() {
        let entry = Entry::default();
        assert!(entry.note_error(at(1)));
        assert!(!entry.note_error(at(5)));
        assert!(entry.note_error(at(6)));
        entry.listed(at(7), 1);
        assert!(entry.note_error(at(7)), "the first error after a success counts");
    }

    #[test]
    fn what_is_not_in_use_is_dropped_and_named() {
        let (open, kept, gone) = (Open::default(), ConnectionId::new(), ConnectionId::new());
        open.entry(kept);
        open.entry(gone);
        let ids = |dropped: Vec<(ConnectionId, Arc<Entry>)>| dropped.into_iter().map(|(id, _)| id).collect::<Vec<_>>();
        assert_eq!(ids(open.retain(|id| id == kept)), [gone]);
        assert!(open.retain(|id| id == kept).is_empty());
    }
}
