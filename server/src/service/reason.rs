//! What people write when they decide: bounds, and that it says something where an agent is to read it.

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
    let says_something = text.chars().any(|c| !c.is_whitespace() && !c.is_control() && !is_invisible(c));
    if says_something { Ok(()) } else { Err(Error::invalid(field, must)) }
}

/// Whether nothing is seen of it, of what white space and control characters are not: formats, fillers and selectors.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
        | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{2800}'
        | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff9}'..='\u{fffb}'
        | '\u{e0000}'..='\u{e0fff}')
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
