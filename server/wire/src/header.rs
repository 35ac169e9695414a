//! Values of the headers that mirror a request's body (MCP 2026-07-28, Streamable HTTP,
//! "Value Encoding").
//!
//! A value that is no plain ASCII is carried as Base64 between the markers `=?base64?`
//! and `?=`. Which header mirrors what is decided elsewhere.

use std::borrow::Cow;

use base64::{Engine as _, engine::general_purpose::STANDARD};

const PREFIX: &str = "=?base64?";
const SUFFIX: &str = "?=";

/// Why a header's value cannot be understood. The texts go on after the header's name
/// and never repeat the value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidHeader {
    /// It has a byte other than visible ASCII, space and tab.
    #[error("has characters other than visible ASCII, space and tab")]
    Characters,
    /// It stands between the markers, but is not Base64 as RFC 4648 section 4 has it:
    /// padded, and without stray bits.
    #[error("is marked as Base64, but is not valid Base64")]
    Base64,
    /// It was Base64, but not of text.
    #[error("is Base64 of something that is not UTF-8")]
    NotUtf8,
}

/// The text that a header's value stands for.
///
/// # Errors
/// [`InvalidHeader`].
pub fn decode(value: &[u8]) -> Result<Cow<'_, str>, InvalidHeader> {
    let text = std::str::from_utf8(value).map_err(|_| InvalidHeader::Characters)?;
    if !text.bytes().all(is_plain) {
        return Err(InvalidHeader::Characters);
    }
    if !looks_encoded(text) {
        return Ok(Cow::Borrowed(text));
    }
    // None: the two markers share their question mark.
    let inner = text.strip_prefix(PREFIX).and_then(|rest| rest.strip_suffix(SUFFIX));
    let bytes = STANDARD.decode(inner.ok_or(InvalidHeader::Base64)?).map_err(|_| InvalidHeader::Base64)?;
    String::from_utf8(bytes).map(Cow::Owned).map_err(|_| InvalidHeader::NotUtf8)
}

/// The value of a header that carries `value`: the same where that is safe, else Base64
/// between the markers. Empty text is encoded too, since an empty header is easily lost.
#[must_use]
pub fn encode(value: &str) -> Cow<'_, str> {
    let is_edge = |byte: Option<u8>| matches!(byte, None | Some(b' ' | b'\t'));
    let is_safe = value.bytes().all(is_plain)
        && !is_edge(value.bytes().next())
        && !is_edge(value.bytes().next_back())
        && !looks_encoded(value);
    match is_safe {
        true => Cow::Borrowed(value),
        false => Cow::Owned(format!("{PREFIX}{}{SUFFIX}", STANDARD.encode(value))),
    }
}

fn looks_encoded(text: &str) -> bool {
    text.starts_with(PREFIX) && text.ends_with(SUFFIX)
}

/// What a field value may have (RFC 9110 section 5.5, without the obsolete bytes).
fn is_plain(byte: u8) -> bool {
    matches!(byte, b' '..=b'~' | b'\t')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_examples_of_the_specification_come_out_as_printed_there() {
        for (value, header) in [
            ("us-west1", "us-west1"),
            ("Hello, 世界", "=?base64?SGVsbG8sIOS4lueVjA==?="),
            (" padded ", "=?base64?IHBhZGRlZCA=?="),
            ("line1\nline2", "=?base64?bGluZTEKbGluZTI=?="),
            ("=?base64?literal?=", "=?base64?PT9iYXNlNjQ/bGl0ZXJhbD89?="),
            ("a\tb c", "a\tb c"),
            ("\tx", "=?base64?CXg=?="),
            ("=?base64?open", "=?base64?open"),
            ("=?base64?=", "=?base64?PT9iYXNlNjQ/PQ==?="),
            ("", "=?base64??="),
            ("\u{7f}", "=?base64?fw==?="),
        ] {
            assert_eq!(encode(value), header, "{value}");
            assert_eq!(decode(header.as_bytes()).as_deref(), Ok(value));
        }
    }

    #[test]
    fn markers_count_only_as_they_are_written() {
        for value in ["=?BASE64?eA==?=", "=?base64?eA==", "eA==?=", "x=?base64?eA==?="] {
            assert_eq!(decode(value.as_bytes()).as_deref(), Ok(value));
        }
    }

    #[test]
    fn what_is_not_a_value_is_refused() {
        for (value, error) in [
            (&b"caf\xc3\xa9"[..], InvalidHeader::Characters),
            (b"\xff", InvalidHeader::Characters),
            (b"a\0", InvalidHeader::Characters),
            (b"a\r\nb", InvalidHeader::Characters),
            (b"\x7f", InvalidHeader::Characters),
            (b"=?base64?eA?=", InvalidHeader::Base64),
            (b"=?base64?eB==?=", InvalidHeader::Base64),
            (b"=?base64?e A=?=", InvalidHeader::Base64),
            (b"=?base64?_-8=?=", InvalidHeader::Base64),
            (b"=?base64?=", InvalidHeader::Base64),
            (b"=?base64?/w==?=", InvalidHeader::NotUtf8),
        ] {
            assert_eq!(decode(value), Err(error), "{value:?}");
        }
    }
}
