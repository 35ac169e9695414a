//! Lossless reading of JSON: tokens, strings and the members of an object.
//!
//! Nothing here changes a value or drops one of two equal keys, as decoding into
//! maps would. Values stay the bytes they were; only strings that must be looked at
//! are decoded.

use std::{borrow::Cow, collections::HashSet, fmt};

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

pub use crate::token::{Kind, Token, Tokens, tokens};

/// Why a string or an object could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The text is not JSON. The reason says what was expected and where, never
    /// what stood there.
    #[error("not valid JSON: {0}")]
    Syntax(String),
    /// The value is JSON, but no object.
    #[error("not a JSON object")]
    NotAnObject,
    /// The value is not one JSON string.
    #[error("not a JSON string")]
    NotAString,
    /// A string has half of a surrogate pair and so stands for no Unicode text
    /// (RFC 8259 section 8.2).
    #[error("not valid Unicode: a lone surrogate")]
    LoneSurrogate,
    /// Two members of one object have the same key; spelling it with other escapes
    /// makes no difference.
    #[error("the key {0:?} stands there twice")]
    DuplicateKey(String),
}

/// The value of a raw JSON string, quotes included; borrowed when it has no escapes.
///
/// # Errors
/// [`Error::NotAString`] for anything but one JSON string,
/// [`Error::LoneSurrogate`] where an escape is half of a pair.
pub fn unquote(raw: &str) -> Result<Cow<'_, str>, Error> {
    let inner = raw.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    let inner = inner.ok_or(Error::NotAString)?;
    if inner.bytes().any(|byte| byte == b'"' || byte == b'\\' || byte < 0x20) {
        unescape(inner).map(Cow::Owned)
    } else {
        Ok(Cow::Borrowed(inner))
    }
}

fn unescape(inner: &str) -> Result<String, Error> {
    let mut value = String::with_capacity(inner.len());
    let mut rest = inner;
    while let Some(at) = rest.find(|c: char| c == '"' || c == '\\' || c < ' ') {
        let (plain, escape) = rest.split_at(at);
        value.push_str(plain);
        let mut after = escape.chars();
        if after.next() != Some('\\') {
            return Err(Error::NotAString);
        }
        value.push(match after.next() {
            Some(same @ ('"' | '\\' | '/')) => same,
            Some('b') => '\u{8}',
            Some('f') => '\u{c}',
            Some('n') => '\n',
            Some('r') => '\r',
            Some('t') => '\t',
            Some('u') => {
                let (character, tail) = unescape_unicode(after.as_str())?;
                after = tail.chars();
                character
            }
            _ => return Err(Error::NotAString),
        });
        rest = after.as_str();
    }
    value.push_str(rest);
    Ok(value)
}

/// Reads what follows `\u`: four digits, and a second escape where the first is the
/// leading half of a pair.
fn unescape_unicode(text: &str) -> Result<(char, &str), Error> {
    let (first, rest) = four_digits(text)?;
    if let Some(character) = char::from_u32(first) {
        return Ok((character, rest));
    }
    let second = rest.strip_prefix("\\u").ok_or(Error::LoneSurrogate)?;
    let (second, rest) = four_digits(second)?;
    if !(0xd800..0xdc00).contains(&first) || !(0xdc00..0xe000).contains(&second) {
        return Err(Error::LoneSurrogate);
    }
    let code = 0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00);
    let character = char::from_u32(code).ok_or(Error::LoneSurrogate)?;
    Ok((character, rest))
}

fn four_digits(text: &str) -> Result<(u32, &str), Error> {
    let (digits, rest) = text.split_at_checked(4).ok_or(Error::NotAString)?;
    if !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(Error::NotAString);
    }
    let code = u32::from_str_radix(digits, 16).map_err(|_| Error::NotAString)?;
    Ok((code, rest))
}

/// Appends `value` as a JSON string in the one spelling of RFC 8785 section 3.2.2.2:
/// only what must be escaped is, the short way where there is one.
pub(crate) fn push_string(value: &str, out: &mut String) {
    out.push('"');
    let mut rest = value;
    while let Some(at) = rest.find(|c: char| c == '"' || c == '\\' || c < ' ') {
        out.push_str(&rest[..at]);
        match rest.as_bytes()[at] {
            b'"' => out.push_str("\\\""),
            b'\\' => out.push_str("\\\\"),
            0x08 => out.push_str("\\b"),
            0x09 => out.push_str("\\t"),
            0x0a => out.push_str("\\n"),
            0x0c => out.push_str("\\f"),
            0x0d => out.push_str("\\r"),
            control => out.push_str(&format!("\\u{control:04x}")),
        }
        rest = &rest[at + 1..];
    }
    out.push_str(rest);
    out.push('"');
}

/// The members of an object in their order: keys decoded, values as they stand.
///
/// Only this object is looked into; equal keys deeper inside are not searched for
/// ([`canonical`](crate::canonical::canonical) does that).
///
/// # Errors
/// [`Error::NotAnObject`], [`Error::DuplicateKey`] also when the two are spelt with
/// different escapes, [`Error::LoneSurrogate`] in a key.
pub fn fields(object: &RawValue) -> Result<Vec<(Cow<'_, str>, &RawValue)>, Error> {
    distinct(&members(object.get())?)
}

/// `members` with their keys decoded.
///
/// # Errors
/// [`Error::DuplicateKey`] or [`Error::LoneSurrogate`].
pub(crate) fn distinct<'a>(
    members: &[(&'a RawValue, &'a RawValue)],
) -> Result<Vec<(Cow<'a, str>, &'a RawValue)>, Error> {
    let decoded = members.iter().map(|(key, value)| Ok((unquote(key.get())?, *value)));
    let fields = decoded.collect::<Result<Vec<_>, Error>>()?;
    match duplicate(&fields) {
        Some(key) => Err(Error::DuplicateKey(key.to_owned())),
        None => Ok(fields),
    }
}

/// The first key that stands in `fields` a second time.
fn duplicate<'f>(fields: &'f [(Cow<'_, str>, &RawValue)]) -> Option<&'f str> {
    /// Up to here comparing all pairs is quicker than hashing.
    const FEW: usize = 16;
    let mut keys = fields.iter().map(|(key, _)| key.as_ref());
    if fields.len() <= FEW {
        let mut rest = keys.clone();
        return keys.find(|key| {
            rest.next();
            rest.clone().any(|other| other == *key)
        });
    }
    let mut seen = HashSet::with_capacity(fields.len());
    keys.find(|key| !seen.insert(*key))
}

/// The members of the object that `json` is, keys and values raw, equal keys kept.
///
/// One pass over the text, which also proves that it is JSON.
///
/// # Errors
/// [`Error::Syntax`] or [`Error::NotAnObject`].
pub(crate) fn members(json: &str) -> Result<Vec<(&RawValue, &RawValue)>, Error> {
    serde_json::from_str::<Members<'_>>(json).map(|members| members.0).map_err(|error| match error.is_data() {
        true => Error::NotAnObject,
        false => Error::Syntax(error.to_string()),
    })
}

struct Members<'a>(Vec<(&'a RawValue, &'a RawValue)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(MembersVisitor)
    }
}

struct MembersVisitor;

impl<'de> Visitor<'de> for MembersVisitor {
    type Value = Members<'de>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = map.next_entry()? {
            members.push(member);
        }
        Ok(Members(members))
    }
}

/// The one member of `object` with this key, decoded; what else it has is not looked at.
///
/// # Errors
/// [`Error::NotAnObject`], [`Error::DuplicateKey`] if the key stands there twice.
pub(crate) fn member<'a>(object: &'a RawValue, key: &str) -> Result<Option<&'a RawValue>, Error> {
    let members = members(object.get())?;
    let mut found = members.into_iter().filter(|(name, _)| unquote(name.get()).is_ok_and(|name| name == key));
    match (found.next(), found.next()) {
        (_, Some(_)) => Err(Error::DuplicateKey(key.to_owned())),
        (found, None) => Ok(found.map(|(_, value)| value)),
    }
}

/// `whole` with `replacement` in the place of `part`, a value that was read out of it.
/// Every other byte is kept.
pub(crate) fn with_replaced(whole: &RawValue, part: &RawValue, replacement: &str) -> Box<RawValue> {
    let text = whole.get();
    // `part` is borrowed from `text`: where it lies in memory says where it stands.
    let start = part.get().as_ptr().addr() - text.as_ptr().addr();
    let (before, after) = (&text[..start], &text[start + part.get().len()..]);
    spliced([before, replacement, after].concat())
}

/// `object` with one more member at its end, the value given as JSON. Every other byte
/// is kept; the key must not be there yet.
pub(crate) fn with_appended(object: &RawValue, key: &str, value: &str) -> Box<RawValue> {
    let text = object.get();
    let open = text.strip_suffix('}').unwrap_or(text);
    let mut out = String::with_capacity(text.len() + key.len() + value.len() + 4);
    out.push_str(open);
    let is_empty = open.bytes().skip(1).all(|byte| byte.is_ascii_whitespace());
    if !is_empty {
        out.push(',');
    }
    push_string(key, &mut out);
    out.push(':');
    out.push_str(value);
    out.push('}');
    spliced(out)
}

/// Turns text that was put together from valid pieces into a value.
///
/// # Panics
/// If it is not JSON: a mistake in this crate, since every caller splices validated
/// raw values and strings quoted by [`push_string`].
pub(crate) fn spliced(text: String) -> Box<RawValue> {
    RawValue::from_string(text).expect("spliced from valid JSON")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn raw(json: &str) -> &RawValue {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn a_string_without_escapes_is_borrowed() {
        assert!(matches!(unquote("\"Grüße 😀\""), Ok(Cow::Borrowed("Grüße 😀"))));
        assert!(matches!(unquote("\"\""), Ok(Cow::Borrowed(""))));
    }

    #[test]
    fn every_escape_is_decoded() {
        let value = unquote(r#""\"\\\/\b\f\n\r\t\u00E9\ud83d\uDE00x\u0000""#).unwrap();
        assert_eq!(value, "\"\\/\u{8}\u{c}\n\r\té😀x\0");
    }

    #[test]
    fn lone_surrogates_are_refused() {
        for text in [r#""\ud800""#, r#""\udc00""#, r#""\ud800x""#, r#""\ud800\n""#] {
            assert_eq!(unquote(text), Err(Error::LoneSurrogate), "{text}");
        }
        for text in [r#""\ud800\ud800""#, r#""\udc00\ud800""#, r#""\ud800\u0041""#] {
            assert_eq!(unquote(text), Err(Error::LoneSurrogate), "{text}");
        }
    }

    #[test]
    fn what_is_no_string_is_refused() {
        let broken = ["", "\"", "a", "1", "\"a", "\"\\\"", "\"\\x\"", "\"\\u12\"", "\"\\u+123\""];
        for text in broken.into_iter().chain(["\"a\"b\"", "\"a\nb\"", "\"\\u00é\""]) {
            assert_eq!(unquote(text), Err(Error::NotAString), "{text}");
        }
    }

    #[test]
    fn fields_keep_order_and_bytes() {
        let object = raw(r#"{ "b" : 1.0e2 , "\u0061":{"x": [ ]} ,"":"\u00e9" }"#);
        let fields = fields(object).unwrap();
        let seen: Vec<_> = fields.iter().map(|(key, value)| (key.as_ref(), value.get())).collect();
        assert_eq!(seen, [("b", "1.0e2"), ("a", r#"{"x": [ ]}"#), ("", r#""\u00e9""#)]);
    }

    #[test]
    fn a_duplicate_key_is_refused_however_it_is_spelt() {
        let twice = Err(Error::DuplicateKey("method".into()));
        assert_eq!(fields(raw(r#"{"method":1,"m\u0065thod":2}"#)).map(drop), twice);
        let many: String = (0..50).map(|n| format!("\"k{n}\":0,")).collect();
        let many = format!("{{{many}\"method\":1,\"k\":2,\"method\":3}}");
        assert_eq!(fields(raw(&many)).map(drop), twice);
        let deeper = raw(r#"{"a":{"b":1,"b":2}}"#);
        assert_eq!(fields(deeper).unwrap().len(), 1);
    }

    #[test]
    fn what_is_no_object_has_no_fields() {
        for json in ["[]", "1", "\"{}\"", "null"] {
            assert_eq!(fields(raw(json)).map(drop), Err(Error::NotAnObject), "{json}");
        }
        assert_eq!(fields(raw(r#"{"\ud800":1}"#)).map(drop), Err(Error::LoneSurrogate));
        assert!(matches!(members("{\"a\":1"), Err(Error::Syntax(_))));
        assert!(matches!(members("{} {}"), Err(Error::Syntax(_))));
    }

    #[test]
    fn strings_are_written_in_the_spelling_of_rfc_8785() {
        let mut out = String::new();
        push_string("€$\u{f}\nA'B\"\\/\u{7f}\u{2028}\u{0}\u{8}", &mut out);
        assert_eq!(out, "\"€$\\u000f\\nA'B\\\"\\\\/\u{7f}\u{2028}\\u0000\\b\"");
    }
}
