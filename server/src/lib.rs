//! Permesso: an approval-queue gateway for the Model Context Protocol.
//!
//! Layers that only look down; `tests/it/layers.rs` keeps them so:
//! `cli → app → {api, mcp, jobs} → service → {auth, directory, audit, upstream} → {db, live} → {limit, egress, seal}
//! → {error, config, telemetry, metrics}`, and below them the crates of `server/`.

// A reader that has gone makes `println!` panic: see `cli::output`.
#![cfg_attr(not(test), warn(clippy::print_stdout, clippy::print_stderr))]
// The layout of a request's future is computed from its parts, one in the other: the optimized build looks deeper.
#![recursion_limit = "256"]

pub mod api;
pub mod app;
pub mod audit;
pub mod auth;
pub mod cli;
pub mod config;
pub mod db;
pub mod directory;
pub mod egress;
pub mod error;
pub mod jobs;
pub mod limit;
pub mod live;
pub mod mcp;
pub mod metrics;
pub mod seal;
pub mod service;
pub mod telemetry;
pub mod upstream;

pub use system::{clock, process, random};
