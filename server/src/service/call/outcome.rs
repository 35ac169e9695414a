//! The types of outcomes: the upstream's answer, the agent's reply, and the recorded status.

use domain::{ApprovalId, OrgId, approval::Answer as Kind};
use serde_json::{Value, value::RawValue};
use wire::{
    error::RpcError,
    mcp::{
        input::{InputRequired, Inputs},
        is_error,
        result::result_type,
        task::CreatedTask,
    },
};

use super::facts;
use crate::{
    db::audit::Status,
    directory::Problem,
    error::{self, AboutCall, Error, Result},
    service::{Calls, recording::Recording},
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
    /// What the gateway says of the call: in an answer of its own, or in a stored one. `None`: the answer is the upstream's.
    pub facts: Option<Box<Value>>,
    /// Why the call was refused, or not sent.
    pub refusal: Option<Refusal>,
}

/// Why a call was refused, or not sent: nothing ran, and no approval stands for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The caller may not use the tool.
    Blocked,
    /// The toolkit has no such tool.
    UnknownTool,
    /// The arguments cannot be read, or do not fit the tool's schema: what is wrong, as far as it is known.
    Arguments(Vec<Problem>),
    /// The arguments are too large for a person to be asked about.
    TooLarge,
    /// The caller has too many open approvals.
    TooManyOpen,
    /// The upstream cannot be reached.
    Connection,
    /// The call with this idempotency key is running.
    InProgress,
    /// The idempotency key was used for another call.
    KeyReused,
    /// The caller has used too many idempotency keys.
    TooManyKeys,
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
            facts: None,
            refusal: None,
        }
    }

    /// These facts as an error: what a call gets that did not run.
    pub(super) fn of_facts(status: Status, facts: Value) -> Self {
        Self { facts: Some(Box::new(facts.clone())), ..Self::new(status, facts::error(&facts)) }
    }

    /// Adds the reason to the facts, for programs.
    pub(super) fn giving(mut self, reason: Option<&str>) -> Self {
        if let (Some(facts), Some(reason)) = (&mut self.facts, reason) {
            facts["reason"] = Value::from(reason);
        }
        self
    }

    pub(super) fn because(mut self, refusal: Refusal) -> Self {
        self.refusal = Some(refusal);
        self
    }

    /// Writes what is missing of the reply's record, and returns when it is durable.
    ///
    /// # Errors
    /// If it cannot be recorded. The reply must not be told then; the message says whether the call may have run.
    pub async fn put_on_record(&self, services: &Calls, recording: &Recording) -> Result<()> {
        let response = match &self.body {
            Body::Result(raw) | Body::UpstreamError(raw) => raw.get(),
            Body::Error(error) => &error.message,
        };
        let (rule, response) = (self.rule.clone(), Some(response));
        let written = match self.recorded {
            Recorded::Whole => {
                recording.charge(services, response.unwrap_or_default());
                Ok(())
            }
            Recorded::Intent => recording.conclude(services, self.status, response, rule, self.approval).await,
            Recorded::Nothing => recording.write(services, self.status, response, rule, self.approval).await,
        };
        written.map_err(|error| {
            error.log();
            let said = self.facts.as_ref().and_then(|facts| facts["status"].as_str());
            let may_have_run = matches!(self.status, Status::Ok | Status::Error | Status::Unknown | Status::Replayed)
                || matches!(said, Some("executed" | "executing" | "outcome_unknown"))
                || self.refusal == Some(Refusal::InProgress);
            let ran = if may_have_run { "the call may have run" } else { "the call did not run" };
            let text = format!("what happened could not be recorded, so no result is given; {ran}");
            let call = AboutCall { executed: (!may_have_run).then_some(false), ..AboutCall::default() };
            Error::new(error::Kind::Unavailable, "unrecorded", text).about_call(call)
        })
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
