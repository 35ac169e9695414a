//! How an upstream answered an approved call: that it ran says nothing of whether it worked.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::permission::UnknownWord;

/// The kind of an upstream's answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// A result.
    Result,
    /// A result with `isError: true`: the tool ran and reported an error (MCP, "Tools", "Error Handling").
    ToolError,
    /// A JSON-RPC error in place of a result.
    ProtocolError,
}

impl Answer {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::Result, Self::ToolError, Self::ProtocolError];

    /// The word of the API and of the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Result => "result",
            Self::ToolError => "tool_error",
            Self::ProtocolError => "protocol_error",
        }
    }

    /// What people read of a call that was answered like this.
    pub fn outcome(self) -> &'static str {
        match self {
            Self::Result => "ran",
            Self::ToolError => "ran, the tool reported an error",
            Self::ProtocolError => "ran, the upstream answered with an error",
        }
    }

    /// Whether the call ran without doing what was asked.
    pub fn is_error(self) -> bool {
        self != Self::Result
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Answer {
    type Err = UnknownWord;

    fn from_str(word: &str) -> Result<Self, UnknownWord> {
        Self::ALL.into_iter().find(|answer| answer.as_str() == word).ok_or(UnknownWord)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_answer_has_a_word_of_its_own_that_leads_back() {
        for answer in Answer::ALL {
            assert_eq!(answer.as_str().parse(), Ok(answer));
        }
        assert_eq!("".parse::<Answer>(), Err(UnknownWord));
    }

    #[test]
    fn only_a_result_is_said_to_have_run_and_nothing_else() {
        for answer in Answer::ALL {
            assert!(answer.outcome().starts_with("ran"));
            assert_eq!(answer.outcome().contains("error"), answer.is_error());
        }
    }
}
