//! Tells approvals. Notifications say which have changed; their rows are read for all that have gathered since the last
//! read, with one set of queries however many watch. What cannot be read is told by `resync`.

use std::{collections::HashMap, sync::Arc, time::Duration};

use api_types::event::name;
use domain::{ApiKeyId, ApprovalId, OrgId, Right, approval::Status};
use indexmap::IndexMap;
use tokio::{
    sync::{
        broadcast::{Receiver, error::RecvError},
        watch,
    },
    time::Instant,
};
use uuid::Uuid;

use super::{
    channel::Channel,
    ring::{ApprovalRow, Data},
};
use crate::{
    db::{
        self, OrgScope, Reason,
        approval::own::{self, KeyFacts},
    },
    error::Result,
    live::ApprovalChanged,
    service::{
        Base, Catalog,
        approval::{
            card::{self, row},
            inbox::Deciding,
        },
    },
};

/// How many rows are read at once.
const AT_ONCE: usize = 200;
/// How many may gather; more are told by `resync`.
const GATHERED: usize = 2_000;
/// How long after a read the next one begins at the soonest, so that a burst is read in few.
const PAUSE: Duration = Duration::from_millis(50);
/// How many keys' facts are remembered.
const KEYS: usize = 10_000;

/// What has changed and is not told yet, in the order in which it did: one event each, however often it changed.
#[derive(Default)]
struct Gathered {
    /// Which, and whether its opening is among the changes.
    approvals: IndexMap<ApprovalId, bool>,
    /// Keys may have other people now.
    keys: bool,
}

impl Gathered {
    /// `false`: too many have gathered; all of them are forgotten.
    fn note(&mut self, approval: ApprovalId, opened: bool) -> bool {
        *self.approvals.entry(approval).or_default() |= opened;
        let fits = self.approvals.len() <= GATHERED;
        if !fits {
            self.approvals.clear();
        }
        fits
    }

    /// Those that gathered first.
    fn take(&mut self) -> IndexMap<ApprovalId, bool> {
        let some = self.approvals.len().min(AT_ONCE);
        self.approvals.drain(..some).collect()
    }

    fn is_empty(&self) -> bool {
        self.approvals.is_empty() && !self.keys
    }
}

/// What tells that approvals have changed.
pub(super) struct Approvals {
    changes: Receiver<ApprovalChanged>,
    listening: watch::Receiver<bool>,
    /// The version of the configuration.
    versions: watch::Receiver<i64>,
    /// What was told of keys whose requests wait.
    keys: HashMap<Uuid, KeyFacts>,
    /// The version of the configuration at which they were read; `None`: not all of them are known any more.
    keys_at: Option<i64>,
    gathered: Gathered,
}

impl Approvals {
    /// From here on nothing is missed.
    pub(super) async fn begin(services: &Base, org: OrgId) -> Result<Self> {
        let (changes, listening) = (services.live.approvals(), services.live.listening());
        let mut versions = services.directory.versions();
        let keys_at = Some(*versions.borrow_and_update());
        let mut scope = OrgScope::system(&services.db.people, org, Reason::Callers).await?;
        let keys = own::waiting_keys(&mut scope).await?;
        Ok(Self { changes, listening, versions, keys, keys_at, gathered: Gathered::default() })
    }

    /// Tells until the channel is closed. While nobody watches, what changes gathers and nothing is read.
    pub(super) async fn tell(mut self, services: Arc<Catalog>, channel: Arc<Channel>) {
        let mut next_read = Instant::now();
        loop {
            let due = !self.gathered.is_empty() && channel.is_watched();
            tokio::select! {
                () = channel.closed.cancelled() => return,
                change = self.changes.recv() => match change {
                    Ok(change) => self.note(&channel, &change),
                    Err(RecvError::Lagged(_)) => channel.resync(Some(Right::ReadApprovals)),
                    Err(RecvError::Closed) => return,
                },
                changed = self.listening.changed() => match changed {
                    // Notifications may have been missed while it was away.
                    Ok(()) if *self.listening.borrow_and_update() => channel.resync(None),
                    Ok(()) => {}
                    Err(_) => return,
                },
                changed = self.versions.changed() => match changed {
                    Ok(()) => self.gathered.keys |= self.have_keys_changed(&services),
                    Err(_) => return,
                },
                () = channel.came.notified() => {}
                () = tokio::time::sleep_until(next_read), if due => {
                    // Whatever has come meanwhile is read with it.
                    while let Ok(change) = self.changes.try_recv() {
                        self.note(&channel, &change);
                    }
                    if let Err(error) = self.tell_some(&services, &channel).await {
                        tracing::warn!(%error, "approvals cannot be read for those who watch");
                        // Whoever reads everything again reads these too.
                        self.gathered = Gathered::default();
                        channel.resync(Some(Right::ReadApprovals));
                    }
                    next_read = Instant::now() + PAUSE;
                }
            }
        }
    }

    /// Whether one of the keys has changed since they were read.
    fn have_keys_changed(&self, services: &Catalog) -> bool {
        let keys = || self.keys.keys().copied().map(ApiKeyId);
        self.keys_at.is_none_or(|at| services.directory.has_changed(keys(), at))
    }

    fn note(&mut self, channel: &Channel, change: &ApprovalChanged) {
        // Nothing goes back to pending: an approval that is, was just opened.
        let opened = change.state == Status::Pending.as_str();
        if change.org == channel.org && !self.gathered.note(change.approval, opened) {
            channel.resync(Some(Right::ReadApprovals));
        }
    }

    /// Reads the rows of those that gathered first, and tells them.
    async fn tell_some(&mut self, services: &Catalog, channel: &Channel) -> Result<()> {
        let version = *self.versions.borrow();
        let org = services.directory.org(channel.org).await?;
        // Keys of other orgs ask too, and a card says whose they are.
        let mut scope = OrgScope::system(&services.db.people, channel.org, Reason::Callers).await?;
        if std::mem::take(&mut self.gathered.keys) {
            self.keys_at = Some(version);
            if !self.note_keys(&mut scope).await? {
                channel.resync(Some(Right::ReadApprovals));
            }
        }
        let some = self.gathered.take();
        let ids: Vec<Uuid> = some.keys().map(|id| id.0).collect();
        let records = db::approval::load(&mut scope, &ids).await?;
        let cards = card::cards(services, &mut scope, org.as_deref(), &records).await?;
        drop(scope);
        let mut rows: HashMap<ApprovalId, ApprovalRow> = HashMap::new();
        for (record, card) in records.iter().zip(cards) {
            if let (Some(id), Some(key)) = (card::key_of(record), card.key.clone()) {
                // Other facts than were told before are found with the version of the configuration that they came with.
                self.keys.entry(id).or_insert(key);
            }
            let people = own::own_of(&record.binding, card.key.as_ref());
            let approval = row(record, card, &Deciding::default());
            rows.insert(record.id, ApprovalRow { approval, tool: record.binding.toolkit_tool, people });
        }
        if self.keys.len() > KEYS {
            self.keys.clear();
            self.keys_at = None;
        }
        for (id, opened) in &some {
            let name = if *opened { name::APPROVAL_OPENED } else { name::APPROVAL_CHANGED };
            match rows.remove(id) {
                Some(row) => channel.push_data(name, Data::Approval(Box::new(row)), Some(Right::ReadApprovals)),
                // It went with its org, or somebody else wrote to the database.
                None => channel.resync(Some(Right::ReadApprovals)),
            }
        }
        Ok(())
    }

    /// Notes the requests that wait of keys with other people than was told: who rotates a key may no longer decide
    /// them. `false`: too many.
    async fn note_keys(&mut self, scope: &mut OrgScope) -> Result<bool> {
        let now = own::waiting_keys(scope).await?;
        let changed: Vec<Uuid> =
            now.iter().filter(|(id, key)| self.keys.get(*id) != Some(*key)).map(|(id, _)| *id).collect();
        self.keys = now;
        if changed.is_empty() {
            return Ok(true);
        }
        let requests = own::waiting_of(scope, &changed, GATHERED as i64 + 1).await?;
        Ok(requests.into_iter().all(|id| self.gathered.note(id.into(), false)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_of_one_approval_become_one_event_and_keep_their_order() {
        let mut gathered = Gathered::default();
        let (first, second) = (ApprovalId::new(), ApprovalId::new());
        for (id, opened) in [(first, true), (second, false), (first, false), (second, false)] {
            assert!(gathered.note(id, opened));
        }
        let some: Vec<_> = gathered.take().into_iter().collect();
        assert_eq!(some, [(first, true), (second, false)], "one that was opened meanwhile is told as opened");
        assert!(gathered.is_empty());
    }

    #[test]
    fn so_many_are_read_at_once_and_so_many_may_gather() {
        let mut gathered = Gathered::default();
        let ids: Vec<ApprovalId> = (0..=GATHERED).map(|_| ApprovalId::new()).collect();
        assert!(ids[..GATHERED].iter().all(|id| gathered.note(*id, true)));
        assert!(gathered.take().keys().eq(&ids[..AT_ONCE]));
        assert!(gathered.take().keys().eq(&ids[AT_ONCE..2 * AT_ONCE]), "the next ones");
        assert!(ids[..2 * AT_ONCE].iter().all(|id| gathered.note(*id, true)));
        assert!(!gathered.note(ids[GATHERED], true), "one too many");
        assert!(gathered.is_empty());
    }
}
