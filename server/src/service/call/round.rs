//! One more round of an approved call whose upstream asked for input: it goes on under the same claim, each round
//! once (approvals.md, "The lease"). After the claim nothing recalls the call but its connection, switched off or
//! configured differently: then what was asked is nobody's to answer.

use std::{sync::Arc, time::Instant};

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
};
use crate::{
    db::{self, OrgScope, Reason},
    error::{Error, Result},
    service::{Services, connection},
};

/// What a call goes on with.
#[derive(Clone, Debug)]
pub(super) struct Round {
    pub(super) approval: ApprovalId,
    /// The token of the round that asked.
    pub(super) asked: Uuid,
    /// What was asked for.
    pub(super) responses: Option<Box<RawValue>>,
    /// The upstream's state, as it was written.
    pub(super) theirs: Option<Box<RawValue>>,
}

/// Goes on with an approved call, or gives what became of it when this round was made before.
pub(super) async fn go_on(services: &Arc<Services>, context: &Context, round: Round) -> Result<Reply> {
    let id = round.approval;
    let read = async || {
        let mut scope = OrgScope::begin(&services.db, context.org.id).await?;
        db::approval::get(&mut scope, id).await?.ok_or_else(Error::not_found)
    };
    let record = read().await?;
    match dispatch::dispatch(services, context, &record, Some(round)).await? {
        Some(reply) => Ok(reply),
        None => hold::follow(services, context, read().await?).await,
    }
}

/// Takes the claim up where the upstream asked. Nothing is sent here.
pub(super) async fn take_up(services: &Services, claimant: &Claimant, round: Round) -> Result<Claim> {
    let id = round.approval;
    let Some(connection) = claim::connection_of(services, claimant, id).await? else { return Ok(Claim::Lost) };
    if !connection.enabled {
        return Ok(Claim::Unready("it is switched off".to_owned()));
    }
    let spec = connection::spec(services, &connection)?;
    // Read before the claim: by this clock the lease ends no later than by Postgres's.
    let before = Instant::now();
    let holder = Uuid::now_v7();
    let mut scope = OrgScope::system(&services.db, claimant.org, Reason::Claim).await?;
    let Some(record) = db::approval::lock(&mut scope, id).await? else { return Ok(Claim::Lost) };
    let State::Executing(executing) = record.state() else { return Ok(Claim::Lost) };
    let current = db::approval::current(&mut scope, &record.binding).await?;
    let Some(tool) = current.tool.filter(|_| spec.version == record.binding.connection_version) else {
        return Ok(Claim::Unready("it was changed since it asked".to_owned()));
    };
    let now = db::approval::now(&mut scope).await?;
    let lease = chrono::TimeDelta::from_std(services.lease).map_err(Error::internal)?;
    let Some(next) = executing.go_on(round.asked, holder, now + lease) else { return Ok(Claim::Lost) };
    let winning = Winning { from: Status::Executing, next, before, tool: tool.name, spec, round: Some(round) };
    claim::win(services, claimant, scope, record, winning).await
}
