//! `server/discover` of 2026-07-28: which revisions are spoken, what is offered, how long that may be kept.

use std::sync::LazyLock;

use serde_json::{Value, json, value::RawValue};
use wire::mcp::{Revision, TASKS_EXTENSION};

use super::{
    instructions::{instructions, recorded},
    listed::Listed,
    record::Place,
};

/// How long a client may keep a list or what was discovered, in milliseconds: permissions and upstreams change.
pub(super) const TTL_MS: u64 = 60_000;

static SERVER_INFO: LazyLock<Box<RawValue>> = LazyLock::new(|| {
    let info = json!({"name": "permesso", "version": env!("CARGO_PKG_VERSION")});
    serde_json::value::to_raw_value(&info).unwrap_or_default()
});

/// Who answers, as every result of 2026-07-28 says.
pub(super) fn server_info() -> &'static RawValue {
    &SERVER_INFO
}

/// The same for people, with the toolkit's name.
pub(super) fn described(place: &Place) -> Value {
    json!({"name": "permesso", "title": place.toolkit.name, "version": env!("CARGO_PKG_VERSION")})
}

/// Answers what this endpoint speaks and offers.
pub(super) fn discover(place: &Place) -> Listed {
    let newest_first: Vec<&str> = Revision::ALL.iter().rev().map(|revision| revision.as_str()).collect();
    let result = json!({
        "resultType": "complete",
        "supportedVersions": newest_first,
        "capabilities": {"tools": {"listChanged": true}, "extensions": {TASKS_EXTENSION: {}}},
        "_meta": {"io.modelcontextprotocol/serverInfo": described(place)},
        "instructions": instructions(place),
        "ttlMs": TTL_MS,
        "cacheScope": "private",
    });
    let written = serde_json::value::to_raw_value(&result).unwrap_or_default();
    Listed::new(written, Some(recorded(result)))
}
