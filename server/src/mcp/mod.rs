//! The MCP face: Streamable HTTP at `/{org}/{toolkit}/mcp`, revisions 2024-11-05 to 2026-07-28. Turns
//! envelopes into calls of `service`, and its errors into JSON-RPC.
//!
//! Everything an authenticated caller sends is recorded before it is answered.

mod address;
mod answer;
mod asked;
mod batch;
mod body;
mod called;
pub mod connect;
mod discover;
mod endpoint;
mod era;
mod fault;
mod following;
mod initialize;
mod instructions;
mod list;
mod listed;
mod listen;
mod message;
pub mod origin;
mod record;
mod stream;
mod tasks;

pub use endpoint::{delete_endpoint, get_endpoint, post_endpoint};
pub use fault::refusal;

/// Where the endpoint of a toolkit is, also with the slash that many a client puts at its end.
pub const PATHS: [&str; 2] = ["/{org}/{toolkit}/mcp", "/{org}/{toolkit}/mcp/"];
