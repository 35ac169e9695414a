//! The server's identity, and how long clients may cache its answers.

use std::sync::LazyLock;

use serde_json::{Value, json, value::RawValue};

use crate::mcp::request::place::Place;

/// How long a client may cache a list or the answer of `server/discover`, in milliseconds: permissions and upstreams
/// change.
pub(in crate::mcp) const TTL_MS: u64 = 60_000;

static SERVER_INFO: LazyLock<Box<RawValue>> = LazyLock::new(|| {
    let info = json!({"name": "permesso", "version": env!("CARGO_PKG_VERSION")});
    serde_json::value::to_raw_value(&info).unwrap_or_default()
});

/// The server's identity, part of every result of 2026-07-28.
pub(in crate::mcp) fn server_info() -> &'static RawValue {
    &SERVER_INFO
}

/// The same for people, with the toolkit's name.
pub(in crate::mcp) fn described(place: &Place) -> Value {
    json!({"name": "permesso", "title": place.toolkit.name, "version": env!("CARGO_PKG_VERSION")})
}
