//! The methods of MCP: the list of them ([`table`]), and each method's answer.

mod about;
mod answered;
mod call;
mod discover;
mod initialize;
mod instructions;
pub(in crate::mcp) mod list;
mod reply;
mod table;
pub(in crate::mcp) mod tasks;

pub(in crate::mcp) use self::{
    about::server_info,
    reply::status_of,
    table::{Asked, answer, refuse},
};
