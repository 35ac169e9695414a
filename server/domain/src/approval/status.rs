//! The names of the states.

use serde::{Deserialize, Serialize};

#[cfg(doc)]
use super::State;

/// The name of a state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(
    as = ApprovalStatus,
    description = "Where a request stands: `pending` waits for a person, `approved` may run once; `rejected`, \
        `expired`, `withdrawn` and `invalidated` do not run; `executing` runs now, `executed` ran, \
        `outcome_unknown` may have run, `not_executed` was found not to have run.",
))]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// See [`State::Pending`].
    Pending,
    /// See [`State::Approved`].
    Approved,
    /// See [`State::Rejected`].
    Rejected,
    /// See [`State::Expired`].
    Expired,
    /// See [`State::Withdrawn`].
    Withdrawn,
    /// See [`State::Invalidated`].
    Invalidated,
    /// See [`State::Executing`].
    Executing,
    /// See [`State::Executed`].
    Executed,
    /// See [`State::OutcomeUnknown`].
    OutcomeUnknown,
    /// See [`State::NotExecuted`].
    NotExecuted,
}

impl Status {
    /// Every status.
    pub const ALL: [Self; 10] = [
        Self::Pending,
        Self::Approved,
        Self::Rejected,
        Self::Expired,
        Self::Withdrawn,
        Self::Invalidated,
        Self::Executing,
        Self::Executed,
        Self::OutcomeUnknown,
        Self::NotExecuted,
    ];

    /// The word used in the API and the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Approved => "approved",
            Self::Rejected => "rejected",
            Self::Expired => "expired",
            Self::Withdrawn => "withdrawn",
            Self::Invalidated => "invalidated",
            Self::Executing => "executing",
            Self::Executed => "executed",
            Self::OutcomeUnknown => "outcome_unknown",
            Self::NotExecuted => "not_executed",
        }
    }

    /// Whether identical calls join the approval instead of opening another.
    pub fn is_open(self) -> bool {
        matches!(self, Self::Pending | Self::Approved | Self::Executing | Self::OutcomeUnknown)
    }
}

impl std::fmt::Display for Status {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

impl std::str::FromStr for Status {
    type Err = crate::permission::UnknownWord;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|status| status.as_str() == text).ok_or(crate::permission::UnknownWord)
    }
}
