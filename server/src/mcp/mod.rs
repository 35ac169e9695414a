//! The MCP face: Streamable HTTP at `/{org}/{toolkit}/mcp`, revisions 2024-11-05 to 2026-07-28. Turns
//! envelopes into calls of `service`, and its errors into JSON-RPC.
//!
//! Everything an authenticated caller sends is recorded before it is answered.

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

/// Where the endpoint of a toolkit is, also with the slash that many a client puts at its end.
pub const PATHS: [&str; 2] = ["/{org}/{toolkit}/mcp", "/{org}/{toolkit}/mcp/"];
