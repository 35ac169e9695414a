//! Questions of an upstream on their way to the agent, and the answers on their way back (MCP 2026-07-28,
//! basic/patterns, "Multi Round-Trip Requests"). One credential of ours stands for all callers at an upstream,
//! which therefore cannot tell them apart: its state goes to the agent sealed, and opens only for the same caller,
//! tool, arguments and configuration of the connection, and not for ever.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use chrono::{DateTime, TimeDelta, Utc};
use domain::{
    ApprovalId, OrgId, Principal, ToolkitToolId,
    directory::{Connection, ToolkitTool},
};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use uuid::Uuid;
use wire::{
    error::RpcError,
    json::unquote,
    mcp::input::{Input, InputRequired, Inputs, with_state},
};

use super::{Body, Context, Reply, dispatch::Reported, facts::Next, replay, round::Round, say};
use crate::{
    db::{OrgScope, Reason, approval::Record, audit::Status},
    error::Result,
    service::{Services, approval_bound},
    upstream::{Answer, UpstreamError},
    vault::Purpose,
};

/// How long the agent's side has for its answers: people are asked, too.
pub(super) const ANSWER_WITHIN: TimeDelta = TimeDelta::hours(1);
/// How often an approved call may ask: so that it comes to an end.
const MAX_ROUNDS: u32 = 20;

/// What a state belongs to.
pub(super) struct Bound {
    org: OrgId,
    caller: Principal,
    tool: ToolkitToolId,
    arguments_sha256: [u8; 32],
    connection_version: i64,
}

impl From<&Record> for Bound {
    fn from(record: &Record) -> Self {
        let binding = &record.binding;
        Self {
            org: record.org,
            caller: binding.caller,
            tool: binding.toolkit_tool,
            arguments_sha256: binding.arguments_sha256,
            connection_version: binding.connection_version,
        }
    }
}

impl Bound {
    pub(super) fn of(
        context: &Context,
        tool: &ToolkitTool,
        connection: &Connection,
        arguments_sha256: [u8; 32],
    ) -> Self {
        Self {
            org: context.org.id,
            caller: context.caller.principal,
            tool: tool.id,
            arguments_sha256,
            connection_version: connection.version,
        }
    }

    fn bytes(&self) -> Vec<u8> {
        let ids = [self.org.0, self.caller.id(), self.tool.0].map(Uuid::into_bytes);
        let version = self.connection_version.to_be_bytes();
        [&*ids.concat(), &self.arguments_sha256, &version, self.caller.kind().as_bytes()].concat()
    }
}

/// What the agent gives back with its answers.
#[derive(Serialize, Deserialize)]
pub(super) struct State {
    /// After this it opens no more.
    until: DateTime<Utc>,
    approved: Option<Approved>,
    /// The upstream's own, as it was written.
    pub(super) theirs: Option<Box<RawValue>>,
}

/// An approved call that asks.
#[derive(Serialize, Deserialize)]
pub(super) struct Approved {
    pub(super) approval: Uuid,
    /// The token of the round that asks.
    pub(super) holder: Uuid,
    /// How many asked before.
    pub(super) rounds: u32,
}

/// Whether an answer asks for input. [`run::understood`](super::run::understood) has seen to it that it can be given.
pub(super) fn asks(answer: &Answer) -> bool {
    matches!(answer, Answer::Result(result) if InputRequired::parse(result).is_some())
}

/// An answer that asks, with its state sealed; any other as it is. Where an upstream keeps no state, and nothing
/// waits here, there is none to give back.
///
/// # Errors
/// An approved call that asks again and again: what it did meanwhile nobody knows.
pub(super) fn sealed(services: &Services, bound: &Bound, approved: Option<Approved>, answer: Answer) -> Reported {
    let Answer::Result(result) = &answer else { return Ok(answer) };
    let Some(asked) = InputRequired::parse(result) else { return Ok(answer) };
    if approved.is_none() && asked.state.is_none() {
        return Ok(answer);
    }
    if approved.as_ref().is_some_and(|approved| approved.rounds >= MAX_ROUNDS) {
        return Err(UpstreamError::Unknown { reason: format!("it asked for input more than {MAX_ROUNDS} times") });
    }
    let theirs = asked.state.map(ToOwned::to_owned);
    let state = State { until: services.clock.now() + ANSWER_WITHIN, approved, theirs };
    // Plain data always is JSON.
    let plain = serde_json::to_vec(&state).unwrap_or_default();
    let sealed = services.vault.seal(Purpose::RequestState, &bound.bytes(), &plain);
    Ok(Answer::Result(with_state(result, &BASE64_URL_SAFE_NO_PAD.encode(sealed))))
}

/// Opens the state that came with a call; `None`: none came.
///
/// # Errors
/// `INVALID_PARAMS`: it is not ours, belongs to something else, or is too old.
pub(super) fn open(
    services: &Services,
    bound: &Bound,
    input: Input<'_>,
) -> std::result::Result<Option<State>, RpcError> {
    let Some(state) = input.state else { return Ok(None) };
    let read = || {
        let sealed = BASE64_URL_SAFE_NO_PAD.decode(&*unquote(state.get()).ok()?).ok()?;
        let plain = services.vault.open(Purpose::RequestState, &bound.bytes(), &sealed).ok()?;
        serde_json::from_slice::<State>(&plain).ok()
    };
    let state = read().ok_or_else(|| {
        RpcError::invalid_params(
            "params.requestState is none that you were given for this tool with these arguments, or the connection was \
             changed since: call again without it",
        )
    })?;
    if state.until <= services.clock.now() {
        let text = "params.requestState was given more than an hour ago: call again without it";
        return Err(RpcError::invalid_params(text));
    }
    Ok(Some(state))
}

/// The round of an approved call that this state continues, if it does.
pub(super) fn round(state: &State, input: Input<'_>) -> Option<Round> {
    let asked = state.approved.as_ref()?;
    Some(Round {
        approval: ApprovalId(asked.approval),
        asked: asked.holder,
        until: state.until,
        number: asked.rounds + 1,
        responses: input.responses.map(ToOwned::to_owned),
        theirs: state.theirs.clone(),
    })
}

/// Who calls without its state what has asked for input is asked again: the answer may have got lost.
pub(super) async fn ask_again(services: &Services, context: &Context, record: &Record) -> Result<Reply> {
    Ok(match question(services, context, record).await? {
        Ok(result) => {
            let reply = Reply { body: Body::Result(result), ..Reply::new(Status::Replayed, Box::default()) };
            reply.about(record.id)
        }
        Err(why) => say::asking(services, context, record, &why),
    })
}

/// What an approved call asks for, if this caller can go on with it. `Err` says why it cannot.
pub(super) async fn question(
    services: &Services,
    context: &Context,
    record: &Record,
) -> Result<std::result::Result<Box<RawValue>, String>> {
    let Some(Answer::Result(result)) = replay::stored(services, record).await? else {
        return Ok(Err("what it asked is not kept any more".to_owned()));
    };
    if !context.inputs.is_some_and(|inputs| fits(&result, inputs)) {
        return Ok(Err("this client did not say that it can be asked for that".to_owned()));
    }
    let mut scope = OrgScope::system(&services.db.calls, record.org, Reason::Claim).await?;
    let current = approval_bound::current(services, &mut scope, record).await?;
    Ok(match record.binding.change(&current) {
        Some(change) => Err(format!("it cannot go on, since {}", change.message())),
        None => Ok(result),
    })
}

/// Whether a result asks for nothing but what this client says it can give.
pub(super) fn fits(result: &RawValue, inputs: Inputs) -> bool {
    InputRequired::parse(result).is_some_and(|asked| asked.fits(inputs))
}

/// Input that belongs to no call under way: a person would have to approve something else than the arguments.
pub(super) fn unasked(tool: &str) -> Reply {
    let text = format!(
        "The tool `{tool}` was not run: it needs approval, and the call came with input (inputResponses or requestState) \
         that belongs to no call under way. Call it again with its arguments alone."
    );
    say::refused(Next::ReviseAndResubmit, &text)
}
