//! Handles the messages in a body: a request of either era, a notification, an unrequested answer, or a batch.

use std::sync::Arc;

use api_types::NOT_READ;
use axum::http::HeaderMap;
use serde_json::value::RawValue;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use wire::{
    envelope::{Incoming, Message, parse},
    error::{INVALID_REQUEST, RpcError},
    mcp::CancelledParams,
};

use super::batch;
use crate::{
    mcp::{
        answer::{Answer, fault, stream},
        listen,
        methods::{self, Asked},
        request::{called, era, place::Place},
    },
    service::{
        Services,
        call::Told,
        mcp_session::{self, Session},
    },
};

/// Answers the messages in a body.
pub(in crate::mcp) async fn answer(
    services: &Arc<Services>,
    place: Place,
    session: Option<Session>,
    headers: &HeaderMap,
    body: &[u8],
    told: mpsc::Sender<Told>,
) -> Answer {
    let entries = match parse(body) {
        Ok(Incoming::Single(Message::Request { id, method, params })) => {
            let spoken = match era::of_request(headers, &method, params) {
                Ok(spoken) => spoken,
                Err(error) => {
                    let tool = called::by_method(&method, params);
                    return methods::refuse(services, &place, error.with_id(id), tool).await;
                }
            };
            let client = spoken.client.clone();
            let mut place = Place { spoken, ..place }.of_client(services, client);
            if !stream::takes_events(headers) {
                place.hold = place.hold.min(services.pace.silence);
            }
            let asked =
                Asked { id, method: &method, params, headers, cancel: CancellationToken::new(), told: Some(told) };
            return request(services, &place, session, asked).await;
        }
        Ok(Incoming::Single(Message::Notification { method, params })) => {
            return match era::of_header(headers) {
                Ok(_) => notification(services, &place, session, &method, params).await,
                Err(error) => methods::refuse(services, &place, error, called::by_method(&method, params)).await,
            };
        }
        Ok(Incoming::Single(Message::Response { .. })) => return unasked(services, &place, headers).await,
        Ok(Incoming::Batch(entries)) => entries,
        Err(error) => return methods::refuse(services, &place, error, Some(NOT_READ.to_owned())).await,
    };
    match era::of_header(headers) {
        Ok(revision) if revision.allows_batches() => batch::answer(services, &place, entries).await,
        Ok(_) => {
            let error = RpcError::new(INVALID_REQUEST, "batches are possible only with protocol version 2025-03-26");
            methods::refuse(services, &place, error, called::by_entries(&entries)).await
        }
        Err(error) => methods::refuse(services, &place, error, called::by_entries(&entries)).await,
    }
}

/// The gateway sends clients no requests, so no answer of a client is expected. Earlier revisions allow clients to send
/// one all the same; in 2026-07-28 a body is a request or a notification ("Sending Messages").
async fn unasked(services: &Arc<Services>, place: &Place, headers: &HeaderMap) -> Answer {
    match era::of_header(headers) {
        Ok(revision) if !revision.is_modern() => Answer::accepted(),
        Ok(_) => {
            let error = RpcError::new(INVALID_REQUEST, "clients of MCP 2026-07-28 send no responses");
            methods::refuse(services, place, error, None).await
        }
        Err(error) => methods::refuse(services, place, error, None).await,
    }
}

async fn request(services: &Arc<Services>, place: &Place, session: Option<Session>, asked: Asked<'_>) -> Answer {
    if place.spoken.modern && asked.method == "subscriptions/listen" {
        if !stream::takes_events(asked.headers) {
            let error = RpcError::invalid_request(
                "subscriptions/listen opens an event stream: `Accept` must have text/event-stream",
            );
            return methods::refuse(services, place, error.with_id(asked.id), None).await;
        }
        return listen::subscribe(services, place, asked.id, asked.params).await;
    }
    // In a session the client can cancel a request by a notification; without one it closes the connection.
    let under_way = session.map(|session| services.mcp_sessions.under_way(&session, asked.id.get()));
    let cancel = under_way.as_ref().map(|request| request.cancelled.clone()).unwrap_or_default();
    // A slow response becomes a stream, so that no proxy gives up the connection. The response to `initialize` does
    // not: its headers name the session.
    let told = asked.told.clone().filter(|_| asked.method != "initialize");
    let mut answering = std::pin::pin!(methods::answer(services, place, Asked { cancel, ..asked }));
    tokio::select! {
        biased;
        answer = &mut answering => return answer,
        () = tokio::time::sleep(services.pace.keep_alive) => {}
    }
    if let Some(told) = told {
        // A stream that has already begun need not be told.
        let _ = told.try_send(Told::Waiting);
    }
    answering.await
}

/// Of a client's notifications only a cancellation has an effect here. It never withdraws an approval: clients send it
/// when their own timeout is over.
async fn notification(
    services: &Services,
    place: &Place,
    session: Option<Session>,
    method: &str,
    params: Option<&RawValue>,
) -> Answer {
    if method == "notifications/cancelled"
        && let Some(session) = session
        && let Ok(cancelled) = CancelledParams::parse(params)
        && let Err(error) = mcp_session::cancel(services, &session, cancelled.request_id.get()).await
    {
        return fault::answer(&error, None, place.request_id);
    }
    Answer::accepted()
}
