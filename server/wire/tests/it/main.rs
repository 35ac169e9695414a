//! Behaviour of the crate from outside: envelopes by example, and properties that
//! hold for any input.

#![allow(clippy::unwrap_used, reason = "tests")]

mod canonical;
mod envelope;
mod fuzz;
mod hostile;
mod json;
mod model;
mod param_header;
mod sse;

// Fuzz targets import the macro from there.
extern crate self as libfuzzer_sys;
pub(crate) use fuzz::fuzz_target;
