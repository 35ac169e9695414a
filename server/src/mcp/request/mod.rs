//! A request: its revision ([`era`]), the tool it calls ([`called`]), its id before it is fully read ([`asked`]), and
//! its caller and toolkit ([`place`]).

pub(in crate::mcp) mod asked;
pub(in crate::mcp) mod called;
pub(in crate::mcp) mod era;
pub(in crate::mcp) mod place;
