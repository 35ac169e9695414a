//! How an agent's client is pointed at a toolkit: the commands and configuration files of each client, in
//! one place for the page that a browser sees and for `permesso connect`. No IO: a client's file comes in as text and leaves
//! as text. Builds for `wasm32`.
//!
//! The key is never part of what is shown: each client reads it from the environment or asks for it; where a client can
//! do neither, the instructions say so. The formats are from each client's documentation, cited at each [`Client`].

mod client;
mod file;
pub mod lines;
mod steps;

#[cfg(test)]
mod tests;

pub use client::{Client, KEY_VARIABLE, Place, Server};
pub use file::{COMMENTED, Change, Conflict, merge};
pub use steps::Step;
