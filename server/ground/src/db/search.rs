//! A text that is searched for, as patterns for Postgres. What is recorded is JSON as it came, and JSON may spell any
//! character by an escape: `Zoë` as `Zo\u00eb`, `a/b` as `a\/b`. A search finds both.

use std::fmt::Write;

/// A text that is searched for, without regard to upper and lower case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pattern {
    /// For `ILIKE`: finds it as it was typed.
    pub(super) like: String,
    /// For `~*` (POSIX regular expressions of Postgres): finds it also where it is spelled by JSON's escapes, in JSON in a
    /// string in JSON as well. Slower: for texts that have a backslash.
    pub(super) escaped: String,
}

impl Pattern {
    /// Finds texts that have `text` in them.
    pub(super) fn of(text: &str) -> Self {
        let like = text.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
        let mut escaped = String::new();
        let mut before = None;
        for c in text.chars() {
            // How often it was escaped, and so how many there are, nobody knows.
            if (before, c) != (Some('\\'), '\\') {
                either_spelling(&mut escaped, c);
            }
            before = Some(c);
        }
        Self { like: format!("%{like}%"), escaped }
    }
}

/// One character, however JSON may spell it (RFC 8259, section 7).
fn either_spelling(pattern: &mut String, c: char) {
    pattern.push_str("(?:");
    pattern.push_str(match c {
        '\\' => r"\\+",
        '"' => r#"\\*""#,
        '/' => r"\\*/",
        '\u{8}' => r"\\+b",
        '\u{c}' => r"\\+f",
        '\n' => r"\\+n",
        '\r' => r"\\+r",
        '\t' => r"\\+t",
        _ if c.is_ascii_punctuation() => "\\",
        _ => "",
    });
    if !matches!(c, '\\' | '"' | '/') && !c.is_ascii_control() {
        pattern.push(c);
    }
    for spelled in [Some(c), only(c.to_lowercase()), only(c.to_uppercase())].into_iter().flatten() {
        pattern.push('|');
        for unit in spelled.encode_utf16(&mut [0; 2]) {
            // To a string nothing fails.
            let _ = write!(pattern, r"\\+u{unit:04x}");
        }
    }
    pattern.push(')');
}

fn only(mut of: impl Iterator<Item = char>) -> Option<char> {
    of.next().filter(|_| of.next().is_none())
}

#[cfg(test)]
mod tests {
    use regex::RegexBuilder;

    use super::*;

    fn finds(text: &str, json: &str) -> bool {
        // What is used of the two languages means the same in both.
        let pattern = Pattern::of(text).escaped;
        RegexBuilder::new(&pattern).case_insensitive(true).build().expect(&pattern).is_match(json)
    }

    #[test]
    fn a_text_is_found_however_json_spells_it() {
        for (text, json) in [
            ("Mallory", r#"{"customer":"Mallory Ltd"}"#),
            ("mallory", r#"{"customer":"\u004dallory Ltd"}"#),
            ("MALLORY", r#"{"customer":"\u006D\u0061llory Ltd"}"#),
            ("Zoë", r#""Zo\u00eb Nov\u00e1k""#),
            ("zoË", r#""Zo\u00EB""#),
            ("a\"b", r#""a\"b""#),
            ("path/x", r#""path\/x""#),
            ("c:\\temp", r#""c:\\temp""#),
            ("one\ntwo", r#""one\ntwo""#),
            ("😀", r#""\ud83d\ude00""#),
            ("Zoë", r#"{"text":"{\"name\":\"Zo\\u00eb\"}"}"#),
            ("\"name\":\"Zoë", r#"{"text":"{\"name\":\"Zo\\u00eb\"}"}"#),
            ("50% (a_b) [c] {d} ^$*+?.|", r#""50% (a_b) [c] {d} ^$*+?.|""#),
        ] {
            assert!(finds(text, json), "{text} in {json}");
        }
    }

    #[test]
    fn another_text_is_not_found() {
        for (text, json) in
            [("Mallory", r#""\u004eallory""#), ("a.c", "\"abc\""), ("a/b", "\"ab\""), ("a_b", "\"axb\"")]
        {
            assert!(!finds(text, json), "{text} in {json}");
        }
        assert_eq!(Pattern::of(r"50%_\").like, r"%50\%\_\\%");
    }
}
