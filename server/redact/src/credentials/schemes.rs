//! What stands in the header `Authorization`: bearer tokens, and Basic credentials (a name and a password in base64).

use std::ops::Range;

use super::text::Text;

/// A bearer token (RFC 6750 section 2.1), with the word before it.
pub(super) fn bearer_token(text: &Text<'_>, at: usize) -> Option<Range<usize>> {
    let before = text.all[..at].chars().next_back();
    if before.is_some_and(|before| before.is_alphabetic() || before.is_ascii_digit() || before == '_') {
        return None;
    }
    let space = at + "bearer".len();
    let word = text.run(space, |character| matches!(character, ' ' | '\t'));
    // Without a space the word may be full of beginnings.
    if word == space {
        return None;
    }
    let ends = text.run(word, |character| {
        character.is_ascii_alphanumeric() || matches!(character, '.' | '_' | '~' | '+' | '/' | '-')
    });
    if ends - word < 3 {
        return None;
    }
    let padded = text.run(ends, |character| character == '=');
    (padded > ends || !is_prose(&text.all[word..ends])).then_some(at..padded)
}

/// Whether what follows "bearer" is a word of a sentence ("bearer token", "Bearer authentication.").
pub(super) fn is_prose(word: &str) -> bool {
    let letters = word.trim_end_matches('.');
    letters.len() < 20
        && letters.bytes().all(|byte| byte.is_ascii_alphabetic())
        && letters.bytes().skip(1).all(|byte| byte.is_ascii_lowercase())
}

/// Basic credentials (RFC 7617), with the word before them. The word is an ordinary one: without a header's name before it,
/// only what is a name, a colon and a password counts.
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
