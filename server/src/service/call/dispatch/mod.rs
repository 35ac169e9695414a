//! What was approved is sent, once: [`claim`] takes the right to (`round` takes it up again where the upstream asked),
//! [`send`] uses it, [`report`] writes down what became of it, and [`for_tasks`] does so while no call waits.

mod claim;
mod claimed;
mod for_tasks;
mod report;
mod round;
mod send;

pub use for_tasks::run_approved;
pub(super) use send::dispatch;
