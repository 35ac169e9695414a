//! Credentials that are known by their shape, wherever in a text they stand.

use std::{ops::Range, sync::LazyLock};

use regex::Regex;

use super::pattern;

/// - A JSON Web Token, signed (three parts) or encrypted (five): it begins with `{"` in base64url.
/// - An API key of ours. What is shown of one (6 characters) is left alone, and less than 16 of the
///   43 are no help to anybody.
/// - A bearer token (RFC 6750 section 2.1).
/// - The password in a URL (RFC 3986 section 3.2.1).
static CREDENTIAL: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?x)
            eyJ[A-Za-z0-9_-]{4,}(?:\.[A-Za-z0-9_-]*){2}(?:\.[A-Za-z0-9_-]+){0,2}
          | mmcp_[0-9A-Za-z]{16,}
          | \b(?i:bearer)[\x20\t]+(?<bearer>[A-Za-z0-9._~+/-]{3,}=*)
          | ://[^\s/?\#@:]*:(?<password>[^\s/?\#@]+)@",
    )
});

/// Where credentials stand in `text`, in its order.
pub(super) fn find(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(captures) = CREDENTIAL.captures_at(text, at) {
        let whole = captures.get_match().range();
        at = whole.end;
        match (captures.name("bearer"), captures.name("password")) {
            // The word may itself begin a credential, so the search goes on before it.
            (Some(word), _) if is_prose(word.as_str()) => at = word.start(),
            (_, Some(password)) => found.push(password.range()),
            _ => found.push(whole),
        }
    }
    found
}

/// Whether what follows "bearer" is a word of a sentence ("bearer token", "Bearer authentication.").
fn is_prose(word: &str) -> bool {
    let letters = word.trim_end_matches('.');
    letters.len() < 20
        && letters.bytes().all(|byte| byte.is_ascii_alphabetic())
        && letters.bytes().skip(1).all(|byte| byte.is_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    const JWT: &str = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiI3In0.c2lnbmF0dXJl";
    const KEY: &str = "mmcp_0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefg012345";

    fn redacted(text: &str) -> String {
        let mut out = text.to_owned();
        for range in find(text).into_iter().rev() {
            out.replace_range(range, "*");
        }
        out
    }

    #[test]
    fn credentials_are_found_with_nothing_around_them() {
        let texts = [
            (format!("a {JWT} b"), "a * b"),
            (format!("token={JWT}&x"), "token=*&x"),
            (format!("x{JWT},{JWT}."), "x*,*."),
            ("eyJhbGciOiJub25lIn0.eyJzdWIiOiI3In0.".to_owned(), "*"),
            ("eyJhbGciOiJkaXIifQ..aXY.Y2lwaGVy.dGFn ok".to_owned(), "* ok"),
            (format!("key {KEY}!"), "key *!"),
            ("Authorization: Bearer s3cr3t-t0k3n==, more".to_owned(), "Authorization: *, more"),
            (format!("bearer\t {JWT}"), "*"),
            ("BEARER abcdefghijklmnopqrstuvwxyz".to_owned(), "*"),
            ("postgres://app:hunter2@db/x and redis://:pw@r".to_owned(), "postgres://app:*@db/x and redis://:*@r"),
            (format!("a bearer token {KEY}"), "a bearer token *"),
            (format!("Bearer Bearer {JWT}"), "Bearer *"),
        ];
        for (text, expected) in texts {
            assert_eq!(redacted(&text), expected, "{text}");
        }
    }

    #[test]
    fn what_only_resembles_one_is_left_alone() {
        let texts = [
            "eyJ is how a token begins",
            "eyJhbGciOiJIUzI1NiJ9 alone, eyJhbGciOiJIUzI1NiJ9.two",
            "mmcp_012345",
            "a bearer token. Bearer authentication is needed; Bearer Token",
            "forbearer s3cr3t-t0k3n",
            "https://example.com:8080/a@b https://user@example.com ://",
        ];
        for text in texts {
            assert_eq!(redacted(text), text);
        }
    }
}
