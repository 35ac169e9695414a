//! Claiming an approved call: one transaction that checks, against locked rows, that everything the
//! approval is bound to still holds, takes the lease and makes the intent durable (approvals.md,
//! promises 1 and 2). Nothing is sent here.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use domain::{
    ApprovalId,
    approval::{Change, State, Status},
};
use serde_json::value::RawValue;
use uuid::Uuid;

use super::{Context, ready::LIST_AGE};
use crate::{
    db::{
        self, OrgScope, Reason,
        approval::{Actor, Record},
        audit::Intent,
    },
    error::{Error, Result},
    service::{Services, connection},
    upstream::ConnectionSpec,
    vault::Purpose,
};

/// A claim that was won: the right, and the duty, to send once and report.
pub(super) struct Claimed {
    pub(super) record: Record,
    /// The token that proves whose claim it is.
    pub(super) holder: Uuid,
    /// Until when the lease holds, by a monotonic clock read before the claim.
    pub(super) lease_ends: Instant,
    pub(super) spec: Arc<ConnectionSpec>,
    /// The tool's name at the upstream.
    pub(super) upstream_tool: String,
    /// The stored bytes.
    pub(super) arguments: Box<RawValue>,
    /// The record of the call that claimed it.
    pub(super) intent: Intent,
    /// When that call came in.
    pub(super) began: Instant,
}

/// How an attempt ended.
pub(super) enum Claim {
    Won(Box<Claimed>),
    /// Another one has it, or it is no longer approved: look again.
    Lost,
    /// Something it was bound to changed; it is invalidated now.
    Changed(Change),
    /// The upstream cannot be used at the moment; it stays approved.
    Unready(String),
}

/// Claims the approval, unless another call on this replica is just doing so.
pub(super) async fn claim(services: &Arc<Services>, context: &Context, id: ApprovalId) -> Result<Claim> {
    if !services.claiming.lock().insert(id) {
        return Ok(Claim::Lost);
    }
    let _done = Claiming { services, id };
    let Some(target) = target(services, context, id).await? else { return Ok(Claim::Lost) };
    if let Err(reason) = connection::ensure_fresh(services, &target.connection, LIST_AGE).await {
        return Ok(Claim::Unready(reason));
    }
    let spec = connection::spec(services, &target.connection)?;
    attempt(services, context, id, spec, target.upstream_tool).await
}

/// Takes the approval out of the set of those being claimed, and wakes who found it there.
struct Claiming<'a> {
    services: &'a Services,
    id: ApprovalId,
}

impl Drop for Claiming<'_> {
    fn drop(&mut self) {
        self.services.claiming.lock().remove(&self.id);
        self.services.live.wake(self.id);
    }
}

struct Target {
    connection: Arc<domain::directory::Connection>,
    upstream_tool: String,
}

/// Where the approved call goes, from the snapshot; the claim compares it with the locked rows.
async fn target(services: &Services, context: &Context, id: ApprovalId) -> Result<Option<Target>> {
    let mut scope = OrgScope::begin(&services.db, context.org.id).await?;
    let Some(record) = db::approval::get(&mut scope, id).await? else { return Ok(None) };
    drop(scope);
    services.directory.refresh().await?;
    let directory = services.directory.get()?;
    let org = directory.orgs.get(&context.org.slug).ok_or_else(Error::not_found)?;
    let tools = org.toolkits.values().flat_map(|toolkit| &toolkit.tools);
    let tool = tools.into_iter().find(|tool| tool.id == record.binding.toolkit_tool);
    // A tool or connection that is gone is found by the claim itself, which says so: the connection
    // of the request serves until then.
    let connection = org.connections.get(&record.binding.connection).cloned();
    let Some(connection) = connection else { return invalidate_gone(services, context, id).await.map(|()| None) };
    let upstream_tool = tool.map_or_else(String::new, |tool| tool.tool.name.to_string());
    Ok(Some(Target { connection, upstream_tool }))
}

async fn invalidate_gone(services: &Services, context: &Context, id: ApprovalId) -> Result<()> {
    let mut scope = OrgScope::system(&services.db, context.org.id, Reason::Claim).await?;
    if let Some(record) = db::approval::lock(&mut scope, id).await?
        && let State::Approved(approved) = record.state()
    {
        let state = approved.invalidate(Change::Connection, record.read_at);
        db::approval::store(&mut scope, id, Status::Approved, &state, &Actor::System, None).await?;
    }
    scope.commit().await
}

async fn attempt(
    services: &Services,
    context: &Context,
    id: ApprovalId,
    spec: Arc<ConnectionSpec>,
    upstream_tool: String,
) -> Result<Claim> {
    // Read before the claim: by this clock the lease ends no later than by Postgres's.
    let before = Instant::now();
    let holder = Uuid::now_v7();
    let mut scope = OrgScope::system(&services.db, context.org.id, Reason::Claim).await?;
    let Some(record) = db::approval::lock(&mut scope, id).await? else { return Ok(Claim::Lost) };
    let State::Approved(approved) = record.state() else { return Ok(Claim::Lost) };
    let current = db::approval::current(&mut scope, &record.binding).await?;
    if let Some(change) = record.binding.change(&current) {
        let state = approved.invalidate(change, record.read_at);
        if !db::approval::store(&mut scope, id, Status::Approved, &state, &Actor::System, Some(change.message()))
            .await?
        {
            return Ok(Claim::Lost);
        }
        scope.commit().await?;
        return Ok(Claim::Changed(change));
    }
    if upstream_tool.is_empty() {
        // The snapshot did not have the tool and the rows do: look again with a newer one.
        return Ok(Claim::Lost);
    }
    let (sealed, _) = db::approval::bodies(&mut scope, id)
        .await?
        .ok_or_else(|| Error::internal(format!("approval_bodies {id}: an approved call has no arguments")))?;
    let arguments =
        services.vault.open(Purpose::ApprovalArguments, id.0.as_bytes(), &sealed).map_err(Error::internal)?;
    let arguments = String::from_utf8(arguments).map_err(Error::internal)?;
    let arguments = RawValue::from_string(arguments).map_err(Error::internal)?;

    let now = db::approval::now(&mut scope).await?;
    let lease = chrono::TimeDelta::from_std(services.lease).map_err(Error::internal)?;
    let state = State::Executing(approved.claim(holder, now + lease));
    let actor = Actor::Principal(context.caller.principal, context.caller.name.to_string());
    if !db::approval::store(&mut scope, id, Status::Approved, &state, &actor, None).await? {
        return Ok(Claim::Lost);
    }
    let intent = Intent { approval: Some(id), rule: Some(record.rule.clone()), ..context.intent.clone() };
    db::audit::insert(scope.conn(), &[&intent], &[]).await?;
    let claimed = Claimed {
        record,
        holder,
        lease_ends: before + services.lease,
        spec,
        upstream_tool,
        arguments,
        intent,
        began: context.began,
    };
    if let Err(error) = scope.commit().await {
        // Perhaps it was committed. Nothing was sent, so it may go back; if that fails too, the
        // lease lapses and a person is asked.
        super::settle::release_unsent(services, &claimed).await;
        return Err(error);
    }
    Ok(Claim::Won(Box::new(claimed)))
}

/// The margin below which a dispatcher sends nothing (approvals.md, "The lease").
pub(super) const MARGIN: Duration = Duration::from_secs(5);
