//! The rules of Permesso: who may do what, what must wait for a person, and the life of an
//! approval. No IO, no async, no clock of its own: everything comes in as an argument, so that
//! every rule can be tested exhaustively. Builds for `wasm32`.
//!
//! Must not live here: SQL, HTTP, JSON on the wire, anything that reads the environment.

pub mod approval;
pub mod arguments_check;
pub mod caller;
pub mod directory;
pub mod gate;
pub mod hold;
pub mod id;
pub mod loosening;
pub mod marks;
pub mod permission;
pub mod policy;
pub mod right;
pub mod slug;

pub use arguments_check::{ArgumentsCheck, Checked};
pub use caller::{Caller, Principal};
pub use gate::{Rule, Verdict, gate};
pub use hold::HoldTimes;
pub use id::*;
pub use permission::Permission;
pub use policy::{ApprovalPolicy, PolicyOverride, PolicyPatch};
pub use right::{Right, Rights};
pub use slug::Slug;
