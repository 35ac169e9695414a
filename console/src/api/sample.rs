//! A request, for tests.

use api_types::{Approval, ToolHints};
use chrono::{DateTime, TimeDelta};
use uuid::Uuid;

/// Number `n`, in this state, which ends this many minutes after the epoch.
pub fn request(n: u128, status: &str, minutes: i64) -> Approval {
    Approval {
        id: Uuid::from_u128(n),
        status: status.to_owned(),
        toolkit: "finance".to_owned(),
        tool: "send_invoice".to_owned(),
        caller_kind: "key".to_owned(),
        caller_id: Uuid::nil(),
        caller_name: "Billing-Agent".to_owned(),
        caller_prefix: None,
        client: None,
        owner_id: Uuid::nil(),
        owner_email: None,
        rule: String::new(),
        hints: ToolHints::default(),
        definition_changed: false,
        summary: Some("to \"Brightwater Ltd\", amount 4180.00".to_owned()),
        values: vec!["4 180.00 EUR".to_owned(), "Brightwater Ltd".to_owned()],
        agent_reason: None,
        created_at: DateTime::UNIX_EPOCH,
        expires_at: DateTime::UNIX_EPOCH + TimeDelta::minutes(minutes),
        extended: 0,
        execute_by: None,
        asks_input: false,
        answer: None,
        may_decide: false,
        decided_by: None,
        decided_by_email: None,
        decided_at: None,
        decision_reason: None,
        taken_back_by: None,
        taken_back_by_email: None,
        taken_back_reason: None,
        changed: None,
        arguments_sha256: String::new(),
        definition_sha256: String::new(),
    }
}
