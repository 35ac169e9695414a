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
    mcp::input::{Input, InputRequired, with_state},
};

use super::{context::Context, outcome::Reported};
use crate::{
    db::approval::Record,
    seal::Purpose,
    service::Base,
    upstream::{Answer, UpstreamError},
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

/// An answer that asks, with its state sealed; any other as it is. Where an upstream keeps no state, and nothing
/// waits here, there is none to give back.
///
/// # Errors
/// An approved call that asks again and again: what it did meanwhile nobody knows.
pub(super) fn sealed(services: &Base, bound: &Bound, approved: Option<Approved>, answer: Answer) -> Reported {
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
    let sealed = services.sealer.seal(Purpose::RequestState, &bound.bytes(), &plain);
    Ok(Answer::Result(with_state(result, &BASE64_URL_SAFE_NO_PAD.encode(sealed))))
}

/// Opens the state that came with a call; `None`: none came.
///
/// # Errors
/// `INVALID_PARAMS`: it is not ours, belongs to something else, or is too old.
pub(super) fn open(services: &Base, bound: &Bound, input: Input<'_>) -> std::result::Result<Option<State>, RpcError> {
    let Some(state) = input.state else { return Ok(None) };
    let read = || {
        let sealed = BASE64_URL_SAFE_NO_PAD.decode(&*unquote(state.get()).ok()?).ok()?;
        let plain = services.sealer.open(Purpose::RequestState, &bound.bytes(), &sealed).ok()?;
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

/// What a call goes on with.
#[derive(Clone, Debug)]
pub(super) struct Round {
    pub(super) approval: ApprovalId,
    /// The token of the round that asked.
    pub(super) asked: Uuid,
    /// Until when it waits.
    pub(super) until: DateTime<Utc>,
    /// The first that was asked for is 1.
    pub(super) number: u32,
    /// What was asked for.
    pub(super) responses: Option<Box<RawValue>>,
    /// The upstream's state, as it was written.
    pub(super) theirs: Option<Box<RawValue>>,
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
