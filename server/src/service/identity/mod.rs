//! Who is who: people, how they sign in and by what they are known, the orgs, members and roles they have, and keys.

pub mod account;
pub mod device;
pub mod invitation;
pub mod key;
pub mod member;
pub mod org;
pub mod preferences;
pub mod role;
pub mod session;
pub mod sign_in;
