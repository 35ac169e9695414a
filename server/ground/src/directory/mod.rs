//! The configuration as calls are decided by it: an org is loaded when it is first used, as one immutable snapshot, and
//! kept while it is used, so that a call needs no query to be decided. Keys and people are looked up and kept the same
//! way. Its types, and the gate that reads them, are in `domain`.
//!
//! Everything that was read counts until its org, person or key has changed: a notification or, at most [`POLL`] later, a
//! look at what has changed says so, and who needs it next reads it again. What could not be confirmed for [`STALE`] is not
//! used: a revoked key must not work because the database went away.

mod changes;
mod kept;
mod loads;
mod schema;
mod secrets;

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::{Duration, Instant},
};

use domain::{
    ApiKeyId, OrgId, Slug, UserId,
    directory::{KeySecret, Org, Person},
};
use parking_lot::{Mutex, RwLock};
use tokio::sync::{Semaphore, watch};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use changes::Changes;
use kept::{Item, Kept};
use loads::Loads;
pub use schema::{DEEPEST, LARGEST, Problem, Schemas, Validation, harmful};
use secrets::Secrets;

use crate::{
    db::{self, Db, directory::News},
    error::{Error, Result},
    limit::turns::Turns,
    live::Live,
};

/// How often it is looked what has changed, notification or not.
pub const POLL: Duration = Duration::from_millis(400);
/// How old the last confirmation may be.
pub const STALE: Duration = Duration::from_secs(5);
/// How long Postgres may take to answer: longer than any statement may (`db`). One that is gone without a word would
/// be waited for for ever.
const SILENCE: Duration = Duration::from_secs(35);

/// How often something is read again that has changed while it was read.
const ROUNDS: usize = 5;

/// What is kept of the configuration, and what keeps it current.
pub struct Directory {
    db: Db,
    forbid_self_approval: bool,
    orgs: Kept<OrgId, Arc<Org>>,
    names: Kept<Named, OrgId>,
    keys: Kept<[u8; 32], KeySecret>,
    people: Kept<UserId, Arc<Person>>,
    administrators: Kept<(), Arc<HashSet<UserId>>>,
    changes: RwLock<Changes>,
    confirmed: Mutex<Instant>,
    version: watch::Sender<i64>,
    confirming: tokio::sync::Mutex<()>,
    loads: Loads,
    secrets: Secrets,
    /// Whose turn it is to read people and names.
    turn: Semaphore,
    /// The turns of who asks for orgs by name: nobody keeps others waiting with many names.
    naming: Turns<UserId>,
    /// Compiled input schemas, by the definition's SHA-256.
    pub schemas: Schemas,
}

/// The name of an org, and who asks for it: the org of a key, and the person who answers for the key or is the one.
type Named = (Slug, Option<OrgId>, UserId);

impl Directory {
    /// Begins with nothing but the version. With `forbid_self_approval` no policy of any org allows it.
    ///
    /// # Errors
    /// When Postgres cannot be reached.
    pub async fn begin(db: Db, forbid_self_approval: bool) -> Result<Arc<Self>> {
        let asked = Instant::now();
        let News { version, .. } = db::directory::news(&db, i64::MAX, 1).await?;
        Ok(Arc::new_cyclic(|me| Self {
            loads: Loads::new(me.clone(), db.size()),
            secrets: Secrets::new(db.clone()),
            db,
            forbid_self_approval,
            orgs: kept::orgs(),
            names: kept::so_many(kept::NAMES),
            keys: kept::so_many(kept::KEYS),
            people: kept::so_many(kept::PEOPLE),
            administrators: kept::so_many(1),
            changes: RwLock::new(Changes::since(version)),
            confirmed: Mutex::new(asked),
            version: watch::channel(version).0,
            confirming: tokio::sync::Mutex::new(()),
            turn: Semaphore::new(1),
            naming: Turns::default(),
            schemas: Schemas::default(),
        }))
    }

    /// Whether what is kept may be used.
    ///
    /// # Errors
    /// When it could not be confirmed for [`STALE`].
    pub fn confirmed(&self) -> Result<()> {
        if self.confirmed.lock().elapsed() > STALE {
            return Err(Error::unavailable("the database cannot be reached right now; nothing was done, try again"));
        }
        Ok(())
    }

    /// The configuration of an org; `None` if there is no such org.
    ///
    /// # Errors
    /// When what is kept is not confirmed; when it is not kept and Postgres cannot be reached, a row of it cannot be
    /// understood, or it changes all the time.
    pub async fn org(&self, id: OrgId) -> Result<Option<Arc<Org>>> {
        self.find(&self.orgs, &id, || self.loads.load(id)).await
    }

    /// The same org as it is now: `org` itself if it has not changed.
    ///
    /// # Errors
    /// As [`Self::org`].
    pub async fn org_again(&self, org: &Arc<Org>) -> Result<Option<Arc<Org>>> {
        if self.is_current(org) {
            self.confirmed()?;
            return Ok(Some(org.clone()));
        }
        self.org(org.id).await
    }

    /// Whether an org is not known to have changed since it was read.
    pub fn is_current(&self, org: &Org) -> bool {
        self.changes.read().last_of(org.id.0) <= org.version
    }

    /// The org with this name, for a person and the key of theirs that asks, if one does. `None` also for an org that is
    /// no concern of theirs: nobody has other orgs loaded by guessing names, nor finds out by the time it takes which
    /// there are.
    ///
    /// # Errors
    /// As [`Self::org`]; when too many others are asked for in the same person's name.
    pub async fn org_named(&self, slug: &str, key_org: Option<OrgId>, person: UserId) -> Result<Option<Arc<Org>>> {
        let Ok(slug) = slug.parse::<Slug>() else { return Ok(None) };
        let named = (slug, key_org, person);
        let id = self.find(&self.names, &named, || async {
            let busy = "so many orgs are asked for in your name that this one had no turn; nothing was done, try again";
            let _turn = self.naming.of(person).await.ok_or_else(|| Error::unavailable(busy))?;
            self.in_turn(&self.names, &named, async {
                let read = db::directory::org_named(&self.db, &named.0, key_org, person).await?;
                // Whether it is of their concern is on both.
                Ok(read.map(|read| Item::of([read.value.0, person.0], read)))
            })
            .await
        });
        match id.await? {
            Some(id) => Ok(self.org(id).await?.filter(|org| org.slug == named.0)),
            None => Ok(None),
        }
    }

    /// The key that has the secret with this SHA-256, if it is neither revoked nor without an owner that may use it; it
    /// may have expired. Of a secret that no key has nothing is kept.
    ///
    /// # Errors
    /// As [`Self::org`].
    pub async fn key(&self, sha256: &[u8; 32]) -> Result<Option<KeySecret>> {
        self.find(&self.keys, sha256, || self.secrets.find(sha256)).await
    }

    /// The person with this id.
    ///
    /// # Errors
    /// As [`Self::org`].
    pub async fn person(&self, id: UserId) -> Result<Option<Arc<Person>>> {
        self.find(&self.people, &id, || {
            self.in_turn(&self.people, &id, async move {
                let read = db::directory::people(&self.db, &[id]).await?;
                Ok(read.into_iter().next().map(|(id, read)| Item::of([id.0], read)))
            })
        })
        .await
    }

    /// The e-mails of these people. Those that are not kept are read together.
    ///
    /// # Errors
    /// As [`Self::org`].
    pub async fn emails(&self, of: impl IntoIterator<Item = UserId>) -> Result<Emails> {
        let (mut emails, mut missing) = (HashMap::new(), Vec::new());
        for id in of {
            match self.current(&self.people, &id) {
                Some(person) => drop(emails.insert(id, person.value.email.clone())),
                None => missing.push(id),
            }
        }
        if !missing.is_empty() {
            missing.sort_unstable();
            missing.dedup();
            let reading = async {
                let _turn = self.turn.acquire().await.map_err(Error::internal)?;
                db::directory::people(&self.db, &missing).await
            };
            for (id, read) in in_time(reading).await? {
                emails.insert(id, read.value.email.clone());
                self.people.insert(id, Item::of([id.0], read));
            }
        }
        Ok(Emails(emails))
    }

    /// Who administers the instance, and so is `admin` of every org.
    ///
    /// # Errors
    /// As [`Self::org`].
    pub async fn administrators(&self) -> Result<Arc<HashSet<UserId>>> {
        let found = self.find(&self.administrators, &(), || {
            self.in_turn(&self.administrators, &(), async {
                Ok(Some(Item::of([OrgId::INSTANCE.0], db::directory::administrators(&self.db).await?)))
            })
        });
        Ok(found.await?.unwrap_or_default())
    }

    /// What is kept under `key`, or else read, and again while it changes meanwhile.
    async fn find<K, T, R>(&self, kept: &Kept<K, T>, key: &K, read: impl Fn() -> R) -> Result<Option<T>>
    where
        K: kept::Key,
        T: kept::Value,
        R: Future<Output = Result<Option<Item<T>>>>,
    {
        self.confirmed()?;
        for _ in 0..ROUNDS {
            let item = match self.current(kept, key) {
                Some(item) => item,
                // On the heap, as what follows: it is in every request's future, and seldom needed.
                None => match Box::pin(in_time(read())).await? {
                    Some(item) => {
                        kept.insert(key.clone(), item.clone());
                        item
                    }
                    None => {
                        kept.invalidate(key);
                        return Ok(None);
                    }
                },
            };
            // Whatever is read next is as new as this: a key's role stands in its org.
            if item.version > self.changes.read().heard() {
                Box::pin(self.refresh()).await?;
            }
            if self.changes.read().confirm(&item) {
                return Ok(Some(item.value));
            }
            kept.invalidate(key);
        }
        Err(Error::unavailable("the configuration is being changed all the time; nothing was done, try again"))
    }

    /// Reads when it is its turn, unless somebody else has just done so.
    async fn in_turn<K: kept::Key, T: kept::Value>(
        &self,
        kept: &Kept<K, T>,
        key: &K,
        read: impl Future<Output = Result<Option<Item<T>>>>,
    ) -> Result<Option<Item<T>>> {
        let _turn = self.turn.acquire().await.map_err(Error::internal)?;
        match self.current(kept, key) {
            Some(found) => Ok(Some(found)),
            None => read.await,
        }
    }

    /// What is kept, if none of what it was read of is known to have changed since.
    fn current<K: kept::Key, T: kept::Value>(&self, kept: &Kept<K, T>, key: &K) -> Option<Item<T>> {
        let item = kept.get(key)?;
        self.changes.read().is_unchanged(&item).then_some(item)
    }

    /// Whether something is kept of this org, current or not.
    pub fn keeps(&self, org: OrgId) -> bool {
        self.orgs.contains_key(&org)
    }

    /// The version of an org's last change that is known.
    pub fn version_of(&self, org: OrgId) -> i64 {
        self.changes.read().last_of(org.0)
    }

    /// Whether one of these keys has changed after this version.
    pub fn has_changed(&self, mut keys: impl Iterator<Item = ApiKeyId>, since: i64) -> bool {
        let changes = self.changes.read();
        keys.any(|key| changes.last_of(key.0) > since)
    }

    /// The orgs, people and keys that have changed after this version; `None`: they are not known.
    pub fn changed_since(&self, version: i64) -> Option<Vec<Uuid>> {
        self.changes.read().since_version(version)
    }

    /// The version of the configuration up to which everything is known, to be told of changes, of whatever org.
    pub fn versions(&self) -> watch::Receiver<i64> {
        self.version.subscribe()
    }

    /// Hears of everything that is committed now. Called after each change, so that who made it sees it.
    ///
    /// # Errors
    /// When Postgres cannot be reached, or says nothing for [`SILENCE`].
    pub async fn refresh(&self) -> Result<()> {
        in_time(self.refresh_now()).await
    }

    async fn refresh_now(&self) -> Result<()> {
        let wanted = Instant::now();
        let _one_at_a_time = self.confirming.lock().await;
        // Whatever was committed when this was called, somebody else has asked for since.
        if *self.confirmed.lock() >= wanted {
            return Ok(());
        }
        let asked = Instant::now();
        let since = self.changes.read().heard();
        let news = db::directory::news(&self.db, since, changes::AT_ONCE).await?;
        let version = news.version;
        if version < since {
            // Another database than before, or an earlier state of it: its versions say nothing of what is kept.
            tracing::warn!(version, before = since, "the configuration is an earlier one; everything is read again");
            self.forget();
            *self.changes.write() = Changes::since(version);
        } else if version > since {
            self.changes.write().hear(news);
        }
        *self.confirmed.lock() = asked;
        if version != since {
            tracing::debug!(version, "configuration changed");
            self.version.send_replace(version);
        }
        Ok(())
    }

    fn forget(&self) {
        self.orgs.invalidate_all();
        self.names.invalidate_all();
        self.keys.invalidate_all();
        self.people.invalidate_all();
        self.administrators.invalidate_all();
    }

    /// Hears of changes until `stop`.
    pub async fn keep_current(self: Arc<Self>, live: Live, stop: CancellationToken) {
        let mut changes = live.configuration();
        let mut unwell = false;
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = changes.changed() => {}
                () = tokio::time::sleep(POLL) => {}
            }
            match self.refresh().await {
                Ok(()) => unwell = false,
                Err(error) if !unwell => {
                    unwell = true;
                    tracing::warn!(%error, "changes of the configuration cannot be read");
                }
                Err(_) => {}
            }
        }
    }
}

/// Waits no longer than [`SILENCE`].
async fn in_time<T>(reading: impl Future<Output = Result<T>>) -> Result<T> {
    let read = tokio::time::timeout(SILENCE, reading).await;
    read.unwrap_or_else(|_| Err(Error::unavailable("the database does not answer; nothing was done, try again")))
}

/// The e-mails of some people.
#[derive(Clone, Debug, Default)]
pub struct Emails(HashMap<UserId, Arc<str>>);

impl Emails {
    /// This person's; `None` if there is no such person, or they were not asked for.
    pub fn of(&self, person: UserId) -> Option<String> {
        self.0.get(&person).map(|email| email.to_string())
    }
}
