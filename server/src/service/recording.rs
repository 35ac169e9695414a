//! The record of one request of a caller: an intent before, an outcome after, durable before the answer.

use std::time::Instant;

use domain::{AuditId, Caller, Principal, directory::Org};

use super::{
    Calls,
    access::{self, Actor},
};
use crate::{
    audit::{cut, redact::recorded, text},
    db::audit::{Intent, Outcome, Source, Status},
    error::{Error, Kind, Result},
    limit, metrics,
};

/// The recorded action of a caller that was refused at an endpoint.
pub const TURNED_AWAY: &str = "turned away";

/// Who makes a request, and where.
pub struct By<'a> {
    /// The owner of the credential.
    pub actor: &'a Actor,
    /// Who calls.
    pub caller: &'a Caller,
    /// The org that is called.
    pub org: &'a Org,
    /// The toolkit's slug.
    pub toolkit: &'a str,
    /// The client's name, as the client stated it.
    pub client: Option<&'a str>,
    /// The face that the request came to.
    pub source: Source,
}

/// The request of a caller that was turned away, for its record.
pub struct Knock<'a> {
    /// The org's and the toolkit's slugs.
    pub path: &'a str,
    /// The client's name, as the client states it.
    pub client: Option<String>,
    /// The tool that is called, if it is known.
    pub tool: Option<String>,
    /// The face that it came to.
    pub source: Source,
}

/// A record with its intent.
pub struct Recording {
    /// What is recorded before the request is acted on.
    pub intent: Intent,
    /// When the request came in.
    pub began: Instant,
    /// The guest whose quota it counts towards; its request was already counted on arrival.
    guest: Option<Principal>,
}

/// The size of a record's row without its bodies, in bytes.
const ROW: usize = 256;

impl Recording {
    /// Begins the record of a request of this caller at this toolkit. The request is JSON; secrets are taken out of it.
    pub async fn of_caller(services: &Calls, by: &By<'_>, action: &str, request: Option<&str>) -> Self {
        let began = Instant::now();
        let intent = Intent {
            id: AuditId::new(),
            at: services.clock.now(),
            org: by.org.id,
            request_id: by.actor.request_id,
            actor: Some(by.caller.principal),
            actor_name: by.caller.name.to_string(),
            actor_org: Some(by.caller.org),
            action: text(&action.chars().take(200).collect::<String>()),
            toolkit: Some(by.toolkit.to_owned()),
            tool: None,
            // JSON escapes U+0000, which Postgres could not store.
            request: redacted(request).await.map(Into::into),
            rule: None,
            approval: None,
            client: by.client.map(ToOwned::to_owned),
            source: by.source,
        };
        let guest = access::is_outside(by.actor, by.org).then_some(by.caller.principal);
        Self { intent, began, guest }
    }

    /// Names the called tool.
    pub fn tool(mut self, name: &str) -> Self {
        self.intent.tool = Some(text(&name.chars().take(200).collect::<String>()));
        self
    }

    /// Names the called tool, if there is one.
    pub fn of_tool(self, name: Option<String>) -> Self {
        match name {
            Some(name) => self.tool(&name),
            None => self,
        }
    }

    /// Records that a caller was turned away before its request was looked at, in the org that the caller belongs to, since
    /// the org that it tried to reach may not concern it. Only some refusals for lack of room are recorded (approvals.md,
    /// promise 3); without Postgres no record can be written.
    ///
    /// # Errors
    /// If it could not be recorded.
    pub async fn turned_away(services: &Calls, actor: &Actor, knock: Knock<'_>, error: &Error) -> Result<()> {
        let mut said = error.message.to_string();
        if limit::is_over(error) {
            match services.refusals.note(actor.principal, error.code) {
                None => return Ok(()),
                Some(0) => {}
                Some(others) => said.push_str(&format!(" ({others} more were refused before this one)")),
            }
        } else if error.kind == Kind::Unavailable {
            return Ok(());
        }
        match Self::at_home(services, actor, knock.path, knock.client, knock.source).await? {
            Some(recording) => {
                recording.of_tool(knock.tool).write(services, Status::Refused, Some(&said), None, None).await
            }
            None => Ok(()),
        }
    }

    /// The request of a caller that was refused at an endpoint, recorded in the org that the caller belongs to. `None`
    /// for a person of no org.
    ///
    /// # Errors
    /// When the org cannot be found out.
    async fn at_home(
        services: &Calls,
        actor: &Actor,
        path: &str,
        client: Option<String>,
        source: Source,
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
            source,
        };
        Ok(Some(Self { intent, began: Instant::now(), guest: None }))
    }

    /// Writes both sides, and returns when they are durable. Of a refused request only the beginning is kept.
    ///
    /// # Errors
    /// If they could not be made durable.
    pub async fn write(
        &self,
        services: &Calls,
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
    ///
    /// # Errors
    /// If they could not be made durable.
    pub async fn conclude(
        &self,
        services: &Calls,
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
    pub fn charge(&self, services: &Calls, response: &str) {
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
