//! What this replica keeps of each connection it has used: its opened configuration, and how fresh its list of tools is.

use std::{
    collections::{HashMap, HashSet},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicI64, Ordering},
    },
    time::Duration,
};

use domain::{ConnectionId, OrgId};
use parking_lot::Mutex;

use super::{
    by_hand::ByHand,
    listing::{Listing, Wanted},
};
use crate::upstream::ConnectionSpec;

/// How often a failing upstream's error is written down at most.
const ERRORS_NOTED_EVERY: Duration = Duration::from_secs(5);
/// How long after its last use a connection's tools are listed again without being asked for.
const IN_USE: Duration = Duration::from_secs(60);
/// How old a list gets before that; well under the age at which a call would have to wait.
const LISTED_AGAIN_AT: Duration = Duration::from_secs(40);

/// How long an upstream that goes on saying that its tools changed has to wait between two lists, at most. Each time it
/// waits twice as long, from a second on; after as long a silence it is believed at once again.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// What this replica keeps of each connection it has used. Times are the clock's elapsed time.
#[derive(Default)]
pub struct UsedConnections {
    by_id: Mutex<HashMap<ConnectionId, Arc<UsedConnection>>>,
    /// The version of the configuration with which they were compared last.
    compared: AtomicI64,
    pub(super) wanted: Wanted,
}

pub(super) struct UsedConnection {
    org: OrgId,
    /// Whether it was compared with the configuration since it is kept.
    compared: AtomicBool,
    pub(super) state: Mutex<UseState>,
    pub(super) listing: Listing,
    /// Held while a list is compared and kept.
    pub(super) keeping: tokio::sync::Mutex<()>,
    /// Lists that were asked for. Whoever asks for one waits here, so that those who wait share the next.
    pub(super) by_hand: tokio::sync::Mutex<ByHand>,
    /// The upstream said that its tools changed, and is about to be believed.
    told: AtomicBool,
}

#[derive(Default)]
pub(super) struct UseState {
    pub(super) spec: Option<Arc<ConnectionSpec>>,
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

impl UsedConnections {
    pub(super) fn entry(&self, id: ConnectionId, org: OrgId) -> Arc<UsedConnection> {
        self.by_id.lock().entry(id).or_insert_with(|| Arc::new(UsedConnection::of(org))).clone()
    }

    /// The entry, if the connection was ever used here.
    pub(super) fn find(&self, id: ConnectionId) -> Option<Arc<UsedConnection>> {
        self.by_id.lock().get(&id).cloned()
    }

    /// Has the connection's tools listed, unless that is under way.
    pub(super) fn want(&self, id: ConnectionId) {
        self.wanted.add(id);
    }

    /// The orgs whose connections have to be compared with the configuration: those that `version_of` says have changed
    /// since that was done last, and those of which one is new here.
    pub(super) fn to_compare(&self, version_of: impl Fn(OrgId) -> i64) -> HashSet<OrgId> {
        let since = self.compared.load(Ordering::Relaxed);
        let entries = self.by_id.lock();
        let old =
            entries.values().filter(|entry| !entry.compared.load(Ordering::Relaxed) || version_of(entry.org) > since);
        old.map(|entry| entry.org).collect()
    }

    /// All of them were compared with the configuration as it was at this version.
    pub(super) fn compared(&self, version: i64) {
        self.compared.store(version, Ordering::Relaxed);
    }

    /// Drops what is kept of an org's connections that `keep` says no to, and gives it.
    pub(super) fn retain(
        &self,
        org: OrgId,
        keep: impl Fn(ConnectionId) -> bool,
    ) -> Vec<(ConnectionId, Arc<UsedConnection>)> {
        let mut entries = self.by_id.lock();
        for entry in entries.values().filter(|entry| entry.org == org) {
            entry.compared.store(true, Ordering::Relaxed);
        }
        entries.extract_if(|id, entry| entry.org == org && !keep(*id)).collect()
    }

    /// The connections for which `is` says yes.
    pub(super) fn those(&self, is: impl Fn(ConnectionId, &UsedConnection) -> bool) -> Vec<ConnectionId> {
        self.by_id.lock().iter().filter(|(id, entry)| is(**id, entry)).map(|(id, _)| *id).collect()
    }

    /// The connections that are in use and whose list grows old.
    pub(super) fn due(&self, now: Duration) -> Vec<ConnectionId> {
        self.those(|_, entry| {
            let state = entry.state.lock();
            let Some(listed) = state.listed else { return false };
            now.saturating_sub(listed.asked) >= LISTED_AGAIN_AT
                && now.saturating_sub(state.used) <= IN_USE
                && entry.listing.failure(listed.version, now).is_none()
        })
    }
}

impl UsedConnection {
    fn of(org: OrgId) -> Self {
        Self {
            org,
            compared: AtomicBool::default(),
            state: Mutex::default(),
            listing: Listing::default(),
            keeping: Default::default(),
            by_hand: Default::default(),
            told: AtomicBool::default(),
        }
    }

    /// The org that it belongs to.
    pub(super) fn org(&self) -> OrgId {
        self.org
    }

    /// Whether the list of this version was asked for within `max_age`, and not expired since.
    pub(super) fn is_fresh(&self, version: i64, max_age: Duration, now: Duration) -> bool {
        let state = self.state.lock();
        state.listed.is_some_and(|listed| {
            listed.version == version
                && now.saturating_sub(listed.asked) <= max_age
                && state.expired.is_none_or(|expired| expired < listed.asked)
        })
    }

    /// Whether a list that was asked for then was out of date before it came.
    pub(super) fn is_expired(&self, asked: Duration) -> bool {
        self.state.lock().expired.is_some_and(|expired| expired >= asked)
    }

    /// What was listed before `now` no longer counts as fresh.
    pub(super) fn expire(&self, now: Duration) {
        self.state.lock().expired = Some(now);
    }

    /// The upstream says that its tools changed: how long until it is believed.
    pub(super) fn hurry(&self, now: Duration) -> Duration {
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

    /// The upstream says that its tools changed. `false`: it said so before, and is about to be believed.
    pub(super) fn is_told(&self) -> bool {
        !self.told.swap(true, Ordering::AcqRel)
    }

    /// The upstream is believed: what it says from here on is about a later list.
    pub(super) fn believe(&self) {
        self.told.store(false, Ordering::Release);
    }

    pub(super) fn used(&self, now: Duration) {
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

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_list_is_fresh_for_its_version_until_it_ages_or_expires() {
        let (open, id) = (UsedConnections::default(), ConnectionId::new());
        assert!(open.find(id).is_none(), "nothing was listed yet");
        let entry = open.entry(id, OrgId::new());
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
        let entry = UsedConnection::of(OrgId::new());
        entry.expire(at(5));
        entry.listed(at(5), 1);
        assert!(!entry.is_fresh(1, MINUTE, at(6)));
    }

    #[test]
    fn lists_are_made_ahead_of_calls_only_while_the_connection_is_used() {
        let (open, id) = (UsedConnections::default(), ConnectionId::new());
        let entry = open.entry(id, OrgId::new());
        entry.used(at(0));
        assert!(open.due(at(50)).is_empty(), "never listed: the call that needs it lists");
        entry.listed(at(0), 1);
        assert!(open.due(at(39)).is_empty(), "young");
        assert_eq!(open.due(at(40)), [id]);
        assert!(open.due(at(61)).is_empty(), "no longer used");
    }

    #[test]
    fn a_notice_counts_once_and_is_not_lost_in_a_list_that_is_about_to_be_made() {
        let entry = UsedConnection::of(OrgId::new());
        assert!(entry.is_told());
        assert!(!entry.is_told(), "said again before it was believed, it is the same notice");
        entry.believe();
        assert!(entry.is_told(), "said again afterwards it is another");
    }

    #[test]
    fn an_upstream_that_goes_on_saying_that_it_changed_waits_ever_longer() {
        let entry = UsedConnection::of(OrgId::new());
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
        let entry = UsedConnection::of(OrgId::new());
        assert!(entry.note_error(at(1)));
        assert!(!entry.note_error(at(5)));
        assert!(entry.note_error(at(6)));
        entry.listed(at(7), 1);
        assert!(entry.note_error(at(7)), "the first error after a success counts");
    }

    #[test]
    fn what_is_not_in_use_is_dropped_and_named() {
        let (open, kept, gone) = (UsedConnections::default(), ConnectionId::new(), ConnectionId::new());
        let (org, other) = (OrgId::new(), OrgId::new());
        open.entry(ConnectionId::new(), other);
        open.entry(kept, org);
        open.entry(gone, org);
        let ids = |dropped: Vec<(ConnectionId, Arc<UsedConnection>)>| {
            dropped.into_iter().map(|(id, _)| id).collect::<Vec<_>>()
        };
        assert_eq!(ids(open.retain(org, |id| id == kept)), [gone]);
        assert!(open.retain(org, |id| id == kept).is_empty());
    }

    #[test]
    fn an_org_is_compared_when_it_has_changed_or_has_a_new_entry() {
        let (open, org, other) = (UsedConnections::default(), OrgId::new(), OrgId::new());
        let at = |version| move |_| version;
        open.entry(ConnectionId::new(), org);
        assert_eq!(open.to_compare(at(0)), HashSet::from([org]), "new");
        open.retain(org, |_| true);
        assert!(open.to_compare(at(0)).is_empty());
        assert_eq!(open.to_compare(at(3)), HashSet::from([org]), "changed");
        open.compared(3);
        open.entry(ConnectionId::new(), other);
        assert_eq!(open.to_compare(at(3)), HashSet::from([other]));
    }
}
