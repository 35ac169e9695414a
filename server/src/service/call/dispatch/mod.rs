//! Sends an approved call once: [`claim`] acquires the right to send (`round` acquires it again where the upstream
//! asked for input), [`send`] uses it, [`report`] records the outcome, and [`for_tasks`] does all this while no call
//! waits.

mod claim;
mod claimed;
mod for_tasks;
mod report;
mod round;
mod send;

pub(super) use claimed::MARGIN;
pub use for_tasks::run_approved;
pub(super) use send::dispatch;
