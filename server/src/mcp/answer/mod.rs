//! Responses to a client: an [`Answer`], a fault as one ([`fault`]), or a stream that ends with one ([`stream`]).

pub(in crate::mcp) mod fault;
pub(in crate::mcp) mod stream;

use std::sync::Arc;

use axum::{
    body::Body as HttpBody,
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use domain::{ApprovalId, OrgId};

use super::request::era;
use crate::{
    limit::Load,
    service::{Services, delivered::Tracked},
};

/// Headers of an event stream: no caching, no buffering.
pub(in crate::mcp) const EVENT_STREAM: [(HeaderName, &str); 3] = [
    (header::CONTENT_TYPE, "text/event-stream"),
    (header::CACHE_CONTROL, "no-store"),
    (HeaderName::from_static("x-accel-buffering"), "no"),
];

/// One answer: its content, and its HTTP status when it is not part of a stream.
pub(in crate::mcp) struct Answer {
    pub(in crate::mcp) status: StatusCode,
    pub(in crate::mcp) content: Payload,
    /// The id of the session that this answer opens.
    pub(in crate::mcp) session: Option<String>,
}

/// The content of an answer.
pub(in crate::mcp) enum Payload {
    /// Nothing, because the message was not a request.
    Nothing,
    /// JSON-RPC, and the approvals whose results it carries.
    Json { bytes: Vec<u8>, answers: Vec<(OrgId, ApprovalId)> },
    /// An event stream of its own.
    Events(HttpBody),
}

impl Answer {
    pub(in crate::mcp) fn json(status: StatusCode, bytes: Vec<u8>) -> Self {
        Self { status, content: Payload::Json { bytes, answers: Vec::new() }, session: None }
    }

    /// The message was accepted and needs no answer.
    pub(in crate::mcp) fn accepted() -> Self {
        Self { status: StatusCode::ACCEPTED, content: Payload::Nothing, session: None }
    }

    /// The answer counts towards the budget until it is sent.
    pub(in crate::mcp) fn into_response(self, services: &Arc<Services>, load: &Arc<Load>) -> Response {
        let mut response = match self.content {
            Payload::Nothing => self.status.into_response(),
            Payload::Events(body) => (self.status, EVENT_STREAM, body).into_response(),
            Payload::Json { bytes, answers } => {
                let body = HttpBody::new(Tracked::new(&services.base, bytes, answers, load));
                (self.status, [(header::CONTENT_TYPE, "application/json")], body).into_response()
            }
        };
        let headers = response.headers_mut();
        let retry_after = match self.status {
            StatusCode::SERVICE_UNAVAILABLE => Some("2"),
            StatusCode::TOO_MANY_REQUESTS => Some("5"),
            _ => None,
        };
        if let Some(seconds) = retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static(seconds));
        }
        if let Some(session) = self.session.and_then(|id| HeaderValue::from_str(&id).ok()) {
            headers.insert(era::SESSION_ID, session);
        }
        response
    }
}
