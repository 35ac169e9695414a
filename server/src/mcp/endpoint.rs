//! The endpoint: transport rules first (MCP 2025-11-25, "Transports", Streamable HTTP), then each
//! message on its own.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::{
    body::Body,
    extract::{Path, Request, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use futures::{FutureExt, StreamExt, stream};
use wire::{
    envelope::{Incoming, Message, parse},
    error::{INVALID_REQUEST, RpcError},
    mcp::Revision,
};

use super::{
    answer::{self, Answer},
    body::Tracked,
    connect::connect_page,
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
/// How long a body may take to come.
const BODY_WITHIN: Duration = Duration::from_secs(30);
/// How many entries of a batch are worked on at once.
const AT_ONCE: usize = 8;
/// How large the answers of a batch may grow, in bytes, before its other entries are refused.
const MAX_ANSWERS: usize = 32 * 1024 * 1024;

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
    let id = request_id(&request);
    let headers = request.headers();
    if let Some(page) = connect_page(&services.public_url, &org, &toolkit, headers) {
        return page;
    }
    match authenticate(&services, headers, id) {
        Err(error) => answer::transport_error(&error, id),
        Ok(actor) => match place(&services, headers, actor.clone(), &org, &toolkit) {
            Ok(_) => (StatusCode::METHOD_NOT_ALLOWED, [(header::ALLOW, "POST")]).into_response(),
            Err(error) => answer::turned_away(&services, &actor, &format!("{org}/{toolkit}"), &error).await,
        },
    }
}

/// One JSON-RPC message, or for 2025-03-26 a batch of them.
pub async fn post_endpoint(
    State(services): State<Arc<Services>>,
    Path((org, toolkit)): Path<(String, String)>,
    request: Request,
) -> Response {
    let id = request_id(&request);
    let (parts, body) = request.into_parts();
    let actor = match authenticate(&services, &parts.headers, id) {
        Ok(actor) => actor,
        Err(error) => return answer::transport_error(&error, id),
    };
    match receive(&services, &parts.headers, &actor, (&org, &toolkit), body).await {
        Ok((place, revision, body)) => message(&services, &place, revision, &body).await,
        Err(error) => answer::turned_away(&services, &actor, &format!("{org}/{toolkit}"), &error).await,
    }
}

/// Lets the caller in and reads what it sends. Reading may take a while: who may call what is looked
/// up again after it.
async fn receive(
    services: &Services,
    headers: &HeaderMap,
    actor: &Actor,
    (org, toolkit): (&str, &str),
    body: Body,
) -> Result<(Place, Option<Revision>, Bytes)> {
    place(services, headers, actor.clone(), org, toolkit)?;
    let revision = revision(headers)?;
    let body = tokio::time::timeout(BODY_WITHIN, axum::body::to_bytes(body, MAX_BODY)).await;
    let body = body.map_err(|_| Error::bad_request("the body did not come whole within 30 s"))?;
    let too_large = |_| Error::new(Kind::TooLarge, "too_large", "the body is larger than 4 MiB or did not come whole");
    let body = body.map_err(too_large)?;
    let actor = access::again(services, &*services.directory.get()?, actor)?;
    Ok((place(services, headers, actor, org, toolkit)?, revision, body))
}

async fn message(services: &Arc<Services>, place: &Place, revision: Option<Revision>, body: &[u8]) -> Response {
    match parse(body) {
        Ok(Incoming::Single(message)) => single(services, place, message).await,
        Ok(Incoming::Batch(entries)) if revision.is_none_or(|revision| revision.allows_batches()) => {
            batch(services, place, entries).await
        }
        Ok(Incoming::Batch(_)) => {
            let error = RpcError::new(INVALID_REQUEST, "batches are possible only with protocol version 2025-03-26");
            refuse(services, place, error).await
        }
        Err(error) => refuse(services, place, error).await,
    }
}

/// Who calls, by credential: 401 for everybody else, wherever they knock.
fn authenticate(services: &Services, headers: &HeaderMap, request_id: uuid::Uuid) -> Result<Actor> {
    let token = access::bearer(headers)?.ok_or_else(Error::unauthorized)?;
    access::authenticate(services, token, request_id)
}

/// Where they call: 404 for a toolkit that is not there or not theirs.
fn place(services: &Services, headers: &HeaderMap, actor: Actor, org: &str, toolkit: &str) -> Result<Place> {
    let directory = services.directory.get()?;
    let (caller, org, toolkit) = access::caller(&directory, &actor, org, toolkit)?;
    let client = headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok());
    let client = client.map(|client| client.chars().take(200).collect());
    Ok(Place { request_id: actor.request_id, version: directory.version, actor, caller, org, toolkit, client })
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
    let size = AtomicUsize::new(0);
    let mut answering = Vec::new();
    for entry in entries {
        // Notifications are not answered.
        if matches!(entry, Ok(Message::Request { .. }) | Err(_)) {
            answering.push(answer_entry(services, place, entry, &size).boxed());
        }
    }
    let answers: Vec<Answer> = stream::iter(answering).buffered(AT_ONCE).collect().await;
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

/// Answers one entry of a batch, gated alone.
async fn answer_entry(
    services: &Arc<Services>,
    place: &Place,
    entry: std::result::Result<Message<'_>, RpcError>,
    size: &AtomicUsize,
) -> Answer {
    let answer = match entry {
        Ok(Message::Request { id, .. }) if size.load(Ordering::Relaxed) > MAX_ANSWERS => {
            let error = RpcError::new(INVALID_REQUEST, "the answers of this batch are too large; send this one alone");
            answer::refuse(services, place, error.with_id(id)).await
        }
        Ok(Message::Request { id, method, .. }) if method == "initialize" => {
            let error = RpcError::new(INVALID_REQUEST, "`initialize` must not be part of a batch");
            answer::refuse(services, place, error.with_id(id)).await
        }
        Ok(Message::Request { id, method, params }) => answer::answer(services, place, id, &method, params).await,
        Ok(_) => answer::refuse(services, place, RpcError::new(INVALID_REQUEST, "not a request")).await,
        Err(error) => answer::refuse(services, place, error).await,
    };
    size.fetch_add(answer.bytes.len(), Ordering::Relaxed);
    answer
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
