//! Real parts for tests: a Postgres of their own, gateways in this process and as processes, an
//! upstream that does as it is told, and clients named for who they are.

pub(crate) mod client;
pub(crate) mod database;
pub(crate) mod gateway;
pub(crate) mod ledger;
pub(crate) mod modern;
pub(crate) mod process;
pub(crate) mod proxy;
pub(crate) mod records;
pub(crate) mod stream;
pub(crate) mod unread;
pub(crate) mod upstream;
pub(crate) mod world;

pub(crate) use client::Client;
pub(crate) use gateway::Gateway;
pub(crate) use upstream::{Behaviour, Upstream};
pub(crate) use world::World;

use std::time::Duration;

/// Waits until `condition` holds, at most ten seconds.
pub(crate) async fn eventually<F: Future<Output = bool>>(what: &str, mut condition: impl FnMut() -> F) {
    let began = std::time::Instant::now();
    while !condition().await {
        assert!(began.elapsed() < Duration::from_secs(20), "did not happen: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
