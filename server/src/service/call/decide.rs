//! From a call to a verdict: which tool, are its arguments sound, may it run. Arguments are checked against the tool's
//! schema only before a person is asked ([`held`](super::held)); for a call that needs no approval the upstream checks
//! them.

use std::sync::Arc;

use domain::{
    Rule, Verdict,
    approval::State,
    directory::{Org, ToolkitTool},
    gate,
};
use wire::{
    canonical::{CanonicalError, arguments_sha256},
    error::RpcError,
    mcp::CallParams,
};

use super::{
    builtin::Builtin,
    context::Context,
    facts::{self, Next},
    input::{self, Bound, Round},
    outcome::{Refusal, Reply},
    ready::{LIST_AGE, Ready},
    say,
};
use crate::{
    db::{approval::Record, audit},
    directory::Problem,
    error::{Error, Result},
    service::{Base, Catalog, catalog::connection},
};

/// The next step for a call.
pub(super) enum Step {
    Answer(Reply),
    Builtin(Box<Context>, Builtin),
    /// An identical call's approval was already decided: continue with it.
    Join(Box<Context>, Box<Record>),
    /// An approved call continues with the input that its upstream asked for.
    GoOn(Box<Context>, Box<Round>),
    Run(Box<Ready>, Rule),
    Hold(Box<Ready>, Rule),
}

/// Decides one call. Makes no query unless an approval is open between this caller and this tool, and no request to the
/// upstream unless its tool list is too old.
pub(super) async fn decide(services: &Catalog, mut context: Context, params: &CallParams<'_>) -> Result<Step> {
    let Some(tool) = context.toolkit.find_tool(&params.name).cloned() else {
        return Ok(match Builtin::named(&params.name).filter(|_| context.builtins) {
            Some(builtin) => Step::Builtin(Box::new(context), builtin),
            None => Step::Answer(unknown_tool(&params.name)),
        });
    };
    context.called = Some(tool.clone());
    let arguments_sha256 = match arguments_sha256(params.arguments.get()) {
        Ok(hash) => hash,
        Err(error) => {
            let text = format!("the arguments were refused: {error}");
            let refused = say::refused(Next::ReviseAndResubmit, &text);
            return Ok(Step::Answer(refused.because(Refusal::Arguments(problem(&error).into_iter().collect()))));
        }
    };
    let connection = context.org.connections.get(&tool.tool.connection).cloned().ok_or_else(Error::not_found)?;
    let bound = Bound::of(&context, &tool, &connection, arguments_sha256);
    let state = match input::open(services, &bound, params.input) {
        Ok(state) => state,
        Err(error) => return Ok(Step::Answer(Reply::error(error))),
    };
    // A later change does not recall a call that is already claimed.
    if let Some(round) = state.as_ref().and_then(|state| input::round(state, params.input)) {
        return Ok(Step::GoOn(Box::new(context), Box::new(round)));
    }
    // A decided approval comes before everything else, above all an unknown outcome: no change since frees it (promise
    // 4).
    if let Some(record) = decided_approval(services, &context, &tool, &arguments_sha256).await? {
        if !params.input.is_none() {
            return Ok(Step::Answer(say::unasked(&tool.name)));
        }
        return Ok(Step::Join(Box::new(context), Box::new(record)));
    }
    if let Verdict::Refuse(rule) = verdict(&context, &tool)? {
        return Ok(Step::Answer(say::blocked(&tool.name, &rule)));
    }
    let (context, tool) = match fresh(services, context, tool).await? {
        Ok(found) => found,
        Err(reply) => return Ok(Step::Answer(reply)),
    };
    let verdict = verdict(&context, &tool)?;
    if let Verdict::Refuse(rule) = verdict {
        return Ok(Step::Answer(say::blocked(&tool.name, &rule)));
    }
    let connection = context.org.connections.get(&tool.tool.connection).cloned().ok_or_else(Error::not_found)?;
    let state = state.and_then(|state| state.theirs);
    let ready = Box::new(Ready { context, tool, connection, arguments_sha256, state });
    Ok(match verdict {
        Verdict::Run(rule) => Step::Run(ready, rule),
        Verdict::Hold(_) if !params.input.is_none() => Step::Answer(say::unasked(&ready.tool.name)),
        Verdict::Hold(rule) | Verdict::Refuse(rule) => Step::Hold(ready, rule),
    })
}

fn verdict(context: &Context, tool: &ToolkitTool) -> Result<Verdict> {
    let connection = context.org.connections.get(&tool.tool.connection).ok_or_else(Error::not_found)?;
    Ok(gate(tool, &tool.tool, connection.enabled, context.caller.role, &context.caller.role_name))
}

/// Makes sure that the upstream's tool list is recent, then looks the call up again in the configuration that is current by
/// then.
async fn fresh(
    services: &Catalog,
    context: Context,
    tool: Arc<ToolkitTool>,
) -> Result<std::result::Result<(Context, Arc<ToolkitTool>), Reply>> {
    let connection = context.org.connections.get(&tool.tool.connection).cloned().ok_or_else(Error::not_found)?;
    if let Err(reason) = connection::ensure_fresh(services, &connection, LIST_AGE).await {
        let text = format!("the connection `{}` cannot be used: {reason}. Nothing was sent.", connection.slug);
        let facts = facts::of_call("failed", Next::AskAgain, &text);
        return Ok(Err(Reply::of_facts(audit::Status::Failed, facts).because(Refusal::Connection)));
    }
    let context = context.renewed(services).await?;
    Ok(match context.toolkit.find_tool(&tool.name).cloned() {
        Some(tool) => Ok((context, tool)),
        None => Err(unknown_tool(&tool.name)),
    })
}

/// The decided approval of an identical call, while it still counts. Queries the database only if the configuration says
/// that something is open between this caller and this tool.
async fn decided_approval(
    services: &Base,
    context: &Context,
    tool: &ToolkitTool,
    arguments_sha256: &[u8; 32],
) -> Result<Option<Record>> {
    // That somebody begins to administer the instance changes their role in every org, and no org.
    let knows = |org: Arc<Org>| org.open.contains(&(context.caller.principal, tool.id)) || context.actor.instance_admin;
    if !services.directory.org_again(&context.org).await?.is_some_and(knows) {
        return Ok(None);
    }
    let record = context.find_identical(services, tool.id, arguments_sha256).await?;
    Ok(record.filter(|record| match record.state() {
        State::Approved(_) | State::Executing(_) | State::OutcomeUnknown(_) => true,
        // It ran, but its answer was never fully delivered: the agent is coming back for it.
        State::Executed(executed) => executed.answered_at().is_none() && record.read_at < executed.replay_until(),
        _ => false,
    }))
}

/// Where arguments cannot be read, if that is a place in them.
fn problem(error: &CanonicalError) -> Option<Problem> {
    let (CanonicalError::DuplicateKey { pointer }
    | CanonicalError::LoneSurrogate { pointer }
    | CanonicalError::Number { pointer, .. }) = error
    else {
        return None;
    };
    Some(Problem { pointer: pointer.clone(), message: error.to_string() })
}

/// MCP, "Tools", error handling: an unknown tool is a protocol error.
fn unknown_tool(name: &str) -> Reply {
    Reply::error(RpcError::invalid_params(format!("Unknown tool: {name}"))).because(Refusal::UnknownTool)
}
