//! `/:org/audit` and `/:org/audit/:id`: every call and every change on record, to be found and read.
//!
//! `filters` (as the address has them), `quick` (quick filters and chips), `plan` (the bars of the timeline), `roll` (the
//! endless list) and `words` need no browser; the rest shows them.

mod bodies;
mod chips;
mod detail;
mod export;
mod facts;
mod filters;
mod find;
mod list;
mod local;
mod more;
mod near;
mod neighbours;
mod pickers;
mod plan;
mod quick;
mod raw;
mod record;
mod results;
mod roll;
mod room;
mod rows;
mod search;
mod side;
mod timeline;
mod words;

pub(crate) use list::AuditList;
pub(crate) use record::AuditRecord;
