//! Errors, as RFC 9457 says (`application/problem+json`).

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// An error answer.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Problem {
    /// `about:blank`: the code says what it is.
    pub r#type: String,
    /// The status in words.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What was wrong, and what to do.
    pub detail: String,
    /// Stable, snake_case; programs branch on it.
    pub code: String,
    /// Names the request in log and audit.
    pub request_id: Uuid,
    /// Which fields are wrong.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<ProblemField>,
}

/// One wrong field.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ProblemField {
    /// Its name in the request.
    pub field: String,
    /// What is wrong with it.
    pub message: String,
}
