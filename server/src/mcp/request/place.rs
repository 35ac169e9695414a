//! Who calls, and where: what a request is handled with once its caller is known.

use std::{sync::Arc, time::Duration};

use domain::{
    Caller, Principal,
    directory::{Org, Toolkit},
};
use uuid::Uuid;

use super::era::Spoken;
use crate::{
    limit::Load,
    service::{
        Services,
        access::{self, Actor},
    },
};

/// Who calls, and where.
#[derive(Clone)]
pub(in crate::mcp) struct Place {
    pub(in crate::mcp) actor: Actor,
    /// The version of the configuration that this was read at.
    pub(in crate::mcp) version: i64,
    pub(in crate::mcp) caller: Caller,
    pub(in crate::mcp) org: Arc<Org>,
    pub(in crate::mcp) toolkit: Arc<Toolkit>,
    /// The client's name and version, as it said.
    pub(in crate::mcp) client: Option<String>,
    /// How the request is spoken.
    pub(in crate::mcp) spoken: Spoken,
    /// How long a call may be held open.
    pub(in crate::mcp) hold: Duration,
    pub(in crate::mcp) request_id: Uuid,
    /// What this request takes up of its caller's budget.
    pub(in crate::mcp) load: Arc<Load>,
}

impl Place {
    /// The same place for a client that has said who it is: that decides how long its calls are held, unless its
    /// key does.
    pub(in crate::mcp) fn of_client(mut self, services: &Services, client: Option<String>) -> Self {
        self.client = client.or(self.client);
        self.hold = self.caller.hold.unwrap_or_else(|| services.hold_times.of(self.client.as_deref()));
        self
    }

    /// Whose quota of the record counts here: a caller's from outside.
    pub(in crate::mcp) fn guest(&self) -> Option<Principal> {
        access::is_outside(&self.actor, &self.org).then_some(self.caller.principal)
    }
}
