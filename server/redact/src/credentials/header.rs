//! Headers in a text, as programs print requests and as commands are given them: `X-Api-Key: …` at the start of a line or
//! of something in quotes.

use std::ops::Range;

use super::{assigned::LONGEST_NAME, text::Text};
use crate::names;

/// Reads the name before a colon, and when it is that of a secret header the value behind it: up to the end of its line, or
/// of the quotes. Credentials of the schemes Bearer and Basic have shapes of their own.
pub(super) fn header(text: &Text<'_>, at: usize) -> Option<Range<usize>> {
    let begins = text.run_back(at, LONGEST_NAME, |byte| byte.is_ascii_alphanumeric() || byte == b'-');
    let name = &text.all[begins..at];
    let (before, quote) = match text.all[..begins].chars().next_back() {
        Some(quote @ ('"' | '\'' | '`')) => (true, Some(quote)),
        before => (matches!(before, None | Some('\n' | '\r')), None),
    };
    if !before || !is_header(name) || !names::is_secret(name) {
        return None;
    }
    let from = text.run(at + 1, |character| matches!(character, ' ' | '\t'));
    let has_scheme =
        |scheme: &str| text.all.get(from..from + scheme.len()).is_some_and(|word| word.eq_ignore_ascii_case(scheme));
    if has_scheme("bearer ") || has_scheme("basic ") {
        return None;
    }
    let ends = text.run(from, |character| !matches!(character, '\n' | '\r') && Some(character) != quote);
    (ends > from).then_some(from..ends)
}

/// Other names before a colon are words of a sentence, or of a document that says more of them.
fn is_header(name: &str) -> bool {
    name.contains('-') || ["authorization", "cookie"].iter().any(|known| name.eq_ignore_ascii_case(known))
}
