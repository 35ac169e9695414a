//! Runs a call that needs no approval: sent at once, recorded before the answer leaves.

use std::sync::Arc;

use domain::Rule;
use serde_json::value::RawValue;
use tokio_util::sync::CancellationToken;
use wire::mcp::{CallParams, input::Input, upstream_call_params};

use super::{
    facts::{self, Next},
    input,
    outcome::{Recorded, Refusal, Reply, body, understood},
    progress::Progress,
    ready::{self, Ready},
    task,
};
use crate::{
    db::audit::{Intent, Status},
    error::Result,
    service::{Catalog, catalog::connection},
    upstream::{Call, ProgressTo, UpstreamError, UpstreamProgress},
};

/// Sends the call and returns the upstream's answer. A client that goes away cancels the call.
///
/// `guard` is asked immediately before the first byte leaves: its error keeps the call from being sent.
pub(super) async fn run(
    services: &Catalog,
    ready: &Ready,
    params: &CallParams<'_>,
    rule: Rule,
    guard: impl Fn() -> std::result::Result<(), String> + Send + Sync + 'static,
) -> Result<Reply> {
    let spec = connection::spec(services, &ready.connection)?;
    let intent = Intent { rule: Some(rule.to_string()), ..ready.context.intent.clone() };
    services.audit.intend(intent).await?;
    let token = Progress::upstream_token(ready.context.intent.id);
    let input = Input { responses: params.input.responses, state: ready.state.as_deref() };
    let name = &ready.tool.tool.name;
    let upstream_params: Arc<RawValue> =
        upstream_call_params(name, params.arguments, input, &params.meta, token.as_deref()).into();
    ready.context.load.carry(upstream_params.get().len());
    let param_headers = ready::param_headers(&ready.tool.tool.definition, params.arguments);
    let (to, said) = UpstreamProgress::channel();
    let call = Call {
        tasks: ready.context.tasks,
        inputs: ready.context.inputs.unwrap_or_default(),
        tells_missing: ready.context.inputs.is_some(),
        goes_on: !input.is_none(),
        progress: token.as_deref().map(|token| ProgressTo { token, to: &to }),
        param_headers: &param_headers,
        load: Some(&ready.context.load),
        ..Call::new(name, &upstream_params)
    };
    // What has an idempotency key runs to its end: its client comes back for the answer.
    let cancel = match &ready.context.once {
        Some(_) => CancellationToken::new(),
        None => ready.context.cancel.clone(),
    };
    let sent = services.upstreams.call(&spec, call, guard, cancel);
    let answer = ready.context.progress.while_doing(said, sent).await;
    let answer = understood(answer, ready.context.tasks, ready.context.inputs)
        .and_then(|answer| input::sealed(services, &ready.bound(), None, answer));
    let slug = &ready.connection.slug;
    let reply = match answer {
        Ok(answer) => match task::hand_out(services, &ready.context, task::TaskOrigin::Called(ready), answer).await {
            Ok(answer) => {
                let (status, body) = body(answer);
                Reply { body, ..Reply::new(status, Box::default()) }
            }
            Err(error) => {
                error.log();
                let text =
                    "the call was taken as a task, which could not be kept; it may run. Check before you repeat it.";
                unknown(text)
            }
        },
        Err(UpstreamError::NotSent { reason }) => {
            let text = format!("the connection `{slug}` could not be reached: {reason}. Nothing was sent.");
            Reply::of_facts(Status::Failed, facts::of_call("failed", Next::AskAgain, &text))
                .because(Refusal::Connection)
        }
        Err(UpstreamError::Unknown { reason }) => {
            let text = format!(
                "the connection `{slug}` did not answer properly: {reason}. The call may have run; check before you repeat it."
            );
            unknown(&text)
        }
    };
    Ok(Reply { recorded: Recorded::Intent, ..reply.rule(rule) })
}

/// It may have run.
fn unknown(text: &str) -> Reply {
    Reply::of_facts(Status::Unknown, facts::of_call("outcome_unknown", Next::StopAndTellUser, text))
}
