//! What every page is built of. Components use the tokens of `styles/tokens.css` and nothing else.
//!
//! Development builds show the whole set on one page (`pages::gallery`); what is not shown there is
//! not a component.

mod badge;
mod button;
mod confirm;
pub mod consent;
mod copy;
mod dialog;
mod difference;
mod empty;
mod failed;
mod field;
mod form;
mod fresh;
mod icon;
mod id;
mod late;
mod listing;
mod marked;
pub mod presses;
mod printing;
mod said;
mod secret_once;
mod seen;
mod show;
mod shown;
mod skeleton;
mod table;
mod tabs;
mod time;
pub mod toast;
mod tree;

pub use badge::{Badge, Tone, Word};
pub use button::{Button, Kind, Moment};
pub use confirm::Confirm;
pub use consent::Refused;
pub use copy::CopyButton;
pub use dialog::Dialog;
pub use difference::Difference;
pub use empty::EmptyState;
pub use failed::Failed;
pub use field::{Area, Choice, Field};
pub use form::{Form, Sending};
pub use fresh::{Fresh, Presses};
pub use icon::{Icon, Shape};
pub use late::{Late, Loaded, Loading, NotLoaded, late};
pub use listing::Listing;
pub use marked::Marked;
pub use printing::Printing;
pub use said::{Said, SaidBlock, Sentence};
pub use secret_once::SecretOnce;
pub use seen::{Seen, Since};
pub use show::Show;
pub use shown::Shown;
pub use skeleton::Skeleton;
pub use table::Table;
pub use tabs::{Tab, Tabs};
pub use time::{Clock, Time, Until};
pub(crate) use time::{exact, local_time};
pub(crate) use time::{from_field, local, midnight, to_field};
pub use tree::Tree;
