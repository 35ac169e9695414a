//! What agents can call: connections to upstreams, and toolkits of their tools.

pub mod connection;
pub mod tool_hints;
pub mod toolkit;
pub mod toolkit_tool;
