//! An approval: one request for one exact call, with its own life (approvals.md).
//!
//! [`state`] is the state machine, [`binding`] is what an approval is bound to and what undoes it,
//! [`decision`] is who may decide, [`answer`] is how the upstream answered.

pub mod answer;
pub mod binding;
pub mod decision;
pub mod state;
mod status;

pub use answer::Answer;
pub use binding::{Binding, Change, Current};
pub use decision::{Decider, Own, Refusal, Seen, may_decide};
pub use state::{
    Approved, Decision, Executed, Executing, Expired, OutcomeUnknown, Pending, Settled, State, Stored, TakenBack,
};
pub use status::Status;
