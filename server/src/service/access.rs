//! Who is asking, and what they may do where. A credential becomes an [`Actor`]; an actor becomes
//! [`OrgAccess`] in one org or a [`Caller`] at one toolkit, or it is told that there is nothing.

mod ending;

use std::{
    borrow::Cow,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use chrono::{DateTime, Utc};
use domain::{
    Caller, OrgId, Principal, Right, Rights, RoleId, SessionId, ToolkitToolId, UserId,
    directory::{KeySecret, Org, Toolkit},
    right::{ADMIN, GUEST},
};
use http::header;
use uuid::Uuid;

use super::{Base, signed::Signed};
pub use ending::ended;

use crate::{
    auth::api_key::ApiKey,
    db::{self, Reason, SystemScope, audit::Source},
    error::{Error, Kind, Result},
};

/// How often an org and its actor are read again that change all the time.
const ROUNDS: usize = 5;

/// Whether a credential was accepted on the connection that a request came on, which is all that sets it: what
/// connections of strangers may take up is less. In the extensions of each request.
#[derive(Clone, Debug, Default)]
pub struct Acquaintance(Arc<AtomicBool>);

impl Acquaintance {
    /// A credential was accepted.
    pub fn make(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether one was.
    pub fn is_made(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// A credential was accepted for the request with these extensions.
    pub fn make_on(extensions: &http::Extensions) {
        if let Some(acquaintance) = extensions.get::<Self>() {
            acquaintance.make();
        }
    }
}

/// Whose credential it is.
#[derive(Clone, Debug)]
pub struct Actor {
    /// The key or the person.
    pub principal: Principal,
    /// What people call it.
    pub name: Arc<str>,
    /// The key's org; a person may belong to several.
    pub key_org: Option<OrgId>,
    /// The key's role in its org.
    pub key_role: Option<RoleId>,
    /// The SHA-256 of the key's secret that the request came with.
    pub key_secret: Option<[u8; 32]>,
    /// How long the key's calls are held open, if it says so.
    pub key_hold: Option<Duration>,
    /// The person answerable: the key's owner, or the person.
    pub owner: UserId,
    /// Whether the person administers the instance.
    pub instance_admin: bool,
    /// Whether the key's owner does, or the person: they are `admin` of every org.
    pub owner_administers: bool,
    /// The epoch of the person's credentials when they were verified.
    pub epoch: i64,
    /// The request this is about.
    pub request_id: Uuid,
    /// The console session it came with.
    pub session: Option<SessionId>,
    /// When the login token, or the key's secret, that it came with ends by time.
    pub expires_at: Option<DateTime<Utc>>,
}

impl Actor {
    /// The person, if it is one: only people decide (approvals.md, promise 6).
    ///
    /// # Errors
    /// `person_required` for a key.
    pub fn person(&self) -> Result<UserId> {
        match self.principal {
            Principal::User(user) => Ok(user),
            Principal::Key(_) => Err(person_required("only a person who signed in may do this; an API key may not")),
        }
    }

    /// Where a request of the REST API comes from: a session is the console's.
    pub fn source(&self) -> Source {
        if self.session.is_some() { Source::Console } else { Source::Rest }
    }

    fn for_key(KeySecret { key, valid_until }: &KeySecret, secret: [u8; 32], request_id: Uuid) -> Self {
        Self {
            principal: Principal::Key(key.id),
            name: key.name.clone(),
            key_org: Some(key.org),
            key_role: Some(key.role),
            key_secret: Some(secret),
            key_hold: key.hold,
            owner: key.owner,
            instance_admin: false,
            owner_administers: key.owner_administers,
            epoch: 0,
            request_id,
            session: None,
            expires_at: [*valid_until, key.expires_at].into_iter().flatten().min(),
        }
    }

    /// A person who proved just now to be who they are, perhaps not yet in the directory.
    pub(super) fn new_person(signed: Signed, email: &str, request_id: Uuid) -> Self {
        Self {
            principal: Principal::User(signed.user),
            name: email.into(),
            key_org: None,
            key_role: None,
            key_secret: None,
            key_hold: None,
            owner: signed.user,
            instance_admin: false,
            owner_administers: false,
            epoch: signed.epoch,
            request_id,
            session: None,
            expires_at: None,
        }
    }
}

/// What an API key is told that asks for what only a person may do.
pub(super) fn person_required(message: impl Into<Cow<'static, str>>) -> Error {
    Error::new(Kind::Forbidden, "person_required", message)
}

/// The credential of a request, if it sent one.
///
/// # Errors
/// When the header is there but is not `Bearer …`, or is there twice.
pub fn bearer(headers: &http::HeaderMap) -> Result<Option<&str>> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(Error::unauthorized());
    }
    let text = value.to_str().map_err(|_| Error::unauthorized())?;
    let (scheme, token) = text.split_once(' ').ok_or_else(Error::unauthorized)?;
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(Error::unauthorized());
    }
    Ok(Some(token.trim()))
}

/// Finds out whose credential `bearer` is. Needs no query once the directory knows the key or the person.
///
/// # Errors
/// The same for everything that is wrong with it; `unavailable` when that cannot be known.
pub async fn authenticate(services: &Base, bearer: &str, request_id: Uuid) -> Result<Actor> {
    let now = services.clock.now();
    if bearer.starts_with("mmcp_") {
        let sha256 = ApiKey::parse(bearer).map_err(|_| Error::unauthorized())?.sha256();
        let found = find_key(services, &sha256, now).await?;
        services.key_uses.note(found.key.id, found.key.org, now);
        return Ok(Actor::for_key(&found, sha256, request_id));
    }
    let claims = services.jwt.verify(bearer, now).map_err(|_| Error::unauthorized())?;
    let actor = person(services, UserId(claims.sub), request_id, Some(claims.epoch)).await?;
    Ok(Actor { expires_at: DateTime::from_timestamp(claims.exp, 0), ..actor })
}

/// The person with this id, with a token of this epoch.
///
/// # Errors
/// When the person is gone or the token is older than their last reset; `unavailable` when that cannot be known.
pub async fn person(services: &Base, user: UserId, request_id: Uuid, epoch: Option<i64>) -> Result<Actor> {
    let person = services.directory.person(user).await?.ok_or_else(Error::unauthorized)?;
    if epoch.is_some_and(|epoch| epoch != person.epoch) {
        return Err(Error::unauthorized());
    }
    Ok(Actor {
        principal: Principal::User(user),
        name: person.email.clone(),
        key_org: None,
        key_role: None,
        key_secret: None,
        key_hold: None,
        owner: user,
        instance_admin: person.instance_admin,
        owner_administers: person.instance_admin,
        epoch: person.epoch,
        request_id,
        session: None,
        expires_at: None,
    })
}

/// The same actor now: time has passed since its credential was verified. Of a key it is the very secret that was
/// presented that counts.
///
/// # Errors
/// When the credential has ended meanwhile; `unavailable` when that cannot be known.
pub async fn again(services: &Base, actor: &Actor) -> Result<Actor> {
    match actor.principal {
        Principal::User(user) => {
            let found = person(services, user, actor.request_id, Some(actor.epoch)).await?;
            Ok(Actor { session: actor.session, expires_at: actor.expires_at, ..found })
        }
        // Not any secret of the key: the one that was presented may be the one that leaked.
        Principal::Key(_) => {
            let sha256 = actor.key_secret.ok_or_else(Error::unauthorized)?;
            let found = find_key(services, &sha256, services.clock.now()).await?;
            Ok(Actor::for_key(&found, sha256, actor.request_id))
        }
    }
}

/// The same actor now, for what lasts long: as [`again`], and its console session still lives, its
/// login token has not ended. Costs one indexed read for a session, else nothing. To ask is not to use:
/// a session ends by its idle limit also under an open event stream.
///
/// # Errors
/// Unauthorized when the credential has ended; `unavailable` when Postgres cannot be reached or what is known is too old.
pub async fn still_valid(services: &Base, actor: &Actor) -> Result<Actor> {
    let now = services.clock.now();
    let actor = again(services, actor).await?;
    if actor.expires_at.is_some_and(|at| at <= now) {
        return Err(Error::unauthorized());
    }
    if let Some(session) = actor.session {
        let mut scope = SystemScope::begin(&services.db.people, Reason::SignIn).await?;
        if !db::session::lives(&mut scope, session, services.sessions.limits().since(now)).await? {
            return Err(Error::unauthorized());
        }
    }
    Ok(actor)
}

/// The key with this secret, unless one of the two has ended.
async fn find_key(services: &Base, sha256: &[u8; 32], now: DateTime<Utc>) -> Result<KeySecret> {
    let found = services.directory.key(sha256).await?.ok_or_else(Error::unauthorized)?;
    let ended = |at: Option<DateTime<Utc>>| at.is_some_and(|at| at <= now);
    if ended(found.valid_until) || ended(found.key.expires_at) {
        return Err(Error::unauthorized());
    }
    Ok(found)
}

/// The org with this name.
///
/// # Errors
/// Not found, also for most orgs that exist but are not the actor's.
async fn org_named(services: &Base, actor: &Actor, slug: &str) -> Result<Arc<Org>> {
    let found = services.directory.org_named(slug, actor.key_org, actor.owner).await?;
    found.ok_or_else(Error::not_found)
}

/// The actor and the org as they both are now: neither changed while the other was read.
async fn both_again(services: &Base, actor: &Actor, org: &Arc<Org>) -> Result<(Actor, Arc<Org>)> {
    let mut org = org.clone();
    for _ in 0..ROUNDS {
        org = services.directory.org_again(&org).await?.ok_or_else(Error::not_found)?;
        let actor = again(services, actor).await?;
        if services.directory.is_current(&org) {
            return Ok((actor, org));
        }
    }
    Err(Error::unavailable("this org is being changed all the time; nothing was done, try again"))
}

/// An actor in an org it belongs to.
#[derive(Clone, Debug)]
pub struct OrgAccess {
    /// Who.
    pub actor: Actor,
    /// The org.
    pub org: Arc<Org>,
    /// The actor's role there.
    pub role: RoleId,
    /// Its name.
    pub role_name: Arc<str>,
    /// What the actor may do there: what the role allows, and of a key no more than its owner may ([`Rights::of_key`]).
    pub rights: Rights,
}

impl OrgAccess {
    /// Finds the actor's role in the org with this slug.
    ///
    /// # Errors
    /// Not found, also for an org that exists but is not the actor's.
    pub async fn find(services: &Base, actor: Actor, slug: &str) -> Result<Self> {
        let org = org_named(services, &actor, slug).await?;
        Self::of(actor, org)
    }

    /// The same access as it is now: the credential and the rights are looked at again.
    ///
    /// # Errors
    /// Unauthorized when the credential has ended; not found when the actor belongs to the org no longer.
    pub async fn again(services: &Base, before: &Self) -> Result<Self> {
        let (actor, org) = both_again(services, &before.actor, &before.org).await?;
        Self::of(actor, org)
    }

    fn of(actor: Actor, org: Arc<Org>) -> Result<Self> {
        let role = role_in(&actor, &org).ok_or_else(Error::not_found)?;
        let found = org.roles.get(&role).ok_or_else(Error::not_found)?;
        let rights = match actor.principal {
            Principal::User(_) => found.rights.clone(),
            Principal::Key(_) => {
                let owner = standing(actor.owner, actor.owner_administers, &org);
                let owner = owner.and_then(|role| org.roles.get(&role)).ok_or_else(Error::unauthorized)?;
                found.rights.of_key(&owner.rights)
            }
        };
        let role_name = found.name.clone();
        Ok(Self { actor, org, role, role_name, rights })
    }

    /// Fails unless the actor has the right.
    ///
    /// # Errors
    /// Forbidden, naming the right, and the role or, for a key that has it by its role, the owner.
    pub fn require(&self, right: Right) -> Result<()> {
        if self.rights.has(right) {
            return Ok(());
        }
        if self.org.roles.get(&self.role).is_some_and(|role| role.rights.has(right)) {
            return Err(Error::forbidden(format!(
                "this key's role `{}` has the right `{right}`, but the key's owner does not have it in this org, and a key \
                 may do no more than its owner",
                self.role_name
            )));
        }
        Err(Error::forbidden(format!("your role `{}` does not have the right `{right}` in this org", self.role_name)))
    }
}

/// The role of a member of the org; `None` for everybody else.
fn role_in(actor: &Actor, org: &Org) -> Option<RoleId> {
    match actor.principal {
        Principal::Key(_) => actor.key_role.filter(|_| actor.key_org == Some(org.id)),
        Principal::User(user) => standing(user, actor.instance_admin, org),
    }
}

/// The role that a person has in the org: `admin` for who administers the instance, else a member's.
fn standing(user: UserId, administers: bool, org: &Org) -> Option<RoleId> {
    if administers { org.role_named(ADMIN).map(|(id, _)| id) } else { org.members.get(&user).copied() }
}

/// Finds the toolkit and the caller's role there. A private toolkit of another org, one that does
/// not exist and one in an org that does not exist are told apart by nobody.
///
/// # Errors
/// Not found; forbidden for a member whose role may not call tools.
pub async fn caller(
    services: &Base,
    actor: &Actor,
    org: &str,
    toolkit: &str,
) -> Result<(Caller, Arc<Org>, Arc<Toolkit>)> {
    let org = org_named(services, actor, org).await?;
    caller_in(services, actor, org, toolkit).await
}

/// The toolkits of an org that an actor may use, by slug, and the actor as their caller.
///
/// # Errors
/// Not found, for who may use none; forbidden for a member whose role may not call tools.
pub async fn caller_anywhere(
    services: &Base,
    actor: &Actor,
    org: &str,
) -> Result<(Caller, Arc<Org>, Vec<Arc<Toolkit>>)> {
    let org = org_named(services, actor, org).await?;
    let is_member = role_in(actor, &org).is_some();
    let mut toolkits: Vec<_> = org.toolkits.values().filter(|toolkit| is_member || toolkit.public).cloned().collect();
    if !is_member && toolkits.is_empty() {
        return Err(Error::not_found());
    }
    toolkits.sort_by(|one, other| one.slug.as_str().cmp(other.slug.as_str()));
    let caller = caller_of(services, actor, &org).await?;
    Ok((caller, org, toolkits))
}

/// The same at a toolkit that the caller was found at before, as everything is now: its credential, the org, the toolkit.
///
/// # Errors
/// As [`caller`]; unauthorized when the credential has ended.
pub async fn caller_again(
    services: &Base,
    actor: &Actor,
    org: &Arc<Org>,
    toolkit: &Toolkit,
) -> Result<(Actor, Caller, Arc<Org>, Arc<Toolkit>)> {
    let (actor, org) = both_again(services, actor, org).await?;
    let (caller, org, toolkit) = caller_in(services, &actor, org, toolkit.slug.as_str()).await?;
    Ok((actor, caller, org, toolkit))
}

async fn caller_in(
    services: &Base,
    actor: &Actor,
    org: Arc<Org>,
    toolkit: &str,
) -> Result<(Caller, Arc<Org>, Arc<Toolkit>)> {
    let toolkit = org.toolkits.get(toolkit).cloned().ok_or_else(Error::not_found)?;
    if role_in(actor, &org).is_none() && !toolkit.public {
        return Err(Error::not_found());
    }
    let caller = caller_of(services, actor, &org).await?;
    Ok((caller, org, toolkit))
}

/// An actor as a caller in an org: with its role there, or as a guest.
async fn caller_of(services: &Base, actor: &Actor, org: &Org) -> Result<Caller> {
    let member = role_in(actor, org);
    let guest = || org.role_named(GUEST).map(|(id, _)| id);
    let role_id = member.or_else(guest).ok_or_else(Error::not_found)?;
    let role = org.roles.get(&role_id).ok_or_else(Error::not_found)?;
    if !role.rights.has(Right::CallTools) {
        return Err(Error::forbidden(format!("your role `{}` may not call tools", role.name)));
    }
    let home = match member {
        Some(_) => org.id,
        None => home_of(services, actor).await?.unwrap_or(org.id),
    };
    Ok(Caller {
        principal: actor.principal,
        name: actor.name.clone(),
        org: home,
        role: role_id,
        role_name: role.name.clone(),
        owner: actor.owner,
        hold: actor.key_hold,
    })
}

/// Whether the actor may use the toolkit that exposes this tool: who does not belong to the org may use public ones
/// only, and a tool that is gone stands in none.
pub fn reaches(actor: &Actor, org: &Org, tool: ToolkitToolId) -> bool {
    let has = |toolkit: &Toolkit| toolkit.tools.iter().any(|exposed| exposed.id == tool);
    role_in(actor, org).is_some() || org.toolkits.values().any(|toolkit| toolkit.public && has(toolkit))
}

/// Whether somebody calls at this org from outside: not with a key of it, and not as a member.
pub fn is_outside(actor: &Actor, org: &Org) -> bool {
    role_in(actor, org).is_none()
}

/// The org that who calls from outside belongs to, for the record: the key's, or of a person's orgs the first by id.
///
/// # Errors
/// `unavailable` when that cannot be known.
pub async fn home_of(services: &Base, actor: &Actor) -> Result<Option<OrgId>> {
    if actor.key_org.is_some() {
        return Ok(actor.key_org);
    }
    let person = services.directory.person(actor.owner).await?;
    Ok(person.and_then(|person| person.orgs.first().copied()))
}
