//! What people write when they decide: bounds, and that it says something where an agent is to read it.

use domain::marks::is_blank;

use crate::error::{Error, Result};

/// Words that may be left out.
///
/// # Errors
/// They are too long, or hold what cannot be kept.
pub(super) fn check_reason(field: &str, reason: Option<&str>) -> Result<()> {
    match reason {
        Some(text) if text.chars().count() > 2_000 => Err(Error::invalid(field, "may have at most 2000 characters")),
        Some(text) if text.contains('\0') => Err(Error::invalid(field, "may not contain the character U+0000")),
        _ => Ok(()),
    }
}

/// Words that have to say something: `must` says what.
///
/// # Errors
/// As [`check_reason`]; nothing of them is seen.
pub(super) fn check_said(field: &str, text: &str, must: &'static str) -> Result<()> {
    check_reason(field, Some(text))?;
    if is_blank(text) { Err(Error::invalid(field, must)) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_seen_says_nothing() {
        for blank in ["", " \n\t", "\u{a0}\u{3000}", "\u{200b}\u{2060}", "\u{3164}", "\u{fe0f}\u{e0041}", "\u{202e}"] {
            assert!(check_said("reason", blank, "must say why").is_err(), "{blank:?}");
        }
        for said in ["no", "不", "👍\u{fe0f}", " a\u{200b}"] {
            assert!(check_said("reason", said, "must say why").is_ok(), "{said:?}");
        }
        assert!(check_said("reason", &"x".repeat(2_001), "must say why").is_err());
        assert!(check_reason("reason", None).is_ok());
    }
}
