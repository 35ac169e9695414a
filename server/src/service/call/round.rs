//! One more round of an approved call whose upstream asked for input: it goes on under the same claim, each round
//! once (approvals.md, "The lease"). Nothing recalls what was sent, but input that nobody approved goes only where a
//! claim could be made now: what undoes an approval lets no further round through.

use std::{sync::Arc, time::Instant};

use chrono::{DateTime, Utc};
use domain::{
    ApprovalId,
    approval::{State, Status},
};
use serde_json::value::RawValue;
use uuid::Uuid;

use super::{
    Context, Reply,
    claim::{self, Claim, Claimant, Winning},
    dispatch, hold,
    ready::LIST_AGE,
    say, wait,
};
use crate::{
    db::{self, OrgScope, Reason},
    error::{Error, Kind, Result},
    service::{Services, approval_bound, connection},
};

/// How often a round is tried that another call is just making.
const ATTEMPTS: usize = 10;

/// What a call goes on with.
#[derive(Clone, Debug)]
pub(super) struct Round {
    pub(super) approval: ApprovalId,
    /// The token of the round that asked.
    pub(super) asked: Uuid,
    /// Until when it waits.
    pub(super) until: DateTime<Utc>,
    /// The first that was asked for is 1.
    pub(super) number: u32,
    /// What was asked for.
    pub(super) responses: Option<Box<RawValue>>,
    /// The upstream's state, as it was written.
    pub(super) theirs: Option<Box<RawValue>>,
}

/// Goes on with an approved call, or gives what became of it when this round was made before.
pub(super) async fn go_on(services: &Arc<Services>, context: &Context, round: Round) -> Result<Reply> {
    let id = round.approval;
    let read = async || {
        let mut scope = OrgScope::begin(&services.db.calls, context.org.id).await?;
        db::approval::get(&mut scope, id).await?.ok_or_else(Error::not_found)
    };
    let mut record = read().await?;
    // Whoever makes the same round at the same moment may still fail to: then it is asked as before.
    for _ in 0..ATTEMPTS {
        if let Some(reply) = dispatch::dispatch(services, context, &record, Some(round.clone())).await? {
            return Ok(reply);
        }
        record = match wait::again(services, context, id).await {
            Ok(record) => record,
            Err(error) if matches!(error.kind, Kind::Unavailable) => return Ok(say::unreadable(id)),
            Err(error) => return Err(error),
        };
        if !matches!(record.state(), State::Executing(executing) if executing.asks && executing.holder == round.asked) {
            break;
        }
    }
    hold::follow(services, context, record).await
}

/// Takes the claim up where the upstream asked, unless something it is bound to changed since. Nothing is sent here.
pub(super) async fn take_up(services: &Services, claimant: &Claimant, round: Round) -> Result<Claim> {
    let id = round.approval;
    let Some(_turn) = claim::Turn::take(services, id) else { return Ok(Claim::Busy) };
    services.directory.refresh().await?;
    let Some(connection) = claim::connection_of(services, claimant, id).await? else { return Ok(Claim::Lost) };
    // Its definitions, for what is compared below. Who cannot be reached is found out by sending.
    if let Err(reason) = connection::ensure_fresh(services, &connection, LIST_AGE).await {
        tracing::debug!(approval.id = %id, reason, "the tool list of who asked could not be read");
    }
    let spec = connection::spec(services, &connection)?;
    let mut scope = OrgScope::system(&services.db.calls, claimant.org, Reason::Claim).await?;
    // Read before the claim, and after the wait for a connection: by this clock the lease ends no later than by Postgres's.
    let before = Instant::now();
    let Some(record) = db::approval::lock(&mut scope, id).await? else { return Ok(Claim::Lost) };
    let State::Executing(executing) = record.state() else { return Ok(Claim::Lost) };
    let now = db::approval::now(&mut scope).await?;
    let lease = chrono::TimeDelta::from_std(services.lease).map_err(Error::internal)?;
    // Who made this round before may be done long since: that comes before everything that is said below.
    let Some(next) = executing.go_on(round.asked, Uuid::now_v7(), now + lease) else { return Ok(Claim::Lost) };
    let current = approval_bound::current(services, &mut scope, &record).await?;
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
