//! The way in: the address and its doors ([`endpoint`]), the page that a request may come from ([`origin`]), and what a body
//! holds ([`message`], [`batch`]).

mod address;
mod batch;
mod endpoint;
mod message;
pub mod origin;

pub use endpoint::{delete_endpoint, get_endpoint, post_endpoint};
