//! What stands around a page: who is signed in, which org, where one can go, theme and shortcuts.

mod account;
mod again;
mod guard;
mod help;
mod navigation;
mod needs;
mod org;
mod orgs;
pub mod places;
mod shortcuts;
pub(crate) mod storage;
mod theme;
mod waiting;

pub use again::SignInAgain;
pub use guard::{Guard, title};
pub use help::Help;
pub use navigation::Shell;
pub use needs::Needs;
pub use org::Org;
pub use shortcuts::{Shortcut, Shortcuts};
pub use theme::{Theme, ThemePicker};
pub use waiting::Waiting;
