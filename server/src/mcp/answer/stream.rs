//! A response that begins when its answer is ready. For a client that accepts event streams it begins as soon as the
//! answer will take a while: progress and keep-alives are then sent first (MCP, "Streamable HTTP", "Receiving
//! Messages").

use std::{
    convert::Infallible,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use axum::{
    body::Body,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use futures::FutureExt;
use http_body::Frame;
use tokio::{
    sync::mpsc,
    time::{Instant, Interval, MissedTickBehavior, interval_at},
};
use tokio_util::task::AbortOnDropHandle;
use tracing::Instrument;

use super::{Answer, EVENT_STREAM, Payload};
use crate::{
    limit::Load,
    service::{Services, call::Told, delivered::Tracked},
};

/// Whether the client accepts event streams. Every client of the specification does; a person with curl may not.
pub(in crate::mcp) fn takes_events(headers: &HeaderMap) -> bool {
    let values = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let mut kinds = values.flat_map(|value| value.split(','));
    kinds.any(|kind| {
        let essence = kind.split(';').next().unwrap_or_default().trim();
        essence.eq_ignore_ascii_case("text/event-stream")
    })
}

/// Responds with the answer that `work` produces. Dropping the response drops the work.
pub(in crate::mcp) async fn respond(
    services: &Arc<Services>,
    work: impl Future<Output = Answer> + Send + 'static,
    mut told: mpsc::Receiver<Told>,
    takes_events: bool,
    load: Arc<Load>,
) -> Response {
    let mut work = work.boxed();
    if !takes_events {
        return work.await.into_response(services, &load);
    }
    let first = tokio::select! {
        biased;
        Some(first) = told.recv() => first,
        answer = &mut work => return answer.into_response(services, &load),
    };
    let alive = keep_alives(services);
    // The headers are sent with the first byte.
    let first = frame(first).unwrap_or_else(|| Bytes::from_static(STILL_HERE));
    // In a task of its own, so that a client that reads slowly delays only its own answer.
    let work = AbortOnDropHandle::new(tokio::spawn(work.in_current_span()));
    let now = Now::Working(work);
    let stream = Stream { services: services.clone(), first: Some(first), told, alive, now, load };
    (StatusCode::OK, EVENT_STREAM, Body::new(stream)).into_response()
}

/// The body of such a stream.
struct Stream {
    services: Arc<Services>,
    first: Option<Bytes>,
    told: mpsc::Receiver<Told>,
    alive: Interval,
    now: Now,
    load: Arc<Load>,
}

enum Now {
    Working(AbortOnDropHandle<Answer>),
    Answering(Tracked),
    Ended,
}

impl axum::body::HttpBody for Stream {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let stream = self.get_mut();
        if let Some(first) = stream.first.take() {
            return Poll::Ready(Some(Ok(Frame::data(first))));
        }
        loop {
            match &mut stream.now {
                Now::Ended => return Poll::Ready(None),
                Now::Answering(body) => return Pin::new(body).poll_frame(context),
                Now::Working(work) => {
                    while let Poll::Ready(Some(told)) = stream.told.poll_recv(context) {
                        if let Some(bytes) = frame(told) {
                            stream.alive.reset();
                            return Poll::Ready(Some(Ok(Frame::data(bytes))));
                        }
                    }
                    match work.poll_unpin(context) {
                        Poll::Ready(Err(error)) => {
                            tracing::error!(%error, "a request ended without an answer");
                            stream.now = Now::Ended;
                        }
                        Poll::Ready(Ok(answer)) => {
                            stream.now = Now::of(&stream.services, answer, &stream.load);
                            // Messages from before the answer are sent before it.
                            let ahead: Vec<u8> = std::iter::from_fn(|| stream.told.try_recv().ok())
                                .filter_map(frame)
                                .flatten()
                                .collect();
                            if !ahead.is_empty() {
                                return Poll::Ready(Some(Ok(Frame::data(ahead.into()))));
                            }
                        }
                        Poll::Pending if stream.alive.poll_tick(context).is_ready() => {
                            return Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(STILL_HERE)))));
                        }
                        Poll::Pending => return Poll::Pending,
                    }
                }
            }
        }
    }
}

impl Now {
    fn of(services: &Arc<Services>, answer: Answer, load: &Arc<Load>) -> Self {
        match answer.content {
            Payload::Json { bytes, answers } => {
                Self::Answering(Tracked::new(&services.base, event(&bytes), answers, load))
            }
            Payload::Nothing | Payload::Events(_) => Self::Ended,
        }
    }
}

/// Ticks whenever an idle event stream must send a keep-alive.
pub(in crate::mcp) fn keep_alives(services: &Services) -> Interval {
    let pause = services.pace.keep_alive;
    let mut alive = interval_at(Instant::now() + pause, pause);
    alive.set_missed_tick_behavior(MissedTickBehavior::Delay);
    alive
}

/// A comment, which every client ignores.
pub(in crate::mcp) const STILL_HERE: &[u8] = b": still here\n\n";

/// One JSON-RPC message as an event.
pub(in crate::mcp) fn event(json: &[u8]) -> Vec<u8> {
    // All our messages are made as strings.
    wire::sse::encode(None, None, &String::from_utf8_lossy(json)).into_bytes()
}

fn frame(told: Told) -> Option<Bytes> {
    match told {
        Told::Waiting => None,
        Told::Notification(json) => Some(event(&json).into()),
    }
}
