//! `/:org/audit` and `/:org/audit/:id`: every call that is on record, to be found and read.
//!
//! `filters` (what is asked for, as the address has it), `follow` (what live following changes) and
//! `words` need no browser; the rest shows them.

mod bodies;
mod chips;
mod controls;
mod filters;
mod follow;
mod list;
mod record;
mod results;
mod rows;
mod search;
mod words;

pub(crate) use list::AuditList;
pub(crate) use record::AuditRecord;
