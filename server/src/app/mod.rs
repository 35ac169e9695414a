//! Assembles the process: [`state`] makes the services, [`router`] lists every route and layer, [`serve`] binds, runs
//! and stops.

mod browser;
mod compress;
pub mod connections;
pub mod console;
pub mod host;
mod leftover;
mod peer;
pub mod router;
mod seldom;
pub mod serve;
pub mod state;
mod under_way;
