//! Tasks (approvals.md, "What the agent sees", 3; MCP tasks extension): a caller that declared the extension does not
//! wait for a decision but gets a handle. A handle is bound to its org, toolkit and caller; for all others, and
//! elsewhere, it does not exist.
//!
//! Its status is the approval's and not stored twice, until something closes the task. How it ended is written in the
//! transaction that closed it ([`db::task::End`]), so that what a caller was told stays true. A caller uses a task with
//! [`get`](mod@get), [`update`](mod@update) and [`cancel`](mod@cancel). An approved call that only a task waits for is
//! run by `dispatch::for_tasks`.

mod cancel;
mod follow;
mod get;
mod handle;
mod open;
mod poll;
mod polls;
mod show;
mod update;
mod upstream;

pub use cancel::cancel;
pub(super) use follow::{TaskOrigin, followed, hand_out, normal_of};
pub use get::{Detailed, Standing, detailed, get, known};
pub use handle::{Asker, KnownTask, sweep};
pub(super) use open::{Joins, join};
pub use polls::{Polled, Polls};
pub use update::{NOT_FOUND, update};
