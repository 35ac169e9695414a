//! Turns the reply to a call into an answer, once it is recorded.

use std::sync::Arc;

use axum::http::StatusCode;
use serde_json::value::RawValue;
use wire::{
    envelope::{error_bytes, raw_error_bytes, response_bytes},
    error::{HEADER_MISMATCH, METHOD_NOT_FOUND, MISSING_CAPABILITY, RpcError, UNSUPPORTED_VERSION},
    mcp::result::with_protocol,
};

use super::about::server_info;
use crate::{
    db::audit::Status,
    mcp::{
        answer::{Answer, Payload, fault},
        request::place::Place,
    },
    service::{
        Services,
        call::{Body, Reply},
        recording::Recording,
    },
};

/// Writes what is missing of a reply's record, and answers with the reply.
pub(super) async fn replied(
    services: &Arc<Services>,
    place: &Place,
    recording: Recording,
    id: &RawValue,
    reply: crate::error::Result<Reply>,
) -> Answer {
    let reply = match reply.and_then(Reply::marked) {
        Ok(reply) => reply,
        Err(error) => {
            let written = recording.write(services, Status::Failed, Some(&error.message), None, None).await;
            return fault::answer(&written.err().unwrap_or(error), Some(id), place.request_id);
        }
    };
    if let Err(error) = reply.put_on_record(services, &recording).await {
        return fault::answer(&error, Some(id), place.request_id);
    }
    let (status, bytes) = match &reply.body {
        Body::Result(result) => (StatusCode::OK, result_bytes(place, id, result)),
        Body::UpstreamError(error) => (status_of_theirs(error), raw_error_bytes(id, error)),
        Body::Error(error) => (status_of(place, error), error_bytes(Some(id), error)),
    };
    Answer { status, content: Payload::Json { bytes, answers: reply.answers.into_iter().collect() }, session: None }
}

/// A response with a result, with the members that 2026-07-28 requires in each.
pub(super) fn result_bytes(place: &Place, id: &RawValue, result: &RawValue) -> Vec<u8> {
    if place.spoken.modern {
        response_bytes(id, &with_protocol(result, server_info()))
    } else {
        response_bytes(id, result)
    }
}

/// The HTTP status of a gateway's error: in earlier revisions 200 for every answered request, in 2026-07-28 some errors
/// have their own.
pub(in crate::mcp) fn status_of(place: &Place, error: &RpcError) -> StatusCode {
    match error.code {
        METHOD_NOT_FOUND if place.spoken.modern => StatusCode::NOT_FOUND,
        HEADER_MISMATCH | MISSING_CAPABILITY | UNSUPPORTED_VERSION => StatusCode::BAD_REQUEST,
        _ => StatusCode::OK,
    }
}

/// The HTTP status of an upstream's error. Of the errors with a status of their own only this one is passed on
/// unchanged (see [`Upstreams::call`](crate::upstream::Upstreams::call)), and only to clients of 2026-07-28.
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
