//! The scanner under [`json`](crate::json): JSON text as a flat run of tokens.
//!
//! Works on text that a JSON parser has already accepted; it checks no structure of
//! its own. One pass, no recursion, no stack and no allocation, so depth and size of
//! hostile input cost nothing beyond their length.

/// What a [`Token`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `{`
    BeginObject,
    /// `}`
    EndObject,
    /// `[`
    BeginArray,
    /// `]`
    EndArray,
    /// A string that names a member: the next thing after it is a colon.
    Key,
    /// A string that is a value.
    String,
    /// A number, in the form it was written.
    Number,
    /// `true`, `false` or `null`.
    Literal,
}

impl Kind {
    /// Whether a value starts with this token (or is it).
    pub(crate) fn begins_value(self) -> bool {
        !matches!(self, Self::EndObject | Self::EndArray | Self::Key)
    }
}

/// One lexical piece of a JSON text (RFC 8259 section 2), without the white space,
/// commas and colons around it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Token<'a> {
    /// What it is.
    pub kind: Kind,
    /// Its bytes as they stand in the text: quotes included, escapes kept.
    pub text: &'a str,
    /// Where it starts in the text, in bytes.
    pub start: usize,
}

impl Token<'_> {
    /// Where the token ends in the text, in bytes (exclusive).
    #[must_use]
    pub fn end(&self) -> usize {
        self.start + self.text.len()
    }
}

/// The tokens of a JSON text in order; made by [`tokens`].
#[derive(Debug, Clone)]
pub struct Tokens<'a> {
    text: &'a str,
    at: usize,
}

/// Walks over `json` token by token.
///
/// The text should be valid JSON. On anything else the iterator never panics and
/// never loops: it ends at the first byte that starts no token, and structure
/// (brackets that match, commas where they belong) is not checked.
#[must_use]
pub fn tokens(json: &str) -> Tokens<'_> {
    Tokens { text: json, at: 0 }
}

impl<'a> Tokens<'a> {
    /// Goes on from byte `at`, which is the start or end of a token of this text.
    pub(crate) fn seek(&mut self, at: usize) {
        self.at = at;
    }

    fn end_of_string(&self) -> Option<usize> {
        let bytes = self.text.as_bytes();
        let mut at = self.at + 1;
        loop {
            match bytes.get(at)? {
                b'"' => return Some(at + 1),
                b'\\' => at += 2,
                _ => at += 1,
            }
        }
    }

    fn end_of_run(&self, belongs: impl Fn(u8) -> bool) -> usize {
        let bytes = self.text.as_bytes();
        let rest = bytes.get(self.at..).unwrap_or_default();
        let length = rest.iter().position(|byte| !belongs(*byte));
        self.at + length.unwrap_or(rest.len())
    }

    fn colon_follows(&self, at: usize) -> bool {
        let rest = self.text.as_bytes().get(at..).unwrap_or_default();
        let next = rest.iter().find(|byte| !is_white_space(**byte));
        next == Some(&b':')
    }

    fn next_kind(&self) -> Option<(Kind, usize)> {
        let one = self.at + 1;
        Some(match self.text.as_bytes().get(self.at)? {
            b'{' => (Kind::BeginObject, one),
            b'}' => (Kind::EndObject, one),
            b'[' => (Kind::BeginArray, one),
            b']' => (Kind::EndArray, one),
            b'"' => {
                let end = self.end_of_string()?;
                match self.colon_follows(end) {
                    true => (Kind::Key, end),
                    false => (Kind::String, end),
                }
            }
            b'-' | b'0'..=b'9' => (Kind::Number, self.end_of_run(is_number_byte)),
            b'a'..=b'z' => {
                let end = self.end_of_run(|byte| byte.is_ascii_lowercase());
                let word = self.text.get(self.at..end)?;
                if !matches!(word, "true" | "false" | "null") {
                    return None;
                }
                (Kind::Literal, end)
            }
            _ => return None,
        })
    }
}

impl<'a> Iterator for Tokens<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        self.at = self.end_of_run(|byte| is_white_space(byte) || byte == b',' || byte == b':');
        let token = self.next_kind().and_then(|(kind, end)| {
            let text = self.text.get(self.at..end)?;
            let start = self.at;
            Some(Token { kind, text, start })
        });
        self.at = match &token {
            Some(token) => token.end(),
            None => self.text.len(),
        };
        token
    }
}

impl std::iter::FusedIterator for Tokens<'_> {}

fn is_white_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}

fn is_number_byte(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(json: &str) -> Vec<(Kind, &str)> {
        tokens(json).map(|token| (token.kind, token.text)).collect()
    }

    #[test]
    fn every_kind_is_told_apart_and_kept_as_written() {
        use Kind::*;
        assert_eq!(
            kinds(" { \"k\\\"ey\" \n: [ 1.0E+2,-0 , \"\\u00e9:\" ] , \"l\":null,\"t\":true } "),
            [
                (BeginObject, "{"),
                (Key, "\"k\\\"ey\""),
                (BeginArray, "["),
                (Number, "1.0E+2"),
                (Number, "-0"),
                (String, "\"\\u00e9:\""),
                (EndArray, "]"),
                (Key, "\"l\""),
                (Literal, "null"),
                (Key, "\"t\""),
                (Literal, "true"),
                (EndObject, "}"),
            ]
        );
    }

    #[test]
    fn a_token_knows_where_it_stands() {
        let json = "[ \"é\", 12]";
        for token in tokens(json) {
            assert_eq!(&json[token.start..token.end()], token.text);
        }
    }

    #[test]
    fn text_that_is_not_json_ends_the_walk() {
        for json in ["", "\"open", "\"open\\", "[1,\\", "nul", "[é]", "\u{feff}{}", "'a'", "\"\\é"] {
            let mut walk = tokens(json);
            while walk.next().is_some() {}
            assert_eq!(walk.next(), None);
        }
        assert_eq!(kinds("[1, nulll, 2]").len(), 2);
    }
}
