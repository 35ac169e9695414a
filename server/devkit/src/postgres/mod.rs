//! A private PostgreSQL for `permesso dev` and the tests: found, set up, started and ended here. What
//! is in its databases is the business of the server's `db`; a server run by others never comes here.

mod account;
mod binaries;
pub mod embedded;
mod home;
mod postmaster;

pub use embedded::{Embedded, Options};
