//! What the services of Permesso stand on: the database, the configuration of the orgs in use, the record, credentials,
//! upstreams, and the limits of all that. A crate of its own, so that a change of a service compiles the services only.
//!
//! Layers that only look down; `server/tests/it/layers.rs` keeps them so: `{auth, directory, audit, upstream} →
//! {db, live} → {limit, egress, seal} → {error, config, telemetry, metrics}`.

pub mod audit;
pub mod auth;
pub mod config;
pub mod db;
pub mod directory;
pub mod egress;
pub mod error;
pub mod limit;
pub mod live;
pub mod metrics;
pub mod seal;
pub mod telemetry;
pub mod upstream;

pub use system::{clock, process, random};
