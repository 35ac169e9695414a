//! Values of command-line flags whose name looks secret: `--api-key=…`, `--access-token …`, `-password …`, in a text or as
//! elements of an array that follow each other.
//!
//! The cost is linear in the text: a name has no character that another flag could begin behind, and a value that was
//! found is not searched again.

use std::{ops::Range, sync::LazyLock};

use regex::Regex;

use super::{names, words::pattern};

/// A flag at the beginning or behind what separates words, with what stands before its value, if that follows.
static FLAG: LazyLock<Regex> =
    LazyLock::new(|| pattern(r#"(?:^|[\s"'`=(\[,;|])--?(?<name>[A-Za-z][A-Za-z0-9_.-]*)(?<before>=|[ \t]+)?"#));
/// JSON texts without a match have no flag in a string.
static TRACE: LazyLock<Regex> = LazyLock::new(|| pattern(r#"["'`=(\[,;|\s]--?[A-Za-z]|\\[nrtu]"#));
/// What only refers to a value: `$NAME`, `${NAME}`, `{NAME}`.
static REFERENCE: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"^(?:\$[A-Za-z_][A-Za-z0-9_]*|\$?\{[A-Za-z_][A-Za-z0-9_]*\})$"));

/// Whether a JSON text may have a flag in one of its strings.
pub(crate) fn may_have_one(json: &str) -> bool {
    TRACE.is_match(json)
}

/// Whether this is nothing but a flag whose value is secret, which comes next.
pub(crate) fn is_secret_flag(text: &str) -> bool {
    let flag = FLAG.captures(text).filter(|flag| flag[0].len() == text.len() && flag.name("before").is_none());
    flag.is_some_and(|flag| names::is_secret(&flag["name"]))
}

/// Whether this is no secret but says where one is.
pub(crate) fn is_reference(value: &str) -> bool {
    REFERENCE.is_match(value)
}

/// Where values of secret flags stand, in order and without overlaps.
pub(crate) fn find(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(flag) = FLAG.captures_at(text, at) {
        at = flag.name("name").map_or(text.len(), |name| name.end());
        let Some(before) = flag.name("before").filter(|_| names::is_secret(&flag["name"])) else { continue };
        let value = value(text, before.end());
        // `--token --verbose`: the next flag is no value of this one.
        let is_flag = before.as_str() != "=" && text[value.clone()].starts_with('-');
        if !value.is_empty() && !is_flag && !is_reference(&text[value.clone()]) {
            at = value.end;
            found.push(value);
        }
    }
    found
}

/// The value that begins at this byte: what stands between quotes, else up to the next blank or quote.
fn value(text: &str, at: usize) -> Range<usize> {
    let rest = &text[at..];
    let until = |rest: &str, ends: &dyn Fn(char) -> bool| rest.find(ends).unwrap_or(rest.len());
    match rest.chars().next() {
        Some(quote @ ('"' | '\'')) => at + 1..at + 1 + until(&rest[1..], &|character| character == quote),
        _ => at..at + until(rest, &|character| character.is_whitespace() || matches!(character, '"' | '\'' | '`')),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::starred;

    fn redacted(text: &str) -> String {
        starred(text, find(text))
    }

    #[test]
    fn values_of_secret_flags_are_found() {
        for (text, expected) in [
            ("srv --api-key=hunter2 -v", "srv --api-key=* -v"),
            ("srv --access-token hunter2", "srv --access-token *"),
            ("-password  hunter2 x", "-password  * x"),
            ("--password=a=b,c --port 1", "--password=* --port 1"),
            ("sh -c 'app --db-password \"my secret\"'", "sh -c 'app --db-password \"*\"'"),
            ("[--token=x1,--secret=y2]", "[--token=*"),
            ("--token=-x --token -x", "--token=* --token -x"),
            ("a\n--client-secret\tx", "a\n--client-secret\t*"),
        ] {
            assert_eq!(redacted(text), expected, "{text}");
        }
        assert!(is_secret_flag("--api-key") && is_secret_flag("-token"));
    }

    #[test]
    fn what_only_resembles_one_is_left_alone() {
        for text in [
            "--max-tokens 100 --token-count=7 --key value --region eu",
            "a--token x, well-token y, ---token z",
            "--token",
            "--token=",
            "--token --verbose",
            "--token $TOKEN --token=${TOKEN} --api-key={API_KEY}",
            "- token x, -- token y",
        ] {
            assert_eq!(redacted(text), text);
        }
        assert!(!is_secret_flag("--api-key=x") && !is_secret_flag("api-key") && !is_secret_flag("--port"));
    }

    #[test]
    fn a_long_text_of_flags_costs_its_length() {
        for piece in ["--token", "--token=", "--token --", "-a-a", "--token=$", "--token='", "--token=,"] {
            let text = piece.repeat(20_000);
            let began = std::time::Instant::now();
            find(&text);
            assert!(began.elapsed().as_secs() < 20, "{piece}");
        }
    }
}
