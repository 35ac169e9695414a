//! Authorization in the handler's signature: a handler that takes [`Allowed<Needs>`] runs only for
//! an actor whose role in the path's org has that right. Another org is 404, a missing right 403.

use std::{
    marker::PhantomData,
    net::{IpAddr, SocketAddr},
    sync::{Arc, OnceLock},
};

use axum::{
    extract::{ConnectInfo, FromRequestParts, RawPathParams},
    http::{HeaderMap, header, request::Parts},
};
use domain::{OrgId, Right};
use tower_sessions::Session;
use uuid::Uuid;

use crate::{
    api::support::asking::{Asking, asked_with, request_id},
    db::audit::Source,
    error::{Error, Result},
    limit::Load,
    service::{
        Services,
        access::{self, Acquaintance, Actor, OrgAccess},
        identity::{session, sign_in::Knock},
        on_record,
        signed::Whence,
    },
};

/// Where a request comes from: what a layer that knows the trusted proxies put there, else its peer.
#[derive(Clone, Copy, Debug)]
pub struct ClientAddress(pub IpAddr);

impl<S: Send + Sync> FromRequestParts<S> for ClientAddress {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self> {
        let peer = || parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(peer)| Self(peer.ip()));
        let found = parts.extensions.get::<Self>().copied().or_else(peer);
        found.ok_or_else(|| Error::internal("the server was started without its peers' addresses"))
    }
}

/// Somebody who signs in from a browser: the session that will be theirs, and where they come from.
pub struct Visitor {
    /// What the request's cookie names, or a new one.
    pub session: Session,
    /// Where they come from.
    pub whence: Whence,
    /// The request.
    pub request_id: Uuid,
}

impl Visitor {
    /// Their attempt to sign in by this operation.
    pub(in crate::api) fn knock(&self, action: &'static str, source: Source) -> Knock {
        Knock { action, source, whence: self.whence.clone(), request_id: self.request_id }
    }
}

impl FromRequestParts<Arc<Services>> for Visitor {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, services: &Arc<Services>) -> Result<Self> {
        let ClientAddress(address) = ClientAddress::from_request_parts(parts, services).await?;
        let cookies = parts.headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
        let device = services.identity.devices.of_request(cookies, services.is_https());
        let session = parts.extensions.get::<Session>().cloned();
        let client = parts.headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok());
        Ok(Self {
            session: session.ok_or_else(|| Error::internal("this route stands outside of the session layer"))?,
            whence: Whence { address, client: client.map(str::to_owned), device },
            request_id: request_id(parts),
        })
    }
}

/// What a request takes up of its caller's budget, from when it is known who asks until it is answered. A layer puts one
/// into each request and keeps it until then.
#[derive(Clone, Default)]
pub struct RequestLoad(Arc<OnceLock<Load>>);

impl RequestLoad {
    /// Begins, unless it has.
    pub(in crate::api) fn begin(&self, begin: impl FnOnce() -> Result<Load>) -> Result<&Load> {
        if let Some(load) = self.0.get() {
            return Ok(load);
        }
        let load = begin()?;
        Ok(self.0.get_or_init(|| load))
    }
}

/// Counts the request at its caller's budget, and at the org's that it is about or the caller belongs to.
fn begin(parts: &Parts, services: &Services, actor: &Actor, org: Option<OrgId>) -> Result<()> {
    let taken = parts.extensions.get::<RequestLoad>().cloned().unwrap_or_default();
    taken.begin(|| services.budget.begin(actor.principal, org)).map(drop)
}

/// Anybody with a valid credential: an API key or a login token as bearer, else the console's cookie
/// where its layer is (`/api/v1`). A bearer that is wrong is not rescued by a cookie.
pub struct Known(pub Actor);

impl FromRequestParts<Arc<Services>> for Known {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, services: &Arc<Services>) -> Result<Self> {
        let actor = authenticate(parts, services).await?;
        Asking::of(&parts.extensions).is_by(&actor);
        begin(parts, services, &actor, actor.key_org)?;
        Acquaintance::make_on(&parts.extensions);
        Ok(Self(actor))
    }
}

pub(in crate::api) async fn authenticate(parts: &Parts, services: &Arc<Services>) -> Result<Actor> {
    let request_id = request_id(parts);
    if let Some(token) = access::bearer(&parts.headers)? {
        return access::authenticate(services, token, request_id)
            .await
            .inspect_err(|_| on_record::ended_key(&services.base, token, asked_with(parts, request_id)));
    }
    let session = parts.extensions.get::<Session>().cloned().ok_or_else(Error::unauthorized)?;
    let attended = is_attended(&parts.headers);
    session::authenticate(services, &session, attended, request_id).await
}

/// Whether somebody is at the console: an event stream opens by itself, and the console marks what it asks while
/// nobody has touched it for a while.
fn is_attended(headers: &HeaderMap) -> bool {
    let is_stream = headers.get(header::ACCEPT).is_some_and(|accept| accept == "text/event-stream");
    !is_stream && !headers.contains_key(api_types::UNATTENDED)
}

/// A right that a handler needs.
pub trait Needs: Send + Sync + 'static {
    /// The right.
    const RIGHT: Right;
}

macro_rules! needs {
    ($($name:ident),+ $(,)?) => {$(
        #[doc = concat!("Needs [`Right::", stringify!($name), "`].")]
        pub struct $name;
        impl Needs for $name {
            const RIGHT: Right = Right::$name;
        }
    )+};
}

needs! {
    ReadApprovals, ReadAudit, ReadToolkits, WriteToolkits, ReadConnections, WriteConnections,
    ReadKeys, WriteKeys, ReadMembers, WriteMembers, WriteOrg,
}

/// An actor whose role in the org of the path (`{org}`) has the right.
pub struct Allowed<N>(pub OrgAccess, PhantomData<N>);

impl<N: Needs> FromRequestParts<Arc<Services>> for Allowed<N> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, services: &Arc<Services>) -> Result<Self> {
        let Member(access) = Member::from_request_parts(parts, services).await?;
        access.require(N::RIGHT)?;
        Ok(Self(access, PhantomData))
    }
}

/// A person whose role in the org of the path may decide. A key is told that it takes a person,
/// whatever its role (approvals.md, promise 6).
pub struct Approver(pub OrgAccess);

impl FromRequestParts<Arc<Services>> for Approver {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, services: &Arc<Services>) -> Result<Self> {
        let Member(access) = Member::from_request_parts(parts, services).await?;
        access.actor.person()?;
        access.require(Right::DecideApprovals)?;
        Ok(Self(access))
    }
}

/// An actor who belongs to the org of the path, with any role.
pub struct Member(pub OrgAccess);

impl FromRequestParts<Arc<Services>> for Member {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, services: &Arc<Services>) -> Result<Self> {
        let actor = authenticate(parts, services).await?;
        let params = RawPathParams::from_request_parts(parts, services).await.map_err(|_| Error::not_found())?;
        let org = params.iter().find(|(name, _)| *name == "org").map(|(_, value)| value.to_owned());
        let access = OrgAccess::find(services, actor, &org.ok_or_else(Error::not_found)?).await?;
        let asking = Asking::of(&parts.extensions);
        asking.is_by(&access.actor);
        asking.is_about(access.org.id);
        begin(parts, services, &access.actor, Some(access.org.id))?;
        Ok(Self(access))
    }
}
