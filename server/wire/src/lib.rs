//! JSON-RPC and MCP on the wire: envelopes over borrowed raw JSON, protocol
//! revisions, error codes, server-sent events, canonical JSON.
//!
//! Everything here is a pure function of bytes: no IO, no clock, no async. What
//! comes from a peer is validated once and then handed on as the bytes it was, so
//! that unknown fields, number forms and member order survive the gateway. What
//! must be compared (arguments, definitions) is compared in canonical form.

pub mod canonical;
pub mod definition;
pub mod envelope;
pub mod error;
pub mod header;
pub mod json;
pub mod lenient;
pub mod listed;
pub mod mcp;
pub mod normal;
mod number;
pub mod param_header;
pub mod shape;
pub mod sse;
mod token;
