//! The endpoint: transport rules first (MCP 2025-11-25, "Transports", Streamable HTTP), then each
//! message on its own.

use std::sync::Arc;

use axum::{
    body::Body,
    extract::{Path, Request, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use futures::future::join_all;
use wire::{
    envelope::{Incoming, Message, parse},
    error::{INVALID_REQUEST, RpcError},
    mcp::Revision,
};

use super::{
    answer::{self, Answer},
    body::Tracked,
    record::{Place, Recording},
};
use crate::{
    error::{Error, Kind, Result},
    service::{
        Services,
        access::{self, Actor},
    },
};

/// The largest body of a request, in bytes.
const MAX_BODY: usize = 4 * 1024 * 1024;

/// The request's id, put there by the outermost layer.
fn request_id(request: &Request) -> uuid::Uuid {
    request.extensions().get::<crate::telemetry::RequestId>().map_or_else(uuid::Uuid::now_v7, |id| id.0)
}

/// No stream of notifications is offered, and no session can be ended: 405, as the specification
/// says, for who may know that the toolkit exists.
pub async fn get_endpoint(
    State(services): State<Arc<Services>>,
    Path((org, toolkit)): Path<(String, String)>,
    request: Request,
) -> Response {
    match admit(&services, &request, &org, &toolkit) {
        Ok(_) => (StatusCode::METHOD_NOT_ALLOWED, [(header::ALLOW, "POST")]).into_response(),
        Err(error) => answer::transport_error(&error, request_id(&request)),
    }
}

/// One JSON-RPC message, or for 2025-03-26 a batch of them.
pub async fn post_endpoint(
    State(services): State<Arc<Services>>,
    Path((org, toolkit)): Path<(String, String)>,
    request: Request,
) -> Response {
    let id = request_id(&request);
    let place = match admit(&services, &request, &org, &toolkit) {
        Ok(place) => place,
        Err(error) => return answer::transport_error(&error, id),
    };
    let revision = match revision(request.headers()) {
        Ok(revision) => revision,
        Err(error) => return answer::transport_error(&error, id),
    };
    let body = match axum::body::to_bytes(request.into_body(), MAX_BODY).await {
        Ok(body) => body,
        Err(_) => {
            let error = Error::new(Kind::TooLarge, "too_large", "the body is larger than 4 MiB or did not come whole");
            return answer::transport_error(&error, id);
        }
    };
    match parse(&body) {
        Ok(Incoming::Single(message)) => single(&services, &place, message).await,
        Ok(Incoming::Batch(entries)) if revision.is_none_or(|revision| revision.allows_batches()) => {
            batch(&services, &place, entries).await
        }
        Ok(Incoming::Batch(_)) => {
            let error = RpcError::new(INVALID_REQUEST, "batches are possible only with protocol version 2025-03-26");
            refuse(&services, &place, error).await
        }
        Err(error) => refuse(&services, &place, error).await,
    }
}

/// Who calls, and where: 401 for everybody without a valid credential, wherever they knock; 404 for
/// a toolkit that is not there or not theirs.
fn admit(services: &Services, request: &Request, org: &str, toolkit: &str) -> Result<Place> {
    let request_id = request_id(request);
    let actor = authenticate(services, request.headers(), request_id)?;
    check_origin(services, request.headers())?;
    let directory = services.directory.get()?;
    let (caller, org, toolkit) = access::caller(&directory, &actor, org, toolkit)?;
    let client = request.headers().get(header::USER_AGENT).and_then(|value| value.to_str().ok());
    let client = client.map(|client| client.chars().take(200).collect());
    Ok(Place { caller, org, toolkit, client, request_id })
}

fn authenticate(services: &Services, headers: &HeaderMap, request_id: uuid::Uuid) -> Result<Actor> {
    let token = access::bearer(headers)?.ok_or_else(Error::unauthorized)?;
    access::authenticate(services, token, request_id)
}

/// A browser's page of another origin has no business here ("Transports", security warning).
fn check_origin(services: &Services, headers: &HeaderMap) -> Result<()> {
    let Some(origin) = headers.get(header::ORIGIN) else { return Ok(()) };
    let ours = services.public_url.origin().ascii_serialization();
    if origin.as_bytes() == ours.as_bytes() {
        return Ok(());
    }
    Err(Error::new(Kind::Forbidden, "origin_refused", "requests from this origin are refused"))
}

/// The revision of the header; absent means 2025-03-26, which had no such header.
fn revision(headers: &HeaderMap) -> Result<Option<Revision>> {
    let Some(value) = headers.get("mcp-protocol-version") else { return Ok(None) };
    let known = value.to_str().ok().and_then(Revision::parse);
    let supported = || Revision::ALL.iter().map(|revision| revision.as_str()).collect::<Vec<_>>().join(", ");
    known.map(Some).ok_or_else(|| {
        Error::bad_request(format!("`MCP-Protocol-Version` is not one that is supported: {}", supported()))
    })
}

async fn single(services: &Arc<Services>, place: &Place, message: Message<'_>) -> Response {
    let Message::Request { id, method, params } = message else {
        // Notifications change nothing here, and the gateway asks clients nothing.
        return StatusCode::ACCEPTED.into_response();
    };
    let answer = answer::answer(services, place, id, &method, params).await;
    respond(services, answer)
}

async fn batch(
    services: &Arc<Services>,
    place: &Place,
    entries: Vec<std::result::Result<Message<'_>, RpcError>>,
) -> Response {
    let answers = entries.into_iter().filter_map(|entry| match entry {
        Ok(Message::Request { id, method, params }) => Some(Entry::Ask(id, method, params)),
        Ok(_) => None,
        Err(error) => Some(Entry::Refuse(error)),
    });
    let answers = join_all(answers.map(|entry| async {
        match entry {
            Entry::Ask(id, method, _) if method == "initialize" => {
                let error = RpcError::new(INVALID_REQUEST, "`initialize` must not be part of a batch");
                answer::refuse(services, place, error.with_id(id)).await
            }
            Entry::Ask(id, method, params) => answer::answer(services, place, id, &method, params).await,
            Entry::Refuse(error) => answer::refuse(services, place, error).await,
        }
    }))
    .await;
    if answers.is_empty() {
        return StatusCode::ACCEPTED.into_response();
    }
    let mut bytes = vec![b'['];
    let mut answered = Vec::new();
    for (n, answer) in answers.into_iter().enumerate() {
        if n > 0 {
            bytes.push(b',');
        }
        bytes.extend_from_slice(&answer.bytes);
        answered.extend(answer.answers);
    }
    bytes.push(b']');
    json(StatusCode::OK, Tracked::new(services, bytes, answered))
}

enum Entry<'a> {
    Ask(&'a serde_json::value::RawValue, std::borrow::Cow<'a, str>, Option<&'a serde_json::value::RawValue>),
    Refuse(RpcError),
}

async fn refuse(services: &Arc<Services>, place: &Place, error: RpcError) -> Response {
    let mut answer = answer::refuse(services, place, error).await;
    if answer.status == StatusCode::OK {
        answer.status = StatusCode::BAD_REQUEST;
    }
    respond(services, answer)
}

fn respond(services: &Arc<Services>, answer: Answer) -> Response {
    let mut response = json(answer.status, Tracked::new(services, answer.bytes, answer.answers.into_iter().collect()));
    if answer.status == StatusCode::SERVICE_UNAVAILABLE {
        response.headers_mut().insert(header::RETRY_AFTER, header::HeaderValue::from_static("2"));
    }
    response
}

fn json(status: StatusCode, body: Tracked) -> Response {
    (status, [(header::CONTENT_TYPE, "application/json")], Body::new(body)).into_response()
}

/// Kept for the record of what is not a request.
impl Place {
    /// Begins the record of something this caller sent.
    pub(super) fn record(&self, services: &Services, action: &str, request: Option<&str>) -> Recording {
        Recording::new(services, self, action, request)
    }
}
