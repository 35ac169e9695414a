//! Names: those that people read, those that stand in URLs, e-mails.

use domain::{
    Slug,
    directory::RESERVED,
    marks::{is_blank, is_unseen},
};
use unicode_normalization::UnicodeNormalization;

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
    if is_blank(text) {
        return Err(Error::invalid(field, "must have a character that can be seen"));
    }
    Ok(text.trim())
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
    if RESERVED.contains(&text) {
        return Err(Error::invalid(
            field,
            format!("has `{text}`, which is a tool of the gateway itself; use another name"),
        ));
    }
    Ok(text)
}

/// An e-mail as it is kept: normalised (NFKC, so that two that look alike are one more often) and in lower case, as far
/// as its form can tell.
///
/// # Errors
/// It is not one, or has a character that is not seen or turns the direction of writing.
pub(super) fn email(text: &str) -> Result<String> {
    if let Some(hidden) = text.trim().chars().find(|c| *c != ' ' && is_unseen(*c)) {
        let code = u32::from(hidden);
        return Err(Error::invalid("email", format!("has a character that is not seen (U+{code:04X}); type it anew")));
    }
    let email = normalised(text);
    let parts = email.split_once('@').filter(|(local, host)| !local.is_empty() && is_host(host));
    if parts.is_none() || email.len() > 254 || email.chars().any(is_unseen) {
        return Err(Error::invalid("email", "must be an e-mail address"));
    }
    Ok(email)
}

/// An e-mail in the form that is compared, whether it is one or not.
pub(super) fn normalised(text: &str) -> String {
    // Lower case may come apart into several characters, and what was put together may have a lower case of its own.
    let lower = |text: &str| text.to_lowercase().nfkc().collect::<String>();
    lower(&lower(text.trim()))
}

/// Names between dots, of which none is empty; or an address in brackets.
fn is_host(host: &str) -> bool {
    let is_name = |name: &str| !name.is_empty() && !name.starts_with('-') && !name.ends_with('-');
    !host.contains('@') && (host.starts_with('[') && host.ends_with(']') || host.split('.').all(is_name))
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
        let unseen = [
            "\u{200b}",
            "\u{16fe4}",
            "\u{fffc}",
            "\u{e000}",
            "\u{3164}",
            "\u{2800} \u{ad}",
            "\u{feff}",
            "\u{a0}",
            "\u{e0041}\u{e007f}",
        ];
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
        for wrong in [
            "",
            "ada",
            "@example.org",
            "ada@",
            "a@b@c",
            "a b@c",
            "a@b\nc",
            "a@.",
            "a@.b",
            "a@b.",
            "a@b..c",
            "a@-",
            "a@b-.c",
        ] {
            assert!(email(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn an_email_has_nothing_that_is_not_seen_and_one_form() {
        let hidden = "\u{200b}\u{200d}\u{2060}\u{feff}\u{ad}\u{202e}\u{2066}\u{61c}\u{34f}\u{115f}\u{1160}\u{3164}\u{ffa0}\u{2800}\u{fe0f}\u{e0041}\u{e0100}\u{180e}\u{17b4}\u{2028}\u{e000}\u{0}\u{85}\u{fffc}\u{16fe4}";
        for c in hidden.chars() {
            for text in [format!("a{c}da@example.org"), format!("ada@ex{c}ample.org")] {
                let error = email(&text).expect_err("it is not seen").to_string();
                assert!(error.contains(&format!("U+{:04X}", u32::from(c))), "{error}");
            }
        }
        for (typed, kept) in [
            ("Jose\u{301}@Example.org", "jos\u{e9}@example.org"),
            ("\u{ff41}da@example\u{ff0e}org", "ada@example.org"),
            ("\u{212a}im@example.org", "kim@example.org"),
            ("root@localhost", "root@localhost"),
            ("a@[192.0.2.1]", "a@[192.0.2.1]"),
        ] {
            assert_eq!(email(typed).ok().as_deref(), Some(kept), "{typed}");
            assert_eq!(email(kept).ok().as_deref(), Some(kept), "kept as it is");
        }
    }
}
