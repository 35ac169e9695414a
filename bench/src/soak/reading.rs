//! What a result says to an agent.

use serde_json::Value;

use super::book::End;

/// What an agent understands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Said {
    /// The end of the call.
    End(End),
    /// It waits for a person; the approval's id.
    Pending(String),
    /// It is approved and waits for the agent.
    Approved,
    /// It is on its way.
    UnderWay,
    /// There is a task of it; its id.
    Task(String),
}

impl Said {
    /// Whether this says that nothing ran.
    pub(crate) fn denies(&self) -> bool {
        match self {
            Self::End(end) => matches!(end, End::Rejected | End::Expired),
            Self::Pending(_) | Self::Approved => true,
            Self::UnderWay | Self::Task(_) => false,
        }
    }
}

/// Reads the result of the call with this token, of `run_approved`, or the one a task ended with.
pub(crate) fn of_call(result: &Value, token: &str) -> Said {
    if ran(result, token) {
        return Said::End(End::Answered);
    }
    if result["resultType"] == "task" {
        return result["taskId"].as_str().map_or_else(|| odd(result), |id| Said::Task(id.to_owned()));
    }
    let ours = &result["_meta"]["dev.permesso/approval"];
    match ours["status"].as_str() {
        Some("pending") if ours["executed"] == false => {
            ours["approval_id"].as_str().map_or_else(|| odd(result), |id| Said::Pending(id.to_owned()))
        }
        Some("approved") => Said::Approved,
        Some(status) => ended(status).unwrap_or_else(|| odd(result)),
        None => odd(result),
    }
}

/// Reads the result of `approval_status`.
pub(crate) fn of_status(result: &Value, token: &str) -> Said {
    let facts = &result["structuredContent"];
    match facts["status"].as_str() {
        Some("pending") => facts["approval_id"].as_str().map_or_else(|| odd(result), |id| Said::Pending(id.to_owned())),
        Some("approved") => Said::Approved,
        Some("executing") => Said::UnderWay,
        Some("executed") if ran(&facts["result"], token) => Said::End(End::Answered),
        Some(status) => ended(status).unwrap_or_else(|| odd(result)),
        None => odd(result),
    }
}

/// Reads a task, from `tasks/get` or `notifications/tasks`.
pub(crate) fn of_task(task: &Value, token: &str) -> Said {
    match task["status"].as_str() {
        Some("working") => Said::UnderWay,
        Some("completed") => of_call(&task["result"], token),
        Some("cancelled") => Said::End(End::Cancelled),
        _ => odd(task),
    }
}

fn ran(result: &Value, token: &str) -> bool {
    result["structuredContent"]["ran"] == token && result["isError"] != true
}

fn ended(status: &str) -> Option<Said> {
    let end = match status {
        "rejected" => End::Rejected,
        "expired" => End::Expired,
        "outcome_unknown" => End::OutcomeUnknown,
        _ => return None,
    };
    Some(Said::End(end))
}

fn odd(value: &Value) -> Said {
    let text: String = value.to_string().chars().take(600).collect();
    Said::End(End::Lost(format!("not understood: {text}")))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_the_upstreams_answer_to_this_call_is_its_answer() {
        let ours = json!({"content": [], "structuredContent": {"ran": "a"}});
        assert_eq!(of_call(&ours, "a"), Said::End(End::Answered));
        assert!(matches!(of_call(&ours, "b"), Said::End(End::Lost(_))), "another call's");
        assert!(matches!(of_call(&json!({"content": []}), "a"), Said::End(End::Lost(_))));
        let status = json!({"structuredContent": {"status": "executed", "result": ours}});
        assert_eq!(of_status(&status, "a"), Said::End(End::Answered));
        let without = json!({"structuredContent": {"status": "executed"}});
        assert!(matches!(of_status(&without, "a"), Said::End(End::Lost(_))));
        let task = json!({"status": "completed", "result": ours});
        assert_eq!(of_task(&task, "a"), Said::End(End::Answered));
    }

    #[test]
    fn what_the_gateway_says_itself_is_read_from_its_facts() {
        let said = |facts: Value| of_call(&json!({"_meta": {"dev.permesso/approval": facts}}), "a");
        let pending = said(json!({"status": "pending", "executed": false, "approval_id": "x"}));
        assert_eq!(pending, Said::Pending("x".to_owned()));
        assert!(pending.denies());
        assert_eq!(said(json!({"status": "rejected"})), Said::End(End::Rejected));
        assert_eq!(said(json!({"status": "outcome_unknown"})), Said::End(End::OutcomeUnknown));
        assert!(!said(json!({"status": "outcome_unknown"})).denies());
        assert!(matches!(said(json!({"status": "invalidated"})), Said::End(End::Lost(_))), "nothing changes here");
    }
}
