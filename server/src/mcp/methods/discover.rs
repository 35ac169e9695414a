//! `server/discover` of 2026-07-28: the supported revisions and capabilities, and how long the answer may be cached.

use serde_json::json;
use wire::mcp::{Revision, TASKS_EXTENSION};

use super::{
    about::{TTL_MS, described},
    answered::Answered,
    instructions::{instructions, recorded},
};
use crate::mcp::request::place::Place;

/// Answers with the supported revisions and capabilities of this endpoint.
pub(in crate::mcp) fn discover(place: &Place) -> Answered {
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
    Answered::new(written, Some(recorded(result)))
}
