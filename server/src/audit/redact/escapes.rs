//! A JSON string's value, and where each part of it stands in the text, so that a part can be replaced
//! without spelling the rest anew.

/// The value of a raw JSON string. Half a surrogate pair reads as U+FFFD: what is recorded may have
/// one, and it must not hide what stands beside it.
pub(super) struct Unescaped {
    /// The value.
    pub(super) text: String,
    /// Behind each escape: the place in the value and in the raw text. Between them both go in step.
    behind: Vec<(usize, usize)>,
}

impl Unescaped {
    /// Reads what stands between the quotes of a valid JSON string.
    pub(super) fn new(raw: &str) -> Self {
        let mut text = String::with_capacity(raw.len());
        let mut behind = Vec::new();
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
            behind.push((text.len(), at));
        }
        text.push_str(&raw[plain..]);
        Self { text, behind }
    }

    /// Where the place `at` of the value is in the raw text. A place between two characters is behind
    /// the first and before the second one's escape.
    pub(super) fn raw(&self, at: usize) -> usize {
        let passed = self.behind.partition_point(|(in_text, _)| *in_text <= at);
        match passed.checked_sub(1).map(|last| self.behind[last]) {
            Some((in_text, in_raw)) => in_raw + (at - in_text),
            None => at,
        }
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test ends at the first surprise")]

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_escape_has_its_value() {
        let raw = r#"a\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00z"#;
        assert_eq!(Unescaped::new(raw).text, "a\"\\/\u{8}\u{c}\n\r\t\u{e9}\u{1f600}z");
    }

    #[test]
    fn half_a_pair_hides_nothing_beside_it() {
        for raw in [r"\ud83dabc", r"\ude00abc", r"\ud83d\u0061bc"] {
            assert!(Unescaped::new(raw).text.ends_with("bc"), "{raw}");
        }
        assert_eq!(Unescaped::new(r"\ud83d\ud83d\ude00").text, "\u{fffd}\u{1f600}");
    }

    #[test]
    fn a_place_in_the_value_is_found_in_the_text() {
        let value = Unescaped::new(r"ab\u0063d\n\ne");
        let places: Vec<usize> = (0..=value.text.len()).map(|at| value.raw(at)).collect();
        assert_eq!(places, [0, 1, 2, 8, 9, 11, 13, 14]);
    }

    #[test]
    fn text_that_is_no_json_string_does_not_make_it_panic() {
        for raw in [r"\", r"\u", r"\u12", r"\u12é", r"\uzzzz", r"\é"] {
            Unescaped::new(raw);
        }
    }

    proptest! {
        #[test]
        fn every_part_of_a_value_is_spelt_by_its_part_of_the_text(value in any::<String>(), escape_all in any::<bool>()) {
            let raw = match escape_all {
                true => value.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect(),
                false => { let json = serde_json::to_string(&value).unwrap(); json[1..json.len() - 1].to_owned() }
            };
            let read = Unescaped::new(&raw);
            prop_assert_eq!(&read.text, &value);
            for (at, c) in value.char_indices() {
                let part = &raw[read.raw(at)..read.raw(at + c.len_utf8())];
                prop_assert_eq!(Unescaped::new(part).text, c.to_string());
            }
        }
    }
}
