//! One more round of an approved call whose upstream asked for input. It continues under the same claim, each round
//! once (approvals.md, "The lease"). What was sent is not recalled, but input that nobody approved is sent only where a
//! claim could be made now: whatever invalidates an approval stops further rounds.

use std::time::Instant;

use domain::approval::{State, Status};
use uuid::Uuid;

use super::{
    super::{input::Round, ready::LIST_AGE},
    claim::{self, Winning},
    claimed::{Claim, Claimant},
};
use crate::{
    db::{self, OrgScope, Reason},
    error::{Error, Result},
    service::{Calls, approval::bound, catalog::connection},
};

/// Takes up the claim at the point where the upstream asked, unless something that it is bound to has changed. Nothing
/// is sent here.
pub(super) async fn take_up(services: &Calls, claimant: &Claimant, round: Round) -> Result<Claim> {
    let id = round.approval;
    let Some(_turn) = claim::Turn::take(services, id) else { return Ok(Claim::Busy) };
    services.directory.refresh().await?;
    let Some(connection) = claim::connection_of(services, claimant, id).await? else { return Ok(Claim::Lost) };
    // The list gives the definitions that are compared below. An unreachable upstream shows when the call is sent.
    if let Err(reason) = connection::ensure_fresh(services, &connection, LIST_AGE).await {
        tracing::debug!(approval.id = %id, reason, "the tool list of who asked could not be read");
    }
    let spec = connection::spec(services, &connection)?;
    let mut scope = OrgScope::system(&services.db.calls, claimant.org, Reason::Callers).await?;
    // Read before the claim and after the wait for a connection, so that the lease ends no later by this clock than by
    // Postgres's.
    let before = Instant::now();
    let Some(record) = db::approval::lock(&mut scope, id).await? else { return Ok(Claim::Lost) };
    let State::Executing(executing) = record.state() else { return Ok(Claim::Lost) };
    let now = db::approval::now(&mut scope).await?;
    let lease = chrono::TimeDelta::from_std(services.lease).map_err(Error::internal)?;
    // Another call may have made this round long ago: that is checked before everything below.
    let Some(next) = executing.go_on(round.asked, Uuid::now_v7(), now + lease) else { return Ok(Claim::Lost) };
    let current = bound::current(services, &mut scope, &record).await?;
    if let Some(change) = record.binding.change(&current) {
        return Ok(Claim::Unready(change.message().to_owned()));
    }
    // The locked rows define what is sent; a configuration older than the rows is not used.
    let Some(tool) = current.tool.filter(|_| spec.version == record.binding.connection_version) else {
        return Ok(Claim::Unready("its configuration is just being changed".to_owned()));
    };
    let winning = Winning { from: Status::Executing, next, before, tool: tool.name, spec, round: Some(round) };
    claim::win(services, claimant, scope, record, winning).await
}
