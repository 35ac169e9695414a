//! From one request to its answer, recorded.

use std::sync::Arc;

use axum::{
    body::Body as HttpBody,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use domain::{ApprovalId, OrgId};
use serde_json::value::RawValue;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;
use wire::{
    envelope::{error_bytes, raw_error_bytes, response_bytes},
    error::{HEADER_MISMATCH, METHOD_NOT_FOUND, MISSING_CAPABILITY, RpcError, UNSUPPORTED_VERSION},
    mcp::{CallParams, input::Input, result::with_protocol},
};

use super::{
    body::Tracked,
    called, discover, era, fault, initialize, list,
    listed::{Failure, Listed},
    record::{Place, Recording},
    tasks,
};
use crate::{
    db::audit::Status,
    error::Error,
    limit::Load,
    service::{
        Services,
        call::{self, Body, Context, Progress, Recorded, Reply, Told},
    },
};

/// One answer: what it says, and the HTTP status it has when it stands alone.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) content: Content,
    /// The id of the session that this answer begins.
    pub(super) session: Option<String>,
}

/// What an answer says.
pub(super) enum Content {
    /// Nothing: what it answers is no request.
    Nothing,
    /// JSON-RPC, and the approvals whose results are in it.
    Json { bytes: Vec<u8>, answers: Vec<(OrgId, ApprovalId)> },
    /// A stream of its own.
    Events(HttpBody),
}

impl Answer {
    pub(super) fn json(status: StatusCode, bytes: Vec<u8>) -> Self {
        Self { status, content: Content::Json { bytes, answers: Vec::new() }, session: None }
    }

    /// What was sent is taken, and needs no answer.
    pub(super) fn accepted() -> Self {
        Self { status: StatusCode::ACCEPTED, content: Content::Nothing, session: None }
    }

    /// The answer goes on counting as long as it is there.
    pub(super) fn into_response(self, services: &Arc<Services>, load: &Arc<Load>) -> Response {
        let mut response = match self.content {
            Content::Nothing => self.status.into_response(),
            Content::Events(body) => (self.status, super::stream::EVENT_STREAM, body).into_response(),
            Content::Json { bytes, answers } => {
                let body = HttpBody::new(Tracked::new(services, bytes, answers, load));
                (self.status, [(header::CONTENT_TYPE, "application/json")], body).into_response()
            }
        };
        let headers = response.headers_mut();
        let retry_after = match self.status {
            StatusCode::SERVICE_UNAVAILABLE => Some("2"),
            StatusCode::TOO_MANY_REQUESTS => Some("5"),
            _ => None,
        };
        if let Some(seconds) = retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static(seconds));
        }
        if let Some(session) = self.session.and_then(|id| HeaderValue::from_str(&id).ok()) {
            headers.insert(era::SESSION_ID, session);
        }
        response
    }
}

/// One request, with what belongs to it.
pub(super) struct Asked<'a> {
    pub(super) id: &'a RawValue,
    pub(super) method: &'a str,
    pub(super) params: Option<&'a RawValue>,
    /// The headers it came with; none for an entry of a batch.
    pub(super) headers: &'a HeaderMap,
    /// Cancelled when the client no longer waits for it.
    pub(super) cancel: CancellationToken,
    /// Where the client hears how it goes; nowhere for an entry of a batch.
    pub(super) told: Option<mpsc::Sender<Told>>,
}

/// Answers one request.
pub(super) async fn answer(services: &Arc<Services>, place: &Place, asked: Asked<'_>) -> Answer {
    let Asked { id, method, params, .. } = asked;
    let modern = place.spoken.modern;
    let mut session = None;
    let recording = place.record(services, method, params.map(RawValue::get)).await;
    // Its record is a copy of what it asks.
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
            Ok((listed, id)) => {
                session = Some(id);
                Ok(listed)
            }
            Err(failure) => Err(failure),
        },
        "ping" if !modern => Ok(Listed::plain("{}")),
        other => Err(Failure::Rpc(RpcError::method_not_found(other))),
    };
    let (status, record) = match &result {
        Ok(listed) => (Status::Ok, listed.record.clone()),
        Err(Failure::Rpc(error)) => (Status::Refused, Some(error.message.to_string())),
        Err(Failure::Error(error)) => (Status::Failed, Some(error.message.to_string())),
    };
    let approval = result.as_ref().ok().and_then(|listed| listed.approval);
    if let Err(error) = recording.write(services, status, record.as_deref(), None, approval).await {
        return fault::answer(&error, Some(id), place.request_id);
    }
    match result {
        Ok(listed) => {
            // What is discovered describes the server at more length already.
            let bytes = match method {
                "server/discover" => response_bytes(id, &listed.result),
                _ => result_bytes(place, id, &listed.result),
            };
            let answers = listed.answers.into_iter().collect();
            Answer { status: StatusCode::OK, content: Content::Json { bytes, answers }, session }
        }
        Err(Failure::Rpc(error)) => Answer::json(status_of(place, &error), error_bytes(Some(id), &error)),
        Err(Failure::Error(error)) => fault::answer(&error, Some(id), place.request_id),
    }
}

async fn call(services: &Arc<Services>, place: &Place, recording: Recording, asked: Asked<'_>) -> Answer {
    let id = asked.id;
    let mut parsed = CallParams::parse(asked.params);
    if let Ok(params) = &mut parsed
        && !place.spoken.modern
    {
        // Earlier revisions know no such members.
        params.input = Input::default();
    }
    let recording = match &parsed {
        Ok(params) => recording.tool(&params.name),
        Err(_) => recording.of_tool(called::by_method(asked.method, asked.params)),
    };
    let _cancelled_when_dropped = asked.cancel.clone().drop_guard();
    let checked = parsed.and_then(|params| {
        let tool = place.toolkit.find_tool(&params.name).filter(|_| place.spoken.modern);
        tool.map_or(Ok(()), |tool| era::check_params(asked.headers, tool, params.arguments))?;
        Ok(params)
    });
    let reply = match checked {
        Ok(params) => {
            let context = Context {
                actor: place.actor.clone(),
                version: place.version,
                caller: place.caller.clone(),
                org: place.org.clone(),
                toolkit: place.toolkit.clone(),
                client: place.client.clone(),
                tasks: place.spoken.tasks,
                inputs: place.spoken.inputs,
                intent: recording.intent.clone(),
                began: recording.began,
                hold: place.hold,
                trace: params.meta.trace(),
                progress: asked.told.map(|told| Progress::new(params.meta.progress_token, told)).unwrap_or_default(),
                cancel: asked.cancel,
                load: place.load.clone(),
                called: None,
            };
            call::call_tool(services, context, params).await
        }
        Err(error) => Ok(Reply::error(error)),
    };
    replied(services, place, recording, id, reply).await
}

/// Writes what a reply has not written of its record, and answers with it.
async fn replied(
    services: &Arc<Services>,
    place: &Place,
    recording: Recording,
    id: &RawValue,
    reply: crate::error::Result<Reply>,
) -> Answer {
    let reply = match reply {
        Ok(reply) => reply,
        Err(error) => {
            let written = recording.write(services, Status::Failed, Some(&error.message), None, None).await;
            return fault::answer(&written.err().unwrap_or(error), Some(id), place.request_id);
        }
    };
    let (rule, response) = (reply.rule.clone(), Some(response_text(&reply)));
    let written = match reply.recorded {
        Recorded::Whole => {
            recording.charge(services, response.unwrap_or_default());
            Ok(())
        }
        Recorded::Intent => recording.conclude(services, reply.status, response, rule, reply.approval).await,
        Recorded::Nothing => recording.write(services, reply.status, response, rule, reply.approval).await,
    };
    if let Err(error) = written {
        return unrecorded(&reply, &error, id, place.request_id);
    }
    let (status, bytes) = match &reply.body {
        Body::Result(result) => (StatusCode::OK, result_bytes(place, id, result)),
        Body::UpstreamError(error) => (status_of_theirs(error), raw_error_bytes(id, error)),
        Body::Error(error) => (status_of(place, error), error_bytes(Some(id), error)),
    };
    Answer { status, content: Content::Json { bytes, answers: reply.answers.into_iter().collect() }, session: None }
}

/// A response with a result, with what 2026-07-28 wants in each.
fn result_bytes(place: &Place, id: &RawValue, result: &RawValue) -> Vec<u8> {
    if place.spoken.modern {
        response_bytes(id, &with_protocol(result, discover::server_info()))
    } else {
        response_bytes(id, result)
    }
}

/// The HTTP status of an error of ours: earlier revisions have 200 for all that a request can be answered with,
/// 2026-07-28 has some of its own.
pub(super) fn status_of(place: &Place, error: &RpcError) -> StatusCode {
    match error.code {
        METHOD_NOT_FOUND if place.spoken.modern => StatusCode::NOT_FOUND,
        HEADER_MISMATCH | MISSING_CAPABILITY | UNSUPPORTED_VERSION => StatusCode::BAD_REQUEST,
        _ => StatusCode::OK,
    }
}

/// The HTTP status of an upstream's error. Of those that have one of their own only this comes as it is (see
/// [`Upstreams::call`](crate::upstream::Upstreams::call)), and only to clients of 2026-07-28.
fn status_of_theirs(error: &RawValue) -> StatusCode {
    #[derive(serde::Deserialize)]
    struct Coded {
        code: i64,
    }
    match serde_json::from_str(error.get()) {
        Ok(Coded { code: MISSING_CAPABILITY }) => StatusCode::BAD_REQUEST,
        _ => StatusCode::OK,
    }
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
    let text = format!("what happened could not be recorded, so no result is given; {ran}");
    fault::answer(&Error::unavailable(text), Some(id), request_id)
}

/// Refuses what is not a request that can be read, recorded with the tool that it calls.
pub(super) async fn refuse(services: &Arc<Services>, place: &Place, error: RpcError, tool: Option<String>) -> Answer {
    let recording = place.record(services, "invalid", None).await.of_tool(tool);
    match recording.write(services, Status::Refused, Some(&error.message), None, None).await {
        Ok(()) => Answer::json(StatusCode::BAD_REQUEST, error_bytes(error.id.as_deref(), &error)),
        Err(unrecorded) => fault::answer(&unrecorded, error.id.as_deref(), place.request_id),
    }
}
