//! Who signed in, and from where.

use std::net::IpAddr;

use domain::UserId;

use crate::auth::device::Device;

/// A person who proved to be who they say.
#[derive(Clone, Copy, Debug)]
pub struct Signed {
    /// Who.
    pub user: UserId,
    /// The epoch of their credentials, for the token.
    pub epoch: i64,
}

/// Where somebody signs in from.
#[derive(Clone, Debug)]
pub struct Whence {
    /// The client's address.
    pub address: IpAddr,
    /// The browser, as it says.
    pub client: Option<String>,
    /// The browser, if it has a cookie by which somebody is known.
    pub device: Option<Device>,
}
