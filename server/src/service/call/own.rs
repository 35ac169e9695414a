//! Calls of the gateway's own tools (approvals.md, "Built-in tools"). Only the caller that asked may use an approval,
//! and only while it may use the toolkit where it asked; for all others the approval does not exist.

use std::sync::Arc;

use domain::{
    ApprovalId,
    approval::State,
    directory::{Org, Toolkit},
};
use serde::Deserialize;
use tokio::time::Instant;
use wire::{canonical::check_numbers, mcp::CallParams};

use super::{
    builtin::{Builtin, MAX_WAIT},
    context::Context,
    facts::Next,
    held, input,
    outcome::Reply,
    say, status, wait,
};
use crate::{
    db::{self, OrgScope, approval::Record},
    error::{Error, Kind, Result},
    service::{
        Base, Calls,
        access::{self, Actor},
    },
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Arguments {
    approval_id: uuid::Uuid,
    wait_seconds: Option<u64>,
}

/// Calls one of the two tools.
pub(super) async fn call(
    services: &Arc<Calls>,
    context: &Context,
    tool: Builtin,
    params: &CallParams<'_>,
) -> Result<Reply> {
    if let Err(error) = check_numbers(params.arguments.get()) {
        let text = format!("the arguments were refused: {error}");
        return Ok(say::refused(Next::ReviseAndResubmit, &text));
    }
    let arguments: Arguments = match serde_json::from_str(params.arguments.get()) {
        Ok(arguments) => arguments,
        Err(error) => {
            let text = format!("the arguments do not fit: {error}");
            return Ok(say::refused(Next::ReviseAndResubmit, &text));
        }
    };
    if arguments.wait_seconds.is_some_and(|wait| wait > MAX_WAIT)
        || (tool == Builtin::RunApproved && arguments.wait_seconds.is_some())
    {
        let text = format!("the arguments do not fit: `wait_seconds` is for approval_status, 0 to {MAX_WAIT}");
        return Ok(say::refused(Next::ReviseAndResubmit, &text));
    }
    let id = ApprovalId(arguments.approval_id);
    let unknown = || say::refused(Next::StopAndTellUser, &format!("you have no approval {id}"));
    let Some(record) = own(services, context, id).await? else { return Ok(unknown()) };
    let reply = match tool {
        Builtin::ApprovalStatus => status::status(services, context, record, arguments.wait_seconds).await,
        Builtin::RunApproved => run_approved(services, context, record, params).await,
    };
    match reply {
        // The caller lost access to it during the wait.
        Err(error) if error.kind == Kind::NotFound => Ok(unknown()),
        reply => reply,
    }
}

/// How an approval stands that this caller asked for, after waiting for a change. Runs nothing.
///
/// # Errors
/// When the caller lost its access meanwhile, or Postgres cannot be reached.
pub async fn stands(services: &Arc<Calls>, context: &Context, mut record: Record) -> Result<Reply> {
    let comes = match record.state() {
        State::Pending(_) => true,
        State::Executing(executing) => !executing.asks(),
        _ => false,
    };
    if comes && !context.hold.is_zero() {
        let until = Instant::from_std(context.began) + context.hold;
        wait::for_change(services, context, &record, until).await?;
        record = wait::again(services, context, record.id).await?;
    }
    held::tell(services, context, &record).await
}

/// Runs an approved call, or says how it stands: `run_approved` without a client of MCP.
///
/// # Errors
/// As [`stands`].
pub async fn run_by_id(services: &Arc<Calls>, context: &Context, record: Record) -> Result<Reply> {
    held::follow(services, context, record).await
}

/// The approval that this caller asked for at this toolkit.
///
/// # Errors
/// Not found, for everybody else.
pub async fn asked_here(
    services: &Base,
    actor: &Actor,
    (org, toolkit): (&Org, &Toolkit),
    id: ApprovalId,
) -> Result<Record> {
    let record = owned(services, actor, org, id).await?.ok_or_else(Error::not_found)?;
    let tool = record.binding.toolkit_tool;
    let here = record.toolkit == toolkit.slug.as_str() || toolkit.tools.iter().any(|exposed| exposed.id == tool);
    if here { Ok(record) } else { Err(Error::not_found()) }
}

async fn run_approved(
    services: &Arc<Calls>,
    context: &Context,
    record: Record,
    params: &CallParams<'_>,
) -> Result<Reply> {
    let state = match input::open(services, &(&record).into(), params.input) {
        Ok(state) => state,
        Err(error) => return Ok(Reply::error(error)),
    };
    match state.and_then(|state| input::round(&state, params.input)) {
        Some(round) => held::go_on(services, context, round).await,
        None => held::follow(services, context, record).await,
    }
}

/// The approval, if this caller asked for it and may still use its toolkit.
async fn own(services: &Base, context: &Context, id: ApprovalId) -> Result<Option<Record>> {
    owned(services, &context.actor, &context.org, id).await
}

async fn owned(services: &Base, actor: &Actor, org: &Org, id: ApprovalId) -> Result<Option<Record>> {
    let mut scope = OrgScope::begin(&services.db.calls, org.id).await?;
    let record = db::approval::get(&mut scope, id).await?;
    let reached = |record: &Record| access::reaches(actor, org, record.binding.toolkit_tool);
    Ok(record.filter(|record| record.binding.caller == actor.principal && reached(record)))
}
