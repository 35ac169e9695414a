//! What a caller may do with a tool.

use serde::{Deserialize, Serialize};

// Source: approvals.md, "Vocabulary".
/// What a role may do with a tool: `always_allow` runs at once, `needs_approval` waits until a person
/// decides, `blocked` is not listed and does not run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Permission {
    /// Runs at once.
    AlwaysAllow,
    /// Waits until a person decides.
    NeedsApproval,
    /// Is not listed and does not run.
    Blocked,
}

impl Permission {
    /// The word used in the API, the database and the audit.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AlwaysAllow => "always_allow",
            Self::NeedsApproval => "needs_approval",
            Self::Blocked => "blocked",
        }
    }

    /// Whether this permission allows more than the other one.
    pub fn is_looser_than(self, other: Self) -> bool {
        let openness = |permission| match permission {
            Self::Blocked => 0,
            Self::NeedsApproval => 1,
            Self::AlwaysAllow => 2,
        };
        openness(self) > openness(other)
    }
}

impl std::fmt::Display for Permission {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

impl std::str::FromStr for Permission {
    type Err = UnknownWord;
    fn from_str(text: &str) -> Result<Self, UnknownWord> {
        match text {
            "always_allow" => Ok(Self::AlwaysAllow),
            "needs_approval" => Ok(Self::NeedsApproval),
            "blocked" => Ok(Self::Blocked),
            _ => Err(UnknownWord),
        }
    }
}

/// A word that is not one of the fixed words of its vocabulary.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a word of this vocabulary")]
pub struct UnknownWord;
