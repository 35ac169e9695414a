//! Polls the tasks of upstreams, which announce no changes. On one replica each of their tasks is polled by one request
//! at a time and as often as its upstream says (MCP tasks extension, "Task Polling"), however many callers follow it.

use std::sync::Arc;

use domain::directory::Org;
use serde_json::value::RawValue;
use tokio::time::Instant;

use super::{
    polls::{Look, Poll, Polled, Told, UNNAMED, pause},
    upstream,
};
use crate::{
    db::task::Followed,
    error::Result,
    service::{Calls, Catalog},
    upstream::TaskRequest,
};

/// The upstream's answer about its task: remembered for one pause, or asked now. A failed poll is remembered for as
/// long.
///
/// # Errors
/// As [`upstream::ask`].
pub(super) async fn look(services: &Calls, org: &Org, followed: &Followed) -> Result<Option<(Arc<RawValue>, Polled)>> {
    let poll = services.polls.of(followed);
    let look = match poll.current() {
        Some(look) => look,
        None => {
            let _one_at_a_time = poll.asking.lock().await;
            match poll.current() {
                Some(look) => look,
                None => ask(&poll, services, org, followed).await,
            }
        }
    };
    match look.told {
        Ok(Some(told)) => Ok(Some((told, Polled { poll, due: look.due }))),
        Ok(None) => Ok(None),
        Err(error) => Err(error.for_another()),
    }
}

async fn ask(poll: &Poll, services: &Catalog, org: &Org, followed: &Followed) -> Look {
    let told = upstream::ask(services, org, followed, TaskRequest::Get).await;
    let told: Told = told.map(|told| told.map(Arc::from)).map_err(|error| {
        error.log();
        Arc::new(error)
    });
    let pause = told.as_ref().ok().and_then(Option::as_deref).map_or(UNNAMED, pause);
    let look = Look { told, due: Instant::now() + pause };
    *poll.last.lock() = Some(look.clone());
    look
}
