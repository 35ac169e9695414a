//! Integration tests: one binary, one file per subject, a real Postgres (`cluster`).

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod abuse;
mod approvals;
mod audit;
mod bindings;
mod bounds;
mod budgets;
mod cards;
mod cluster;
mod command_line;
mod connect;
mod coverage;
mod decisions;
mod doors;
mod embedded;
mod eras;
mod events;
mod export;
mod export_limits;
mod holding;
mod input;
mod keys;
mod layers;
mod listening;
mod live;
mod malformed;
mod management;
mod mcp;
mod openapi;
mod outage;
mod outcomes;
mod people;
mod races;
mod sessions;
mod slow_clients;
mod stopping;
mod support;
mod tasks;
mod upstream;
