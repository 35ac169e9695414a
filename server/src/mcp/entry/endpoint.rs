//! The endpoint: transport rules first (MCP 2025-11-25 and 2026-07-28, "Streamable HTTP").

use std::{sync::Arc, time::Duration};

use axum::{
    body::Body,
    extract::{Request, State},
    http::{Extensions, HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use bytes::{Bytes, BytesMut};
use domain::{Caller, directory::Org};
use tokio::sync::mpsc;
use wire::error::RpcError;

use super::{address::Address, message};
use crate::{
    db::audit::Source,
    error::{Error, Kind, Result},
    limit::{self, Load, body},
    mcp::{
        answer::{
            EVENT_STREAM,
            fault::{self, Knock},
            stream,
        },
        connect::connect_page,
        listen,
        request::{
            asked, called,
            era::{self, Spoken},
            place::Place,
        },
    },
    service::{
        Services,
        access::{self, Acquaintance, Actor},
        mcp_session::{self, Session},
        on_record::{self, Asked},
        recording::TURNED_AWAY,
    },
};

/// How many events may wait for a slow client; further events are dropped.
const AHEAD: usize = 16;

/// The event stream of a session of an earlier revision; for a browser, the page that says how to connect.
pub async fn get_endpoint(
    State(services): State<Arc<Services>>,
    Address { org, toolkit }: Address,
    request: Request,
) -> Response {
    let headers = request.headers();
    if let Some(page) = connect_page(&services.public_url, &org, &toolkit, headers) {
        return page;
    }
    let actor = match authenticate(&services, headers, request.extensions(), (&org, &toolkit), None).await {
        Ok(actor) => actor,
        Err(error) => return fault::refusal(&error, request).await,
    };
    let opened = async {
        let place = place(&services, headers, actor.clone(), &org, &toolkit).await?;
        let revision = era::of_header(headers).map_err(bad_request)?;
        let session = session_of(&services, &place, headers).await?;
        let place = in_its_name(&services, place, session.as_ref());
        // There is no such stream without a session, or in a revision that has no sessions.
        let session = session.filter(|_| !revision.is_modern()).ok_or_else(|| {
            Error::new(Kind::MethodNotAllowed, "method_not_allowed", "GET needs a session; send POST")
        })?;
        if !stream::takes_events(headers) {
            return Err(Error::bad_request("GET opens an event stream: `Accept` must have text/event-stream"));
        }
        listen::to_session(&services, place, &session).await
    };
    match opened.await {
        Ok(body) => (StatusCode::OK, EVENT_STREAM, body).into_response(),
        Err(error) => {
            let knock = Knock { path: &format!("{org}/{toolkit}"), client: client(headers), tool: None, id: None };
            fault::turned_away(&services, &actor, knock, &error).await
        }
    }
}

/// Ends a session.
pub async fn delete_endpoint(
    State(services): State<Arc<Services>>,
    Address { org, toolkit }: Address,
    request: Request,
) -> Response {
    let headers = request.headers();
    let actor = match authenticate(&services, headers, request.extensions(), (&org, &toolkit), None).await {
        Ok(actor) => actor,
        Err(error) => return fault::refusal(&error, request).await,
    };
    let ended = async {
        let place = place(&services, headers, actor.clone(), &org, &toolkit).await?;
        let revision = era::of_header(headers).map_err(bad_request)?;
        let session = session_of(&services, &place, headers).await?;
        let place = in_its_name(&services, place, session.as_ref());
        let session = session.filter(|_| !revision.is_modern()).ok_or_else(|| {
            Error::new(Kind::MethodNotAllowed, "method_not_allowed", "DELETE needs a session; send POST")
        })?;
        mcp_session::end(&services, place.org.id, &session).await?;
        let recording = place.record(&services, "session ended", None).await;
        recording.write(&services, crate::db::audit::Status::Ok, None, None, None).await
    };
    match ended.await {
        Ok(()) => StatusCode::NO_CONTENT.into_response(),
        Err(error) => {
            let knock = Knock { path: &format!("{org}/{toolkit}"), client: client(headers), tool: None, id: None };
            fault::turned_away(&services, &actor, knock, &error).await
        }
    }
}

/// One JSON-RPC message, or for 2025-03-26 a batch of them.
pub async fn post_endpoint(
    State(services): State<Arc<Services>>,
    Address { org, toolkit }: Address,
    request: Request,
) -> Response {
    let (parts, body) = request.into_parts();
    let tool = called::by_head(&parts.headers);
    let actor = authenticate(&services, &parts.headers, &parts.extensions, (&org, &toolkit), tool.clone()).await;
    let actor = match actor {
        Ok(actor) => actor,
        Err(error) => return fault::refusal(&error, Request::from_parts(parts, body)).await,
    };
    let mut heard = Heard::default();
    let received = receive(&services, &parts.headers, &actor, (&org, &toolkit), body, &mut heard).await;
    let (place, session, body) = match received {
        Ok(received) => received,
        Err(error) => {
            let tool = heard.whole.as_ref().map_or(tool, |body| called::by_body(body));
            let id = asked::id_in(heard.whole.as_ref().unwrap_or(&heard.beginning));
            let knock = Knock { path: &format!("{org}/{toolkit}"), client: client(&parts.headers), tool, id };
            return fault::turned_away(&services, &actor, knock, &error).await;
        }
    };
    let takes_events = stream::takes_events(&parts.headers);
    let (told, heard) = mpsc::channel(AHEAD);
    let load = place.load.clone();
    let work = {
        let services = services.clone();
        async move { message::answer(&services, place, session, &parts.headers, &body, told).await }
    };
    stream::respond(&services, work, heard, takes_events, load).await
}

/// What was read of a body.
#[derive(Default)]
struct Heard {
    whole: Option<Bytes>,
    /// The beginning of a body that was refused.
    beginning: Bytes,
}

/// Authenticates the caller and reads the body, as far as there is room for it. Reading may take a while, so the
/// caller's rights are looked up again afterwards. `heard` keeps what was read even if the caller is refused then.
async fn receive(
    services: &Services,
    headers: &HeaderMap,
    actor: &Actor,
    (org, toolkit): (&str, &str),
    body: Body,
    heard: &mut Heard,
) -> Result<(Place, Option<Session>, Bytes)> {
    let load = match place(services, headers, actor.clone(), org, toolkit).await {
        Ok(before) => before.load,
        Err(error) => {
            heard.beginning = match limit::is_over(&error) {
                true => body::discard(body, body::LARGEST).await.freeze(),
                false => asked::beginning(headers, body).await,
            };
            return Err(error);
        }
    };
    let mut beginning = BytesMut::new();
    let body = body::read_or(body, body::LARGEST, &load, &mut beginning).await;
    heard.beginning = beginning.freeze();
    let body = body?;
    heard.whole = Some(body.clone());
    let actor = access::again(services, actor).await?;
    let place = place_of(services, headers, actor, (org, toolkit), |_, _, _| Ok(load)).await?;
    if let Some(guest) = place.guest() {
        services.guest_records.take(guest, body.len())?;
    }
    // 2026-07-28 has no sessions: a session id is ignored. An unknown revision is refused as such, whatever else is
    // wrong.
    if era::of_header(headers).is_ok_and(|revision| !revision.is_modern()) {
        let session = match session_of(services, &place, headers).await {
            // A request that opens a session may name one that has ended: many clients send the last id with every
            // request.
            Err(error) if error.code == mcp_session::UNKNOWN && asked::begins_session(&body) => None,
            found => found?,
        };
        return Ok((in_its_name(services, place, session.as_ref()), session, body));
    }
    Ok((place, None, body))
}

/// The caller by its credential; 401 for all others, whatever the address. `tool`: the called tool, if known.
async fn authenticate(
    services: &Arc<Services>,
    headers: &HeaderMap,
    extensions: &Extensions,
    (org, toolkit): (&str, &str),
    tool: Option<String>,
) -> Result<Actor> {
    let token = access::bearer(headers)?.ok_or_else(Error::unauthorized)?;
    let request_id = fault::request_id(extensions);
    let actor = access::authenticate(services, token, request_id).await.inspect_err(|_| {
        let asked = Asked {
            toolkit: Some(format!("{org}/{toolkit}")),
            client: client(headers),
            tool,
            ..Asked::new(TURNED_AWAY, Source::Mcp, request_id)
        };
        on_record::ended_key(&services.base, token, asked);
    })?;
    Acquaintance::make_on(extensions);
    Ok(actor)
}

/// The caller's org and toolkit; 404 for a toolkit that does not exist or is not the caller's. The request counts as in
/// flight from here on.
async fn place(services: &Services, headers: &HeaderMap, actor: Actor, org: &str, toolkit: &str) -> Result<Place> {
    let begin = |caller: &Caller, org: &Org, is_guest: bool| {
        // A guest that belongs to no org takes no share of the org that it calls.
        let home = (!is_guest || caller.org != org.id).then_some(caller.org);
        services.budget.begin(caller.principal, home).map(Arc::new)
    };
    let place = place_of(services, headers, actor, (org, toolkit), begin).await?;
    if let Some(guest) = place.guest() {
        // A guest whose quota is used up is refused before anything is read.
        services.guest_records.take(guest, 0)?;
    }
    Ok(place)
}

/// The same for a request that may already be counted.
async fn place_of(
    services: &Services,
    headers: &HeaderMap,
    actor: Actor,
    (org, toolkit): (&str, &str),
    load: impl FnOnce(&Caller, &Org, bool) -> Result<Arc<Load>>,
) -> Result<Place> {
    let (caller, org, toolkit) = access::caller(services, &actor, org, toolkit).await?;
    let place = Place {
        request_id: actor.request_id,
        load: load(&caller, &org, access::is_outside(&actor, &org))?,
        actor,
        caller,
        org,
        toolkit,
        client: None,
        spoken: Spoken::default(),
        hold: Duration::ZERO,
    };
    Ok(place.of_client(services, client(headers)))
}

/// The client, as its requests name it.
fn client(headers: &HeaderMap) -> Option<String> {
    let client = headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok())?;
    Some(client.chars().take(200).collect())
}

/// The session that a request names. Another caller's session does not exist; an empty name means no session.
async fn session_of(services: &Services, place: &Place, headers: &HeaderMap) -> Result<Option<Session>> {
    let named = era::text(headers, &era::SESSION_ID).map_err(bad_request)?;
    let Some(id) = named.filter(|id| !id.is_empty()) else { return Ok(None) };
    let session = mcp_session::find(services, place.org.id, place.toolkit.id, place.caller.principal, id).await?;
    Ok(Some(session))
}

/// The place of a request in a session; its client is the one that opened the session.
fn in_its_name(services: &Services, place: Place, session: Option<&Session>) -> Place {
    match session {
        Some(session) => place.of_client(services, session.row.client.clone()),
        None => place,
    }
}

fn bad_request(error: RpcError) -> Error {
    Error::bad_request(error.message)
}
