//! JSON-RPC errors as they go over the wire, and their codes.
//!
//! Only what a peer may read belongs in here; causes that concern nobody outside
//! are logged where they happen.

use std::borrow::Cow;

use serde_json::value::RawValue;

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
    /// `"id":null`, as section 5 asks.
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
        /// A method's name may be as long as a body; the answer need not be.
        const MAX_CHARS: usize = 100;
        let shown: String = method.chars().take(MAX_CHARS).collect();
        Self::new(METHOD_NOT_FOUND, format!("no such method: {shown}"))
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
