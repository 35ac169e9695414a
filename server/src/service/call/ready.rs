//! A call that may go on: its tool is known, its arguments are sound.

use std::{sync::Arc, time::Duration};

use domain::directory::{Connection, ToolkitTool};

use super::Context;

/// How old an upstream's tool list may be when a call is dispatched (approvals.md, "A changed
/// definition").
pub const LIST_AGE: Duration = Duration::from_secs(60);

/// A call whose tool is known and whose arguments are sound.
pub(super) struct Ready {
    pub(super) context: Context,
    pub(super) tool: Arc<ToolkitTool>,
    pub(super) connection: Arc<Connection>,
    pub(super) arguments_sha256: [u8; 32],
}
