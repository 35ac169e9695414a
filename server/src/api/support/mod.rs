//! What every resource uses: who asks ([`authorize`]), the body and the query ([`body`], [`page`]), conditions ([`tagged`],
//! [`consent`]), and errors as problem+json ([`error`]).

pub(in crate::api) mod asking;
pub mod authorize;
pub mod body;
pub mod consent;
pub mod error;
pub mod fixed;
mod objects;
pub mod page;
pub mod tagged;
