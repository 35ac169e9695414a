//! What the gateway itself reads and writes of MCP: revisions, the parameters and
//! results it must look into. Everything else passes through as raw JSON.

mod call;
mod initialize;
mod request;
pub mod result;
mod revision;
mod tools;

pub use call::{CallParams, Meta, REASON_KEY, upstream_call_params};
pub use initialize::{Implementation, InitializeParams, InitializeResult};
pub use request::{RequestMeta, TASKS_EXTENSION, mirrored_name};
pub use revision::Revision;
pub use tools::{ListParams, ListToolsResult, is_error};

use crate::{error::RpcError, shape::ShapeError};

/// Parameters of the wrong shape are `INVALID_PARAMS`, with the member named.
impl From<ShapeError> for RpcError {
    fn from(error: ShapeError) -> Self {
        Self::invalid_params(error.to_string())
    }
}
