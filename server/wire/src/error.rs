//! JSON-RPC errors as they go over the wire, and their codes.
//!
//! Only what a peer may read belongs in here; causes that concern nobody outside
//! are logged where they happen.

use std::borrow::Cow;

use serde_json::value::RawValue;

use crate::{
    json::{push_string, spliced},
    mcp::{Revision, TASKS_EXTENSION},
};

/// The text is not JSON (JSON-RPC 2.0, section 5.1).
pub const PARSE_ERROR: i64 = -32700;
/// JSON, but no valid request object (JSON-RPC 2.0, section 5.1).
pub const INVALID_REQUEST: i64 = -32600;
/// No such method (JSON-RPC 2.0, section 5.1).
pub const METHOD_NOT_FOUND: i64 = -32601;
/// Invalid method parameters (JSON-RPC 2.0, section 5.1); in MCP an unknown tool too.
pub const INVALID_PARAMS: i64 = -32602;
/// The server failed (JSON-RPC 2.0, section 5.1).
pub const INTERNAL_ERROR: i64 = -32603;
/// No such resource (MCP 2025-11-25, server/resources, "Error Handling").
pub const RESOURCE_NOT_FOUND: i64 = -32002;
/// A header does not match the body it goes with (MCP 2026-07-28, Streamable HTTP).
pub const HEADER_MISMATCH: i64 = -32020;
/// The request needs a capability that it does not declare (MCP 2026-07-28, basic).
pub const MISSING_CAPABILITY: i64 = -32021;
/// A protocol version that is not served (MCP 2026-07-28, versioning).
pub const UNSUPPORTED_VERSION: i64 = -32022;

/// An error object of JSON-RPC 2.0 (section 5.1), and the request it answers.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{message} ({code})")]
pub struct RpcError {
    /// One of the codes above, or another that a specification names.
    pub code: i64,
    /// One sentence: what was wrong, and with which value.
    pub message: Cow<'static, str>,
    /// Anything a program may want to know besides.
    pub data: Option<Box<RawValue>>,
    /// The id of the request, where it could be read; without it the answer has
    /// none.
    pub id: Option<Box<RawValue>>,
}

impl RpcError {
    /// An error without data and without id.
    #[must_use]
    pub fn new(code: i64, message: impl Into<Cow<'static, str>>) -> Self {
        let message = message.into();
        Self { code, message, data: None, id: None }
    }

    /// [`PARSE_ERROR`]: the text is not JSON or not UTF-8.
    #[must_use]
    pub fn parse(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(PARSE_ERROR, message)
    }

    /// [`INVALID_REQUEST`]: JSON, but not a valid envelope.
    #[must_use]
    pub fn invalid_request(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(INVALID_REQUEST, message)
    }

    /// [`METHOD_NOT_FOUND`], naming the method.
    #[must_use]
    pub fn method_not_found(method: &str) -> Self {
        Self::new(METHOD_NOT_FOUND, format!("no such method: {}", shown(method)))
    }

    /// [`INVALID_PARAMS`]: the method exists, its parameters do not fit.
    #[must_use]
    pub fn invalid_params(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(INVALID_PARAMS, message)
    }

    /// [`INTERNAL_ERROR`]. The message is public: no internals in it.
    #[must_use]
    pub fn internal(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(INTERNAL_ERROR, message)
    }

    /// [`HEADER_MISMATCH`]: a header is missing, malformed or says other than the body.
    #[must_use]
    pub fn header_mismatch(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(HEADER_MISMATCH, message)
    }

    /// [`UNSUPPORTED_VERSION`]: nothing here speaks `requested`, of which at most 100
    /// characters are repeated. The data names what is spoken, newest first (MCP
    /// 2026-07-28, versioning, "Protocol Version Negotiation").
    #[must_use]
    pub fn unsupported_version(requested: &str) -> Self {
        let supported = Revision::ALL.iter().rev().map(|revision| format!("\"{revision}\""));
        let supported = supported.collect::<Vec<_>>().join(",");
        let mut data = format!("{{\"supported\":[{supported}],\"requested\":");
        push_string(&shown(requested), &mut data);
        data.push('}');
        Self::new(UNSUPPORTED_VERSION, "Unsupported protocol version").with_data(spliced(data))
    }

    /// [`MISSING_CAPABILITY`]: the request must declare the tasks extension (MCP tasks,
    /// "Capability Negotiation").
    #[must_use]
    pub fn missing_tasks_capability() -> Self {
        let data = format!("{{\"requiredCapabilities\":{{\"extensions\":{{\"{TASKS_EXTENSION}\":{{}}}}}}}}");
        Self::new(MISSING_CAPABILITY, "Missing required client capability").with_data(spliced(data))
    }

    /// The same error as the answer to the request `id`.
    #[must_use]
    pub fn with_id(self, id: &RawValue) -> Self {
        let id = Some(id.to_owned());
        Self { id, ..self }
    }

    /// The same error with `data`.
    #[must_use]
    pub fn with_data(self, data: Box<RawValue>) -> Self {
        let data = Some(data);
        Self { data, ..self }
    }
}

/// What is repeated of a peer's text: it may be as long as a body, the answer need not be.
fn shown(text: &str) -> String {
    const MAX_CHARS: usize = 100;
    text.chars().take(MAX_CHARS).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn an_unsupported_version_is_told_what_is_spoken_newest_first() {
        let error = RpcError::unsupported_version("1900-01-01\"");
        assert_eq!(error.code, -32022);
        assert_eq!(
            error.data.unwrap().get(),
            r#"{"supported":["2026-07-28","2025-11-25","2025-06-18","2025-03-26","2024-11-05"],"requested":"1900-01-01\""}"#
        );
        let long = RpcError::unsupported_version(&"é".repeat(5_000)).data.unwrap();
        assert!(long.get().ends_with(&format!("\"requested\":\"{}\"}}", "é".repeat(100))));
    }

    #[test]
    fn a_request_without_tasks_is_told_which_extension_is_missing() {
        let error = RpcError::missing_tasks_capability();
        assert_eq!(error.code, -32021);
        assert_eq!(
            error.data.unwrap().get(),
            r#"{"requiredCapabilities":{"extensions":{"io.modelcontextprotocol/tasks":{}}}}"#
        );
    }
}
