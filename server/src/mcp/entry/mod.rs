//! The entry: the address and its HTTP methods ([`endpoint`]), the check of the page that sent a request ([`origin`]),
//! and the messages in a body ([`message`], [`batch`]).

mod address;
mod batch;
mod endpoint;
mod message;
pub mod origin;

pub use endpoint::{delete_endpoint, get_endpoint, post_endpoint};
