//! Errors, as RFC 9457 says (`application/problem+json`).

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// An error answer.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Problem {
    /// `about:blank`: the code says what it is.
    #[cfg_attr(feature = "openapi", schema(examples("about:blank")))]
    pub r#type: String,
    /// The status in words.
    #[cfg_attr(feature = "openapi", schema(examples("Not Found")))]
    pub title: String,
    /// The HTTP status.
    #[cfg_attr(feature = "openapi", schema(minimum = 400, maximum = 599, examples(404)))]
    pub status: u16,
    /// What was wrong, and what to do.
    #[cfg_attr(feature = "openapi", schema(examples("there is nothing here, or nothing that you may see")))]
    pub detail: String,
    /// Stable, snake_case; programs branch on it.
    #[cfg_attr(feature = "openapi", schema(pattern = "^[a-z][a-z0-9_]*$", examples("not_found")))]
    pub code: String,
    /// Names the request in log and audit.
    pub request_id: Uuid,
    /// Which fields are wrong.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<ProblemField>,
    /// What the request would stop or change elsewhere, where it is only done with `?force=true`: at most 100 entries;
    /// `detail` counts all, up to 1,000.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub affected: Vec<Affected>,
    /// `true` where there is more than `affected` names; else absent.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub more: bool,
    /// Of a tool call: whether it ran; absent where that cannot be told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub executed: Option<bool>,
    /// Of a tool call: the rule that decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub rule: Option<String>,
    /// Of a tool call: what to do next, as it is told of calls.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false, examples("revise_and_resubmit")))]
    pub next_action: Option<String>,
    /// Of a tool call: the approval that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub approval_id: Option<Uuid>,
}

/// One thing that a request would stop or change elsewhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Affected {
    /// What it is, as `api_key`, `toolkit` or `approval`.
    #[cfg_attr(feature = "openapi", schema(examples("api_key")))]
    pub kind: String,
    /// What people call it.
    #[cfg_attr(feature = "openapi", schema(examples("robot")))]
    pub name: String,
    /// What becomes of it.
    #[cfg_attr(feature = "openapi", schema(examples("is revoked")))]
    pub effect: String,
}

/// One wrong field.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ProblemField {
    /// Its name in the request.
    #[cfg_attr(feature = "openapi", schema(examples("slug")))]
    pub field: String,
    /// What is wrong with it.
    #[cfg_attr(feature = "openapi", schema(examples("must have 2 to 40 characters")))]
    pub message: String,
}
