//! The instructions that an agent reads before it uses anything: the gateway's own, then the toolkit's, or if it has
//! none those of its upstreams.

use domain::directory::{Connection, Org, Toolkit};
use serde_json::{Value, json};
use wire::canonical::sha256;

use crate::{mcp::request::place::Place, service::catalog::toolkit_tool::visible};

/// The gateway's own instructions.
const OURS: &str = "Some tools wait for a person's decision. A result that begins with NOT EXECUTED says what to do next; \
     follow it and do not look for another way to get the same effect.";

/// The limit of all instructions together, in bytes.
const LARGEST: usize = 8 * 1024;

/// The instructions for this caller and toolkit.
pub(in crate::mcp) fn instructions(place: &Place) -> String {
    let upstreams = || joined(&place.toolkit, &seen_by(place));
    let theirs = place.toolkit.instructions.as_deref().map_or_else(upstreams, str::to_owned);
    if theirs.is_empty() {
        return OURS.to_owned();
    }
    let mut text = format!("{OURS}\n\n{theirs}");
    text.truncate(text.floor_char_boundary(LARGEST));
    text
}

/// The same result in its recorded form: texts of others are recorded by digest, as lists are (approvals.md, promise
/// 3).
pub(in crate::mcp) fn recorded(mut result: Value) -> String {
    if let Some(text) = result["instructions"].as_str().filter(|text| *text != OURS) {
        let digest = json!({"bytes": text.len(), "sha256": hex::encode(sha256(text.as_bytes()))});
        result["instructions"] = digest;
    }
    result.to_string()
}

/// The connections with a tool that this caller is listed, by name.
fn seen_by(place: &Place) -> Vec<&Connection> {
    let org: &Org = &place.org;
    let tools = visible(org, &place.toolkit, &place.caller);
    let mut connections: Vec<&Connection> =
        tools.filter_map(|(tool, _)| org.connections.get(&tool.tool.connection).map(AsRef::as_ref)).collect();
    connections.sort_unstable_by(|a, b| a.slug.as_str().cmp(b.slug.as_str()));
    connections.dedup_by_key(|connection| connection.id);
    connections
}

/// The instructions of the upstreams; if the toolkit has several, each under its connection's name.
fn joined(toolkit: &Toolkit, connections: &[&Connection]) -> String {
    let alone = toolkit.tools.windows(2).all(|pair| pair[0].tool.connection == pair[1].tool.connection);
    let texts =
        connections.iter().filter_map(|connection| Some((&connection.slug, connection.instructions.as_deref()?)));
    let parts = texts.map(|(slug, text)| if alone { text.to_owned() } else { format!("# {slug}\n\n{text}") });
    parts.collect::<Vec<_>>().join("\n\n")
}
