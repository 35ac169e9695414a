//! The rooms. Each reads what it shows, and reads it again when the event stream says so.

mod approval;
mod audit;
mod door;
mod first_org;
mod focus;
#[cfg(feature = "gallery")]
mod gallery;
mod inbox;
mod invite;
mod me;
mod not_found;
mod orgs;
mod password;
mod people;
mod request;
mod sessions;
mod sign_in;

pub(crate) use approval::Approval;
pub(crate) use audit::{AuditList, AuditRecord};
pub(crate) use first_org::FirstOrg;
#[cfg(feature = "gallery")]
pub(crate) use gallery::Gallery;
pub(crate) use inbox::Inbox;
pub(crate) use invite::Invite;
pub(crate) use me::Me;
pub(crate) use not_found::NotFound;
pub(crate) use people::People;
pub(crate) use sign_in::SignIn;
