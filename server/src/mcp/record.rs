//! The record of one MCP request: an intent before, an outcome after, durable before the answer.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use domain::{
    AuditId, Caller, Principal,
    directory::{Org, Toolkit},
};
use uuid::Uuid;

use super::era::Spoken;

use crate::{
    audit::{cut, redact::recorded, text},
    db::audit::{Intent, Outcome, Source, Status},
    error::Result,
    limit::Load,
    service::{
        Services,
        access::{self, Actor},
    },
};

/// Who calls, and where.
#[derive(Clone)]
pub(super) struct Place {
    pub(super) actor: Actor,
    /// The version of the configuration that this was read at.
    pub(super) version: i64,
    pub(super) caller: Caller,
    pub(super) org: Arc<Org>,
    pub(super) toolkit: Arc<Toolkit>,
    /// The client's name and version, as it said.
    pub(super) client: Option<String>,
    /// How the request is spoken.
    pub(super) spoken: Spoken,
    /// How long a call may be held open.
    pub(super) hold: Duration,
    pub(super) request_id: Uuid,
    /// What this request takes up of its caller's budget.
    pub(super) load: Arc<Load>,
}

impl Place {
    /// Begins the record of something this caller sent.
    pub(super) async fn record(&self, services: &Services, action: &str, request: Option<&str>) -> Recording {
        Recording::new(services, self, action, request).await
    }

    /// The same place for a client that has said who it is: that decides how long its calls are held, unless its
    /// key does.
    pub(super) fn of_client(mut self, services: &Services, client: Option<String>) -> Self {
        self.client = client.or(self.client);
        self.hold = self.caller.hold.unwrap_or_else(|| services.hold_times.of(self.client.as_deref()));
        self
    }

    /// Whose quota of the record counts here: a caller's from outside.
    pub(super) fn guest(&self) -> Option<Principal> {
        access::is_outside(&self.actor, &self.org).then_some(self.caller.principal)
    }
}

/// The action of who was not let in to an endpoint.
pub(super) const TURNED_AWAY: &str = "turned away";

/// A record that has begun.
pub(super) struct Recording {
    pub(super) intent: Intent,
    pub(super) began: Instant,
    /// Whose quota it counts at; its request was counted when it came.
    guest: Option<Principal>,
}

/// What the row of a record takes beside its bodies, in bytes.
const ROW: usize = 256;

impl Recording {
    /// What a caller asks, redacted.
    async fn new(services: &Services, place: &Place, action: &str, request: Option<&str>) -> Self {
        let began = Instant::now();
        let intent = Intent {
            id: AuditId::new(),
            at: services.clock.now(),
            org: place.org.id,
            request_id: place.request_id,
            actor: Some(place.caller.principal),
            actor_name: place.caller.name.to_string(),
            actor_org: Some(place.caller.org),
            action: text(&action.chars().take(200).collect::<String>()),
            toolkit: Some(place.toolkit.slug.to_string()),
            tool: None,
            // JSON has no U+0000, which Postgres could not keep.
            request: redacted(request).await.map(Into::into),
            rule: None,
            approval: None,
            client: place.client.clone(),
            source: Source::Mcp,
        };
        Self { intent, began, guest: place.guest() }
    }

    /// Names the tool that is called.
    pub(super) fn tool(mut self, name: &str) -> Self {
        self.intent.tool = Some(text(&name.chars().take(200).collect::<String>()));
        self
    }

    /// Names the tool that is called, if one is.
    pub(super) fn of_tool(self, name: Option<String>) -> Self {
        match name {
            Some(name) => self.tool(&name),
            None => self,
        }
    }

    /// What a caller asked of an endpoint that it was not let in to, in the org it belongs to. `None`
    /// for a person of no org.
    pub(super) fn at_home(services: &Services, actor: &Actor, path: &str, client: Option<String>) -> Option<Self> {
        let directory = services.directory.get().ok()?;
        let org = actor.key_org.or_else(|| access::home_of(&directory, actor))?;
        let intent = Intent {
            id: AuditId::new(),
            at: services.clock.now(),
            org,
            request_id: actor.request_id,
            actor: Some(actor.principal),
            actor_name: actor.name.to_string(),
            actor_org: Some(org),
            action: TURNED_AWAY.to_owned(),
            toolkit: Some(text(&path.chars().take(200).collect::<String>())),
            tool: None,
            request: None,
            rule: None,
            approval: None,
            client,
            source: Source::Mcp,
        };
        Some(Self { intent, began: Instant::now(), guest: None })
    }

    /// Writes both sides, and returns when they are durable. Of what was refused only the beginning is kept.
    pub(super) async fn write(
        &self,
        services: &Services,
        status: Status,
        response: Option<&str>,
        rule: Option<String>,
        approval: Option<domain::ApprovalId>,
    ) -> Result<()> {
        let mut intent = self.intent.clone();
        if status == Status::Refused
            && let Some(whole) = intent.request.take()
        {
            let kept = cut(&whole);
            if let Some(guest) = self.guest {
                services.guest_records.give_back(guest, whole.len() - kept.len());
            }
            intent.request = Some(kept.into());
        }
        services.audit.intend(intent).await?;
        self.conclude(services, status, response, rule, approval).await
    }

    /// Writes the outcome of an intent that is queued, and returns when both are durable.
    pub(super) async fn conclude(
        &self,
        services: &Services,
        status: Status,
        response: Option<&str>,
        rule: Option<String>,
        approval: Option<domain::ApprovalId>,
    ) -> Result<()> {
        let response = redacted(response).await.map(|json| match status {
            Status::Refused => cut(&json).into_owned(),
            _ => json,
        });
        self.charge(services, response.as_deref().unwrap_or_default());
        let duration = self.began.elapsed();
        let toolkit = self.intent.toolkit.clone().unwrap_or_default();
        metrics::counter!("permesso_requests_total", "status" => status.as_str()).increment(1);
        metrics::histogram!("permesso_request_seconds").record(duration.as_secs_f64());
        tracing::debug!(action = %self.intent.action, %toolkit, status = status.as_str(), "request answered");
        let outcome = Outcome {
            intent: self.intent.id,
            intent_at: self.intent.at,
            org: self.intent.org,
            at: services.clock.now(),
            status,
            duration_us: i64::try_from(duration.as_micros()).unwrap_or(i64::MAX),
            response,
            rule: rule.map(|rule| text(&rule)),
            approval,
        };
        services.audit.conclude(outcome).await
    }

    /// Counts the row and the response at a guest's quota.
    pub(super) fn charge(&self, services: &Services, response: &str) {
        if let Some(guest) = self.guest {
            services.guest_records.add(guest, ROW + response.len());
        }
    }
}

async fn redacted(json: Option<&str>) -> Option<String> {
    match json {
        Some(json) => Some(recorded(json).await),
        None => None,
    }
}
