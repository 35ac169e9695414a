//! Names that stand in URLs.

use serde::{Deserialize, Serialize};

/// A name in a URL: `[a-z0-9-]`, 2 to 40 characters (approvals.md, "Vocabulary"). Hyphens stand only
/// inside, so that no two slugs differ by a trailing one.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Slug(String);

/// Words that are routes, or may become routes, or name the instance's own org, and so cannot name another.
const RESERVED: &[&str] = &[
    "api",
    "assets",
    "auth",
    "authorize",
    "console",
    "docs",
    "health",
    "healthz",
    "instance",
    "invite",
    "livez",
    "login",
    "logout",
    "mcp",
    "me",
    "metrics",
    "new",
    "oauth",
    "readyz",
    "register",
    "settings",
    "static",
    "status",
    "token",
    "well-known",
];

impl Slug {
    /// The slug as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the word is a route and so cannot name an org.
    pub fn is_reserved(&self) -> bool {
        RESERVED.contains(&self.0.as_str())
    }
}

/// Why a text is not a slug.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotASlug {
    /// Shorter than 2 or longer than 40 characters.
    #[error("must have 2 to 40 characters")]
    Length,
    /// A character outside `[a-z0-9-]`, or a hyphen at an end.
    #[error("may have only a-z, 0-9 and, inside, hyphens")]
    Character,
}

impl TryFrom<String> for Slug {
    type Error = NotASlug;
    fn try_from(text: String) -> Result<Self, NotASlug> {
        if !(2..=40).contains(&text.len()) {
            return Err(NotASlug::Length);
        }
        let fits = text.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-'));
        if !fits || text.starts_with('-') || text.ends_with('-') {
            return Err(NotASlug::Character);
        }
        Ok(Self(text))
    }
}

impl std::str::FromStr for Slug {
    type Err = NotASlug;
    fn from_str(text: &str) -> Result<Self, NotASlug> {
        Self::try_from(text.to_owned())
    }
}

impl From<Slug> for String {
    fn from(slug: Slug) -> Self {
        slug.0
    }
}

impl std::fmt::Display for Slug {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::borrow::Borrow<str> for Slug {
    fn borrow(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_and_characters_are_kept() {
        for good in ["ab", "acme", "a-b", "0-9", &"a".repeat(40)] {
            assert!(good.parse::<Slug>().is_ok(), "{good}");
        }
        for bad in ["", "a", "-ab", "ab-", "Ab", "a_b", "a b", "ä1", "a/b", &"a".repeat(41)] {
            assert!(bad.parse::<Slug>().is_err(), "{bad}");
        }
    }

    #[test]
    fn routes_are_reserved() {
        assert!("api".parse::<Slug>().is_ok_and(|slug| slug.is_reserved()));
        assert!("acme".parse::<Slug>().is_ok_and(|slug| !slug.is_reserved()));
    }
}
