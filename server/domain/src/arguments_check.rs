//! How far arguments are checked against a tool's input schema before a person is asked.

use serde::{Deserialize, Serialize};

use crate::permission::UnknownWord;

/// How much of an input schema is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ArgumentsCheck {
    /// All of it.
    Full,
    /// The parts that can be used; what they refuse, the whole would refuse too.
    Partial,
    /// Nothing: arguments are not checked.
    None,
}

impl ArgumentsCheck {
    /// The word for it, as the API and the database have it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Partial => "partial",
            Self::None => "none",
        }
    }
}

impl std::str::FromStr for ArgumentsCheck {
    type Err = UnknownWord;

    fn from_str(word: &str) -> Result<Self, UnknownWord> {
        [Self::Full, Self::Partial, Self::None].into_iter().find(|check| check.as_str() == word).ok_or(UnknownWord)
    }
}

/// How arguments were checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checked {
    /// How much of the schema was used.
    pub check: ArgumentsCheck,
    /// Why not all of it, for people.
    pub note: Option<String>,
}
