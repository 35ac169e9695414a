//! Lost updates: an `ETag` names a state of what can be changed about a resource, and who changes it may say which state
//! they saw (`If-Match`, RFC 9110, section 13.1.1).

use aws_lc_rs::digest::{SHA256, digest};
use http::{HeaderMap, header};
use serde::Serialize;

use crate::error::{Error, Kind, Result};

/// The tag of a state: quoted, as the header has it.
pub(super) fn of(changeable: &impl Serialize) -> String {
    // What is made of rows can be written as JSON.
    let state = serde_json::to_vec(changeable).unwrap_or_default();
    let hash = hex::encode(digest(&SHA256, &state));
    format!("\"{}\"", &hash[..32])
}

/// The states in which a change may be made; without the header, any.
#[derive(Clone, Debug, Default)]
pub struct IfMatch(Option<Vec<String>>);

impl IfMatch {
    /// Reads the header.
    pub fn read(headers: &HeaderMap) -> Self {
        if !headers.contains_key(header::IF_MATCH) {
            return Self(None);
        }
        let lines = headers.get_all(header::IF_MATCH).iter().filter_map(|value| value.to_str().ok());
        Self(Some(lines.flat_map(|line| line.split(',')).map(|tag| tag.trim().to_owned()).collect()))
    }

    /// Lets the change be made to what is in this state. Weak tags never fit, as the RFC wants it.
    ///
    /// # Errors
    /// `changed_since` (412).
    pub fn check(&self, current: &str) -> Result<()> {
        match &self.0 {
            Some(tags) if !tags.iter().any(|tag| tag == "*" || tag == current) => Err(Error::new(
                Kind::PreconditionFailed,
                "changed_since",
                "somebody has changed this since it was read; nothing was done, look at it again",
            )),
            _ => Ok(()),
        }
    }

    /// The same where nothing is there yet.
    ///
    /// # Errors
    /// `changed_since` (412), unless the header is absent.
    pub fn check_new(&self) -> Result<()> {
        match &self.0 {
            None => Ok(()),
            Some(_) => Err(Error::new(
                Kind::PreconditionFailed,
                "changed_since",
                "this is not there any more, and `If-Match` names a state of it; nothing was done",
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn fits(value: &'static str, current: &str) -> bool {
        let headers = HeaderMap::from_iter([(header::IF_MATCH, HeaderValue::from_static(value))]);
        IfMatch::read(&headers).check(current).is_ok()
    }

    #[test]
    fn a_state_has_one_tag_and_another_state_another() {
        assert_eq!(of(&("a", 1)), of(&("a", 1)));
        assert_ne!(of(&("a", 1)), of(&("a", 2)));
        assert!(of(&"a").starts_with('"') && of(&"a").ends_with('"') && of(&"a").len() == 34);
    }

    #[test]
    fn a_change_is_made_to_the_state_that_was_seen() {
        assert!(IfMatch::default().check("\"a\"").is_ok());
        for good in ["\"a\"", "*", "\"b\", \"a\""] {
            assert!(fits(good, "\"a\""), "{good}");
        }
        for bad in ["\"b\"", "W/\"a\"", "a", ""] {
            assert!(!fits(bad, "\"a\""), "{bad}");
        }
    }
}
