//! The MCP face: Streamable HTTP at `/{org}/{toolkit}/mcp`, revisions 2025-03-26 to 2025-11-25,
//! without sessions. Turns envelopes into calls of `service`, and its errors into JSON-RPC.
//!
//! Everything an authenticated caller sends is recorded before it is answered.

mod answer;
mod body;
pub mod connect;
mod endpoint;
mod initialize;
mod list;
mod listed;
pub mod origin;
mod record;

pub use endpoint::{get_endpoint, post_endpoint};
