//! Behaviour of the crate from outside: envelopes by example, and properties that
//! hold for any input.

#![allow(clippy::unwrap_used, reason = "tests")]

mod canonical;
mod envelope;
mod hostile;
mod json;
mod model;
mod param_header;
mod sse;
