//! A call that a person decides on: [`open`] opens or joins its approval, [`follow`] waits for the decision and answers
//! from its state, [`replay`] returns a stored answer again, [`asked`] repeats what the upstream asks for, and
//! [`go_on`] continues with the response.

mod asked;
mod follow;
mod go_on;
mod open;
mod replay;

pub(super) use asked::question;
pub(super) use follow::{follow, join, tell};
pub(super) use go_on::go_on;
pub(super) use open::hold;
