//! Typed reading of the few members that the gateway looks at.
//!
//! One reader and one error for parameters, results and definitions, so that every
//! complaint names the member in the same way: `params.name is missing`.

use std::borrow::Cow;

use serde_json::value::RawValue;

use crate::json::{self, fields, unquote};

/// How a value differs from what it must be. The texts are public.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ShapeError {
    /// A member that must be there is not.
    #[error("{place} is missing")]
    Missing {
        /// The member, with dots between the keys.
        place: String,
    },
    /// A value has the wrong type.
    #[error("{place} must be {expected}")]
    Wrong {
        /// The value, with dots between the keys.
        place: String,
        /// What it must be, with its article.
        expected: &'static str,
    },
    /// An object has a key twice; spelling it with other escapes is no difference.
    #[error("{place} has the key {key:?} twice")]
    DuplicateKey {
        /// The object.
        place: String,
        /// The key.
        key: String,
    },
    /// An object's key or a string has half of a surrogate pair.
    #[error("{place} is not valid Unicode: it has a lone surrogate escape")]
    LoneSurrogate {
        /// The object or the string.
        place: String,
    },
}

/// An object whose keys have been read and found to be distinct.
pub(crate) struct Object<'a> {
    place: String,
    fields: Vec<(Cow<'a, str>, &'a RawValue)>,
}

impl<'a> Object<'a> {
    /// Reads the members of `raw`, which is called `place` in errors.
    pub(crate) fn read(place: impl Into<String>, raw: &'a RawValue) -> Result<Self, ShapeError> {
        let place = place.into();
        match fields(raw) {
            Ok(fields) => Ok(Self { place, fields }),
            Err(json::Error::DuplicateKey(key)) => Err(ShapeError::DuplicateKey { place, key }),
            Err(json::Error::LoneSurrogate) => Err(ShapeError::LoneSurrogate { place }),
            Err(_) => Err(ShapeError::Wrong { place, expected: "an object" }),
        }
    }

    /// The member as it stands.
    pub(crate) fn get(&self, key: &str) -> Option<&'a RawValue> {
        let mut fields = self.fields.iter();
        fields.find(|(name, _)| name == key).map(|(_, value)| *value)
    }

    /// The member, where `null` counts as absent: many serializers write it for
    /// what they do not have.
    pub(crate) fn some(&self, key: &str) -> Option<&'a RawValue> {
        self.get(key).filter(|value| value.get() != "null")
    }

    /// The members' values, in their order.
    pub(crate) fn values(&self) -> impl Iterator<Item = &'a RawValue> {
        self.fields.iter().map(|(_, value)| *value)
    }

    /// A string, if it is there.
    pub(crate) fn text(&self, key: &str) -> Result<Option<Cow<'a, str>>, ShapeError> {
        let Some(value) = self.some(key) else {
            return Ok(None);
        };
        match unquote(value.get()) {
            Ok(text) => Ok(Some(text)),
            Err(json::Error::LoneSurrogate) => {
                let place = self.member(key);
                Err(ShapeError::LoneSurrogate { place })
            }
            Err(_) => Err(self.wrong(key, "a string")),
        }
    }

    /// A string that must be there.
    pub(crate) fn required_text(&self, key: &str) -> Result<Cow<'a, str>, ShapeError> {
        self.text(key)?.ok_or_else(|| self.missing(key))
    }

    /// An object, if it is there.
    pub(crate) fn object(&self, key: &str) -> Result<Option<Object<'a>>, ShapeError> {
        let value = self.some(key);
        value.map(|value| Object::read(self.member(key), value)).transpose()
    }

    /// A boolean; `None` for anything else.
    pub(crate) fn flag(&self, key: &str) -> Option<bool> {
        match self.get(key)?.get() {
            "true" => Some(true),
            "false" => Some(false),
            _ => None,
        }
    }

    /// The error that the member is not there.
    pub(crate) fn missing(&self, key: &str) -> ShapeError {
        let place = self.member(key);
        ShapeError::Missing { place }
    }

    /// The error that the member has the wrong type.
    pub(crate) fn wrong(&self, key: &str, expected: &'static str) -> ShapeError {
        let place = self.member(key);
        ShapeError::Wrong { place, expected }
    }

    fn member(&self, key: &str) -> String {
        format!("{}.{key}", self.place)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn read(json: &str) -> Result<Object<'_>, ShapeError> {
        Object::read("params", serde_json::from_str(json).unwrap())
    }

    #[test]
    fn members_are_read_by_their_decoded_keys() {
        let object = read(r#"{"n\u0061me":"\u00e9","x":null,"on":true,"o":{"a":"b"}}"#).unwrap();
        assert_eq!(object.required_text("name").unwrap(), "é");
        assert_eq!(object.text("x").unwrap(), None);
        assert_eq!(object.text("y").unwrap(), None);
        assert_eq!(object.flag("on"), Some(true));
        assert_eq!(object.flag("name"), None);
        let inner = object.object("o").unwrap().unwrap();
        assert_eq!(inner.required_text("a").unwrap(), "b");
        assert!(object.object("x").unwrap().is_none());
    }

    #[test]
    fn errors_name_the_member() {
        let object = read(r#"{"n":1,"o":{"a":2},"s":"\ud800"}"#).unwrap();
        let text = |key| object.required_text(key).unwrap_err().to_string();
        assert_eq!(text("n"), "params.n must be a string");
        assert_eq!(text("x"), "params.x is missing");
        assert_eq!(text("s"), "params.s is not valid Unicode: it has a lone surrogate escape");
        let inner = object.object("o").unwrap().unwrap();
        let error = inner.text("a").unwrap_err().to_string();
        assert_eq!(error, "params.o.a must be a string");
        let error = object.object("n").map(drop).unwrap_err().to_string();
        assert_eq!(error, "params.n must be an object");
        let error = read(r#"{"a":1,"\u0061":1}"#).map(drop).unwrap_err().to_string();
        assert_eq!(error, "params has the key \"a\" twice");
        assert_eq!(read("[]").map(drop).unwrap_err().to_string(), "params must be an object");
    }
}
