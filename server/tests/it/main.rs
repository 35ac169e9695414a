//! Integration tests: one binary, one file per resource, a real Postgres (`cluster`).

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod cluster;
mod embedded;
