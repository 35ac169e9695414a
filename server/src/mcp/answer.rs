//! From one request to its answer, recorded.

use std::sync::Arc;

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use domain::{ApprovalId, OrgId};
use serde_json::{json, value::RawValue};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;
use wire::{
    envelope::{error_bytes, raw_error_bytes, response_bytes},
    error::{INTERNAL_ERROR, INVALID_REQUEST, RpcError},
    mcp::{CallParams, RequestMeta},
};

use super::{
    initialize, list,
    listed::{Failure, Listed},
    record::{Place, Recording},
    tasks,
};
use crate::{
    db::audit::Status,
    error::{Error, Kind},
    service::{
        Services,
        access::Actor,
        call::{self, Body, Context, Recorded, Reply},
    },
};

/// One answer: a JSON-RPC response, and the HTTP status it has when it stands alone.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) bytes: Vec<u8>,
    /// The approval whose result this is.
    pub(super) answers: Option<(OrgId, ApprovalId)>,
}

/// Answers one request.
pub(super) async fn answer(
    services: &Arc<Services>,
    place: &Place,
    id: &RawValue,
    method: &str,
    params: Option<&RawValue>,
) -> Answer {
    let declared = RequestMeta::read(params).ok().flatten().is_some_and(|meta| meta.tasks);
    let place = &Place { tasks: declared, ..place.clone() };
    let recording = place.record(services, method, params.map(RawValue::get));
    let result = match method {
        "tools/call" => return call(services, place, recording, id, params).await,
        "initialize" => initialize::initialize(place, params),
        "ping" => Ok(Listed::plain("{}")),
        "tools/list" => list::list_tools(services, place, params).await,
        "tasks/get" => tasks::get(services, place, params).await,
        "tasks/update" => tasks::update(services, place, params).await,
        "tasks/cancel" => tasks::cancel(services, place, params).await,
        other => Err(Failure::Rpc(RpcError::method_not_found(other))),
    };
    let (status, record) = match &result {
        Ok(listed) => (Status::Ok, listed.record.clone()),
        Err(Failure::Rpc(error)) => (Status::Refused, Some(error.message.to_string())),
        Err(Failure::Error(error)) => (Status::Failed, Some(error.message.to_string())),
    };
    let approval = result.as_ref().ok().and_then(|listed| listed.approval);
    if let Err(error) = recording.write(services, status, record.as_deref(), None, approval).await {
        return failed(&error, Some(id), place.request_id);
    }
    match result {
        Ok(listed) => {
            Answer { status: StatusCode::OK, bytes: response_bytes(id, &listed.result), answers: listed.answers }
        }
        Err(Failure::Rpc(error)) => {
            Answer { status: StatusCode::OK, bytes: error_bytes(Some(id), &error), answers: None }
        }
        Err(Failure::Error(error)) => failed(&error, Some(id), place.request_id),
    }
}

async fn call(
    services: &Arc<Services>,
    place: &Place,
    recording: Recording,
    id: &RawValue,
    params: Option<&RawValue>,
) -> Answer {
    let parsed = CallParams::parse(params);
    let recording = match &parsed {
        Ok(params) => recording.tool(&params.name),
        Err(_) => recording,
    };
    let cancel = CancellationToken::new();
    let _cancelled_when_dropped = cancel.clone().drop_guard();
    let reply = match parsed {
        Ok(params) => {
            let context = Context {
                actor: place.actor.clone(),
                version: place.version,
                caller: place.caller.clone(),
                org: place.org.clone(),
                toolkit: place.toolkit.clone(),
                client: place.client.clone(),
                tasks: place.tasks,
                intent: recording.intent.clone(),
                began: recording.began,
            };
            call::call_tool(services, context, params, cancel).await
        }
        Err(error) => Ok(Reply::error(error)),
    };
    let reply = match reply {
        Ok(reply) => reply,
        Err(error) => {
            let written = recording.write(services, Status::Failed, Some(&error.message), None, None).await;
            return failed(&written.err().unwrap_or(error), Some(id), place.request_id);
        }
    };
    let (rule, response) = (reply.rule.clone(), Some(response_text(&reply)));
    let written = match reply.recorded {
        Recorded::Whole => Ok(()),
        Recorded::Intent => recording.conclude(services, reply.status, response, rule, reply.approval).await,
        Recorded::Nothing => recording.write(services, reply.status, response, rule, reply.approval).await,
    };
    if let Err(error) = written {
        return unrecorded(&reply, &error, id, place.request_id);
    }
    let bytes = match &reply.body {
        Body::Result(result) => response_bytes(id, result),
        Body::UpstreamError(error) => raw_error_bytes(id, error),
        Body::Error(error) => error_bytes(Some(id), error),
    };
    Answer { status: StatusCode::OK, bytes, answers: reply.answers }
}

fn response_text(reply: &Reply) -> &str {
    match &reply.body {
        Body::Result(raw) | Body::UpstreamError(raw) => raw.get(),
        Body::Error(error) => &error.message,
    }
}

/// The outcome could not be made durable, so it is not told; whether the call may have run is.
fn unrecorded(reply: &Reply, error: &Error, id: &RawValue, request_id: Uuid) -> Answer {
    error.log();
    let ran = match reply.status {
        Status::Ok | Status::Error | Status::Unknown => "the call may have run",
        _ => "the call did not run",
    };
    failed(
        &Error::unavailable(format!("what happened could not be recorded, so no result is given; {ran}")),
        Some(id),
        request_id,
    )
}

/// Refuses what is not a request that can be read, recorded.
pub(super) async fn refuse(services: &Arc<Services>, place: &Place, error: RpcError) -> Answer {
    let recording = place.record(services, "invalid", None);
    match recording.write(services, Status::Refused, Some(&error.message), None, None).await {
        Ok(()) => Answer { status: StatusCode::OK, bytes: error_bytes(error.id.as_deref(), &error), answers: None },
        Err(unrecorded) => failed(&unrecorded, error.id.as_deref(), place.request_id),
    }
}

/// A fault as a JSON-RPC error with the HTTP status of its kind.
fn failed(error: &Error, id: Option<&RawValue>, request_id: Uuid) -> Answer {
    error.log();
    Answer { status: status(error.kind), bytes: error_bytes(id, &rpc_error(error, request_id)), answers: None }
}

fn rpc_error(error: &Error, request_id: Uuid) -> RpcError {
    let code = match error.kind {
        Kind::Unavailable | Kind::Internal => INTERNAL_ERROR,
        _ => INVALID_REQUEST,
    };
    let data = json!({"code": error.code, "request_id": request_id});
    let data = serde_json::value::to_raw_value(&data).unwrap_or_default();
    RpcError::new(code, error.message.to_string()).with_data(data)
}

fn status(kind: Kind) -> StatusCode {
    match kind {
        Kind::BadRequest | Kind::Invalid | Kind::Conflict => StatusCode::BAD_REQUEST,
        Kind::Unauthorized => StatusCode::UNAUTHORIZED,
        Kind::Forbidden => StatusCode::FORBIDDEN,
        Kind::NotFound => StatusCode::NOT_FOUND,
        Kind::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
        Kind::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        Kind::TooMany(_) => StatusCode::TOO_MANY_REQUESTS,
        Kind::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        Kind::Internal => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// An error before there is a message to answer, for a caller who is known: recorded in the org it
/// calls from, since the one it knocks at may not be its business.
pub(super) async fn turned_away(services: &Services, actor: &Actor, path: &str, error: &Error) -> Response {
    if error.kind != Kind::Unavailable
        && let Some(recording) = Recording::at_home(services, actor, path)
        && let Err(unrecorded) = recording.write(services, Status::Refused, Some(&error.message), None, None).await
    {
        return transport_error(&unrecorded, actor.request_id);
    }
    transport_error(error, actor.request_id)
}

/// An error before there is a message to answer: counted where nobody is known.
pub(super) fn transport_error(error: &Error, request_id: Uuid) -> Response {
    let answer = failed(error, None, request_id);
    let mut response = (answer.status, [(header::CONTENT_TYPE, "application/json")], answer.bytes).into_response();
    match error.kind {
        Kind::Unauthorized => {
            metrics::counter!("permesso_unauthenticated_total").increment(1);
            let challenge = HeaderValue::from_static("Bearer realm=\"permesso\"");
            response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
        }
        Kind::Unavailable => {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("2"));
        }
        _ => {}
    }
    response
}
