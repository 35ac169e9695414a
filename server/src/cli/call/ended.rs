//! How a call ended for who waited, and the exit code that says so.

use std::process::ExitCode;

use api_types::CallStatus;

use super::{attempt::Stands, result};

/// How the command ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Exit {
    /// The tool ran.
    Executed = 0,
    /// The tool reported an error, or the gateway could not be asked.
    Failed = 1,
    /// Whoever calls has to change something.
    WrongUse = 2,
    /// It was rejected, or has ended otherwise; it did not run.
    NotExecuted = 3,
    /// It still waits.
    Pending = 4,
    /// Nobody knows whether it ran.
    Unknown = 5,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Why nothing more is awaited.
pub(super) enum Why {
    /// The last answer is the end, or the time is over.
    Answered,
    /// Another request is making the call.
    Running(String),
    /// Somebody pressed Ctrl-C.
    Left,
    /// The gateway refuses.
    Refused(String),
    /// The gateway cannot be asked.
    NotNow(String),
    /// An answer was lost.
    Unknown(String),
}

/// How it ended.
pub(super) struct Ended {
    /// How the call stood last.
    pub(super) last: Option<Stands>,
    pub(super) why: Why,
}

impl Ended {
    /// The command's exit code.
    pub(super) fn exit(&self) -> Exit {
        match (&self.why, &self.last) {
            (Why::Answered, Some(stands)) => answered(stands),
            (Why::Left | Why::NotNow(_), Some(_)) | (Why::Running(_), _) => Exit::Pending,
            (Why::Answered | Why::NotNow(_), None) => Exit::Failed,
            // It was on its way.
            (Why::Left, None) | (Why::Unknown(_), _) => Exit::Unknown,
            (Why::Refused(_), _) => Exit::WrongUse,
        }
    }
}

fn answered(Stands { call, .. }: &Stands) -> Exit {
    match call.status {
        CallStatus::Executed if call.error.is_some() => Exit::Failed,
        CallStatus::Executed if call.result.as_deref().is_some_and(result::is_error) => Exit::Failed,
        CallStatus::Executed => Exit::Executed,
        CallStatus::Rejected
        | CallStatus::Expired
        | CallStatus::Invalidated
        | CallStatus::Withdrawn
        | CallStatus::NotExecuted => Exit::NotExecuted,
        CallStatus::Pending | CallStatus::Approved | CallStatus::Executing => Exit::Pending,
        CallStatus::OutcomeUnknown => Exit::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn exit(why: Why, last: Option<Value>) -> Exit {
        Ended { last: last.as_ref().map(Stands::of), why }.exit()
    }

    #[test]
    fn every_state_has_its_exit_code() {
        for (status, code) in [
            ("executed", Exit::Executed),
            ("rejected", Exit::NotExecuted),
            ("expired", Exit::NotExecuted),
            ("invalidated", Exit::NotExecuted),
            ("withdrawn", Exit::NotExecuted),
            ("not_executed", Exit::NotExecuted),
            ("pending", Exit::Pending),
            ("approved", Exit::Pending),
            ("executing", Exit::Pending),
            ("outcome_unknown", Exit::Unknown),
        ] {
            let call = json!({"status": status, "executed": false, "message": ""});
            assert_eq!(exit(Why::Answered, Some(call)), code, "{status}");
        }
    }

    #[test]
    fn what_the_tool_reports_as_an_error_is_a_failure() {
        let ran = |field: &str, value: Value| {
            let mut call = json!({"status": "executed", "executed": true, "message": ""});
            call[field] = value;
            exit(Why::Answered, Some(call))
        };
        assert_eq!(ran("result", json!({"content": [], "isError": false})), Exit::Executed);
        assert_eq!(ran("result", json!({"content": [], "isError": true})), Exit::Failed);
        assert_eq!(ran("error", json!({"code": -32000, "message": "no"})), Exit::Failed);
    }

    #[test]
    fn a_wait_that_breaks_off_says_what_is_known() {
        let pending = || Some(json!({"status": "pending", "executed": false, "message": ""}));
        let words = String::new;
        assert_eq!(exit(Why::Left, pending()), Exit::Pending);
        assert_eq!(exit(Why::Left, None), Exit::Unknown);
        assert_eq!(exit(Why::NotNow(words()), pending()), Exit::Pending);
        assert_eq!(exit(Why::NotNow(words()), None), Exit::Failed);
        assert_eq!(exit(Why::Unknown(words()), pending()), Exit::Unknown);
        assert_eq!(exit(Why::Refused(words()), None), Exit::WrongUse);
    }
}
