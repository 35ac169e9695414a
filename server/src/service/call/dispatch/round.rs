//! One more round of an approved call whose upstream asked for input: it goes on under the same claim, each round
//! once (approvals.md, "The lease"). Nothing recalls what was sent, but input that nobody approved goes only where a
//! claim could be made now: what undoes an approval lets no further round through.

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

/// Takes the claim up where the upstream asked, unless something it is bound to changed since. Nothing is sent here.
pub(super) async fn take_up(services: &Calls, claimant: &Claimant, round: Round) -> Result<Claim> {
    let id = round.approval;
    let Some(_turn) = claim::Turn::take(services, id) else { return Ok(Claim::Busy) };
    services.directory.refresh().await?;
    let Some(connection) = claim::connection_of(services, claimant, id).await? else { return Ok(Claim::Lost) };
    // Its definitions, for what is compared below. Who cannot be reached is found out by sending.
    if let Err(reason) = connection::ensure_fresh(services, &connection, LIST_AGE).await {
        tracing::debug!(approval.id = %id, reason, "the tool list of who asked could not be read");
    }
    let spec = connection::spec(services, &connection)?;
    let mut scope = OrgScope::system(&services.db.calls, claimant.org, Reason::Callers).await?;
    // Read before the claim, and after the wait for a connection: by this clock the lease ends no later than by Postgres's.
    let before = Instant::now();
    let Some(record) = db::approval::lock(&mut scope, id).await? else { return Ok(Claim::Lost) };
    let State::Executing(executing) = record.state() else { return Ok(Claim::Lost) };
    let now = db::approval::now(&mut scope).await?;
    let lease = chrono::TimeDelta::from_std(services.lease).map_err(Error::internal)?;
    // Who made this round before may be done long since: that comes before everything that is said below.
    let Some(next) = executing.go_on(round.asked, Uuid::now_v7(), now + lease) else { return Ok(Claim::Lost) };
    let current = bound::current(services, &mut scope, &record).await?;
    if let Some(change) = record.binding.change(&current) {
        return Ok(Claim::Unready(change.message().to_owned()));
    }
    // What the rows say is what is sent; a snapshot that is not as new is not used.
    let Some(tool) = current.tool.filter(|_| spec.version == record.binding.connection_version) else {
        return Ok(Claim::Unready("its configuration is just being changed".to_owned()));
    };
    let winning = Winning { from: Status::Executing, next, before, tool: tool.name, spec, round: Some(round) };
    claim::win(services, claimant, scope, record, winning).await
}
