//! Carries an upstream's questions to the agent and the responses back (MCP 2026-07-28, basic/patterns, "Multi
//! Round-Trip Requests"). An upstream sees one credential for all callers and cannot tell them apart. Its state
//! therefore goes to the agent sealed, and opens only for the same caller, tool, arguments and configuration of the
//! connection, and for a limited time.

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

/// How long the agent has for its response; a person may have to be asked.
pub(super) const ANSWER_WITHIN: TimeDelta = TimeDelta::hours(1);
/// How many rounds an approved call may ask for, so that it ends.
const MAX_ROUNDS: u32 = 20;

/// What a sealed state is bound to.
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

/// The state that the agent returns with its response.
#[derive(Serialize, Deserialize)]
pub(super) struct AgentState {
    /// The state no longer opens after this time.
    until: DateTime<Utc>,
    approved: Option<Approved>,
    /// The upstream's own state, byte for byte.
    pub(super) theirs: Option<Box<RawValue>>,
}

/// An approved call that asks for input.
#[derive(Serialize, Deserialize)]
pub(super) struct Approved {
    pub(super) approval: Uuid,
    /// The token of the round that asks.
    pub(super) holder: Uuid,
    /// How many rounds asked before.
    pub(super) rounds: u32,
}

/// Seals the state of an answer that asks for input; returns any other answer unchanged. There is no state to return if
/// the upstream keeps none and nothing waits here.
///
/// # Errors
/// An approved call asked too many times: nobody knows what it did meanwhile.
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
    let state = AgentState { until: services.clock.now() + ANSWER_WITHIN, approved, theirs };
    // Plain data always serializes.
    let plain = serde_json::to_vec(&state).unwrap_or_default();
    let sealed = services.sealer.seal(Purpose::RequestState, &bound.bytes(), &plain);
    Ok(Answer::Result(with_state(result, &BASE64_URL_SAFE_NO_PAD.encode(sealed))))
}

/// Opens the state that came with a call; `None`: there was none.
///
/// # Errors
/// `INVALID_PARAMS` if the state is not ours, is bound to something else, or is too old.
pub(super) fn open(
    services: &Base,
    bound: &Bound,
    input: Input<'_>,
) -> std::result::Result<Option<AgentState>, RpcError> {
    let Some(state) = input.state else { return Ok(None) };
    let read = || {
        let sealed = BASE64_URL_SAFE_NO_PAD.decode(&*unquote(state.get()).ok()?).ok()?;
        let plain = services.sealer.open(Purpose::RequestState, &bound.bytes(), &sealed).ok()?;
        serde_json::from_slice::<AgentState>(&plain).ok()
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

/// The input with which a call continues.
#[derive(Clone, Debug)]
pub(super) struct Round {
    pub(super) approval: ApprovalId,
    /// The token of the round that asked.
    pub(super) asked: Uuid,
    /// How long the call waits for this input.
    pub(super) until: DateTime<Utc>,
    /// The round's number; the first one is 1.
    pub(super) number: u32,
    /// The responses to the upstream's questions.
    pub(super) responses: Option<Box<RawValue>>,
    /// The upstream's state, byte for byte.
    pub(super) theirs: Option<Box<RawValue>>,
}

/// The round of an approved call that this state continues, if there is one.
pub(super) fn round(state: &AgentState, input: Input<'_>) -> Option<Round> {
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
