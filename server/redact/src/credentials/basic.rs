//! Basic credentials (RFC 7617): a name and a password in base64.

use std::ops::Range;

use super::{Text, is_prose};

/// Reads them with the word before them. The word is an ordinary one: without a header's name before it, only what is a
/// name, a colon and a password counts.
pub(super) fn basic_credentials(text: &Text<'_>, at: usize) -> Option<Range<usize>> {
    if text.goes_on(at) {
        return None;
    }
    let space = at + "basic".len();
    let word = text.run(space, |character| matches!(character, ' ' | '\t'));
    if word == space {
        return None;
    }
    let ends =
        text.run(word, |character| character.is_ascii_alphanumeric() || matches!(character, '+' | '/' | '-' | '_'));
    let padded = text.run(ends, |character| character == '=');
    let value = &text.all[word..ends];
    let is_one = is_pair(value) || (value.len() >= 3 && !is_prose(value) && is_authorization(&text.all[..at]));
    is_one.then_some(at..padded)
}

/// Whether the header's name stands before.
fn is_authorization(before: &str) -> bool {
    const NAME: &str = "authorization";
    let before = before.trim_end_matches([' ', '\t', ':', '=', '"', '\'']);
    before
        .len()
        .checked_sub(NAME.len())
        .and_then(|at| before.get(at..))
        .is_some_and(|end| end.eq_ignore_ascii_case(NAME))
}

/// Whether it is the base64 of a text with a colon in it.
fn is_pair(base64: &str) -> bool {
    let (mut bits, mut count, mut colon) = (0_u32, 0, false);
    for byte in base64.bytes() {
        let six = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' | b'-' => 62,
            _ => 63,
        };
        bits = (bits << 6 | u32::from(six)) & 0x3fff;
        count += 6;
        if count >= 8 {
            count -= 8;
            let decoded = (bits >> count) & 0xff;
            if decoded < 0x20 || decoded == 0x7f {
                return false;
            }
            colon |= decoded == u32::from(b':');
        }
    }
    colon
}
