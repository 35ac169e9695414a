//! What the gateway itself reads and writes of MCP: revisions, the parameters and
//! results it must look into. Everything else passes through as raw JSON.

mod call;
mod cancelled;
mod initialize;
pub mod input;
mod progress;
mod request;
pub mod result;
mod revision;
pub mod task;
mod tools;
mod trace;

pub use call::{CallParams, Meta, REASON_KEY, upstream_call_params};
pub use cancelled::CancelledParams;
pub use initialize::{Implementation, InitializeParams, InitializeResult, instructions};
pub use progress::{Progress, progress_notification};
pub use request::{RequestFields, RequestMeta, TASKS_EXTENSION, mirrored_name, with_request_meta};
pub use revision::Revision;
pub use tools::{ListParams, ListToolsResult, is_error};
pub use trace::{MAX_TRACE_BYTES, Trace};

use crate::{error::RpcError, shape::ShapeError};

/// Parameters of the wrong shape are `INVALID_PARAMS`, with the member named.
impl From<ShapeError> for RpcError {
    fn from(error: ShapeError) -> Self {
        Self::invalid_params(error.to_string())
    }
}
