//! `tasks/get`, `tasks/update` and `tasks/cancel` (MCP tasks extension), for requests that declare it. A task of
//! another caller or toolkit cannot be told from one that never existed.

use std::sync::Arc;

use serde_json::value::RawValue;
use wire::{
    error::RpcError,
    mcp::task::{TaskParams, UpdateTaskParams},
};

use super::answered::{Answered, Failure};
use crate::{
    db::audit::Intent,
    error::Error,
    mcp::request::place::Place,
    service::{
        Services,
        call::{
            Reply,
            task::{self, Asker},
        },
    },
};

/// The whole answer to a request that changes something.
const ACKNOWLEDGED: &str = r#"{"resultType":"complete"}"#;

/// A task's state; waits for a change for as long as the client's hold time.
pub(in crate::mcp) async fn get(
    services: &Services,
    place: &Place,
    params: Option<&RawValue>,
) -> Result<Answered, Failure> {
    let asker = asker(place)?;
    let params = TaskParams::parse(params)?;
    let found = task::get(services, &asker, &params.task_id).await?.ok_or_else(unknown)?;
    let members = found.task.get().strip_prefix('{').ok_or_else(|| Error::internal("a task is an object"))?;
    let result = RawValue::from_string(format!("{{\"resultType\":\"complete\",{members}")).map_err(Error::internal)?;
    let record = Some(result.get().to_owned());
    Ok(Answered { approval: found.approval, answers: found.answers, ..Answered::new(result, record) })
}

/// Takes responses to a task's questions.
pub(in crate::mcp) async fn update(
    services: &Arc<Services>,
    place: &Place,
    params: Option<&RawValue>,
    intent: &Intent,
) -> crate::error::Result<Reply> {
    let asked = asker(place).and_then(|asker| Ok((asker, UpdateTaskParams::parse(params)?)));
    match asked {
        Ok((asker, params)) => {
            task::update(&services.calls, &asker, &params.task_id, params.input_responses, intent).await
        }
        Err(error) => Ok(Reply::error(error)),
    }
}

/// Drops a task.
pub(in crate::mcp) async fn cancel(
    services: &Arc<Services>,
    place: &Place,
    params: Option<&RawValue>,
) -> Result<Answered, Failure> {
    let asker = asker(place)?;
    let params = TaskParams::parse(params)?;
    let known = task::cancel(&services.calls, &asker, &params.task_id).await?.ok_or_else(unknown)?;
    Ok(Answered { approval: known.approval, ..Answered::plain(ACKNOWLEDGED) })
}

/// The asker, if the request declared the extension.
fn asker(place: &Place) -> Result<Asker, RpcError> {
    if !place.spoken.tasks {
        return Err(RpcError::missing_tasks_capability());
    }
    Ok(asker_at(place))
}

/// The asker and its endpoint.
pub(in crate::mcp) fn asker_at(place: &Place) -> Asker {
    Asker {
        actor: place.actor.clone(),
        name: place.caller.name.clone(),
        org: place.org.clone(),
        toolkit: place.toolkit.clone(),
        hold: place.hold,
        load: place.load.clone(),
    }
}

/// The same error whatever the reason.
fn unknown() -> RpcError {
    RpcError::invalid_params(task::NOT_FOUND)
}
