//! Errors as HTTP: RFC 9457 problem+json with a stable code and the request id.

use api_types::{Problem, ProblemField};
use axum::{
    Json,
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use uuid::Uuid;

use crate::error::{Error, Kind, MOST_AFFECTED};

/// Writes the error as problem+json, with the headers its kind asks for, and logs its cause.
pub fn render(error: &Error, request_id: Uuid) -> Response {
    error.log();
    let status = error.kind.status();
    let call = error.call.as_deref().cloned().unwrap_or_default();
    let problem = Problem {
        r#type: "about:blank".to_owned(),
        title: status.canonical_reason().unwrap_or_default().to_owned(),
        status: status.as_u16(),
        detail: error.message.to_string(),
        code: error.code.to_owned(),
        request_id,
        errors: error
            .fields
            .iter()
            .map(|field| ProblemField { field: field.field.clone(), message: field.message.clone() })
            .collect(),
        affected: error.affected.iter().take(MOST_AFFECTED).cloned().collect(),
        more: error.affected.len() > MOST_AFFECTED,
        executed: call.executed,
        rule: call.rule,
        next_action: call.next_action,
        approval_id: call.approval_id,
    };
    let mut response = (status, Json(problem)).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    match error.kind {
        Kind::Unauthorized => {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"permesso\""));
        }
        Kind::TooMany(after) => {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(after.as_secs().max(1)));
        }
        Kind::Unavailable => {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("2"));
        }
        _ => {}
    }
    response
}
