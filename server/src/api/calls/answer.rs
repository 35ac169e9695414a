//! The reply to a call, as HTTP.

use std::{sync::Arc, time::Duration};

use api_types::{CallStatus, ToolCall};
use axum::{
    body::Body as HttpBody,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use serde_json::{Value, value::RawValue};

use super::at::At;
use crate::{
    directory::Problem,
    error::{AboutCall, Error, FieldError, Kind},
    service::{
        Services,
        call::{Body, Refusal, Reply},
        delivered::Tracked,
    },
};

/// When a caller should ask again who has too much open.
const AGAIN: Duration = Duration::from_secs(20);
/// The same for who has used too many keys within a day.
const LATER: Duration = Duration::from_secs(3_600);

/// The answer: how the call stands, or a problem if it was refused.
pub(super) fn respond(services: &Arc<Services>, at: &At, reply: Reply) -> Response {
    let answers = reply.answers.into_iter().collect();
    let call = match stands(at, reply) {
        Ok(call) => call,
        Err(error) => return error.into_response(),
    };
    let bytes = match serde_json::to_vec(&call) {
        Ok(bytes) => bytes,
        Err(error) => return Error::internal(error).into_response(),
    };
    let status = match call.status {
        CallStatus::Pending | CallStatus::Approved | CallStatus::Executing => StatusCode::ACCEPTED,
        _ => StatusCode::OK,
    };
    let body = HttpBody::new(Tracked::new(&services.base, bytes, answers, &at.load));
    let mut response = (status, [(header::CONTENT_TYPE, "application/json")], body).into_response();
    if status == StatusCode::ACCEPTED
        && let Some(id) = call.approval_id
        && let Ok(place) = HeaderValue::from_str(&format!("/api/v1{}", path(at, id)))
    {
        response.headers_mut().insert(header::LOCATION, place);
    }
    response
}

/// Where a caller asks how its call stands.
fn path(at: &At, id: uuid::Uuid) -> String {
    format!("/orgs/{}/toolkits/{}/calls/{id}", at.org.slug, at.toolkit.slug)
}

/// What the gateway says of a call, as far as it is passed on.
#[derive(Deserialize)]
struct Facts {
    status: String,
    executed: bool,
    message: String,
    next_action: Option<String>,
    reason: Option<String>,
    console_url: Option<String>,
    expires_at: Option<chrono::DateTime<chrono::Utc>>,
    #[serde(default)]
    replayed: bool,
    #[serde(default)]
    waits_for: Vec<String>,
}

fn stands(at: &At, reply: Reply) -> Result<ToolCall, Error> {
    let Reply { body, rule, approval, facts, refusal, .. } = reply;
    let facts: Option<Facts> = match facts {
        Some(facts) => Some(Facts::deserialize(*facts).map_err(Error::internal)?),
        None => None,
    };
    let about = AboutCall {
        // Of a call that another request is making it is not known.
        executed: (refusal != Some(Refusal::InProgress)).then_some(false),
        rule: rule.clone(),
        next_action: facts.as_ref().and_then(|facts| facts.next_action.clone()),
        approval_id: approval.map(|id| id.0),
    };
    if let Some(refusal) = refusal {
        let message = match (&facts, &body) {
            (Some(facts), _) => facts.message.clone(),
            (None, Body::Error(error)) => error.message.to_string(),
            _ => String::new(),
        };
        return Err(refused(refusal, message).about_call(about));
    }
    let (result, error) = match body {
        Body::Result(raw) => (Some(raw), None),
        Body::UpstreamError(raw) => (None, Some(raw)),
        // What became of it cannot be told now: it may have run.
        Body::Error(_) => {
            let message = "what became of the call cannot be told right now: it may be running or have run. Send the \
                           same request again later, and do not run it in another way";
            let error = Error::new(Kind::Unavailable, "state_unreadable", message);
            return Err(error.about_call(AboutCall { executed: None, ..about }));
        }
    };
    let Some(facts) = facts else { return Ok(ran(result, error, rule, approval.map(|id| id.0))) };
    let Some(status) = word(&facts.status) else {
        // Every refusal has a reason of its own, which was answered above.
        return Err(Error::internal(facts.message));
    };
    let keeps_result = facts.next_action.as_deref() == Some("use_result");
    Ok(ToolCall {
        status,
        executed: facts.executed,
        approval_id: about.approval_id,
        rule,
        message: message(at, status, &facts, about.approval_id),
        reason: facts.reason,
        result: result.filter(|_| keeps_result),
        error: error.filter(|_| keeps_result),
        replayed: facts.replayed,
        next_action: facts.next_action,
        waits_for: facts.waits_for,
        console_url: facts.console_url,
        expires_at: facts.expires_at,
    })
}

/// It ran, and this is the upstream's answer.
fn ran(
    result: Option<Box<RawValue>>,
    error: Option<Box<RawValue>>,
    rule: Option<String>,
    approval_id: Option<uuid::Uuid>,
) -> ToolCall {
    let message = match (&result, &error) {
        (_, Some(_)) => "it ran, and the upstream answered with an error",
        (Some(result), _) if wire::mcp::is_error(result) => "it ran, and the tool reported an error",
        _ => "it ran",
    };
    ToolCall {
        status: CallStatus::Executed,
        executed: true,
        approval_id,
        rule,
        reason: None,
        message: message.to_owned(),
        result,
        error,
        replayed: false,
        next_action: Some("use_result".to_owned()),
        waits_for: Vec::new(),
        console_url: None,
        expires_at: None,
    }
}

/// The gateway's words for agents name tools of MCP: what waits is told in the words of HTTP.
fn message(at: &At, status: CallStatus, facts: &Facts, id: Option<uuid::Uuid>) -> String {
    let Some(id) = id else { return facts.message.clone() };
    let ask = format!("GET /api/v1{}?wait_seconds=60", path(at, id));
    match (status, facts.next_action.as_deref()) {
        (CallStatus::Pending, _) => format!(
            "NOT EXECUTED: waiting for a person's decision{}. {ask} tells how it stands. Once it is approved, send the same \
             request again: it runs then, once.",
            facts.reason.as_ref().map(|reason| format!(". WARNING: {reason}")).unwrap_or_default(),
        ),
        (CallStatus::Executing, Some("call_approval_status")) => {
            format!(
                "NOT FINISHED: the call was approved and is running; there is no result yet. {ask} tells how it stands."
            )
        }
        _ => facts.message.clone(),
    }
}

fn word(status: &str) -> Option<CallStatus> {
    CallStatus::deserialize(Value::from(status)).ok()
}

fn refused(refusal: Refusal, message: String) -> Error {
    let (kind, code) = match &refusal {
        Refusal::Blocked => (Kind::Forbidden, "blocked"),
        Refusal::UnknownTool => (Kind::NotFound, "unknown_tool"),
        Refusal::Arguments(_) => (Kind::Invalid, "invalid"),
        Refusal::TooLarge => (Kind::TooLarge, "arguments_too_large"),
        Refusal::TooManyOpen => (Kind::TooMany(AGAIN), "too_many_open"),
        Refusal::Connection => (Kind::Unavailable, "connection_unavailable"),
        Refusal::InProgress => (Kind::Conflict, "in_progress"),
        Refusal::KeyReused => (Kind::Invalid, "idempotency_key_reused"),
        Refusal::TooManyKeys => (Kind::TooMany(LATER), "too_many_keys"),
    };
    let mut error = Error::new(kind, code, message);
    if let Refusal::Arguments(problems) = refusal {
        error.fields = problems.into_iter().map(field).collect();
    }
    error
}

fn field(Problem { pointer, message }: Problem) -> FieldError {
    FieldError { field: format!("/arguments{pointer}"), message }
}
