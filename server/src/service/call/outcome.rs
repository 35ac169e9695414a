//! The types of outcomes: the upstream's answer, the agent's reply, and the recorded status.

use domain::{ApprovalId, OrgId, approval::Answer as Kind};
use serde_json::value::RawValue;
use wire::{
    error::RpcError,
    mcp::{
        input::{InputRequired, Inputs},
        is_error,
        result::result_type,
        task::CreatedTask,
    },
};

use crate::{
    db::audit::Status,
    upstream::{Answer, UpstreamError},
};

/// The agent's reply, and what is recorded of it.
#[derive(Debug)]
pub struct Reply {
    /// The answer.
    pub body: Body,
    /// The recorded status.
    pub status: Status,
    /// The rule that decided, if one did.
    pub rule: Option<String>,
    /// The approval that the reply is about.
    pub approval: Option<ApprovalId>,
    /// How much of the call's record is already written.
    pub recorded: Recorded,
    /// The approval whose answer this is. Once the answer is fully written, replay counts from the finish.
    pub answers: Option<(OrgId, ApprovalId)>,
}

/// How much of a call's record is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recorded {
    /// Nothing: nothing has happened yet.
    Nothing,
    /// The intent is queued.
    Intent,
    /// Both intent and outcome, now or soon: the dispatcher of an approved call writes them.
    Whole,
}

/// An answer in one of its three forms.
#[derive(Debug)]
pub enum Body {
    /// A result: byte for byte the upstream's, or the gateway's own.
    Result(Box<RawValue>),
    /// The upstream's JSON-RPC error, byte for byte.
    UpstreamError(Box<RawValue>),
    /// A JSON-RPC error of the gateway.
    Error(RpcError),
}

impl Reply {
    /// A JSON-RPC error: the request itself was wrong.
    pub fn error(error: RpcError) -> Self {
        Self { body: Body::Error(error), ..Self::new(Status::Refused, Box::default()) }
    }

    pub(super) fn new(status: Status, body: Box<RawValue>) -> Self {
        Self {
            body: Body::Result(body),
            status,
            rule: None,
            approval: None,
            recorded: Recorded::Nothing,
            answers: None,
        }
    }

    pub(super) fn rule(mut self, rule: impl ToString) -> Self {
        self.rule = Some(rule.to_string());
        self
    }

    pub(super) fn about(mut self, approval: ApprovalId) -> Self {
        self.approval = Some(approval);
        self
    }
}

/// The outcome of a call at its upstream: an answer, or the reason why there is none and whether the call was sent.
pub(super) type Reported = std::result::Result<Answer, UpstreamError>;

/// Accepts an answer of an upstream of 2026-07-28 only if the client can use it. A result of a kind that was not asked
/// for, or a question that the client cannot be asked, becomes an error. The call may have run in part.
pub(super) fn understood(answer: Reported, tasks: bool, inputs: Option<Inputs>) -> Reported {
    let answer = answer?;
    let Answer::Result(result) = &answer else { return Ok(answer) };
    let reason = match result_type(result).as_deref() {
        None | Some("complete") => return Ok(answer),
        Some("task") if tasks && is_task(&answer) => return Ok(answer),
        Some("input_required") if inputs.is_some_and(|inputs| fits(result, inputs)) => return Ok(answer),
        Some("input_required") => {
            "it wants to be called again with more (input_required), in a way that this client did not say it can"
        }
        Some(_) => "its result is of a kind that was not asked for",
    };
    Err(UpstreamError::Unknown { reason: reason.to_owned() })
}

/// Whether an answer asks for input. [`understood`] has checked that the client can give it.
pub(super) fn asks(answer: &Answer) -> bool {
    matches!(answer, Answer::Result(result) if InputRequired::parse(result).is_some())
}

/// Whether a result asks only for input that this client can give.
pub(super) fn fits(result: &RawValue, inputs: Inputs) -> bool {
    InputRequired::parse(result).is_some_and(|asked| asked.fits(inputs))
}

/// Whether an answer is a task.
pub(super) fn is_task(answer: &Answer) -> bool {
    matches!(answer, Answer::Result(result) if CreatedTask::parse(result).is_some())
}

/// The kind of an answer. `None`: a task, whose end is not known yet.
pub(super) fn kind(answer: &Answer) -> Option<Kind> {
    match answer {
        Answer::Result(_) if is_task(answer) => None,
        Answer::Result(result) if is_error(result) => Some(Kind::ToolError),
        Answer::Result(_) => Some(Kind::Result),
        Answer::Error(_) => Some(Kind::ProtocolError),
    }
}

/// The upstream's answer as sent to the agent, and its recorded status.
pub(super) fn body(answer: Answer) -> (Status, Body) {
    match answer {
        Answer::Result(result) => {
            let status = if is_error(&result) { Status::Error } else { Status::Ok };
            (status, Body::Result(result))
        }
        Answer::Error(error) => (Status::Error, Body::UpstreamError(error)),
    }
}
