//! A call that may proceed: its tool is known and its arguments are sound.

use std::{sync::Arc, time::Duration};

use domain::directory::{Connection, ToolkitTool};
use serde_json::value::RawValue;
use wire::{definition::ToolDefinition, param_header};

use super::{context::Context, input::Bound};
use crate::db::task::Source;

/// How old an upstream's tool list may be when a call is dispatched (approvals.md, "A changed
/// definition").
pub const LIST_AGE: Duration = Duration::from_secs(60);

/// A call whose tool is known and whose arguments are sound.
pub(super) struct Ready {
    pub(super) context: Context,
    pub(super) tool: Arc<ToolkitTool>,
    pub(super) connection: Arc<Connection>,
    pub(super) arguments_sha256: [u8; 32],
    /// The state of the upstream that asked for input before.
    pub(super) state: Option<Box<RawValue>>,
}

impl Ready {
    /// What a state for the agent is bound to.
    pub(super) fn bound(&self) -> Bound {
        Bound::of(&self.context, &self.tool, &self.connection, self.arguments_sha256)
    }
}

impl From<&Ready> for Source {
    fn from(ready: &Ready) -> Self {
        Self {
            tool: ready.tool.id,
            definition_sha256: ready.tool.tool.seen_sha256,
            normal_sha256: ready.tool.tool.normal_sha256,
            connection: ready.connection.id,
            connection_version: ready.connection.version,
        }
    }
}

/// The headers that an upstream of 2026-07-28 wants with these arguments: names and plain values. A schema with invalid
/// annotations asks for none.
pub(super) fn param_headers(definition: &str, arguments: &RawValue) -> Vec<(String, String)> {
    // Hardly any tool has such headers; this check avoids parsing the definition.
    if !definition.contains(param_header::ANNOTATION) {
        return Vec::new();
    }
    let definition = serde_json::from_str(definition).ok().and_then(|raw| ToolDefinition::parse(raw).ok());
    let declared = definition.and_then(|tool| param_header::param_headers(&tool.input_schema).ok());
    let value = |header: &param_header::ParamHeader| Some((header.header_name(), header.value(arguments).ok()??));
    declared.unwrap_or_default().iter().filter_map(value).collect()
}
