//! A JSON string's value, and where each part of it stands in the text, so that a part can be replaced
//! without spelling the rest anew.

use wire::json::Token;

/// The value of what stands between the quotes of a valid JSON string. Half a surrogate pair reads as U+FFFD: what is
/// recorded may have one, and it must not hide what stands beside it.
pub(crate) fn unescape(raw: &str) -> String {
    let mut text = String::with_capacity(raw.len());
    let (mut plain, mut at) = (0, 0);
    // Escapes stand close together in JSON in a string: looking at each byte beats searching.
    while let Some(byte) = raw.as_bytes().get(at) {
        if *byte != b'\\' {
            at += 1;
            continue;
        }
        text.push_str(&raw[plain..at]);
        let (value, length) = escape(&raw[at..]);
        text.push(value);
        at += length;
        plain = at;
    }
    text.push_str(&raw[plain..]);
    text
}

/// Where the places of a string's value are in its raw text, for places that are asked for from left to right.
pub(crate) struct Places<'r> {
    raw: &'r str,
    /// The same place in the value and in the raw text: the start, or behind an escape.
    in_value: usize,
    in_raw: usize,
    /// Where in the raw text the next escape is, or its end. Up to there both go in step.
    escape: usize,
}

impl<'r> Places<'r> {
    /// At the start of a raw string.
    pub(crate) fn new(raw: &'r str) -> Self {
        Self { raw, in_value: 0, in_raw: 0, escape: raw.find('\\').unwrap_or(raw.len()) }
    }

    /// Where the place `at` of the value is in the raw text; `at` is not before the one that was asked for last. A place
    /// between two characters is behind the first and before the second one's escape.
    pub(crate) fn raw(&mut self, at: usize) -> usize {
        while at - self.in_value > self.escape - self.in_raw && self.escape < self.raw.len() {
            let (value, length) = escape(&self.raw[self.escape..]);
            self.in_value += self.escape - self.in_raw + value.len_utf8();
            self.in_raw = self.escape + length;
            let rest = &self.raw[self.in_raw..];
            self.escape = self.in_raw + rest.find('\\').unwrap_or(rest.len());
        }
        self.in_raw + (at - self.in_value)
    }
}

/// The character that the escape at the start of `raw` stands for, and the escape's length.
fn escape(raw: &str) -> (char, usize) {
    match raw.chars().nth(1) {
        Some('u') => {}
        Some('b') => return ('\u{8}', 2),
        Some('f') => return ('\u{c}', 2),
        Some('n') => return ('\n', 2),
        Some('r') => return ('\r', 2),
        Some('t') => return ('\t', 2),
        Some(same) => return (same, 1 + same.len_utf8()),
        None => return (char::REPLACEMENT_CHARACTER, 1),
    }
    let unit = |at: usize| {
        let digits = raw.get(at..at + 6)?.strip_prefix("\\u")?;
        u16::from_str_radix(digits, 16).ok()
    };
    let Some(first) = unit(0) else { return (char::REPLACEMENT_CHARACTER, 2) };
    let pair = [first, unit(6).unwrap_or_default()];
    match char::decode_utf16(pair).next() {
        Some(Ok(value)) if value.len_utf16() == 2 => (value, 12),
        Some(Ok(value)) => (value, 6),
        _ => (char::REPLACEMENT_CHARACTER, 6),
    }
}

/// A string's text between its quotes, escapes kept.
pub(crate) fn inside(token: Token<'_>) -> &str {
    token.text.get(1..token.text.len() - 1).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test ends at the first surprise")]

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_escape_has_its_value() {
        let raw = r#"a\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00z"#;
        assert_eq!(unescape(raw), "a\"\\/\u{8}\u{c}\n\r\t\u{e9}\u{1f600}z");
    }

    #[test]
    fn half_a_pair_hides_nothing_beside_it() {
        for raw in [r"\ud83dabc", r"\ude00abc", r"\ud83d\u0061bc"] {
            assert!(unescape(raw).ends_with("bc"), "{raw}");
        }
        assert_eq!(unescape(r"\ud83d\ud83d\ude00"), "\u{fffd}\u{1f600}");
    }

    #[test]
    fn a_place_in_the_value_is_found_in_the_text() {
        let mut places = Places::new(r"ab\u0063d\n\ne");
        let places: Vec<usize> = (0..=7).map(|at| places.raw(at)).collect();
        assert_eq!(places, [0, 1, 2, 8, 9, 11, 13, 14]);
    }

    #[test]
    fn text_that_is_no_json_string_does_not_make_it_panic() {
        for raw in [r"\", r"\u", r"\u12", r"\u12é", r"\uzzzz", r"\é"] {
            unescape(raw);
        }
    }

    proptest! {
        #[test]
        fn every_part_of_a_value_is_spelt_by_its_part_of_the_text(value in any::<String>(), escape_all in any::<bool>()) {
            let raw = match escape_all {
                true => value.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect(),
                false => { let json = serde_json::to_string(&value).unwrap(); json[1..json.len() - 1].to_owned() }
            };
            prop_assert_eq!(&unescape(&raw), &value);
            let mut places = Places::new(&raw);
            for (at, c) in value.char_indices() {
                let part = &raw[places.raw(at)..places.raw(at + c.len_utf8())];
                prop_assert_eq!(unescape(part), c.to_string());
            }
        }
    }
}
