//! How an agent's client is pointed at a toolkit: the commands and configuration files of each client, in
//! one place for the page that a browser sees and for `permesso connect`.
//!
//! The key is never part of what is shown: each client reads it from the environment or asks for it, and
//! where one can do neither it says so. What a client understands is from its maker's documentation, named
//! at each [`Client`].

mod client;
mod file;
mod page;
mod steps;

#[cfg(test)]
mod tests;

pub use client::{Client, KEY_VARIABLE, Place, Server};
pub use file::{Change, Conflict, merge};
pub(super) use page::connect_page;
pub use steps::Step;
