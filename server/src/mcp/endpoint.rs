//! The endpoint: transport rules first (MCP 2025-11-25 and 2026-07-28, "Streamable HTTP").

use std::{sync::Arc, time::Duration};

use axum::{
    body::Body,
    extract::{Request, State},
    http::{Extensions, HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use bytes::{Bytes, BytesMut};
use futures::StreamExt;
use tokio::sync::mpsc;
use wire::error::RpcError;

use super::{
    address::Address,
    connect::connect_page,
    era::{self, Spoken},
    fault, listen, message,
    record::Place,
    stream,
};
use crate::{
    error::{Error, Kind, Result},
    service::{
        Services,
        access::{self, Acquaintance, Actor},
        mcp_session::{self, Session},
    },
};

/// The largest body of a request, in bytes.
const MAX_BODY: usize = 4 * 1024 * 1024;
/// How long a body may take to come.
const BODY_WITHIN: Duration = Duration::from_secs(30);
/// How many events may wait for a client that reads slowly; more are left out.
const AHEAD: usize = 16;

/// The stream on which a session of an earlier revision hears what changes; for a browser, how to connect.
pub async fn get_endpoint(
    State(services): State<Arc<Services>>,
    Address { org, toolkit }: Address,
    request: Request,
) -> Response {
    let headers = request.headers();
    if let Some(page) = connect_page(&services.public_url, &org, &toolkit, headers) {
        return page;
    }
    let actor = match authenticate(&services, headers, request.extensions()) {
        Ok(actor) => actor,
        Err(error) => return fault::refusal(&error, request.extensions()),
    };
    let opened = async {
        let place = place(&services, headers, actor.clone(), &org, &toolkit)?;
        let revision = era::of_header(headers).map_err(bad_request)?;
        let (place, session) = in_session(&services, place, headers).await?;
        // Without a session, or in a revision that has none, there is no such stream.
        let session = session.filter(|_| !revision.is_modern()).ok_or_else(|| {
            Error::new(Kind::MethodNotAllowed, "method_not_allowed", "GET needs a session; send POST")
        })?;
        if !stream::takes_events(headers) {
            return Err(Error::bad_request("GET opens an event stream: `Accept` must have text/event-stream"));
        }
        listen::to_session(&services, place, &session).await
    };
    match opened.await {
        Ok(body) => (StatusCode::OK, stream::EVENT_STREAM, body).into_response(),
        Err(error) => fault::turned_away(&services, &actor, &format!("{org}/{toolkit}"), &error).await,
    }
}

/// Ends a session.
pub async fn delete_endpoint(
    State(services): State<Arc<Services>>,
    Address { org, toolkit }: Address,
    request: Request,
) -> Response {
    let headers = request.headers();
    let actor = match authenticate(&services, headers, request.extensions()) {
        Ok(actor) => actor,
        Err(error) => return fault::refusal(&error, request.extensions()),
    };
    let ended = async {
        let place = place(&services, headers, actor.clone(), &org, &toolkit)?;
        let revision = era::of_header(headers).map_err(bad_request)?;
        let (place, session) = in_session(&services, place, headers).await?;
        let session = session.filter(|_| !revision.is_modern()).ok_or_else(|| {
            Error::new(Kind::MethodNotAllowed, "method_not_allowed", "DELETE needs a session; send POST")
        })?;
        mcp_session::end(&services, place.org.id, &session).await?;
        let recording = place.record(&services, "session ended", None).await;
        recording.write(&services, crate::db::audit::Status::Ok, None, None, None).await
    };
    match ended.await {
        Ok(()) => StatusCode::NO_CONTENT.into_response(),
        Err(error) => fault::turned_away(&services, &actor, &format!("{org}/{toolkit}"), &error).await,
    }
}

/// One JSON-RPC message, or for 2025-03-26 a batch of them.
pub async fn post_endpoint(
    State(services): State<Arc<Services>>,
    Address { org, toolkit }: Address,
    request: Request,
) -> Response {
    let (parts, body) = request.into_parts();
    let actor = match authenticate(&services, &parts.headers, &parts.extensions) {
        Ok(actor) => actor,
        Err(error) => return fault::refusal(&error, &parts.extensions),
    };
    let (place, session, body) = match receive(&services, &parts.headers, &actor, (&org, &toolkit), body).await {
        Ok(received) => received,
        Err(error) => return fault::turned_away(&services, &actor, &format!("{org}/{toolkit}"), &error).await,
    };
    let takes_events = stream::takes_events(&parts.headers);
    let (told, heard) = mpsc::channel(AHEAD);
    let work = {
        let services = services.clone();
        async move { message::answer(&services, place, session, &parts.headers, &body, told).await }
    };
    stream::respond(&services, work, heard, takes_events).await
}

/// Lets the caller in and reads what it sends. Reading may take a while: who may call what is looked
/// up again after it.
async fn receive(
    services: &Services,
    headers: &HeaderMap,
    actor: &Actor,
    (org, toolkit): (&str, &str),
    body: Body,
) -> Result<(Place, Option<Session>, Bytes)> {
    place(services, headers, actor.clone(), org, toolkit)?;
    let body = tokio::time::timeout(BODY_WITHIN, whole(body)).await;
    let body = body.map_err(|_| Error::bad_request("the body did not come whole within 30 s"))??;
    let actor = access::again(services, &*services.directory.get()?, actor)?;
    let place = place(services, headers, actor, org, toolkit)?;
    // 2026-07-28 has no sessions: an id that is sent all the same is ignored.
    // An unknown revision is refused as such, whatever else is wrong.
    if era::of_header(headers).is_ok_and(|revision| !revision.is_modern()) {
        let (place, session) = in_session(services, place, headers).await?;
        return Ok((place, session, body));
    }
    Ok((place, None, body))
}

/// A body, as far as it may grow: too much is told apart from what cannot be read.
async fn whole(body: Body) -> Result<Bytes> {
    let mut pieces = body.into_data_stream();
    let mut whole = BytesMut::new();
    while let Some(piece) = pieces.next().await {
        let piece = piece.map_err(|_| Error::bad_request("the body did not come whole, or not as HTTP frames it"))?;
        if whole.len() + piece.len() > MAX_BODY {
            return Err(Error::new(Kind::TooLarge, "too_large", "the body is larger than 4 MiB"));
        }
        whole.extend_from_slice(&piece);
    }
    Ok(whole.freeze())
}

/// Who calls, by credential: 401 for everybody else, wherever they knock.
fn authenticate(services: &Services, headers: &HeaderMap, extensions: &Extensions) -> Result<Actor> {
    let token = access::bearer(headers)?.ok_or_else(Error::unauthorized)?;
    let actor = access::authenticate(services, token, fault::request_id(extensions))?;
    Acquaintance::make_on(extensions);
    Ok(actor)
}

/// Where they call: 404 for a toolkit that is not there or not theirs.
fn place(services: &Services, headers: &HeaderMap, actor: Actor, org: &str, toolkit: &str) -> Result<Place> {
    let directory = services.directory.get()?;
    let (caller, org, toolkit) = access::caller(&directory, &actor, org, toolkit)?;
    let client = headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok());
    let client = client.map(|client| client.chars().take(200).collect());
    let place = Place {
        request_id: actor.request_id,
        version: directory.version,
        actor,
        caller,
        org,
        toolkit,
        client: None,
        spoken: Spoken::default(),
        hold: Duration::ZERO,
    };
    Ok(place.of_client(services, client))
}

/// The session of a request that names one. One that is not this caller's does not exist.
async fn in_session(services: &Services, place: Place, headers: &HeaderMap) -> Result<(Place, Option<Session>)> {
    let Some(id) = era::text(headers, &era::SESSION_ID).map_err(bad_request)? else { return Ok((place, None)) };
    let session = mcp_session::find(services, place.org.id, place.toolkit.id, place.caller.principal, id).await?;
    let client = session.row.client.clone();
    Ok((place.of_client(services, client), Some(session)))
}

fn bad_request(error: RpcError) -> Error {
    Error::bad_request(error.message)
}
