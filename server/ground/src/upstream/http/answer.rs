//! Reads an answer, which comes as JSON or at the end of an event stream.
//!
//! A stream that breaks is resumed where it ended, if the upstream numbers its events. That requests the answer again,
//! never the call. MCP 2026-07-28 has no resumption.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::header::CONTENT_TYPE;
use http::{HeaderName, StatusCode};
use reqwest::{Method, Response};
use serde::de::IgnoredAny;
use wire::lenient::Unreadable;
use wire::sse::{DecodeError, Decoder, Event, PassedOver};

use super::{
    super::{
        message::{Answer, Heard, MESSAGE_LIMIT, hear},
        status::{Log, Observer},
    },
    modern::modern_code,
    peer::Peer,
    said::Said,
};
use crate::{egress::Unreached, limit::Load};

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
/// How many attempts to resume a stream may fail in a row.
const RESUMPTIONS: u32 = 5;

/// How many unreadable events, and bytes of them, a stream may have before the answer.
const UNREADABLE: usize = 1_000;

/// Why there is no answer. The request has left.
pub(super) struct Unread {
    /// In one line, for everybody.
    pub(super) reason: String,
    /// What the upstream said instead, as far as it was read.
    pub(super) text: String,
}

impl From<String> for Unread {
    fn from(reason: String) -> Self {
        Self { reason, text: String::new() }
    }
}

/// Reads until the answer to the request with this id and method. The bytes read count towards `load`, and wait for
/// room there.
pub(super) async fn read(
    peer: &Arc<Peer>,
    (id, method): (u64, &'static str),
    response: Response,
    load: Option<&Load>,
) -> Result<Answer, Unread> {
    let said = Said::head(&peer.url, &response);
    let unread = |said: Said| Unread { reason: said.reason(method, &peer.observer), text: said.text };
    let status = said.status;
    match content_type(&response) {
        ContentType::Events if status.is_success() => Ok(stream(peer, id, response, load).await?),
        ContentType::Json => {
            let body = body(response, load).await?;
            let FoundAnswer { answer, unaddressed, unreadable, .. } = find(peer, id, &body);
            match (answer.or(unaddressed.filter(|_| status.is_success())), unreadable) {
                (Some(answer), _) => Ok(answer),
                // For an error status whose body is not our answer, the status says most.
                (None, Some(what)) if status.is_success() => Err(unread(said.with(&body).because(what))),
                (None, _) => Err(unread(said.with(&body))),
            }
        }
        _ => Err(unread(said.read(response).await)),
    }
}

enum ContentType {
    Json,
    Events,
    Other,
}

/// Whether a response is an event stream.
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

/// Why an answer was interrupted.
fn lost(error: reqwest::Error) -> String {
    Unreached::from(error).reason
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

/// The contents of one body or event.
#[derive(Default)]
struct FoundAnswer {
    answer: Option<Answer>,
    /// An error that names none of the gateway's requests. In the response to a request it answers that request:
    /// nothing else was asked.
    unaddressed: Option<Answer>,
    /// Why part of it cannot be read.
    unreadable: Option<String>,
    /// The unreadable part was the answer.
    was_answer: bool,
}

/// Looks for the answer to `id`, and replies to the upstream's own requests.
fn find(peer: &Arc<Peer>, id: u64, bytes: &[u8]) -> FoundAnswer {
    let mut found = FoundAnswer::default();
    for heard in hear(bytes, &peer.observer) {
        match heard {
            Ok(Heard::Answer(answered, answer)) if answered == id => found.answer = Some(answer),
            Ok(Heard::Answer(answered, _)) => {
                peer.observer.dropped(&format!("an answer to the request {answered} where that to {id} was due"));
            }
            Ok(Heard::Reply(reply)) => peer.reply(reply),
            // An upstream that refuses a request by its headers may not have read its id.
            Ok(Heard::Unaddressed { error, .. }) if peer.is_modern() && modern_code(&error).is_some() => {
                found.answer = Some(Answer::Error(error));
            }
            Ok(Heard::Unaddressed { error, .. }) => found.unaddressed = Some(Answer::Error(error)),
            Err(Unreadable { reason, answers }) => {
                found.was_answer |= answers == [id];
                found.unreadable = Some(reason);
            }
        }
    }
    found
}

async fn stream(peer: &Arc<Peer>, id: u64, response: Response, load: Option<&Load>) -> Result<Answer, String> {
    let mut events = Events::new(response, peer.observer.clone());
    let mut resumptions = 0;
    let mut unreadable = Passed::default();
    loop {
        match events.next_within(load).await {
            Ok(event) => {
                resumptions = 0;
                if let Some(answer) = in_event(peer, id, &event, &mut unreadable)? {
                    return Ok(answer);
                }
                peer.observer.pace.keep(event.data.len()).await;
            }
            Err(Broken::Garbled(reason)) => return Err(reason),
            Err(Broken::Ended(reason)) => {
                if let Some(answer) = events.unfinished().and_then(|event| in_unfinished(peer, id, &event)) {
                    return Ok(answer);
                }
                resumptions += 1;
                if peer.is_modern() || events.last_id.is_none() || resumptions > RESUMPTIONS {
                    return Err(unreadable.explain(reason));
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

/// Unreadable events before the answer.
#[derive(Default)]
struct Passed {
    events: usize,
    bytes: usize,
    first: Option<String>,
}

impl Passed {
    /// Counts one event.
    ///
    /// # Errors
    /// If there were too many.
    fn over(&mut self, reason: String, event: &Event) -> Result<(), String> {
        self.events += 1;
        self.bytes += event.data.len();
        self.first.get_or_insert(reason);
        if self.events > UNREADABLE || self.bytes > MESSAGE_LIMIT {
            return Err(self.explain("the upstream's stream has too much before the answer that cannot be read".into()));
        }
        Ok(())
    }

    fn explain(&self, reason: String) -> String {
        match &self.first {
            Some(first) => {
                format!("{reason}; {} of its events could not be read, the first because {first}", self.events)
            }
            None => reason,
        }
    }
}

/// Looks for the answer in one event. Unreadable content is logged, and the stream is read on.
///
/// # Errors
/// If the answer itself, or too much else, cannot be read.
fn in_event(peer: &Arc<Peer>, id: u64, event: &Event, passed: &mut Passed) -> Result<Option<Answer>, String> {
    if event.data.is_empty() && !event.unreadable {
        return Ok(None);
    }
    let FoundAnswer { answer, unaddressed, unreadable, was_answer } = match event.unreadable {
        true => FoundAnswer { unreadable: Some("it is not UTF-8".to_owned()), ..FoundAnswer::default() },
        false => find(peer, id, event.data.as_bytes()),
    };
    if let Some(answer) = answer.or(unaddressed) {
        return Ok(Some(answer));
    }
    let Some(reason) = unreadable else { return Ok(None) };
    if is_message(event) || was_answer {
        peer.observer.dropped(&format!("an event that cannot be read, because {reason}: {}", beginning(&event.data)));
        if was_answer {
            return Err(format!("the upstream's answer is not MCP: {reason}"));
        }
    }
    // Events of other names are keep-alives, which need not be MCP; they are bounded like all others.
    passed.over(reason, event).map(|()| None)
}

/// The answer, if a stream ends without the blank line after it: complete JSON lacks nothing.
fn in_unfinished(peer: &Arc<Peer>, id: u64, event: &Event) -> Option<Answer> {
    let is_whole = !event.unreadable && serde_json::from_str::<IgnoredAny>(&event.data).is_ok();
    is_whole.then(|| find(peer, id, event.data.as_bytes()).answer).flatten()
}

/// The part of a text that fits a line of the log.
pub(super) fn beginning(text: &str) -> &str {
    &text[..text.floor_char_boundary(Log::LINE_LENGTH)]
}

/// Requests the rest of a stream; `None` if the upstream could not be reached, which may be temporary.
async fn resume(peer: &Arc<Peer>, events: &Events) -> Result<Option<Response>, String> {
    let request = peer.start(Method::GET, false)?;
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
    if peer.has_session()
        && matches!(status, StatusCode::NOT_FOUND | StatusCode::UNAUTHORIZED | StatusCode::BAD_REQUEST)
    {
        peer.over.cancel();
    }
    let said = Said::head(&peer.url, &response).read(response).await;
    Err(format!(
        "the upstream's stream ended before the answer: {}",
        said.reason("the request for its rest", &peer.observer)
    ))
}

/// Whether an event carries a message; priming events and keep-alives do not.
pub(super) fn is_message(event: &Event) -> bool {
    !event.data.is_empty() && event.event.as_deref().is_none_or(|name| name == "message")
}

/// Why there is no further event.
pub(super) enum Broken {
    /// The stream cannot be parsed from here on.
    Garbled(String),
    /// It was cut, and may be resumed.
    Ended(String),
}

/// The events of a stream, across the responses that carry it.
pub(super) struct Events {
    response: Option<Response>,
    decoder: Decoder,
    /// Limits how fast everything between events is read.
    observer: Arc<Observer>,
    fault: Option<DecodeError>,
    pub(super) last_id: Option<String>,
    /// How long to wait before the stream is requested again.
    pub(super) retry: Duration,
    /// The bytes since the last event, and their largest number so far.
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

    /// The event in the middle of which the stream ended.
    fn unfinished(&mut self) -> Option<Event> {
        self.decoder.unfinished()
    }

    pub(super) async fn next(&mut self) -> Result<Event, Broken> {
        self.next_within(None).await
    }

    /// The next event. The largest event so far counts towards `load`, and waits for room there.
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
                    // Events that were complete before the fault still count.
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
