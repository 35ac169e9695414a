//! Who is who: signing in, sessions, orgs, members, roles, invitations.

pub mod auth;
pub mod invitations;
pub mod me;
pub mod members;
pub mod orgs;
pub mod roles;
pub mod sessions;
