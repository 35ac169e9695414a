//! A request: its revision ([`era`]), the tool it calls ([`called`]), its id before it is fully read ([`asked`]), its
//! caller and toolkit ([`place`]), and its record ([`record`]).

pub(in crate::mcp) mod asked;
pub(in crate::mcp) mod called;
pub(in crate::mcp) mod era;
pub(in crate::mcp) mod place;
pub(in crate::mcp) mod record;
