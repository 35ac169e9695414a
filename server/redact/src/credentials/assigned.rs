//! What stands behind a name that looks secret: `DB_PASSWORD=…` in a line, `?access_token=…` in an address, `Password=…;` in
//! a connection string, `--api-key=…` in a command.
//!
//! The cost is linear: a name ends where the equals sign before it stands, and a value that was read was found.

use std::ops::Range;

use super::text::Text;
use crate::{names, words::REDACTED};

/// The longest name that is looked at, in bytes.
pub(super) const LONGEST_NAME: usize = 80;

/// Reads the name before an equals sign, and when it looks secret the value behind it.
pub(super) fn assigned(text: &Text<'_>, at: usize) -> Option<Range<usize>> {
    let assignment = Assignment::read(text, at)?;
    if !assignment.is_secret(text.all) {
        return None;
    }
    let value = assignment.value(text)?;
    (!is_no_secret(&text.all[value.clone()])).then_some(value)
}

/// A name, an equals sign and where the value begins.
struct Assignment {
    name: Range<usize>,
    value: usize,
    /// There is space around the equals sign.
    spaced: bool,
}

impl Assignment {
    fn read(text: &Text<'_>, at: usize) -> Option<Self> {
        const BLANK: [char; 2] = [' ', '\t'];
        let before = text.all[..at].trim_end_matches(BLANK);
        let ends = before.strip_suffix(':').map_or(before, |before| before.trim_end_matches(BLANK)).len();
        let begins = text.run_back(ends, LONGEST_NAME, |byte| {
            byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'[' | b']' | b'%')
        });
        if begins == ends {
            return None;
        }
        let mut behind = at + 1;
        if text.has(behind, b'>') {
            behind += 1;
        }
        // A comparison.
        if text.has(behind, b'=') {
            return None;
        }
        let value = text.run(behind, |character| matches!(character, ' ' | '\t'));
        Some(Self { name: begins..ends, value, spaced: value > behind || text.all[ends..at].contains(BLANK) })
    }

    fn is_secret(&self, all: &str) -> bool {
        let name = &all[self.name.clone()];
        let is_parameter = all[..self.name.start].ends_with(['?', '&', ';']);
        names::is_secret(name) || (is_parameter && signs(name))
    }

    /// Where the value stands, if it is not empty.
    fn value(&self, text: &Text<'_>) -> Option<Range<usize>> {
        let from = self.value;
        let quote = text.all[from..].chars().next().filter(|first| matches!(first, '"' | '\'' | '`'));
        let range = match quote {
            Some(quote) => from + 1..text.quoted(from + 1, quote),
            // As `env` and files of variables have it: what else is in the line belongs to it.
            None if self.is_variable(text.all) && self.begins_line(text.all) => {
                from..text.run(from, |character| !matches!(character, '\n' | '\r'))
            }
            // In the middle of a sentence, or a line of a program.
            None if self.spaced && !self.begins_line(text.all) => return None,
            None => {
                let ends = text.run(from, |character| {
                    !character.is_whitespace() && !matches!(character, '&' | ';' | '"' | '\'' | '`' | '<' | '>')
                });
                if self.spaced && text.all[from..ends].contains(['(', ')', '[', ']', '{', '}']) {
                    return None;
                }
                from..ends
            }
        };
        (!range.is_empty()).then_some(range)
    }
}

impl Assignment {
    /// The name is one of the environment, as shells have it.
    fn is_variable(&self, all: &str) -> bool {
        all[self.name.clone()].bytes().all(|byte| matches!(byte, b'A'..=b'Z' | b'0'..=b'9' | b'_'))
    }

    /// Nothing stands before the name in its line, or only what such a line begins with.
    fn begins_line(&self, all: &str) -> bool {
        let blank = [' ', '\t'];
        let before = all[..self.name.start].trim_end_matches(blank);
        let before = ["export", "set", "ENV", "-"].iter().find_map(|word| before.strip_suffix(word)).unwrap_or(before);
        let before = before.trim_end_matches(blank);
        before.is_empty() || before.ends_with(['\n', '\r'])
    }
}

/// Names of what proves that an address was given away by who may, in its query.
fn signs(name: &str) -> bool {
    let last = name.rsplit(['-', '_']).next().unwrap_or_default();
    last.eq_ignore_ascii_case("sig") || last.eq_ignore_ascii_case("signature")
}

/// Values that say where the secret is, or that there is none. What is long is taken for a secret without a look.
pub(crate) fn is_no_secret(value: &str) -> bool {
    const LONGEST: usize = 64;
    const WORDS: [&str; 6] = ["true", "false", "null", "none", "nil", "undefined"];
    if value.len() > LONGEST {
        return false;
    }
    let value = value.trim_end_matches([',', '.', ')']);
    let within = |open: &str, close: &str| {
        value.strip_prefix(open).and_then(|rest| rest.strip_suffix(close)).is_some_and(|inner| !inner.contains(close))
    };
    let is_variable = |name: &str| !name.is_empty() && name.bytes().all(|byte| matches!(byte, b'A'..=b'Z' | b'_'));
    value == REDACTED
        || WORDS.iter().any(|word| value.eq_ignore_ascii_case(word))
        || value.bytes().all(|byte| byte == b'*')
        || value.strip_prefix('$').is_some_and(is_variable)
        || within("${", "}")
        || within("{{", "}}")
        || within("%", "%")
}
