//! `tools/list`: the tools that this caller may see, page by page, each definition byte for byte as its upstream wrote
//! it.

use std::{sync::Arc, time::Duration};

use futures::future::join_all;
use serde_json::{json, value::RawValue};
use wire::{
    canonical::sha256,
    error::RpcError,
    listed::{self, OutputSchema},
    mcp::ListParams,
};

use super::{
    about::TTL_MS,
    answered::{Answered, Failure},
};
use crate::{
    directory::LARGEST,
    error::Error,
    mcp::request::place::Place,
    service::{
        Services,
        call::{LIST_AGE, builtin::Builtin},
        catalog::{connection, toolkit_tool::visible},
    },
};

/// How long a client waits for its list. The upstream is given its connection's timeout.
const PATIENCE: Duration = Duration::from_secs(2);
/// The key in a list's `_meta` that names the connections whose lists are out of date.
const OUTDATED: &str = "dev.permesso/outdated";
/// The most tools of one page.
const PAGE: usize = 1_000;
/// A page ends with the tool whose definition takes it beyond this size, in bytes.
const PAGE_BYTES: usize = 4 * 1024 * 1024;

/// Lists tools, the gateway's own first, then the others by name: many clients read only one page. Blocked tools are
/// left out. The cursor is the name of the last tool of the page before.
pub(in crate::mcp) async fn list_tools(
    services: &Arc<Services>,
    place: &Place,
    params: Option<&RawValue>,
) -> Result<Answered, Failure> {
    let cursor = ListParams::parse(params)?.cursor;
    let after = cursor.as_deref().map(decode_cursor).transpose()?;
    let outdated = refresh(services, place).await;
    let org = services.directory.org(place.org.id).await?.ok_or_else(Error::not_found)?;
    let toolkit = org.toolkits.get(&place.toolkit.slug).ok_or_else(Error::not_found)?;
    let known = match (toolkit.lists_output_schemas(), place.spoken.modern) {
        (false, _) => OutputSchema::LeftOut,
        (true, true) => OutputSchema::Any,
        (true, false) => OutputSchema::OfObject,
    };
    let mut waits = false;
    let mut more = false;
    let mut bytes = 0;
    let mut listed: Vec<(&str, Box<RawValue>)> = Vec::new();
    for (tool, held) in visible(&org, toolkit, &place.caller) {
        waits |= held;
        if after.as_deref().is_some_and(|after| *tool.name <= *after) {
            continue;
        }
        more |= listed.len() == PAGE || bytes > PAGE_BYTES;
        // Tools beyond this page are not read: there may be very many.
        if more {
            continue;
        }
        // Stored before this bound existed: the next listing withdraws it.
        if tool.tool.definition.len() > LARGEST {
            continue;
        }
        let raw: &RawValue = serde_json::from_str(&tool.tool.definition).map_err(Error::internal)?;
        // Stored before it was known that clients cannot read it: the next listing withdraws it.
        if listed::allowed(raw).is_err() {
            continue;
        }
        bytes += tool.tool.definition.len();
        let output = if held { OutputSchema::LeftOut } else { known };
        listed.push((&tool.name, listed::listed(raw, &tool.name, output)));
    }
    let next = more.then(|| listed.last().map(|(name, _)| encode_cursor(name)));
    let own = Builtin::ALL.into_iter().filter(|_| waits && after.is_none()).map(Builtin::definition);
    let tools: Vec<Box<RawValue>> = own.chain(listed.into_iter().map(|(_, definition)| definition)).collect();
    page(place, &tools, next.flatten(), &outdated)
}

/// Identifies a list without writing it.
pub(in crate::mcp) fn digest(place: &Place) -> [u8; 32] {
    let mut text = vec![place.toolkit.lists_output_schemas().into()];
    for (tool, held) in visible(&place.org, &place.toolkit, &place.caller) {
        text.extend_from_slice(tool.name.as_bytes());
        // No name contains this byte, so different lists have different texts.
        text.push(0xff);
        text.extend_from_slice(&tool.tool.seen_sha256);
        text.push(held.into());
    }
    sha256(&text)
}

fn page(
    place: &Place,
    tools: &[Box<RawValue>],
    next: Option<String>,
    outdated: &[Outdated],
) -> Result<Answered, Failure> {
    let mut text = String::from("{\"tools\":[");
    for (n, tool) in tools.iter().enumerate() {
        if n > 0 {
            text.push(',');
        }
        text.push_str(tool.get());
    }
    text.push(']');
    if let Some(next) = next {
        text.push_str(&format!(",\"nextCursor\":{}", json!(next)));
    }
    if !outdated.is_empty() {
        text.push_str(&format!(",\"_meta\":{}", json!({OUTDATED: outdated})));
    }
    if place.spoken.modern {
        // The list differs by caller, so it may not be shared.
        text.push_str(&format!(",\"ttlMs\":{TTL_MS},\"cacheScope\":\"private\""));
    }
    text.push('}');
    // Lists are recorded by digest (approvals.md, promise 3).
    let digest = json!({"tools": tools.len(), "sha256": hex::encode(sha256(text.as_bytes()))}).to_string();
    let result = RawValue::from_string(text).map_err(Error::internal)?;
    Ok(Answered::new(result, Some(digest)))
}

/// A connection whose tools are listed as last seen.
#[derive(serde::Serialize)]
pub(in crate::mcp) struct Outdated {
    connection: String,
    reason: String,
}

/// Refreshes the outdated lists of upstreams. An upstream that does not list its tools in time is listed as last seen,
/// and is named.
pub(in crate::mcp) async fn refresh(services: &Services, place: &Place) -> Vec<Outdated> {
    let mut used: Vec<_> = place.toolkit.tools.iter().map(|tool| tool.tool.connection).collect();
    used.sort_unstable();
    used.dedup();
    let connections =
        used.iter().filter_map(|id| place.org.connections.get(id)).filter(|connection| connection.enabled);
    let asked = connections.map(|connection| async move {
        let fresh = connection::ensure_fresh(services, connection, LIST_AGE);
        let reason = match tokio::time::timeout(PATIENCE, fresh).await {
            Ok(Ok(_)) => return None,
            Ok(Err(reason)) => reason,
            Err(_) => format!("it has not listed its tools within {} s", PATIENCE.as_secs()),
        };
        Some(Outdated { connection: connection.slug.to_string(), reason })
    });
    join_all(asked).await.into_iter().flatten().collect()
}

fn encode_cursor(name: &str) -> String {
    hex::encode(name)
}

fn decode_cursor(cursor: &str) -> Result<String, RpcError> {
    let wrong = || RpcError::invalid_params("`cursor` is not one that this server gave");
    String::from_utf8(hex::decode(cursor).map_err(|_| wrong())?).map_err(|_| wrong())
}
