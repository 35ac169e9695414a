//! The record of one MCP request: an intent before, an outcome after, durable before the answer.

use std::time::Instant;

use domain::{AuditId, Principal};

use super::place::Place;
use crate::{
    audit::{cut, redact::recorded, text},
    db::audit::{Intent, Outcome, Source, Status},
    error::Result,
    metrics,
    service::{
        Services,
        access::{self, Actor},
    },
};

/// The recorded action of a caller that was refused at an endpoint.
pub(in crate::mcp) const TURNED_AWAY: &str = "turned away";

/// A record with its intent.
pub(in crate::mcp) struct Recording {
    pub(in crate::mcp) intent: Intent,
    pub(in crate::mcp) began: Instant,
    /// The guest whose quota it counts towards; its request was already counted on arrival.
    guest: Option<Principal>,
}

impl Place {
    /// Begins the record of a message from this caller.
    pub(in crate::mcp) async fn record(&self, services: &Services, action: &str, request: Option<&str>) -> Recording {
        Recording::new(services, self, action, request).await
    }
}

/// The size of a record's row without its bodies, in bytes.
const ROW: usize = 256;

impl Recording {
    /// The caller's request, redacted.
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
            // JSON escapes U+0000, which Postgres could not store.
            request: redacted(request).await.map(Into::into),
            rule: None,
            approval: None,
            client: place.client.clone(),
            source: Source::Mcp,
        };
        Self { intent, began, guest: place.guest() }
    }

    /// Names the called tool.
    pub(in crate::mcp) fn tool(mut self, name: &str) -> Self {
        self.intent.tool = Some(text(&name.chars().take(200).collect::<String>()));
        self
    }

    /// Names the called tool, if there is one.
    pub(in crate::mcp) fn of_tool(self, name: Option<String>) -> Self {
        match name {
            Some(name) => self.tool(&name),
            None => self,
        }
    }

    /// The request of a caller that was refused at an endpoint, recorded in the org that the caller belongs to. `None`
    /// for a person of no org.
    pub(in crate::mcp) async fn at_home(
        services: &Services,
        actor: &Actor,
        path: &str,
        client: Option<String>,
    ) -> Result<Option<Self>> {
        let Some(org) = access::home_of(services, actor).await? else { return Ok(None) };
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
        Ok(Some(Self { intent, began: Instant::now(), guest: None }))
    }

    /// Writes both sides, and returns when they are durable. Of a refused request only the beginning is kept.
    pub(in crate::mcp) async fn write(
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

    /// Writes the outcome of a queued intent, and returns when both are durable.
    pub(in crate::mcp) async fn conclude(
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
        metrics::request_answered(status.as_str(), duration);
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

    /// Counts the row and the response towards a guest's quota.
    pub(in crate::mcp) fn charge(&self, services: &Services, response: &str) {
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
