//! From one request to its recorded answer: the list of all MCP methods.

use std::sync::Arc;

use axum::http::{HeaderMap, StatusCode};
use serde_json::value::RawValue;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use wire::{
    envelope::{error_bytes, response_bytes},
    error::RpcError,
};

use super::{
    answered::{Answered, Failure},
    call::call,
    discover, initialize, list,
    reply::{replied, result_bytes, status_of},
    tasks,
};
use crate::{
    db::audit::Status,
    mcp::{
        answer::{Answer, Payload, fault},
        request::place::Place,
    },
    service::{Services, call::Told},
};

/// One request and its circumstances.
pub(in crate::mcp) struct Asked<'a> {
    pub(in crate::mcp) id: &'a RawValue,
    pub(in crate::mcp) method: &'a str,
    pub(in crate::mcp) params: Option<&'a RawValue>,
    /// The request's headers; `None` for an entry of a batch.
    pub(in crate::mcp) headers: &'a HeaderMap,
    /// Cancelled when the client no longer waits for it.
    pub(in crate::mcp) cancel: CancellationToken,
    /// Where progress is sent to the client; `None` for an entry of a batch.
    pub(in crate::mcp) told: Option<mpsc::Sender<Told>>,
}

/// Answers one request.
pub(in crate::mcp) async fn answer(services: &Arc<Services>, place: &Place, asked: Asked<'_>) -> Answer {
    let Asked { id, method, params, .. } = asked;
    let modern = place.spoken.modern;
    let mut session = None;
    let recording = place.record(services, method, params.map(RawValue::get)).await;
    // Its record is a copy of the request.
    place.load.carry(recording.intent.request.as_ref().map_or(0, |request| request.len()));
    let result = match method {
        "tools/call" => return call(services, place, recording, asked).await,
        "tools/list" => list::list_tools(services, place, params).await,
        "server/discover" if modern => Ok(discover::discover(place)),
        "tasks/get" if modern => tasks::get(services, place, params).await,
        "tasks/update" if modern => {
            let reply = tasks::update(services, place, params, &recording.intent).await;
            return replied(services, place, recording, id, reply).await;
        }
        "tasks/cancel" if modern => tasks::cancel(services, place, params).await,
        "initialize" if !modern => match initialize::initialize(services, place, params).await {
            Ok((answered, id)) => {
                session = Some(id);
                Ok(answered)
            }
            Err(failure) => Err(failure),
        },
        "ping" if !modern => Ok(Answered::plain("{}")),
        // Not offered, but clients ask for it all the same and give up the whole server when refused.
        "resources/list" if !modern => Ok(Answered::plain(r#"{"resources":[]}"#)),
        "resources/templates/list" if !modern => Ok(Answered::plain(r#"{"resourceTemplates":[]}"#)),
        "prompts/list" if !modern => Ok(Answered::plain(r#"{"prompts":[]}"#)),
        other => Err(Failure::Rpc(RpcError::method_not_found(other))),
    };
    let (status, record) = match &result {
        Ok(answered) => (Status::Ok, answered.record.clone()),
        Err(Failure::Rpc(error)) => (Status::Refused, Some(error.message.to_string())),
        Err(Failure::Error(error)) => (Status::Failed, Some(error.message.to_string())),
    };
    let approval = result.as_ref().ok().and_then(|answered| answered.approval);
    if let Err(error) = recording.write(services, status, record.as_deref(), None, approval).await {
        return fault::answer(&error, Some(id), place.request_id);
    }
    match result {
        Ok(answered) => {
            // The answer of `server/discover` already describes the server in more detail.
            let bytes = match method {
                "server/discover" => response_bytes(id, &answered.result),
                _ => result_bytes(place, id, &answered.result),
            };
            let answers = answered.answers.into_iter().collect();
            Answer { status: StatusCode::OK, content: Payload::Json { bytes, answers }, session }
        }
        Err(Failure::Rpc(error)) => Answer::json(status_of(place, &error), error_bytes(Some(id), &error)),
        Err(Failure::Error(error)) => fault::answer(&error, Some(id), place.request_id),
    }
}

/// Refuses a request that cannot be read, recorded with the tool that it calls.
pub(in crate::mcp) async fn refuse(
    services: &Arc<Services>,
    place: &Place,
    error: RpcError,
    tool: Option<String>,
) -> Answer {
    let recording = place.record(services, "invalid", None).await.of_tool(tool);
    match recording.write(services, Status::Refused, Some(&error.message), None, None).await {
        Ok(()) => Answer::json(StatusCode::BAD_REQUEST, error_bytes(error.id.as_deref(), &error)),
        Err(unrecorded) => fault::answer(&unrecorded, error.id.as_deref(), place.request_id),
    }
}
