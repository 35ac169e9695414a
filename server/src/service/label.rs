//! Names: those that people read, those that stand in URLs, e-mails.

use domain::Slug;

use crate::error::{Error, Result};

/// The longest name for people, in characters.
const LONGEST: usize = 100;

/// A name that people read: 1 to 100 characters, of which at least one can be seen, and no control characters. White space
/// around it is taken off.
///
/// # Errors
/// What is wrong with it.
pub(super) fn label<'a>(field: &str, text: &'a str) -> Result<&'a str> {
    if text.chars().count() > LONGEST || text.chars().any(char::is_control) {
        return Err(Error::invalid(field, format!("must have 1 to {LONGEST} characters, and no control characters")));
    }
    if !text.chars().any(is_visible) {
        return Err(Error::invalid(field, "must have a character that can be seen"));
    }
    Ok(text.trim())
}

/// What takes no room or looks like a space, besides white space: Unicode's `Default_Ignorable_Code_Point`, and blanks.
const UNSEEN: [std::ops::RangeInclusive<char>; 19] = [
    '\u{ad}'..='\u{ad}',
    '\u{34f}'..='\u{34f}',
    '\u{61c}'..='\u{61c}',
    '\u{115f}'..='\u{1160}',
    '\u{17b4}'..='\u{17b5}',
    '\u{180b}'..='\u{180f}',
    '\u{200b}'..='\u{200f}',
    '\u{2028}'..='\u{202e}',
    '\u{2060}'..='\u{206f}',
    // The braille pattern without dots, and the Hangul filler.
    '\u{2800}'..='\u{2800}',
    '\u{3164}'..='\u{3164}',
    '\u{fe00}'..='\u{fe0f}',
    '\u{feff}'..='\u{feff}',
    '\u{ffa0}'..='\u{ffa0}',
    '\u{fff0}'..='\u{fffb}',
    '\u{1bca0}'..='\u{1bca3}',
    '\u{1d159}'..='\u{1d159}',
    '\u{1d173}'..='\u{1d17a}',
    '\u{e0000}'..='\u{e0fff}',
];

fn is_visible(character: char) -> bool {
    !character.is_whitespace() && !character.is_control() && !UNSEEN.iter().any(|range| range.contains(&character))
}

/// A name in URLs.
///
/// # Errors
/// What is wrong with it.
pub(super) fn slug(text: &str) -> Result<Slug> {
    text.parse().map_err(|error: domain::slug::NotASlug| Error::invalid("slug", error.to_string()))
}

/// A name that agents see for a tool: 1 to 128 characters without white space and control
/// characters. (MCP says what a name should be; what upstreams really send is more.)
///
/// # Errors
/// What is wrong with it.
pub(super) fn tool_name<'a>(field: &str, text: &'a str) -> Result<&'a str> {
    let fits = !text.is_empty() && text.chars().count() <= 128;
    if !fits || text.chars().any(|c| c.is_control() || c.is_whitespace()) {
        return Err(Error::invalid(
            field,
            format!("has `{}`: a tool's name has 1 to 128 characters and no white space", text.escape_debug()),
        ));
    }
    if super::call::builtin::RESERVED.contains(&text) {
        return Err(Error::invalid(
            field,
            format!("has `{text}`, which is a tool of the gateway itself; use another name"),
        ));
    }
    Ok(text)
}

/// An e-mail in lower case, as far as its form can tell.
///
/// # Errors
/// It is not one.
pub(super) fn email(text: &str) -> Result<String> {
    let email = text.trim().to_lowercase();
    let local_and_host =
        email.split_once('@').is_some_and(|(local, host)| !local.is_empty() && !host.is_empty() && !host.contains('@'));
    if !local_and_host || email.len() > 254 || email.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return Err(Error::invalid("email", "must be an e-mail address"));
    }
    Ok(email)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_for_people_are_trimmed_and_bounded() {
        assert_eq!(label("name", " Acme Inc. ").ok(), Some("Acme Inc."));
        assert!(label("name", &"é".repeat(100)).is_ok());
        assert_eq!(label("name", "\u{200f}א").ok(), Some("\u{200f}א"));
        assert!(label("name", "🚀").is_ok());
        let unseen = ["\u{200b}", "\u{3164}", "\u{2800} \u{ad}", "\u{feff}", "\u{a0}", "\u{e0041}\u{e007f}"];
        for wrong in ["", "  ", "a\nb", "a\n", &"é".repeat(101)].into_iter().chain(unseen) {
            assert!(label("name", wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn the_gateways_own_tools_cannot_be_hidden_by_another() {
        assert!(tool_name("name", "send_invoice").is_ok());
        assert!(tool_name("name", "files/read.v2").is_ok());
        for wrong in ["approval_status", "run_approved", "", "a b", "a\u{0}", &"a".repeat(129)] {
            assert!(tool_name("name", wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn an_email_is_kept_in_lower_case_and_must_look_like_one() {
        assert_eq!(email(" Ada@Example.ORG ").ok().as_deref(), Some("ada@example.org"));
        for wrong in ["", "ada", "@example.org", "ada@", "a@b@c", "a b@c", "a@b\nc"] {
            assert!(email(wrong).is_err(), "{wrong:?}");
        }
    }
}
