//! People at the console: their sessions, what other sites cannot make them do, how they are invited,
//! and that an org keeps an administrator.

mod account;
mod administrators;
mod cross_site;
mod devices;
mod invitations;
mod limits;
mod oneself;
mod records;
mod sessions;
