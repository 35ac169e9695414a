//! The record of everything. [`writer`] makes records durable in groups, [`redact`] takes secrets
//! out before they are written, [`export`] is how records leave as a file.

pub mod export;
pub mod redact;
pub mod writer;

use std::borrow::Cow;

pub use writer::Writer;

/// The longest body of something refused that is kept whole, in bytes.
const REFUSED: usize = 4_096;

/// What is kept of the body of something refused, with secrets taken out already: all of it up to 4 KiB, else JSON of
/// at most as much that says so, how long it was and how it began: `{"begins": "…", "bytes": 70000, "cut": true}`.
pub fn cut(body: &str) -> Cow<'_, str> {
    if body.len() <= REFUSED {
        return Cow::Borrowed(body);
    }
    let mut end = REFUSED - 64;
    loop {
        while !body.is_char_boundary(end) {
            end -= 1;
        }
        let kept = serde_json::json!({"cut": true, "bytes": body.len(), "begins": &body[..end]}).to_string();
        if kept.len() <= REFUSED {
            return Cow::Owned(kept);
        }
        // Escapes take more room than what they stand for.
        end = end * 3 / 4;
    }
}

/// Text as Postgres can keep it: it refuses the character U+0000, which a decoded JSON string may
/// have.
pub fn text(value: &str) -> String {
    value.replace('\0', "\u{fffd}")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn of_a_refused_body_the_beginning_is_kept_and_how_long_it_was() {
        let short = "x".repeat(4_096);
        assert_eq!(cut(&short), short);
        for long in ["x".repeat(4_097), "\u{1}".repeat(5_000), "ü\"\\😀".repeat(700_000)] {
            let kept = cut(&long);
            assert!(kept.len() <= 4_096, "{}", kept.len());
            let json: serde_json::Value = serde_json::from_str(&kept).unwrap();
            assert_eq!((&json["cut"], &json["bytes"]), (&true.into(), &long.len().into()));
            let begins = json["begins"].as_str().unwrap();
            assert!(begins.len() > 300 && long.starts_with(begins));
        }
    }
}
