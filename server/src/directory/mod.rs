//! The configuration as calls are decided by it: an org is loaded when it is first used, as one immutable snapshot, and
//! kept while it is used, so that a call needs no query to be decided. Keys and people are looked up and kept the same
//! way. Its types, and the gate that reads them, are in `domain`.
//!
//! Everything that was read counts until its org, person or key has changed: a notification or, at most [`POLL`] later, a
//! look at what has changed says so, and who needs it next reads it again. What could not be confirmed for [`STALE`] is not
//! used: a revoked key must not work because the database went away.

mod changes;
mod kept;
mod schema;

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
pub use schema::{DEEPEST, LARGEST, Schemas, Validation, harmful};

use crate::{
    db::{
        self, Db,
        directory::{News, Read},
    },
    error::{Error, Result},
    live::Live,
};

/// How often it is looked what has changed, notification or not.
pub const POLL: Duration = Duration::from_millis(400);
/// How old the last confirmation may be.
pub const STALE: Duration = Duration::from_secs(5);
/// How long Postgres may take to answer: longer than any statement may (`db`). One that is gone without a word would
/// be waited for for ever.
const SILENCE: Duration = Duration::from_secs(35);

/// What is kept of the configuration, and what keeps it current.
pub struct Directory {
    db: Db,
    forbid_self_approval: bool,
    orgs: Kept<OrgId, Arc<Org>>,
    names: Kept<Slug, OrgId>,
    keys: Kept<[u8; 32], KeySecret>,
    people: Kept<UserId, Arc<Person>>,
    administrators: Kept<(), Arc<HashSet<UserId>>>,
    changes: RwLock<Changes>,
    confirmed: Mutex<Instant>,
    version: watch::Sender<i64>,
    confirming: tokio::sync::Mutex<()>,
    /// Whose turn it is to read for somebody known. The pool has two connections: one is left for the confirmation.
    known: Semaphore,
    /// Whose turn it is to look a secret up, which anybody may ask for.
    guesses: Semaphore,
    /// Compiled input schemas, by the definition's SHA-256.
    pub schemas: Schemas,
}

impl Directory {
    /// Begins with nothing but the version. With `forbid_self_approval` no policy of any org allows it.
    ///
    /// # Errors
    /// When Postgres cannot be reached.
    pub async fn begin(db: Db, forbid_self_approval: bool) -> Result<Arc<Self>> {
        let asked = Instant::now();
        let News { version, .. } = db::directory::news(&db, i64::MAX, 1).await?;
        Ok(Arc::new(Self {
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
            known: Semaphore::new(1),
            guesses: Semaphore::new(1),
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
    /// When what is kept is not confirmed, or it is not kept and Postgres cannot be reached, or a row of it cannot be
    /// understood.
    pub async fn org(&self, id: OrgId) -> Result<Option<Arc<Org>>> {
        self.find(&self.orgs, &id, &self.known, |before| async move {
            let read = db::directory::org(&self.db, id, self.forbid_self_approval, before.as_deref()).await?;
            Ok(read.map(|org| Item::of([id.0], Read { version: org.version, value: Arc::new(org) })))
        })
        .await
    }

    /// The org with this name, for a person and the key of theirs that asks, if one does. `None` also for an org that is
    /// not kept and no concern of theirs: nobody loads other orgs by guessing names.
    ///
    /// # Errors
    /// As [`Self::org`].
    pub async fn org_named(&self, slug: &str, key_org: Option<OrgId>, person: UserId) -> Result<Option<Arc<Org>>> {
        let Ok(slug) = slug.parse::<Slug>() else { return Ok(None) };
        let id = self.find(&self.names, &slug, &self.known, |_| async {
            let read = db::directory::org_named(&self.db, &slug, key_org, person).await?;
            Ok(read.map(|read| Item::of([read.value.0], read)))
        });
        match id.await? {
            Some(id) => Ok(self.org(id).await?.filter(|org| org.slug == slug)),
            None => Ok(None),
        }
    }

    /// The key that has the secret with this SHA-256, if it is neither revoked nor without an owner that may use it; it
    /// may have expired. Secrets that no key has are not kept, and looked up one at a time.
    ///
    /// # Errors
    /// As [`Self::org`].
    pub async fn key(&self, sha256: &[u8; 32]) -> Result<Option<KeySecret>> {
        self.find(&self.keys, sha256, &self.guesses, |_| async {
            let read = db::directory::key(&self.db, sha256).await?;
            // Whether the owner may use it is on the owner: they are a member, or administer the instance.
            Ok(read.map(|read| Item::of([read.value.key.id.0, read.value.key.owner.0], read)))
        })
        .await
    }

    /// The person with this id.
    ///
    /// # Errors
    /// As [`Self::org`].
    pub async fn person(&self, id: UserId) -> Result<Option<Arc<Person>>> {
        self.find(&self.people, &id, &self.known, |_| async move {
            let read = db::directory::people(&self.db, &[id]).await?;
            Ok(read.into_iter().next().map(|(id, read)| Item::of([id.0], read)))
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
                let _turn = self.known.acquire().await.map_err(Error::internal)?;
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
        let found = self.find(&self.administrators, &(), &self.known, |_| async {
            Ok(Some(Item::of([OrgId::INSTANCE.0], db::directory::administrators(&self.db).await?)))
        });
        Ok(found.await?.unwrap_or_default())
    }

    /// Whether the person owns a working key of another org than this. Asked each time.
    ///
    /// # Errors
    /// When Postgres cannot be reached.
    pub async fn has_keys_elsewhere(&self, owner: UserId, than: OrgId) -> Result<bool> {
        let reading = async {
            let _turn = self.known.acquire().await.map_err(Error::internal)?;
            db::directory::has_keys_elsewhere(&self.db, owner, than).await
        };
        in_time(reading).await
    }

    /// What is kept under `key`, or else read, in turn. `read` is given what was kept before.
    async fn find<K, T, R>(
        &self,
        kept: &Kept<K, T>,
        key: &K,
        turn: &Semaphore,
        read: impl FnOnce(Option<T>) -> R,
    ) -> Result<Option<T>>
    where
        K: kept::Key,
        T: Clone + Send + Sync + 'static,
        R: Future<Output = Result<Option<Item<T>>>>,
    {
        self.confirmed()?;
        if let Some(found) = self.current(kept, key) {
            return Ok(Some(found.value));
        }
        let reading = async {
            let _turn = turn.acquire().await.map_err(Error::internal)?;
            // Somebody else may have read it meanwhile.
            if let Some(found) = self.current(kept, key) {
                return Ok(Some(found));
            }
            let read = read(kept.get(key).map(|item| item.value)).await?;
            match &read {
                Some(item) => kept.insert(key.clone(), item.clone()),
                None => kept.invalidate(key),
            }
            Ok(read)
        };
        let Some(item) = in_time(reading).await? else { return Ok(None) };
        // What is read next must not be older than this: a key's role stands in its org.
        if item.version > self.changes.read().heard() {
            self.refresh().await?;
        }
        Ok(Some(item.value))
    }

    /// What is kept, if none of what it was read of has changed since.
    fn current<K: kept::Key, T: Clone + Send + Sync + 'static>(&self, kept: &Kept<K, T>, key: &K) -> Option<Item<T>> {
        let item = kept.get(key)?;
        let changes = self.changes.read();
        item.of.iter().all(|subject| changes.last_of(*subject) <= item.version).then_some(item)
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
        if version != since {
            self.changes.write().hear(news);
        }
        *self.confirmed.lock() = asked;
        if version != since {
            tracing::debug!(version, "configuration changed");
            self.version.send_replace(version);
        }
        Ok(())
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
