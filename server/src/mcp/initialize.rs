//! `initialize`: which revision is spoken, and what is offered.

use serde_json::{json, value::RawValue};
use wire::mcp::{InitializeParams, Revision};

use super::{
    listed::{Failure, Listed},
    record::Place,
};

/// Answers with the revision the client asked for, if it is one of ours, else the newest
/// (MCP, "Lifecycle", version negotiation).
pub(super) fn initialize(place: &Place, params: Option<&RawValue>) -> Result<Listed, Failure> {
    let params = InitializeParams::parse(params)?;
    let revision = Revision::negotiate(&params.protocol_version);
    let result = json!({
        "protocolVersion": revision.as_str(),
        "capabilities": {"tools": {"listChanged": false}},
        "serverInfo": {"name": "permesso", "title": place.toolkit.name, "version": env!("CARGO_PKG_VERSION")},
        "instructions": "Some tools wait for a person's decision. A result that begins with NOT EXECUTED says what to do next; follow it and do not look for another way to get the same effect.",
    });
    let result = serde_json::value::to_raw_value(&result).unwrap_or_default();
    let record = Some(result.get().to_owned());
    Ok(Listed::new(result, record))
}
