//! Authorization in the handler's signature: a handler that takes [`Allowed<Needs>`] runs only for
//! an actor whose role in the path's org has that right. Another org is 404, a missing right 403.

use std::{
    marker::PhantomData,
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use axum::{
    extract::{ConnectInfo, FromRequestParts, RawPathParams},
    http::request::Parts,
};
use domain::Right;
use uuid::Uuid;

use crate::{
    error::{Error, Result},
    service::{
        Services,
        access::{self, Actor, OrgAccess},
    },
    telemetry::RequestId,
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

/// Anybody with a valid credential.
pub struct Known(pub Actor);

impl FromRequestParts<Arc<Services>> for Known {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, services: &Arc<Services>) -> Result<Self> {
        let request_id = parts.extensions.get::<RequestId>().map_or_else(Uuid::now_v7, |id| id.0);
        let token = access::bearer(&parts.headers)?.ok_or_else(Error::unauthorized)?;
        access::authenticate(services, token, request_id).map(Self)
    }
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
        let Known(actor) = Known::from_request_parts(parts, services).await?;
        let params = RawPathParams::from_request_parts(parts, services).await.map_err(|_| Error::not_found())?;
        let org = params.iter().find(|(name, _)| *name == "org").map(|(_, value)| value.to_owned());
        let directory = services.directory.get()?;
        OrgAccess::find(&directory, actor, &org.ok_or_else(Error::not_found)?).map(Self)
    }
}
