//! A call as one request, and what its answer means.

use api_types::{CallStatus, CallTool, Problem, ToolCall};
use reqwest::{Method, StatusCode};

use super::super::client::{Answer, Client, NoAnswer};

/// The step after which only a person goes on: waiting is of no use.
const STOP: &str = "stop_and_tell_user";

/// The codes of problems after which nobody knows whether the call ran.
const MAY_HAVE_RUN: [&str; 2] = ["unrecorded", "state_unreadable"];

/// How a call stands, as the gateway said it.
pub(super) struct Stands {
    pub(super) call: ToolCall,
    /// The gateway's words.
    pub(super) text: String,
}

impl Stands {
    /// Whether it is worth asking again.
    pub(super) fn goes_on(&self) -> bool {
        match self.call.status {
            CallStatus::Pending | CallStatus::Approved => true,
            CallStatus::Executing => self.call.next_action.as_deref() != Some(STOP),
            _ => false,
        }
    }
}

/// What came of one request.
pub(super) enum Attempt {
    /// The gateway says how the call stands.
    Stands(Box<Stands>),
    /// It does not know who asks, or no longer.
    Stranger(String),
    /// It refuses, and would again.
    Refused(String),
    /// Another request with its idempotency key is making the call.
    Running(String),
    /// Nothing was done, for now.
    NotNow(String),
    /// Nobody knows whether the call ran.
    Unknown(String),
}

/// A call, and whom to ask for it.
pub(super) struct Request {
    client: Client,
    path: String,
    call: CallTool,
}

impl Request {
    /// A call at a path of the REST API.
    pub(super) fn new(client: Client, path: String, call: CallTool) -> Self {
        Self { client, path, call }
    }

    /// Whether the gateway runs it once however often it is sent.
    pub(super) fn has_key(&self) -> bool {
        self.call.idempotency_key.is_some()
    }

    /// Sends it.
    pub(super) async fn send(&mut self, wait_seconds: u64) -> Attempt {
        self.call.wait_seconds = Some(wait_seconds);
        let body = match serde_json::to_string(&self.call) {
            Ok(body) => body,
            Err(error) => return Attempt::Refused(error.to_string()),
        };
        match self.client.exchange(Method::POST, &self.path, Some(body)).await {
            Ok(answer) => meant(answer),
            Err(error) => unanswered(error),
        }
    }

    /// Signs in again, where somebody signed in.
    pub(super) async fn sign_in_again(&mut self) -> bool {
        self.client.sign_in_again().await.unwrap_or(false)
    }
}

fn unanswered(error: NoAnswer) -> Attempt {
    let may_have_run = matches!(error, NoAnswer::Lost { .. });
    let is_wrong = matches!(error, NoAnswer::NoAddress { .. });
    let words = format!("{:#}", anyhow::Error::new(error));
    match (may_have_run, is_wrong) {
        (true, _) => Attempt::Unknown(words),
        (false, true) => Attempt::Refused(words),
        (false, false) => Attempt::NotNow(words),
    }
}

fn meant(Answer { status, text }: Answer) -> Attempt {
    if status.is_success() {
        return match serde_json::from_str(&text) {
            Ok(call) => Attempt::Stands(Box::new(Stands { call, text })),
            Err(_) => Attempt::Unknown(not_permesso(status)),
        };
    }
    let words = words(status, &text);
    let problem = serde_json::from_str::<Problem>(&text).ok();
    let code = problem.as_ref().map_or("", |problem| problem.code.as_str());
    let ran_nothing = problem.as_ref().is_some_and(|problem| problem.executed == Some(false));
    match status.as_u16() {
        _ if code == "in_progress" => Attempt::Running(words),
        _ if MAY_HAVE_RUN.contains(&code) && !ran_nothing => Attempt::Unknown(words),
        401 => Attempt::Stranger(words),
        // Of these nothing was done; a conflict is with a state that passes.
        408 | 409 | 425 | 429 | 503 => Attempt::NotNow(words),
        300..=499 => Attempt::Refused(words),
        _ => Attempt::Unknown(words),
    }
}

fn words(status: StatusCode, text: &str) -> String {
    match serde_json::from_str(text) {
        Ok(Problem { detail, request_id, .. }) => format!("{detail} ({}, request {request_id})", status.as_u16()),
        Err(_) => not_permesso(status),
    }
}

fn not_permesso(status: StatusCode) -> String {
    format!("the gateway's address answers {status}, but not as Permesso does: is it the right one?")
}

#[cfg(test)]
impl Stands {
    /// What a gateway would answer, for tests.
    pub(super) fn of(call: &serde_json::Value) -> Self {
        let text = call.to_string();
        Self { call: serde_json::from_str(&text).expect("a call"), text }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of(status: u16, text: &str) -> (&'static str, String) {
        let status = StatusCode::from_u16(status).expect("a status");
        match meant(Answer { status, text: text.to_owned() }) {
            Attempt::Stands(stands) => ("stands", stands.text),
            Attempt::Stranger(words) => ("stranger", words),
            Attempt::Refused(words) => ("refused", words),
            Attempt::Running(words) => ("running", words),
            Attempt::NotNow(words) => ("not now", words),
            Attempt::Unknown(words) => ("unknown", words),
        }
    }

    #[test]
    fn an_answer_says_whether_the_call_can_have_run() {
        let pending = json!({"status": "pending", "executed": false, "message": "it waits"}).to_string();
        assert_eq!(of(202, &pending), ("stands", pending.clone()));
        for (status, meant) in [
            (200, "unknown"),
            (308, "refused"),
            (400, "refused"),
            (401, "stranger"),
            (403, "refused"),
            (404, "refused"),
            (409, "not now"),
            (413, "refused"),
            (422, "refused"),
            (429, "not now"),
            (500, "unknown"),
            (502, "unknown"),
            (503, "not now"),
            (504, "unknown"),
        ] {
            assert_eq!(of(status, "<html>").0, meant, "{status}");
        }
    }

    #[test]
    fn a_problem_says_what_is_wrong_in_the_gateways_words() {
        let id = "0195e0f0-0000-7000-8000-000000000001";
        let problem = json!({"type": "about:blank", "title": "Not Found", "status": 404, "detail": "nothing here",
            "code": "not_found", "request_id": id});
        assert_eq!(of(404, &problem.to_string()).1, format!("nothing here (404, request {id})"));
        assert!(of(404, "<html>").1.contains("not as Permesso does"));
        let problem = |status: u16, code: &str, executed: Option<bool>| {
            let mut problem = json!({"type": "about:blank", "title": "", "status": status, "detail": "", "code": code,
                "request_id": id});
            if let Some(executed) = executed {
                problem["executed"] = executed.into();
            }
            of(status, &problem.to_string()).0
        };
        assert_eq!(problem(409, "in_progress", None), "running");
        assert_eq!(problem(503, "unrecorded", None), "unknown");
        assert_eq!(problem(503, "unrecorded", Some(false)), "not now");
        assert_eq!(problem(503, "unavailable", None), "not now");
    }

    #[test]
    fn what_only_a_person_can_go_on_with_is_not_waited_for() {
        let goes_on = |status, next| {
            Stands::of(&json!({"status": status, "executed": false, "message": "", "next_action": next})).goes_on()
        };
        assert!(goes_on("pending", "call_approval_status") && goes_on("approved", "run_approved"));
        assert!(goes_on("executing", "call_approval_status") && !goes_on("executing", STOP));
        assert!(!goes_on("rejected", "revise_and_resubmit") && !goes_on("executed", "use_result"));
    }
}
