//! Permesso: an approval-queue gateway for the Model Context Protocol.
//!
//! Layers that only look down; `tests/it/layers.rs` keeps them so: `cli → app → {api, mcp, jobs} → service`, and below
//! them the crate `ground`.

// A reader that has gone makes `println!` panic: see `cli::output`.
#![cfg_attr(not(test), warn(clippy::print_stdout, clippy::print_stderr))]
// The layout of a request's future is computed from its parts, one in the other: the optimized build looks deeper.
#![recursion_limit = "256"]

pub mod api;
pub mod app;
pub mod cli;
pub mod jobs;
pub mod mcp;
pub mod service;

pub use permesso_ground::{
    audit, auth, config, db, directory, egress, error, limit, live, metrics, seal, telemetry, upstream,
};
pub use system::{clock, process, random};
