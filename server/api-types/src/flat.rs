//! Reads one JSON object as two structs that share it. `#[serde(flatten)]` does the same by way of a value of its own
//! for everything it meets, which is much code for a browser to load; so it only writes here.

use serde::{
    Deserializer,
    de::{Deserialize, DeserializeOwned, Error},
};
use serde_json::value::RawValue;

/// The object as both; each leaves alone what it does not know.
pub(crate) fn both<'de, D: Deserializer<'de>, A: DeserializeOwned, B: DeserializeOwned>(
    from: D,
) -> Result<(A, B), D::Error> {
    let object = Box::<RawValue>::deserialize(from)?;
    let one = serde_json::from_str(object.get()).map_err(D::Error::custom)?;
    let other = serde_json::from_str(object.get()).map_err(D::Error::custom)?;
    Ok((one, other))
}
