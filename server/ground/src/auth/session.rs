//! Console sessions for `tower-sessions`, kept in Postgres: everything that is put into one, and when it ends. The person
//! who signed in stands in columns, by which sessions are listed and ended; the rest is a JSON object. Of a session's id
//! only the SHA-256 is kept. There is a row for who signed in and for nobody else: what a visitor begins before (the
//! ceremonies of passkeys and OIDC) does not belong here but in a table of its own, for five minutes, bounded in number
//! and limited for each address.
//!
//! A session ends when it expires, which is set at the sign-in, and when it is past today's limits: a shorter one
//! counts at once.

use std::{collections::HashMap, net::IpAddr, time::Duration};

use chrono::{DateTime, Utc};
use domain::{SessionId, UserId};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tower_sessions::{
    Expiry, Session, SessionManagerLayer, SessionStore,
    cookie::{
        Cookie, SameSite,
        time::{Duration as CookieAge, OffsetDateTime},
    },
    session::{self, Id, Record},
    session_store::{Error, Result},
};

use crate::{
    clock::Clock,
    db::{
        self, Db, Reason, SystemScope,
        session::{New, Row, Since},
    },
};

/// How exactly the last use of a session is kept.
const SEEN_EVERY: Duration = Duration::from_secs(60);
/// Under which name the person stands in a session.
const PERSON: &str = "person";
/// How long what a session holds beside the person may be, in bytes of JSON. The table says the same.
const LONGEST_DATA: usize = 4_096;

/// How long a session lives.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// After its last use, as far as that is known: to the minute.
    pub idle: Duration,
    /// After the sign-in, however much it is used.
    pub absolute: Duration,
}

impl Limits {
    /// What a session must fulfil to live at `now`.
    pub fn since(self, now: DateTime<Utc>) -> Since {
        Since { now, seen: now - self.idle, made: now - self.absolute }
    }

    /// When a session ends unless it is used before.
    pub fn end(self, row: &Row) -> DateTime<Utc> {
        (row.last_seen_at + self.idle).min(self.last(row))
    }

    /// When a session ends however much it is used.
    fn last(self, row: &Row) -> DateTime<Utc> {
        let limit = row.created_at + self.absolute;
        row.expires_at.map_or(limit, |at| at.min(limit))
    }
}

/// Who signed in, and where.
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
    /// When they signed in.
    pub created_at: DateTime<Utc>,
    /// When somebody was last known to use the session.
    pub last_seen_at: DateTime<Utc>,
}

impl SignedIn {
    /// The person of a session. `None`: there is no session with the request's cookie, or it has ended.
    ///
    /// # Errors
    /// When Postgres cannot be reached.
    pub async fn of(session: &Session) -> std::result::Result<Option<Self>, session::Error> {
        session.get(PERSON).await
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

    /// The layer that reads and writes the cookie.
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

    /// Starts a session with a new id: one that somebody else may know is never signed in with. What the cookie named
    /// before ends, and nothing that it held is taken over. The layer keeps the session when the answer goes out.
    ///
    /// # Errors
    /// When Postgres cannot be reached.
    pub async fn start(&self, session: &Session, person: SignedIn) -> std::result::Result<(), session::Error> {
        session.clear().await;
        session.cycle_id().await?;
        session.set_expiry(Some(Expiry::AtDateTime(to_layer(person.created_at + self.limits.absolute)?)));
        session.insert(PERSON, person).await
    }

    async fn scope(&self) -> Result<SystemScope> {
        SystemScope::begin(&self.db, Reason::SignIn).await.map_err(backend)
    }

    /// Somebody is there: notes it, once a minute at most. That it could not be noted is no reason to
    /// turn them away.
    pub async fn touch(&self, id: Id, person: &SignedIn) {
        let now = self.clock.now();
        if person.last_seen_at > now - SEEN_EVERY {
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
        let (SignedIn { session, user, epoch, client, address, created_at, last_seen_at }, data) = split(record)?;
        let address = address.map(|address| address.to_string());
        let expires_at = from_layer(record.expiry_date)?;
        let mut scope = self.scope().await?;
        loop {
            let new = New {
                id_sha256: sha256(&record.id),
                id: session,
                user,
                epoch,
                client: client.as_deref(),
                address: address.as_deref(),
                created_at,
                last_seen_at,
                expires_at,
                data: &data,
            };
            if db::session::insert(&mut scope, &new).await.map_err(backend)? {
                break;
            }
            // Of 128 random bits none comes twice; if one does, nobody gets another's session.
            record.id = Id::default();
        }
        scope.commit().await.map_err(backend)
    }

    async fn save(&self, record: &Record) -> Result<()> {
        let (person, data) = split(record)?;
        let mut scope = self.scope().await?;
        let expires_at = from_layer(record.expiry_date)?;
        match db::session::update(&mut scope, &sha256(&record.id), &data, expires_at).await.map_err(backend)? {
            Some(session) if session == person.session => scope.commit().await.map_err(backend),
            Some(_) => Err(Error::Encode("another person needs another id: it is cycled at every sign-in".to_owned())),
            None => Ok(()),
        }
    }

    async fn load(&self, id: &Id) -> Result<Option<Record>> {
        let (id_sha256, now) = (sha256(id), self.clock.now());
        let mut scope = self.scope().await?;
        let row = db::session::find(&mut scope, &id_sha256, self.limits.since(now)).await.map_err(backend)?;
        drop(scope);
        let Some(row) = row else { return Ok(None) };
        let expiry_date = to_layer(self.limits.last(&row))?;
        let mut data: HashMap<String, Value> = serde_json::from_str(&row.data).map_err(decode)?;
        let person = SignedIn {
            session: row.id,
            user: row.user_id,
            epoch: row.epoch,
            client: row.client,
            address: row.address.and_then(|address| address.parse().ok()),
            created_at: row.created_at,
            last_seen_at: row.last_seen_at,
        };
        data.insert(PERSON.to_owned(), serde_json::to_value(person).map_err(decode)?);
        Ok(Some(Record { id: *id, data, expiry_date }))
    }

    async fn delete(&self, id: &Id) -> Result<()> {
        let mut scope = self.scope().await?;
        db::session::delete(&mut scope, &sha256(id)).await.map_err(backend)?;
        scope.commit().await.map_err(backend)
    }
}

/// The cookie's name: `__Host-permesso`, which no other host and no plain HTTP can set (RFC 6265bis, section 4.1.3.2),
/// where people come over HTTPS, else `permesso`.
fn cookie_name(https: bool) -> &'static str {
    if https { "__Host-permesso" } else { "permesso" }
}

/// The `Set-Cookie` header that removes a `__Host-` cookie, for which browsers ask for `Secure`. The layer's own lacks it
/// up to tower-sessions 0.15.0; with the release that has maxcountryman/tower-sessions#268 this goes.
pub fn removal() -> String {
    let cookie = Cookie::build(cookie_name(true)).http_only(true).same_site(SameSite::Lax).secure(true).path("/");
    cookie.removal().build().to_string()
}

/// The person of a record, and the rest of what it holds as JSON.
fn split(record: &Record) -> Result<(SignedIn, String)> {
    let mut data = record.data.clone();
    let person =
        data.remove(PERSON).ok_or_else(|| Error::Encode("a session without a person is not kept".to_owned()))?;
    let data = serde_json::to_string(&data).map_err(encode)?;
    if data.len() > LONGEST_DATA {
        return Err(Error::Encode(format!("a session may hold {LONGEST_DATA} bytes, not {}", data.len())));
    }
    Ok((serde_json::from_value(person).map_err(encode)?, data))
}

/// A time as the layer has it.
fn to_layer(time: DateTime<Utc>) -> Result<OffsetDateTime> {
    let nanos = i128::from(time.timestamp_micros()) * 1_000;
    OffsetDateTime::from_unix_timestamp_nanos(nanos).map_err(|error| Error::Decode(error.to_string()))
}

/// A time of the layer, as exactly as Postgres keeps it.
fn from_layer(time: OffsetDateTime) -> Result<DateTime<Utc>> {
    let micros = i64::try_from(time.unix_timestamp_nanos() / 1_000).ok();
    let time = micros.and_then(DateTime::from_timestamp_micros);
    time.ok_or_else(|| Error::Encode("the end of a session is out of range".to_owned()))
}

/// What is kept of an id. 128 random bits need no slow hash.
fn sha256(id: &Id) -> [u8; 32] {
    wire::canonical::sha256(id.to_string().as_bytes())
}

fn encode(error: serde_json::Error) -> Error {
    Error::Encode(error.to_string())
}

fn decode(error: serde_json::Error) -> Error {
    Error::Decode(error.to_string())
}

fn backend(error: crate::error::Error) -> Error {
    error.log();
    Error::Backend(error.to_string())
}
