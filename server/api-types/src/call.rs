//! Tools over plain HTTP: what a caller may call, a call, and how it stands.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use uuid::Uuid;

/// The longest that a call over plain HTTP is held open, in seconds.
pub const MOST_WAIT: u64 = 240;
/// The longest `idempotency_key`, in characters.
pub const IDEMPOTENCY_KEY_CHARACTERS: usize = 255;

/// A tool that the caller may call.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CallableTool {
    /// The slug of the toolkit that has it.
    #[cfg_attr(feature = "openapi", schema(examples("ledger")))]
    pub toolkit: String,
    /// Its name in this toolkit.
    #[cfg_attr(feature = "openapi", schema(examples("send_invoice")))]
    pub name: String,
    /// What it does, in the upstream's words.
    pub description: Option<String>,
    /// The JSON Schema of its arguments, as the upstream wrote it.
    #[cfg_attr(feature = "openapi", schema(value_type = Object))]
    pub input_schema: Box<RawValue>,
    /// Whether a call would run at once or wait for a person.
    pub permission: CallPermission,
}

/// What becomes of a call: tools that the caller may not call are not listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum CallPermission {
    /// It runs at once.
    AlwaysAllow,
    /// It waits for a person's approval.
    NeedsApproval,
}

/// A call of a tool. The arguments are passed on byte for byte.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct CallTool {
    /// The tool's name in the toolkit.
    #[cfg_attr(feature = "openapi", schema(min_length = 1, examples("send_invoice")))]
    pub tool: String,
    /// Its arguments; `{}` where they are left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Object>, nullable = false, examples(json!({"customer": "Ada", "amount_cents": 1250}))))]
    pub arguments: Option<Box<RawValue>>,
    /// How long to wait for a person's decision, 0 to 240 seconds; 0 unless given.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "crate::absent::not_null")]
    #[cfg_attr(feature = "openapi", schema(minimum = 0, maximum = 240, nullable = false, examples(30)))]
    pub wait_seconds: Option<u64>,
    /// Makes it safe to send the request again: what has this key runs once, and everybody who sends it within 24 hours is
    /// given the same answer. 1 to 255 visible ASCII characters; it belongs to the caller and the toolkit.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "crate::absent::not_null")]
    #[cfg_attr(
        feature = "openapi",
        schema(
            min_length = 1,
            max_length = 255,
            pattern = "^[\\x21-\\x7e]+$",
            nullable = false,
            examples("invoice-2026-0042")
        )
    )]
    pub idempotency_key: Option<String>,
}

/// How a call stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum CallStatus {
    /// It waits for a person's decision.
    Pending,
    /// A person approved it; it has not run.
    Approved,
    /// It is running.
    Executing,
    /// It ran.
    Executed,
    /// A person rejected it.
    Rejected,
    /// Nobody decided, or the approval was not used, in time.
    Expired,
    /// What it is bound to changed.
    Invalidated,
    /// It was withdrawn, or the approval taken back.
    Withdrawn,
    /// It was sent, and no answer came: it may have run.
    OutcomeUnknown,
    /// A person found that it did not run.
    NotExecuted,
}

/// How a call stands, and its result.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ToolCall {
    /// How it stands.
    pub status: CallStatus,
    /// Whether it ran. `false` with the status `outcome_unknown` means that nobody knows.
    pub executed: bool,
    /// The approval that it waits or waited for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub approval_id: Option<Uuid>,
    /// The rule that decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub rule: Option<String>,
    /// Why, where a person or the gateway gave a reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub reason: Option<String>,
    /// What happened and what to do, in words.
    pub message: String,
    /// The result as MCP defines it (`content`, `structuredContent`, `isError`), as the upstream wrote it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Object>, nullable = false))]
    pub result: Option<Box<RawValue>>,
    /// The upstream's JSON-RPC error (`code`, `message`, `data`), where it answered with one instead of a result.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Object>, nullable = false))]
    pub error: Option<Box<RawValue>>,
    /// Whether this is the answer of an earlier request: it did not run again.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub replayed: bool,
    /// What to do next. `call_approval_status`: a GET of the call by its id. `run_approved`: the same request again, or a
    /// POST to the call by its id. `use_result`: go on. `revise_and_resubmit`: not unchanged. `ask_again`: the same call may
    /// be made again. `stop_and_tell_user`: a person has to look.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false, examples("call_approval_status")))]
    pub next_action: Option<String>,
    /// The roles whose people may decide, while it waits for them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waits_for: Vec<String>,
    /// The console's page, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub console_url: Option<String>,
    /// Until when it waits for a decision, or once approved, to be used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub expires_at: Option<DateTime<Utc>>,
}
