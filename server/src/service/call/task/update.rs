//! `tasks/update`: a caller's responses continue the call that made an upstream's task, so they pass the gate as that
//! call did and are recorded before they are sent. A call that waits for a person asks its caller nothing.

use std::sync::Arc;

use domain::{
    Rule, Verdict,
    approval::Change,
    directory::{Connection, Tool, ToolkitTool},
    gate,
};
use serde_json::{json, value::RawValue};
use tokio_util::sync::CancellationToken;
use wire::error::{INVALID_PARAMS, RpcError};

use super::{
    super::{
        facts,
        outcome::{Recorded, Reply},
        ready::LIST_AGE,
    },
    follow::normal,
    handle::{Asker, FoundTask, find},
    upstream::Refused,
};
use crate::{
    db::{
        audit::{Intent, Status},
        task::{Followed, Source, Task},
    },
    error::{Error, Result},
    service::{Calls, Catalog, access, catalog::connection},
    upstream::{Answer, TaskRequest, UpstreamError},
};

/// The message for a missing task, whatever the reason.
pub const NOT_FOUND: &str = "Task not found";

/// Hands responses (a JSON object) to the upstream whose task this one follows; for any other task they are ignored.
/// `intent` is the request's record so far; the reply says how much of it is written.
///
/// # Errors
/// Unauthorized or not found if the asker may no longer call; unavailable if Postgres cannot be reached. Nothing was
/// sent.
pub async fn update(
    services: &Arc<Calls>,
    asker: &Asker,
    id: &str,
    input_responses: &RawValue,
    intent: &Intent,
) -> Result<Reply> {
    let Some(FoundTask { task, .. }) = find(services, asker, id).await? else { return Ok(unknown()) };
    let reply = match task.followed.as_ref().filter(|_| task.closed.is_none()) {
        None => acknowledged(),
        Some(followed) => match admitted(services, asker, &task, followed).await? {
            Gate::Refuses(reply) => reply,
            Gate::Admits(connection, tool, rule) => {
                let (rule, tool) = (Some(rule.to_string()), Some(tool.name.to_string()));
                let intent = Intent { rule: rule.clone(), tool, approval: task.approval, ..intent.clone() };
                let spec = connection::spec(services, &connection)?;
                services.audit.intend(intent).await?;
                // Runs on if the client goes away: the responses may be half sent.
                let (doing, followed, responses) = (services.clone(), followed.clone(), input_responses.to_owned());
                let sending = services.dispatched.spawn(async move {
                    let request = TaskRequest::Update { input_responses: &responses };
                    let told = doing.upstreams.task(&spec, request, &followed.task, CancellationToken::new()).await;
                    doing.polls.stir(&followed);
                    told
                });
                let told = sending.await.map_err(Error::internal)?;
                Reply { rule, recorded: Recorded::Intent, ..said(connection.slug.as_str(), told) }
            }
        },
    };
    Ok(Reply { approval: task.approval, ..reply })
}

enum Gate {
    Admits(Arc<Connection>, Arc<ToolkitTool>, Rule),
    Refuses(Reply),
}

/// Whether the caller may still send input to the tool that it called.
async fn admitted(services: &Catalog, asker: &Asker, task: &Task, followed: &Followed) -> Result<Gate> {
    let source = &followed.source;
    let same = |connection: &&Arc<Connection>| connection.version == source.connection_version;
    let Some(listed) = asker.org.connections.get(&source.connection).filter(same) else {
        return Ok(Gate::Refuses(unknown()));
    };
    if listed.enabled
        && let Err(reason) = connection::ensure_fresh(services, listed, LIST_AGE).await
    {
        let text = format!("the connection `{}` cannot be used: {reason}. Nothing was sent.", listed.slug);
        return Ok(Gate::Refuses(failed(Status::Failed, text)));
    }
    // Listing may have taken a while; its result counts.
    let (_, caller, org, toolkit) = access::caller_again(services, &asker.actor, &asker.org, &asker.toolkit).await?;
    let Some(connection) = org.connections.get(&source.connection).filter(same) else {
        return Ok(Gate::Refuses(unknown()));
    };
    let tool = toolkit.tools.iter().find(|tool| tool.id == source.tool && tool.tool.connection == source.connection);
    let Some(tool) = tool else { return Ok(Gate::Refuses(refused(Change::Tool.message(), None))) };
    let is_as_called = is_as_called(&tool.tool, source).await;
    Ok(match gate(tool, &tool.tool, connection.enabled, caller.role, &caller.role_name) {
        Verdict::Refuse(rule) => Gate::Refuses(refused(&rule.to_string(), Some(&rule))),
        _ if !is_as_called => Gate::Refuses(refused(Change::Definition.message(), None)),
        // The call needed no approval when it began and would need one now.
        Verdict::Hold(rule) if task.approval.is_none() => Gate::Refuses(refused(
            &format!("a person has to approve this call now ({rule}); make it again"),
            Some(&rule),
        )),
        Verdict::Run(rule) | Verdict::Hold(rule) => Gate::Admits(connection.clone(), tool.clone(), rule),
    })
}

/// Whether the last seen definition has the same meaning as the one with which the call was made, as for an approval.
async fn is_as_called(tool: &Tool, source: &Source) -> bool {
    if tool.seen_sha256 == source.definition_sha256 {
        return true;
    }
    let now = match tool.normal_sha256 {
        None => normal(tool.definition.clone()).await,
        known => known,
    };
    now.is_some() && now == source.normal_sha256
}

fn acknowledged() -> Reply {
    Reply::new(Status::Ok, facts::raw(&json!({"resultType": "complete"})))
}

fn unknown() -> Reply {
    Reply::error(RpcError::invalid_params(NOT_FOUND))
}

fn refused(why: &str, rule: Option<&Rule>) -> Reply {
    let text = format!("The answers were not taken: {why}. Do not try another way to get the same effect.");
    Reply { rule: rule.map(ToString::to_string), ..Reply::error(RpcError::invalid_request(text)) }
}

fn failed(status: Status, text: String) -> Reply {
    Reply { status, ..Reply::error(RpcError::internal(text)) }
}

/// The reply about responses that were handed on.
fn said(connection: &str, told: std::result::Result<Answer, UpstreamError>) -> Reply {
    match told {
        Ok(Answer::Result(_)) => acknowledged(),
        Ok(Answer::Error(error)) => match Refused::read(&error) {
            Refused { code: INVALID_PARAMS, .. } => Reply { status: Status::Error, ..unknown() },
            Refused { message, .. } => {
                failed(Status::Error, format!("the connection `{connection}` did not take the answers: {message}"))
            }
        },
        Err(UpstreamError::NotSent { reason }) => failed(
            Status::Failed,
            format!("the connection `{connection}` could not be reached: {reason}. Nothing was sent."),
        ),
        Err(UpstreamError::Unknown { reason }) => failed(
            Status::Unknown,
            format!(
                "the connection `{connection}` did not answer properly: {reason}. The answers may have been taken; look at the task before you repeat them."
            ),
        ),
    }
}
