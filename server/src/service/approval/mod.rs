//! What people do with requests: they decide them ([`decide`](mod@decide)), take a decision back or give more time
//! ([`amend`]), and see them ([`card`], [`inbox`], [`run`]) with who may decide ([`policy`], [`people`]). What a request is
//! bound to is watched by [`bound`], and [`set_policy`] checks policies that are set.

pub mod amend;
pub mod bound;
pub mod card;
mod decide;
pub mod inbox;
pub mod people;
mod policy;
pub mod run;
pub(super) mod set_policy;

pub use decide::{Verdict, arguments, decide, settle, sweep};
pub(super) use {decide::tidied, policy::policy_in};
