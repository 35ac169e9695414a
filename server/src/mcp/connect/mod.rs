//! How to connect an agent's client to a toolkit: the commands and configuration files of each client, in one place for
//! the page in a browser and for `permesso connect`.
//!
//! The key is never part of what is shown: each client reads it from the environment or asks for it; where a client can
//! do neither, the instructions say so. The formats are from each client's documentation, cited at each [`Client`].

mod client;
mod file;
mod page;
mod steps;

#[cfg(test)]
mod tests;

pub use client::{Client, ConfigPlace, KEY_VARIABLE, Server};
pub use file::{Change, Conflict, merge};
pub(super) use page::connect_page;
pub use steps::Step;
