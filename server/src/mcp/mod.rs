//! The MCP interface: Streamable HTTP at `/{org}/{toolkit}/mcp`, revisions 2024-11-05 to 2026-07-28. Turns envelopes
//! into calls of `service`, and its errors into JSON-RPC.
//!
//! Everything that an authenticated caller sends is recorded before it is answered.

mod answer;
mod connect;
mod entry;
mod listen;
mod methods;
mod request;

pub use self::{
    answer::fault::refusal,
    entry::{delete_endpoint, get_endpoint, origin, post_endpoint},
};

/// The paths of a toolkit's endpoint, also with the trailing slash that many clients add.
pub const PATHS: [&str; 2] = ["/{org}/{toolkit}/mcp", "/{org}/{toolkit}/mcp/"];
