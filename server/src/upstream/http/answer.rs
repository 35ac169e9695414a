//! Reading an answer, which comes as JSON or at the end of a stream of events.
//!
//! A stream that breaks is taken up again where it ended, if the upstream
//! numbers its events. That asks for the answer again, never for the call. In
//! MCP 2026-07-28 it cannot be asked for.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::header::CONTENT_TYPE;
use http::{HeaderName, StatusCode};
use reqwest::{Method, Response};
use wire::sse::{DecodeError, Decoder, Event, PassedOver};

use super::super::egress::Unreached;
use super::super::error::Failure;
use super::super::message::{Answer, Heard, MESSAGE_LIMIT, hear};
use super::super::status::Observer;
use super::modern::modern_code;
use super::peer::Peer;
use crate::limit::Load;

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
/// Attempts to take up a stream again without hearing anything new.
const RESUMPTIONS: u32 = 5;

/// Reads until the answer to `id`, which has left: every failure is `Unknown`.
/// What is read counts at `load`, and waits for room there.
pub(super) async fn read(
    peer: &Arc<Peer>,
    id: u64,
    response: Response,
    load: Option<&Load>,
) -> Result<Answer, Failure> {
    let status = response.status();
    match content_type(&response) {
        ContentType::Events if status.is_success() => stream(peer, id, response, load).await,
        ContentType::Json => {
            let body = body(response, load).await;
            let answer = body.and_then(|body| find(peer, id, &body));
            match answer {
                Ok(Some(answer)) => Ok(answer),
                // With an error status that is not our answer, the status says most.
                Ok(None) | Err(_) if !status.is_success() => Err(Failure::Unknown(describe_status(status))),
                Ok(None) => Err(Failure::unknown("the upstream sent JSON that is not an answer to the call")),
                Err(reason) => Err(Failure::Unknown(reason)),
            }
        }
        _ => Err(Failure::Unknown(describe_status(status))),
    }
}

enum ContentType {
    Json,
    Events,
    Other,
}

/// Whether it is a stream of events.
pub(super) fn is_stream(response: &Response) -> bool {
    matches!(content_type(response), ContentType::Events)
}

fn content_type(response: &Response) -> ContentType {
    let value = response.headers().get(CONTENT_TYPE);
    let text = value.and_then(|value| value.to_str().ok()).unwrap_or("");
    let essence = text.split(';').next().unwrap_or("").trim();
    if essence.eq_ignore_ascii_case("application/json") {
        ContentType::Json
    } else if essence.eq_ignore_ascii_case("text/event-stream") {
        ContentType::Events
    } else {
        ContentType::Other
    }
}

/// Why an answer broke off.
fn lost(error: reqwest::Error) -> String {
    Unreached::from(error).reason
}

/// What a status means where an answer was expected.
pub(super) fn describe_status(status: StatusCode) -> String {
    if status.is_success() {
        format!("the upstream answered HTTP {} without an MCP message", status.as_u16())
    } else if status.is_redirection() {
        format!("the upstream answered HTTP {}, a redirection, which is not followed", status.as_u16())
    } else {
        format!("the upstream answered HTTP {}", status.as_u16())
    }
}

async fn body(mut response: Response, load: Option<&Load>) -> Result<Bytes, String> {
    let announced = response.content_length().unwrap_or(0);
    if announced > MESSAGE_LIMIT as u64 {
        return Err(too_large());
    }
    let Some(first) = response.chunk().await.map_err(lost)? else {
        return Ok(Bytes::new());
    };
    receive(load, first.len()).await;
    if first.len() as u64 == announced {
        return Ok(first);
    }
    let mut body = BytesMut::from(first);
    while let Some(chunk) = response.chunk().await.map_err(lost)? {
        if body.len() + chunk.len() > MESSAGE_LIMIT {
            return Err(too_large());
        }
        receive(load, chunk.len()).await;
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}

async fn receive(load: Option<&Load>, bytes: usize) {
    if let Some(load) = load {
        load.receive(bytes).await;
    }
}

fn too_large() -> String {
    format!("the upstream's answer is larger than {} MiB", MESSAGE_LIMIT >> 20)
}

/// Looks for the answer to `id` in one message and replies to what else is asked.
fn find(peer: &Arc<Peer>, id: u64, bytes: &[u8]) -> Result<Option<Answer>, String> {
    let heard = hear(bytes, &peer.observer).map_err(|what| format!("the upstream's answer is not MCP: {what}"))?;
    let mut answer = None;
    for heard in heard {
        match heard {
            Heard::Answer(answered, found) if answered == id => answer = Some(found),
            Heard::Answer(..) => {}
            Heard::Reply(reply) => peer.reply(reply),
            // Whoever checks the headers may not have read the id.
            Heard::Unaddressed(error) if peer.is_modern() && modern_code(&error).is_some() => {
                answer = Some(Answer::Error(error));
            }
            Heard::Unaddressed(_) => {}
        }
    }
    Ok(answer)
}

async fn stream(peer: &Arc<Peer>, id: u64, response: Response, load: Option<&Load>) -> Result<Answer, Failure> {
    let mut events = Events::new(response, peer.observer.clone());
    let mut resumptions = 0;
    loop {
        match events.next_within(load).await {
            Ok(event) => {
                resumptions = 0;
                if is_message(&event)
                    && let Some(answer) = find(peer, id, event.data.as_bytes()).map_err(Failure::Unknown)?
                {
                    return Ok(answer);
                }
                peer.observer.pace.keep(event.data.len()).await;
            }
            Err(Broken::Garbled(reason)) => return Err(Failure::Unknown(reason)),
            Err(Broken::Ended(reason)) => {
                resumptions += 1;
                if peer.is_modern() || events.last_id.is_none() || resumptions > RESUMPTIONS {
                    return Err(Failure::Unknown(reason));
                }
                tokio::time::sleep(events.retry).await;
                match resume(peer, &events).await? {
                    Some(response) => events.go_on(response),
                    None => continue,
                }
            }
        }
    }
}

/// Asks for the rest of a stream; none when the upstream could not be reached,
/// which may pass.
async fn resume(peer: &Arc<Peer>, events: &Events) -> Result<Option<Response>, Failure> {
    let request = peer.start(Method::GET, false).map_err(Failure::Unknown)?;
    let last_id = events.last_id.as_deref().unwrap_or_default();
    let Ok(response) = request.header(LAST_EVENT_ID, last_id).send().await else {
        return Ok(None);
    };
    let status = response.status();
    if status.is_success() && is_stream(&response) {
        return Ok(Some(response));
    }
    if status.is_server_error() {
        return Ok(None);
    }
    if status == StatusCode::NOT_FOUND {
        peer.over.cancel();
    }
    Err(Failure::Unknown(format!(
        "the upstream's stream ended before the answer, and asked for the rest \
         it answered HTTP {}",
        status.as_u16()
    )))
}

/// Whether an event carries a message: not so priming events and keep-alives.
pub(super) fn is_message(event: &Event) -> bool {
    !event.data.is_empty() && event.event.as_deref().is_none_or(|name| name == "message")
}

/// Why no further event comes.
pub(super) enum Broken {
    /// The stream makes no sense from here on.
    Garbled(String),
    /// It was cut, and may be taken up again.
    Ended(String),
}

/// The events of a stream, across the responses that carry it.
pub(super) struct Events {
    response: Option<Response>,
    decoder: Decoder,
    /// What comes between events is read no faster than events may come.
    observer: Arc<Observer>,
    fault: Option<DecodeError>,
    pub(super) last_id: Option<String>,
    /// How long to wait before the stream is asked for again.
    pub(super) retry: Duration,
    /// The bytes since the last event, and the most that they ever were.
    since: usize,
    most: usize,
}

impl Events {
    const RETRY: Duration = Duration::from_millis(500);
    const LONGEST_RETRY: Duration = Duration::from_secs(30);

    pub(super) fn new(response: Response, observer: Arc<Observer>) -> Self {
        Self {
            response: Some(response),
            decoder: Decoder::new(MESSAGE_LIMIT),
            observer,
            fault: None,
            last_id: None,
            retry: Self::RETRY,
            since: 0,
            most: 0,
        }
    }

    /// Continues with the next response.
    pub(super) fn go_on(&mut self, response: Response) {
        self.response = Some(response);
        // Half an event at the end of the last response is void.
        self.decoder = Decoder::new(MESSAGE_LIMIT);
    }

    pub(super) async fn next(&mut self) -> Result<Event, Broken> {
        self.next_within(None).await
    }

    /// The next event. The largest there was counts at `load`, and waits for room there.
    async fn next_within(&mut self, load: Option<&Load>) -> Result<Event, Broken> {
        loop {
            if let Some(event) = self.decoder.pop() {
                self.since = 0;
                if let Some(retry) = event.retry {
                    self.retry = Duration::from_millis(retry).min(Self::LONGEST_RETRY);
                }
                return Ok(event);
            }
            if let Some(fault) = self.fault {
                return Err(Broken::Garbled(format!("the upstream's stream: {fault}")));
            }
            let PassedOver { lines, bytes } = self.decoder.take_passed_over();
            self.observer.pace.pass_over(lines, bytes).await;
            // The decoder keeps none of it.
            self.since = self.since.saturating_sub(lines + bytes);
            let ended = || Broken::Ended("the upstream ended its stream without an answer".into());
            let response = self.response.as_mut().ok_or_else(ended)?;
            match response.chunk().await {
                Ok(Some(chunk)) => {
                    self.since += chunk.len();
                    if self.since > self.most {
                        receive(load, self.since - self.most).await;
                        self.most = self.since;
                    }
                    let pushed = self.decoder.push(&chunk);
                    if let Some(id) = self.decoder.last_event_id() {
                        self.last_id = Some(id.to_owned());
                    }
                    // What came whole before the fault still counts.
                    if let Err(error) = pushed {
                        self.response = None;
                        self.fault = Some(error);
                    }
                }
                Ok(None) => {
                    self.response = None;
                    return Err(ended());
                }
                Err(error) => {
                    self.response = None;
                    return Err(Broken::Ended(lost(error)));
                }
            }
        }
    }
}

#[cfg(test)]
#[path = "answer_tests.rs"]
mod tests;
