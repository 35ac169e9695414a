//! A call that a person decides on: [`open`] opens or joins its approval, [`follow`] stays with it and answers from where
//! it is in its life, [`replay`] gives a stored answer again, [`asked`] what the upstream asks for, and [`go_on`] goes on
//! with the answer to that.

mod asked;
mod follow;
mod go_on;
mod open;
mod replay;

pub(super) use asked::question;
pub(super) use follow::{follow, join};
pub(super) use go_on::go_on;
pub(super) use open::hold;
