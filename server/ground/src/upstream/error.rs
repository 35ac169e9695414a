//! Failures of a call, distinguished by the one question that matters for approvals: may it have run?

/// Why a call has no answer.
///
/// The reason is one line for agents and people: it contains no secret, no header value and no address with
/// credentials. The caller of this layer adds the connection's name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UpstreamError {
    /// The call provably never ran: none of its bytes left the gateway; or the upstream said by HTTP 404 that it knows
    /// no such session and so did not process the request (MCP transports, "Session Management"); or it refused an
    /// approved call for its headers or its revision, which are checked before a request is processed (MCP 2026-07-28,
    /// Streamable HTTP, "Server Validation").
    #[error("{reason}")]
    NotSent {
        /// What prevented it from leaving, for example `Connection refused`.
        reason: String,
    },
    /// The call left, and its outcome is unknown: a timeout, a lost connection, an HTTP error, an answer that is not
    /// MCP, a process that ended.
    #[error("{reason}")]
    Unknown {
        /// What happened instead of an answer, for example
        /// `the upstream answered HTTP 502`.
        reason: String,
    },
}

impl UpstreamError {
    /// The reason without its kind; the same as its display.
    pub fn reason(&self) -> &str {
        match self {
            Self::NotSent { reason } | Self::Unknown { reason } => reason,
        }
    }

    /// Whether the upstream may have acted on the call.
    pub fn may_have_run(&self) -> bool {
        matches!(self, Self::Unknown { .. })
    }
}

/// How one exchange on one session failed. `Lost`, which [`UpstreamError`] does not have, means that the session is
/// gone and the request was not processed, so that it may be sent on a new session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Failure {
    Lost(String),
    NotSent(String),
    Unknown(String),
}

impl Failure {
    #[cfg(test)]
    pub(super) fn unknown(reason: impl Into<String>) -> Self {
        Self::Unknown(reason.into())
    }

    pub(super) fn not_sent(reason: impl Into<String>) -> Self {
        Self::NotSent(reason.into())
    }

    pub(super) fn into_reason(self) -> String {
        match self {
            Self::Lost(reason) | Self::NotSent(reason) | Self::Unknown(reason) => reason,
        }
    }
}

impl From<Failure> for UpstreamError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Lost(reason) | Failure::NotSent(reason) => Self::NotSent { reason },
            Failure::Unknown(reason) => Self::Unknown { reason },
        }
    }
}
