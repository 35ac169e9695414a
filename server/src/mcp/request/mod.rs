//! What a request is: of which revision ([`era`]), which tool it calls ([`called`]), its id before it is read whole
//! ([`asked`]), by whom and where ([`place`]), and its record ([`record`]).

pub(in crate::mcp) mod asked;
pub(in crate::mcp) mod called;
pub(in crate::mcp) mod era;
pub(in crate::mcp) mod place;
pub(in crate::mcp) mod record;
