//! Telling a member that is absent from one that is `null` (RFC 7396): absent stays, `null` clears what can be absent and
//! is refused elsewhere.

use serde::{Deserialize, Deserializer};

/// Reads a member that is there, `null` included. With `#[serde(default)]` an absent one is `None`.
pub(crate) fn given<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

/// Reads a member that may be absent and not `null`. With `#[serde(default)]` an absent one is `None`.
///
/// # Errors
/// When it does not fit, `null` included.
pub fn not_null<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}
