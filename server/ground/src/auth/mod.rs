//! Verifying credentials, one kind per file, and slowing those who guess. Whose a credential is and
//! what they may do is decided above. Only [`session`] asks a database.

pub mod api_key;
pub mod device;
pub mod jwt;
pub mod password;
pub mod session;
