//! A caller at a toolkit, as for MCP: a member, a key of the org, or from outside at a public toolkit.

use std::{sync::Arc, time::Duration};

use api_types::MOST_WAIT;
use axum::{
    extract::{FromRequest, FromRequestParts, RawPathParams, Request},
    http::request::Parts,
};
use bytes::Bytes;
use domain::{
    ApprovalId, Caller,
    directory::{Org, Toolkit},
};
use tokio_util::sync::CancellationToken;
use wire::mcp::Trace;

use crate::{
    api::support::{
        asking::{Asking, client},
        authorize::authenticate,
    },
    error::{Error, Kind, Result},
    limit::{
        Load,
        body::{self, LARGEST},
    },
    service::{
        Services,
        access::{self, Acquaintance, Actor},
        call::{Context, Once, Progress},
        recording::{By, Knock, Recording},
    },
};

/// A caller at the toolkit of the path.
pub struct At {
    pub(super) actor: Actor,
    pub(super) caller: Caller,
    pub(super) org: Arc<Org>,
    pub(super) toolkit: Arc<Toolkit>,
    /// The approval of the path.
    pub(super) id: Option<ApprovalId>,
    /// The request's share of its caller's budget.
    pub(super) load: Arc<Load>,
    client: Option<String>,
    /// The org's and the toolkit's slugs, as they were asked for.
    path: String,
    asking: Asking,
    is_safe: bool,
}

impl FromRequestParts<Arc<Services>> for At {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, services: &Arc<Services>) -> Result<Self> {
        let actor = authenticate(parts, services).await?;
        let asking = Asking::of(&parts.extensions);
        asking.is_by(&actor);
        Acquaintance::make_on(&parts.extensions);
        let params = RawPathParams::from_request_parts(parts, services).await.map_err(|_| Error::not_found())?;
        let named = |name: &str| params.iter().find(|(known, _)| *known == name).map(|(_, value)| value.to_owned());
        let (org, toolkit) = (named("org").unwrap_or_default(), named("toolkit").unwrap_or_default());
        let id = match named("id") {
            Some(id) => Some(ApprovalId(id.parse().map_err(|_| Error::not_found())?)),
            None => None,
        };
        let client = client(&parts.headers);
        let path = format!("{org}/{toolkit}");
        let found = async {
            let (caller, org, toolkit) = access::caller(services, &actor, &org, &toolkit).await?;
            asking.is_about(org.id);
            let is_guest = access::is_outside(&actor, &org);
            // A guest that belongs to no org takes no share of the org that it calls.
            let home = (!is_guest || caller.org != org.id).then_some(caller.org);
            let load = Arc::new(services.budget.begin(caller.principal, home)?);
            if is_guest {
                // A guest whose quota is used up is refused before anything is read.
                services.guest_records.take(caller.principal, 0)?;
            }
            Ok((caller, org, toolkit, load))
        };
        match found.await {
            Ok((caller, org, toolkit, load)) => Ok(Self {
                actor,
                caller,
                org,
                toolkit,
                id,
                load,
                client,
                path,
                asking,
                is_safe: parts.method.is_safe(),
            }),
            Err(error) => Err(turned_away(services, &actor, (&path, client), parts.method.is_safe(), error).await),
        }
    }
}

/// Records that a caller was turned away, unless the layer of the API does ([`refused`](crate::api::refused)). Gives the
/// error that is answered.
async fn turned_away(
    services: &Services,
    actor: &Actor,
    (path, client): (&str, Option<String>),
    is_safe: bool,
    error: Error,
) -> Error {
    if !is_safe && matches!(error.kind, Kind::Forbidden | Kind::Conflict | Kind::Invalid) {
        return error;
    }
    let knock = Knock { path, client, tool: None, source: actor.source() };
    Recording::turned_away(services, actor, knock, &error).await.err().unwrap_or(error)
}

impl At {
    /// Begins the record of a request. What it says of the request is JSON.
    pub(super) async fn record(&self, services: &Services, action: &str, request: Option<&str>) -> Recording {
        let by = By {
            actor: &self.actor,
            caller: &self.caller,
            org: &self.org,
            toolkit: self.toolkit.slug.as_str(),
            client: self.client.as_deref(),
            source: self.actor.source(),
        };
        Recording::of_caller(services, &by, action, request).await
    }

    /// Records that the request was refused before the call was looked at. Gives the error that is answered.
    pub(super) async fn turned_away(&self, services: &Services, error: Error) -> Error {
        turned_away(services, &self.actor, (&self.path, self.client.clone()), self.is_safe, error).await
    }

    /// The request is recorded by its handler.
    pub(super) fn is_recorded(&self) {
        self.asking.is_recorded();
    }

    /// The call as the gate sees it.
    pub(super) fn context(
        &self,
        recording: &Recording,
        wait: Duration,
        cancel: CancellationToken,
        once: Option<Once>,
    ) -> Context {
        Context {
            actor: self.actor.clone(),
            caller: self.caller.clone(),
            org: self.org.clone(),
            toolkit: self.toolkit.clone(),
            client: self.client.clone(),
            tasks: false,
            inputs: None,
            intent: recording.intent.clone(),
            began: recording.began,
            hold: wait.min(Duration::from_secs(MOST_WAIT)),
            joins: wait,
            builtins: false,
            once,
            trace: Trace::default(),
            progress: Progress::default(),
            cancel,
            load: self.load.clone(),
            called: None,
        }
    }
}

/// A caller at the toolkit of the path, and the body that came with the request. Reading may take a while, so the caller's
/// rights are looked up again afterwards.
pub struct Called {
    pub(super) at: At,
    pub(super) body: Bytes,
}

impl FromRequest<Arc<Services>> for Called {
    type Rejection = Error;

    async fn from_request(request: Request, services: &Arc<Services>) -> Result<Self> {
        let (mut parts, body) = request.into_parts();
        let before = At::from_request_parts(&mut parts, services).await?;
        let read = async {
            let body = body::read(body, LARGEST, &before.load).await?;
            before.asking.has_body(&body);
            let now = access::caller_again(services, &before.actor, &before.org, &before.toolkit).await?;
            let (actor, caller, org, _) = &now;
            if access::is_outside(actor, org) {
                services.guest_records.take(caller.principal, body.len())?;
            }
            Ok((now, body))
        };
        match read.await {
            Ok(((actor, caller, org, toolkit), body)) => {
                Ok(Self { at: At { actor, caller, org, toolkit, ..before }, body })
            }
            Err(error) => Err(before.turned_away(services, error).await),
        }
    }
}
