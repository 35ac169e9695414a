//! The vocabulary of outcomes: what an upstream answered, what the agent gets of it, and what the record says.

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

/// What the agent gets, and what the record says of it.
#[derive(Debug)]
pub struct Reply {
    /// The answer.
    pub body: Body,
    /// How the record says it ended.
    pub status: Status,
    /// The rule that decided, if one did.
    pub rule: Option<String>,
    /// The approval it is about.
    pub approval: Option<ApprovalId>,
    /// How much of its record is written already.
    pub recorded: Recorded,
    /// The approval whose answer this is: once it is written whole, replay counts from the finish.
    pub answers: Option<(OrgId, ApprovalId)>,
}

/// How much of a call's record is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recorded {
    /// Nothing yet: nothing has happened.
    Nothing,
    /// The intent is queued.
    Intent,
    /// Both sides, or they will be: the dispatcher of an approved call writes them.
    Whole,
}

/// An answer in one of the three forms there are.
#[derive(Debug)]
pub enum Body {
    /// A result, byte for byte as the upstream gave it, or one that we wrote.
    Result(Box<RawValue>),
    /// The upstream's JSON-RPC error, byte for byte.
    UpstreamError(Box<RawValue>),
    /// A JSON-RPC error of ours.
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

/// What became of a call at its upstream: an answer, or why there is none and whether it was sent.
pub(super) type Reported = std::result::Result<Answer, UpstreamError>;

/// What an upstream of 2026-07-28 answered, if it is an answer: results of kinds that nobody asked for cannot be
/// read, and questions that the client did not say it can be asked go nowhere. The call may have run in part.
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

/// Whether an answer asks for input. [`understood`] has seen to it that it can be given.
pub(super) fn asks(answer: &Answer) -> bool {
    matches!(answer, Answer::Result(result) if InputRequired::parse(result).is_some())
}

/// Whether a result asks for nothing but what this client says it can give.
pub(super) fn fits(result: &RawValue, inputs: Inputs) -> bool {
    InputRequired::parse(result).is_some_and(|asked| asked.fits(inputs))
}

/// Whether an answer is a task.
pub(super) fn is_task(answer: &Answer) -> bool {
    matches!(answer, Answer::Result(result) if CreatedTask::parse(result).is_some())
}

/// What kind of answer it is. `None`: a task, of which nobody knows yet how it ends.
pub(super) fn kind(answer: &Answer) -> Option<Kind> {
    match answer {
        Answer::Result(_) if is_task(answer) => None,
        Answer::Result(result) if is_error(result) => Some(Kind::ToolError),
        Answer::Result(_) => Some(Kind::Result),
        Answer::Error(_) => Some(Kind::ProtocolError),
    }
}

/// The upstream's answer as it goes to the agent, and how the record says it ended.
pub(super) fn body(answer: Answer) -> (Status, Body) {
    match answer {
        Answer::Result(result) => {
            let status = if is_error(&result) { Status::Error } else { Status::Ok };
            (status, Body::Result(result))
        }
        Answer::Error(error) => (Status::Error, Body::UpstreamError(error)),
    }
}
