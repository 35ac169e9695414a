//! `initialize`, the handshake of revisions before 2026-07-28: negotiates the revision and the capabilities, and opens
//! the session.

use serde_json::{json, value::RawValue};
use wire::mcp::{InitializeParams, Revision};

use super::{
    about,
    answered::{Answered, Failure},
    instructions::{instructions, recorded},
};
use crate::{
    mcp::request::{era, place::Place},
    service::{Services, mcp_session},
};

/// Answers with the client's revision if it is supported, otherwise with the newest one that has this handshake (MCP
/// 2025-11-25, "Lifecycle", version negotiation), and with the id of a new session.
pub(in crate::mcp) async fn initialize(
    services: &Services,
    place: &Place,
    params: Option<&RawValue>,
) -> Result<(Answered, String), Failure> {
    let params = InitializeParams::parse(params)?;
    let revision = Revision::negotiate(&params.protocol_version);
    let client = params.client_info.as_ref().map(era::label).or_else(|| place.client.clone());
    let caller = place.caller.principal;
    let session = mcp_session::start(services, place.org.id, place.toolkit.id, caller, client).await?;
    let result = json!({
        "protocolVersion": revision.as_str(),
        "capabilities": {"tools": {"listChanged": true}},
        "serverInfo": about::described(place),
        "instructions": instructions(place),
    });
    let written = serde_json::value::to_raw_value(&result).unwrap_or_default();
    Ok((Answered::new(written, Some(recorded(result))), session))
}
