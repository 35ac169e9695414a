//! Console sessions for `tower-sessions`, kept in Postgres. A session holds one thing, the person who
//! signed in; only the SHA-256 of its id is kept. When it ends is decided here, by the clock that is
//! handed in: the cookie's own age is only a courtesy.

use std::{net::IpAddr, time::Duration};

use chrono::{DateTime, Utc};
use domain::{SessionId, UserId};
use serde::{Deserialize, Serialize};
use tower_sessions::{
    Expiry, SessionManagerLayer, SessionStore,
    cookie::{
        SameSite,
        time::{Duration as CookieAge, OffsetDateTime},
    },
    session::{self, Id, Record},
    session_store::{Error, Result},
};

use crate::{
    clock::Clock,
    db::{
        self, Db, Reason, SystemScope,
        session::{New, Since},
    },
};

/// How exactly the last use of a session is kept.
const SEEN_EVERY: Duration = Duration::from_secs(60);
/// Under which name the person stands in a session.
const PERSON: &str = "person";

/// How long a session lives.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// After its last use, as far as that is known: to the minute.
    pub idle: Duration,
    /// After the sign-in, however much it is used.
    pub absolute: Duration,
}

impl Limits {
    /// What a session that lives at `now` must be younger than.
    pub fn since(self, now: DateTime<Utc>) -> Since {
        Since { seen: now - self.idle, made: now - self.absolute }
    }

    /// When a session ends unless it is used before.
    pub fn end(self, created_at: DateTime<Utc>, last_seen_at: DateTime<Utc>) -> DateTime<Utc> {
        (last_seen_at + self.idle).min(created_at + self.absolute)
    }
}

/// Who signed in, and where: what a session holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedIn {
    /// The session's name in URLs.
    pub session: SessionId,
    /// The person.
    pub user: UserId,
    /// The epoch of their credentials.
    pub epoch: i64,
    /// The browser, as it said.
    pub client: Option<String>,
    /// The client's address.
    pub address: Option<IpAddr>,
    /// When somebody was last known to use it; `None` when it is just being made.
    #[serde(default)]
    pub last_seen_at: Option<DateTime<Utc>>,
}

impl SignedIn {
    /// The person of a session. `None`: there is no session with the request's cookie, or it has ended.
    ///
    /// # Errors
    /// When Postgres cannot be reached.
    pub async fn of(session: &tower_sessions::Session) -> std::result::Result<Option<Self>, session::Error> {
        session.get(PERSON).await
    }

    /// Starts a session with a new id: one that somebody else may know is never signed in with. What
    /// the cookie named before ends. The layer keeps the session when the answer goes out.
    ///
    /// # Errors
    /// When Postgres cannot be reached.
    pub async fn start(self, session: &tower_sessions::Session) -> std::result::Result<(), session::Error> {
        session.cycle_id().await?;
        session.insert(PERSON, self).await
    }
}

/// The sessions in Postgres. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Store {
    db: Db,
    clock: Clock,
    limits: Limits,
}

impl Store {
    /// Sessions that end by this clock and these limits.
    pub fn new(db: Db, clock: Clock, limits: Limits) -> Self {
        Self { db, clock, limits }
    }

    /// How long its sessions live.
    pub fn limits(&self) -> Limits {
        self.limits
    }

    /// The layer that reads and writes the cookie: `__Host-permesso`, which no other host and no plain
    /// HTTP can set (RFC 6265bis, section 4.1.3.2), where people come over HTTPS, else `permesso`.
    pub fn layer(&self, https: bool) -> SessionManagerLayer<Self> {
        let age = CookieAge::try_from(self.limits.absolute).unwrap_or(CookieAge::MAX);
        SessionManagerLayer::new(self.clone())
            .with_name(cookie_name(https))
            .with_secure(https)
            .with_http_only(true)
            .with_same_site(SameSite::Lax)
            .with_path("/")
            .with_expiry(Expiry::OnInactivity(age))
    }

    async fn scope(&self) -> Result<SystemScope> {
        SystemScope::begin(&self.db, Reason::SignIn).await.map_err(backend)
    }

    /// Somebody is there: notes it, once a minute at most. That it could not be noted is no reason to
    /// turn them away.
    pub async fn touch(&self, id: Id, person: &SignedIn) {
        let now = self.clock.now();
        if person.last_seen_at.is_some_and(|seen| seen > now - SEEN_EVERY) {
            return;
        }
        let id_sha256 = &sha256(&id);
        let noted = async {
            let mut scope = SystemScope::begin(&self.db, Reason::SignIn).await?;
            db::session::touch(&mut scope, id_sha256, now, now - SEEN_EVERY).await?;
            scope.commit().await
        };
        if let Err(error) = noted.await {
            tracing::warn!(%error, "the use of a session was not noted");
        }
    }
}

#[async_trait::async_trait]
impl SessionStore for Store {
    async fn create(&self, record: &mut Record) -> Result<()> {
        let person = record.data.get(PERSON).filter(|_| record.data.len() == 1).cloned();
        let person = person.ok_or_else(|| Error::Encode("a session holds a person and nothing else".to_owned()))?;
        let SignedIn { session, user, epoch, client, address, last_seen_at: _ } =
            serde_json::from_value(person).map_err(|error| Error::Encode(error.to_string()))?;
        let address = address.map(|address| address.to_string());
        let mut scope = self.scope().await?;
        let new = New {
            id_sha256: sha256(&record.id),
            id: session,
            user,
            epoch,
            client: client.as_deref(),
            address: address.as_deref(),
            now: self.clock.now(),
        };
        // Of 128 random bits none comes twice; if one does, nobody gets another's session.
        if !db::session::insert(&mut scope, &new).await.map_err(backend)? {
            return Err(Error::Backend("a session's id is taken".to_owned()));
        }
        scope.commit().await.map_err(backend)
    }

    async fn save(&self, _: &Record) -> Result<()> {
        Err(Error::Encode("a session is not changed once it is made".to_owned()))
    }

    async fn load(&self, id: &Id) -> Result<Option<Record>> {
        let (id_sha256, now) = (sha256(id), self.clock.now());
        let mut scope = self.scope().await?;
        let row = db::session::find(&mut scope, &id_sha256, self.limits.since(now)).await.map_err(backend)?;
        drop(scope);
        let Some(row) = row else { return Ok(None) };
        let person = SignedIn {
            session: row.id,
            user: row.user_id,
            epoch: row.epoch,
            client: row.client,
            address: row.address.and_then(|address| address.parse().ok()),
            last_seen_at: Some(row.last_seen_at),
        };
        let person = serde_json::to_value(person).map_err(|error| Error::Decode(error.to_string()))?;
        let end = self.limits.end(row.created_at, row.last_seen_at).timestamp();
        let expiry_date = OffsetDateTime::from_unix_timestamp(end).map_err(|error| Error::Decode(error.to_string()))?;
        Ok(Some(Record { id: *id, data: [(PERSON.to_owned(), person)].into(), expiry_date }))
    }

    async fn delete(&self, id: &Id) -> Result<()> {
        let mut scope = self.scope().await?;
        db::session::delete(&mut scope, &sha256(id)).await.map_err(backend)?;
        scope.commit().await.map_err(backend)
    }
}

/// The cookie's name.
pub fn cookie_name(https: bool) -> &'static str {
    if https { "__Host-permesso" } else { "permesso" }
}

/// What is kept of an id. 128 random bits need no slow hash.
fn sha256(id: &Id) -> [u8; 32] {
    wire::canonical::sha256(id.to_string().as_bytes())
}

fn backend(error: crate::error::Error) -> Error {
    error.log();
    Error::Backend(error.to_string())
}
