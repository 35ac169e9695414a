use proptest::{collection::vec, prelude::*, sample::select};
use regex::Regex;

use super::{schemes::is_prose, *};
use crate::tests::starred;

const JWT: &str = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiI3In0.c2lnbmF0dXJl";
const KEY: &str = "mmcp_0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefg012345";

fn redacted(text: &str) -> String {
    starred(text, find(text))
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
        (format!("https://{JWT}:x-oauth@git, https://a{KEY}:b@c"), "https://*:*@git, https://a*:*@c"),
        (format!("redis://:{KEY}@r and redis://u:a{KEY}@r"), "redis://:*@r and redis://u:*@r"),
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

/// What readers may look at for each byte of a text, all shapes together.
const LOOKS: f64 = 8.0;

fn looks_per_byte(text: &str) -> f64 {
    let text = Text::new(text);
    find_in(&text);
    text.looked.get() as f64 / text.all.len() as f64
}

#[test]
fn a_text_made_of_beginnings_costs_no_more_than_its_length() {
    let pieces = [
        "eyJmmcp_AAAAAAAAAAAAAAAA-",
        "eyJmmcp_AAAA-",
        "eyJ",
        "eyJaaaa.",
        "eyJaaaa.eyJ",
        "eyJaaaa.b ",
        "eyJ.",
        "EYJ",
        "mmcp_",
        "mmcp_A",
        "bearer ",
        "bearer \t",
        "bearer",
        "bearer a",
        "bearer abc.",
        "bearer ab=",
        "=",
        "password=",
        "password =",
        "password = ",
        "password=\"",
        "password=\"\\",
        "password=$A",
        "TOKEN=",
        "&token=a",
        "x-token:",
        "'x-token: ",
        "\nx-token: bearer ",
        "password: ",
        "\npassword: ",
        "\n  - \"token\": a",
        "token: |\n",
        "token: |\n  ",
        "\n \n",
        "      ",
        "- ",
        "bot1",
        "bot123456:",
        "basic ",
        "basic YTpi",
        "basic YWJj",
        "authorization: basic ",
        "-----BEGIN",
        "-----BEGIN PRIVATE KEY-----",
        "-----BEGIN PRIVATE KEY-----<",
        "-----BEGIN PRIVATE KEY-----\n",
        "-----END PRIVATE KEY-----",
        "ghp_",
        "github_pat_",
        "sk-",
        "sk-ant-",
        "SG.",
        "SK",
        "AKIA",
        "key-",
        "1//0",
        "://",
        "://a:",
        "://a:b:",
        "://é\u{a0}:b",
        ":",
        "a",
        ".",
    ];
    for (first, second) in pieces.iter().flat_map(|first| pieces.iter().map(move |second| (first, second))) {
        // One after the other, in turns, and the second only at the end.
        let (n, m) = (4_096 / first.len(), 4_096 / second.len());
        for text in
            [first.repeat(n) + &second.repeat(m), [*first, *second].concat().repeat(n.min(m)), first.repeat(n) + second]
        {
            let looks = looks_per_byte(&text);
            assert!(looks < LOOKS, "{looks} looks for each byte of {first:?} and {second:?}");
        }
    }
}

#[test]
fn a_credential_is_cut_to_its_end_however_long_it_is() {
    let long = "A".repeat(300_000);
    for (text, expected) in [
        (format!("eyJ{long}.{long}.{long} b"), "* b"),
        (format!("mmcp_{long}, b"), "*, b"),
        (format!("a Bearer {long}/{long}= b"), "a * b"),
        (format!("x://{long}:{long}{long}@b"), &*format!("x://{long}:*@b")),
    ] {
        assert!(redacted(&text) == expected, "{}", &text[..20]);
    }
}

/// The shapes as patterns, which say the same at more cost.
static PATTERNS: LazyLock<Vec<Regex>> = LazyLock::new(|| {
    let mut patterns = [
        r"(?<secret>eyJ[A-Za-z0-9_-]{4,}(?:\.[A-Za-z0-9_-]*){2}(?:\.[A-Za-z0-9_-]+){0,2})",
        r"(?<secret>mmcp_[0-9A-Za-z]{16,})",
        r"(?<secret>bot[0-9]{5,20}:[0-9A-Za-z_-]{30,})",
        r"(?<secret>\b(?i:bearer)[\x20\t]+(?<word>[A-Za-z0-9._~+/-]{3,}=*))",
        r"://[^\s/?\#@:]*:(?<secret>[^\s/?\#@]+)@",
    ]
    .into_iter()
    .map(ToOwned::to_owned)
    .collect::<Vec<_>>();
    patterns.extend(TOKENS.iter().map(published::Token::pattern));
    patterns.iter().map(|pattern| Regex::new(pattern).expect("a constant")).collect()
});

/// Whether a name that looks secret gets a value in it, which no pattern knows.
fn assigns(text: &str) -> bool {
    let searched = Text::new(text);
    text.match_indices('=').any(|(at, _)| assigned::assigned(&searched, at).is_some())
        || text.match_indices(':').any(|(at, _)| named(&searched, at).is_some())
}

fn found_by_the_patterns(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    for pattern in &*PATTERNS {
        let mut at = 0;
        while let Some(captures) = pattern.captures_at(text, at) {
            at = captures.get_match().end();
            match captures.name("word") {
                Some(word) if is_prose(word.as_str()) => at = word.start(),
                _ => found.extend(captures.name("secret").map(|secret| secret.range())),
            }
        }
    }
    united(found)
}

/// Texts of pieces that shapes are made of.
fn pieces() -> impl Strategy<Value = String> {
    let pieces = [
        "eyJ",
        "EyJ",
        "aaaa",
        ".",
        "-",
        "_",
        "mmcp_",
        "0123456789abcdef",
        "bearer",
        "Bearer",
        " ",
        "\t",
        "=",
        "/",
        "://",
        ":",
        "@",
        "?",
        "#",
        "\n",
        "é",
        "\u{a0}",
        "abc",
        "A",
        "ghp_",
        "github_pat_",
        "sk-",
        "SK",
        "AKIA",
        "glpat-",
        "",
    ];
    vec((select(pieces.to_vec()), 1..4_usize), 0..24)
        .prop_map(|pieces| pieces.into_iter().map(|(piece, times)| piece.repeat(times)).collect())
}

proptest! {
    #[test]
    fn what_the_patterns_find_is_cut_and_nothing_else(text in pieces()) {
        prop_assume!(!assigns(&text));
        prop_assert_eq!(find(&text), found_by_the_patterns(&text));
    }

    #[test]
    fn no_text_is_looked_at_more_than_its_length_allows(text in pieces(), times in 1_usize..200) {
        let text = text.repeat(times) + ".";
        prop_assert!(looks_per_byte(&text) < LOOKS, "{text}");
    }
}
