//! Telling a member that is absent from one that is `null`: absent stays, `null` clears.

use serde::{Deserialize, Deserializer};

/// Reads a member that is there, `null` included. With `#[serde(default)]` an absent one is `None`.
pub(crate) fn given<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}
