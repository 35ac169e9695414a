//! Faults as JSON-RPC errors, each with the HTTP status of its kind.

use axum::{
    extract::Request,
    http::{Extensions, HeaderValue, Method, StatusCode, header},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use serde_json::{json, value::RawValue};
use uuid::Uuid;
use wire::{
    envelope::error_bytes,
    error::{INTERNAL_ERROR, INVALID_REQUEST, RpcError},
};

use super::Answer;
use crate::{
    db::audit::Source,
    error::{Error, Kind, Result},
    mcp::request::{asked, place::Place},
    metrics,
    service::{
        Services,
        access::Actor,
        recording::{self, Recording},
    },
    telemetry::RequestId,
};

/// A fault as the answer to a request.
pub(in crate::mcp) fn answer(error: &Error, id: Option<&RawValue>, request_id: Uuid) -> Answer {
    error.log();
    Answer::json(status(error.kind), error_bytes(id, &rpc_error(error, request_id)))
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
        Kind::BadRequest | Kind::Invalid | Kind::Conflict | Kind::PreconditionFailed => StatusCode::BAD_REQUEST,
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

/// The request of a caller that was refused, for its record.
pub(in crate::mcp) struct Knock<'a> {
    /// The org's and the toolkit's slugs.
    pub(in crate::mcp) path: &'a str,
    /// The client's name, as the client states it.
    pub(in crate::mcp) client: Option<String>,
    /// The tool that is called, if it is known.
    pub(in crate::mcp) tool: Option<String>,
    /// The request's id, if it is known.
    pub(in crate::mcp) id: Option<&'a RawValue>,
}

/// An error before there is a message to answer, for a known caller. Recorded in the org that the caller belongs to,
/// since the org that it tried to reach may not concern it.
pub(in crate::mcp) async fn turned_away(
    services: &Services,
    actor: &Actor,
    knock: Knock<'_>,
    error: &Error,
) -> Response {
    let id = knock.id;
    match record(services, actor, knock, error).await {
        Ok(()) => response(error, id, actor.request_id),
        Err(unrecorded) => response(&unrecorded, id, actor.request_id),
    }
}

/// The same for an entry of a batch for which there was no room.
pub(in crate::mcp) async fn turned_away_entry(
    services: &Services,
    place: &Place,
    error: &Error,
    id: &RawValue,
    tool: Option<String>,
) -> Answer {
    let path = format!("{}/{}", place.org.slug, place.toolkit.slug);
    let knock = Knock { path: &path, client: place.client.clone(), tool, id: Some(id) };
    let recorded = record(services, &place.actor, knock, error).await;
    answer(recorded.as_ref().err().unwrap_or(error), Some(id), place.request_id)
}

async fn record(services: &Services, actor: &Actor, knock: Knock<'_>, error: &Error) -> Result<()> {
    let Knock { path, client, tool, .. } = knock;
    Recording::turned_away(services, actor, recording::Knock { path, client, tool, source: Source::Mcp }, error).await
}

/// Refuses a request before its sender is known. Reads no more than the beginning of its body.
pub async fn refusal(error: &Error, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let beginning = match parts.method == Method::POST {
        true => asked::beginning(&parts.headers, body).await,
        false => Bytes::new(),
    };
    response(error, asked::id_in(&beginning), request_id(&parts.extensions))
}

/// The request's id, set by the outermost layer.
pub(in crate::mcp) fn request_id(extensions: &Extensions) -> Uuid {
    extensions.get::<RequestId>().map_or_else(Uuid::now_v7, |id| id.0)
}

/// An error before there is a message to answer; counted for callers that are not known.
pub(in crate::mcp) fn response(error: &Error, id: Option<&RawValue>, request_id: Uuid) -> Response {
    error.log();
    let bytes = error_bytes(id, &rpc_error(error, request_id));
    let mut response = (status(error.kind), [(header::CONTENT_TYPE, "application/json")], bytes).into_response();
    let headers = response.headers_mut();
    match error.kind {
        Kind::Unauthorized => {
            metrics::unauthenticated();
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"permesso\""));
        }
        Kind::Unavailable => {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("2"));
        }
        Kind::MethodNotAllowed => {
            headers.insert(header::ALLOW, HeaderValue::from_static("POST"));
        }
        Kind::TooMany(wait) => {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(wait.as_secs().max(1)));
        }
        _ => {}
    }
    response
}
