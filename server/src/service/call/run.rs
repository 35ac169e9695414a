//! Running what needs no approval: sent at once, recorded before the answer leaves.

use domain::Rule;
use serde_json::value::RawValue;
use wire::mcp::{CallParams, is_error, upstream_call_params};

use super::{Body, Recorded, Reply, ready::Ready, say};
use crate::{
    db::audit::{Intent, Status},
    error::Result,
    service::{Services, connection},
    upstream::{Answer, Call, UpstreamError},
};

/// Sends the call and gives the upstream's answer. A client that goes away cancels it.
pub(super) async fn run(services: &Services, ready: &Ready, params: &CallParams<'_>, rule: Rule) -> Result<Reply> {
    let spec = connection::spec(services, &ready.connection)?;
    let intent = Intent { rule: Some(rule.to_string()), ..ready.context.intent.clone() };
    services.audit.intend(intent).await?;
    let token = progress_token(ready, params);
    let upstream_params = upstream_call_params(&ready.tool.tool.name, params.arguments, &params.meta, token.as_deref());
    let call = Call { tool: &ready.tool.tool.name, params: &upstream_params, once: false };
    let answer = services.upstreams.call(&spec, call, || Ok(()), ready.context.cancel.clone()).await;
    let slug = &ready.connection.slug;
    let (status, body) = match answer {
        Ok(answer) => body(answer),
        Err(UpstreamError::NotSent { reason }) => {
            let text = format!("the connection `{slug}` could not be reached: {reason}. Nothing was sent.");
            (Status::Failed, Body::Result(say::error(&text)))
        }
        Err(UpstreamError::Unknown { reason }) => {
            let text = format!(
                "the connection `{slug}` did not answer properly: {reason}. The call may have run; check before you repeat it."
            );
            (Status::Unknown, Body::Result(say::error(&text)))
        }
    };
    Ok(Reply { body, status, rule: Some(rule.to_string()), approval: None, recorded: Recorded::Intent, answers: None })
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

/// A token of our own where the caller sent one: callers share the upstream's session, and theirs
/// may collide.
fn progress_token(ready: &Ready, params: &CallParams<'_>) -> Option<Box<RawValue>> {
    params.meta.progress_token?;
    serde_json::value::to_raw_value(&ready.context.intent.id.0).ok()
}
