//! The caller and the toolkit of a request whose caller is known.

use std::{sync::Arc, time::Duration};

use domain::{
    Caller, Principal,
    directory::{Org, Toolkit},
};
use uuid::Uuid;

use super::era::Spoken;
use crate::{
    db::audit::Source,
    limit::Load,
    service::{
        Services,
        access::{self, Actor},
        recording::{By, Recording},
    },
};

/// The caller, the toolkit and the terms of a request.
#[derive(Clone)]
pub(in crate::mcp) struct Place {
    pub(in crate::mcp) actor: Actor,
    pub(in crate::mcp) caller: Caller,
    pub(in crate::mcp) org: Arc<Org>,
    pub(in crate::mcp) toolkit: Arc<Toolkit>,
    /// The client's name and version, as the client stated them.
    pub(in crate::mcp) client: Option<String>,
    /// The revision and metadata of the request.
    pub(in crate::mcp) spoken: Spoken,
    /// How long a call may be held open.
    pub(in crate::mcp) hold: Duration,
    pub(in crate::mcp) request_id: Uuid,
    /// The request's share of its caller's budget.
    pub(in crate::mcp) load: Arc<Load>,
}

impl Place {
    /// The same place with a client's name: it decides how long calls are held, unless the caller's key does.
    pub(in crate::mcp) fn of_client(mut self, services: &Services, client: Option<String>) -> Self {
        self.client = client.or(self.client);
        self.hold = self.caller.hold.unwrap_or_else(|| services.hold_times.of(self.client.as_deref()));
        self
    }

    /// Begins the record of a message from this caller.
    pub(in crate::mcp) async fn record(&self, services: &Services, action: &str, request: Option<&str>) -> Recording {
        let by = By {
            actor: &self.actor,
            caller: &self.caller,
            org: &self.org,
            toolkit: self.toolkit.slug.as_str(),
            client: self.client.as_deref(),
            source: Source::Mcp,
        };
        Recording::of_caller(services, &by, action, request).await
    }

    /// The principal whose guest quota of records applies: a caller from outside the org.
    pub(in crate::mcp) fn guest(&self) -> Option<Principal> {
        access::is_outside(&self.actor, &self.org).then_some(self.caller.principal)
    }
}
