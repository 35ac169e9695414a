//! Continues an approved call whose upstream asked for input, with the agent's response.

use std::sync::Arc;

use domain::approval::State;

use super::{
    super::{context::Context, dispatch, input::Round, outcome::Reply, say, wait},
    follow,
};
use crate::{
    db::{self, OrgScope},
    error::{Error, Kind, Result},
    service::Calls,
};

/// How often a round is retried while another call is making it.
const ATTEMPTS: usize = 10;

/// Continues an approved call, or returns its outcome if this round was made before.
pub(in crate::service::call) async fn go_on(services: &Arc<Calls>, context: &Context, round: Round) -> Result<Reply> {
    let id = round.approval;
    let read = async || {
        let mut scope = OrgScope::begin(&services.db.calls, context.org.id).await?;
        db::approval::get(&mut scope, id).await?.ok_or_else(Error::not_found)
    };
    let mut record = read().await?;
    // Another call that makes the same round at the same moment may still fail: then the question still stands.
    for _ in 0..ATTEMPTS {
        if let Some(reply) = dispatch::dispatch(services, context, &record, Some(round.clone())).await? {
            return Ok(reply);
        }
        record = match wait::again(services, context, id).await {
            Ok(record) => record,
            Err(error) if matches!(error.kind, Kind::Unavailable) => return Ok(say::unreadable(id)),
            Err(error) => return Err(error),
        };
        if !matches!(record.state(), State::Executing(executing) if executing.asks() && executing.holder() == round.asked)
        {
            break;
        }
    }
    follow::follow(services, context, record).await
}
