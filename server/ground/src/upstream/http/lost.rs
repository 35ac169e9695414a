//! Recognises lost sessions of upstreams that do not say so by HTTP 404, as the specification requires.
//!
//! The words are those of the SDKs' transports and of servers met in practice. A transport that refuses a request with
//! a 4xx status for its session has run no tool: it checks the session first.

use http::StatusCode;
use wire::error::INVALID_REQUEST;

/// How many bytes of a text are examined.
const LOOKED_AT: usize = 1024;
const ABOUT_SESSIONS: [&str; 20] = [
    "not found",
    "no valid",
    "not valid",
    "invalid",
    "unknown",
    "unrecognized",
    "expired",
    "missing",
    "required",
    "terminated",
    "closed",
    "no longer",
    "not exist",
    "no session",
    "not initialized",
    "mismatch",
    "different transport",
    "not recognized",
    "no active",
    "could not find",
];
const WITHOUT_SESSIONS: [&str; 5] = [
    "not initialized",
    "reinitialize",
    "expect initialize request",
    "not an initialization request",
    "no transport found",
];
/// The session ended while the request was in flight.
const UNDER_WAY: [&str; 3] = ["before the request", "while the request", "in progress"];

/// What an upstream's words about a session mean for the request that they answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lost {
    /// It was refused before anything ran.
    NotProcessed,
    /// It may have run.
    Unclear,
}

/// The meaning of a response body that is not a result. `has_session`: the request named a session.
pub(super) fn read(status: StatusCode, text: &str, has_session: bool) -> Option<Lost> {
    let not_now = matches!(status, StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS);
    let refused = status.is_client_error() && !not_now;
    // "Session Management"; and RFC 9110, section 15.5.2: a request without valid credentials has not been applied.
    let by_status = has_session && matches!(status, StatusCode::NOT_FOUND | StatusCode::UNAUTHORIZED);
    let said = text[..text.floor_char_boundary(LOOKED_AT)].to_ascii_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| said.contains(word));
    let by_words = (has_session && said.contains("session") && says(&ABOUT_SESSIONS)) || says(&WITHOUT_SESSIONS);
    if !by_status && !by_words {
        return None;
    }
    Some(if refused && !says(&UNDER_WAY) { Lost::NotProcessed } else { Lost::Unclear })
}

/// The same for a JSON-RPC error, whose words may be a tool's: only errors of the transport's kind count.
pub(super) fn in_error(status: StatusCode, error: &str, has_session: bool) -> Option<Lost> {
    #[derive(serde::Deserialize)]
    struct Said {
        code: i64,
        message: String,
    }
    let Said { code, message } = serde_json::from_str(error).ok()?;
    let is_transports = code == INVALID_REQUEST || (-32_099..=-32_000).contains(&code) || !status.is_success();
    read(status, if is_transports { &message } else { "" }, has_session)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that panics fails")]
    use super::*;

    fn of(status: u16, text: &str) -> Option<Lost> {
        read(StatusCode::from_u16(status).unwrap(), text, true)
    }

    #[test]
    fn what_transports_say_of_a_lost_session_is_known() {
        for (status, text) in [
            (404, ""),
            (401, ""),
            (400, "Bad Request: No valid session ID provided"),
            (400, "Bad Request: Server not initialized"),
            (400, "Bad Request: Mcp-Session-Id header is required"),
            (400, "Invalid request - no session ID and not an initialization request"),
            (400, "Bad Request: Session exists but uses a different transport protocol"),
            (400, "Not Found: Session has been terminated"),
            (401, "Unauthorized: Session not found"),
            (422, "Unexpected message, expect initialize request"),
            (400, "Invalid session ID"),
            (400, "Session ID required in mcp-session-id header"),
            (403, "Mcp-Session-Id principal mismatch"),
            (400, "No transport found for sessionId"),
            (404, "Not Found: Unknown Mcp-Session-Id header"),
        ] {
            assert_eq!(of(status, text), Some(Lost::NotProcessed), "{status} {text}");
        }
    }

    #[test]
    fn where_the_request_may_have_run_that_is_not_denied() {
        for (status, text) in [
            (200, "Unknown session id '0fbc' for 'tools/call'; client should reinitialize"),
            (200, "Server not initialized"),
            (503, "unknown session"),
            (400, "Session terminated before the request completed"),
        ] {
            assert_eq!(of(status, text), Some(Lost::Unclear), "{status} {text}");
        }
    }

    #[test]
    fn other_words_lose_no_session() {
        for (status, text) in [
            (400, "Bad Request"),
            (403, "Forbidden"),
            (200, "the session is long"),
            (429, "slow down"),
            (500, "not found"),
        ] {
            assert_eq!(of(status, text), None, "{status} {text}");
        }
        assert_eq!(read(StatusCode::NOT_FOUND, "session not found", false), None, "it named none");
        let error = r#"{"code":-1,"message":"the browser's session was not found"}"#;
        assert_eq!(in_error(StatusCode::OK, error, true), None, "a tool's own words");
        let error = r#"{"code":-32001,"message":"Session not found"}"#;
        assert_eq!(in_error(StatusCode::OK, error, true), Some(Lost::Unclear));
    }
}
