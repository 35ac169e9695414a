//! `tools/call`: hands the call to `service`.

use std::sync::Arc;

use wire::mcp::{CallParams, input::Input};

use super::{reply::replied, table::Asked};
use crate::{
    mcp::{
        answer::Answer,
        request::{called, era, place::Place},
    },
    service::{
        Services,
        call::{self, Context, LONGEST_RUN, Progress, Reply},
        recording::Recording,
    },
};

pub(super) async fn call(services: &Arc<Services>, place: &Place, recording: Recording, asked: Asked<'_>) -> Answer {
    let id = asked.id;
    let mut parsed = CallParams::parse(asked.params);
    if let Ok(params) = &mut parsed
        && !place.spoken.modern
    {
        // Earlier revisions have no such members.
        params.input = Input::default();
    }
    let recording = match &parsed {
        Ok(params) => recording.tool(&params.name),
        Err(_) => recording.of_tool(called::by_method(asked.method, asked.params)),
    };
    let _cancelled_when_dropped = asked.cancel.clone().drop_guard();
    let checked = parsed.and_then(|params| {
        let tool = place.toolkit.find_tool(&params.name).filter(|_| place.spoken.modern);
        tool.map_or(Ok(()), |tool| era::check_params(asked.headers, tool, params.arguments))?;
        Ok(params)
    });
    let reply = match checked {
        Ok(params) => {
            let context = Context {
                actor: place.actor.clone(),
                caller: place.caller.clone(),
                org: place.org.clone(),
                toolkit: place.toolkit.clone(),
                client: place.client.clone(),
                tasks: place.spoken.tasks,
                inputs: place.spoken.inputs,
                intent: recording.intent.clone(),
                began: recording.began,
                hold: place.hold,
                joins: LONGEST_RUN,
                builtins: true,
                once: None,
                trace: params.meta.trace(),
                progress: asked.told.map(|told| Progress::new(params.meta.progress_token, told)).unwrap_or_default(),
                cancel: asked.cancel,
                load: place.load.clone(),
                called: None,
            };
            call::call_tool(&services.calls, context, params).await
        }
        Err(error) => Ok(Reply::error(error)),
    };
    replied(services, place, recording, id, reply).await
}
