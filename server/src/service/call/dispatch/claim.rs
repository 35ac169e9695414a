//! Claiming an approved call: one transaction that checks, against locked rows, that everything the
//! approval is bound to still holds, takes the lease and makes the intent durable (approvals.md,
//! promises 1 and 2). Nothing is sent here.

use std::{sync::Arc, time::Instant};

use domain::{
    ApprovalId, OrgId,
    approval::{Change, Executing, State, Status},
    directory::Connection,
};
use serde_json::value::RawValue;
use uuid::Uuid;

use super::{
    super::{
        input::Round,
        ready::{self, LIST_AGE},
    },
    claimed::{Claim, Claimant, Claimed},
    report,
};
use crate::{
    db::{
        self, OrgScope, Reason,
        approval::{Actor, Record},
        audit::Intent,
    },
    error::{Error, Result},
    seal::Purpose,
    service::{Base, Calls, approval::bound, catalog::connection},
    upstream::ConnectionSpec,
};

/// Claims the approval, unless another call on this replica is claiming it right now.
pub(super) async fn claim(services: &Calls, claimant: &Claimant, id: ApprovalId) -> Result<Claim> {
    let Some(_turn) = Turn::take(services, id) else { return Ok(Claim::Busy) };
    services.directory.refresh().await?;
    let Some(connection) = connection_of(services, claimant, id).await? else {
        return Ok(undone(services, claimant.org, id).await?.map_or(Claim::Lost, Claim::Changed));
    };
    if let Err(reason) = connection::ensure_fresh(services, &connection, LIST_AGE).await {
        // A connection switched off or reconfigured since then invalidates the approval; a retry would not help.
        return Ok(undone(services, claimant.org, id).await?.map_or(Claim::Unready(reason), Claim::Changed));
    }
    let spec = connection::spec(services, &connection)?;
    attempt(services, claimant, id, spec).await
}

/// Lets one call at a time on this replica claim an approval. Dropping it wakes the calls that came meanwhile.
pub(super) struct Turn<'a> {
    services: &'a Calls,
    id: ApprovalId,
}

impl<'a> Turn<'a> {
    pub(super) fn take(services: &'a Calls, id: ApprovalId) -> Option<Self> {
        if !services.claiming.lock().insert(id) {
            return None;
        }
        Some(Self { services, id })
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.services.claiming.lock().remove(&self.id);
        self.services.live.wake(self.id);
    }
}

/// The connection that the approved call goes to, from the directory; the claim compares its version
/// with the locked rows.
pub(super) async fn connection_of(
    services: &Base,
    claimant: &Claimant,
    id: ApprovalId,
) -> Result<Option<Arc<Connection>>> {
    let mut scope = OrgScope::begin(&services.db.calls, claimant.org).await?;
    let Some(record) = db::approval::get(&mut scope, id).await? else { return Ok(None) };
    drop(scope);
    let org = services.directory.org(claimant.org).await?.ok_or_else(Error::not_found)?;
    Ok(org.connections.get(&record.binding.connection).cloned())
}

/// Invalidates the approval if something it is bound to changed, and says what.
async fn undone(services: &Base, org: OrgId, id: ApprovalId) -> Result<Option<Change>> {
    let mut scope = OrgScope::system(&services.db.calls, org, Reason::Callers).await?;
    let Some(record) = db::approval::lock(&mut scope, id).await? else { return Ok(None) };
    let State::Approved(_) = record.state() else { return Ok(None) };
    let change = bound::invalidate(services, &mut scope, &record).await?;
    scope.commit().await?;
    Ok(change)
}

async fn attempt(services: &Calls, claimant: &Claimant, id: ApprovalId, spec: Arc<ConnectionSpec>) -> Result<Claim> {
    let mut scope = OrgScope::system(&services.db.calls, claimant.org, Reason::Callers).await?;
    // Read before the claim and after the wait for a connection, so that the lease ends no later by this clock than by
    // Postgres's.
    let before = Instant::now();
    let Some(record) = db::approval::lock(&mut scope, id).await? else { return Ok(Claim::Lost) };
    let State::Approved(approved) = record.state() else { return Ok(Claim::Lost) };
    let waiting = db::task::count_open(&mut scope, id).await? > 0;
    if claimant.only_for_task && !waiting {
        return Ok(Claim::Lost);
    }
    let current = bound::current(services, &mut scope, &record).await?;
    if let Some(change) = record.binding.change(&current) {
        let invalidated = bound::undo(&mut scope, &record, change).await?;
        scope.commit().await?;
        return Ok(if invalidated { Claim::Changed(change) } else { Claim::Lost });
    }
    // The locked rows define what is sent; a configuration older than the rows is not used.
    let Some(tool) = current.tool.filter(|_| spec.version == record.binding.connection_version) else {
        return Ok(Claim::Lost);
    };
    let now = db::approval::now(&mut scope).await?;
    let lease = chrono::TimeDelta::from_std(services.lease).map_err(Error::internal)?;
    let next = approved.claim(Uuid::now_v7(), now + lease);
    let winning = Winning { from: Status::Approved, next, before, tool: tool.name, spec, round: None };
    win(services, &Claimant { tasks: claimant.tasks || waiting, ..claimant.clone() }, scope, record, winning).await
}

/// A claim about to be made.
pub(super) struct Winning {
    /// The state of the locked row.
    pub(super) from: Status,
    pub(super) next: Executing,
    /// A monotonic clock, read before the claim.
    pub(super) before: Instant,
    /// The tool's name at the upstream.
    pub(super) tool: String,
    pub(super) spec: Arc<ConnectionSpec>,
    pub(super) round: Option<Round>,
}

/// Makes a claim and its intent durable in one transaction.
pub(super) async fn win(
    services: &Calls,
    claimant: &Claimant,
    mut scope: OrgScope,
    record: Record,
    winning: Winning,
) -> Result<Claim> {
    let Winning { from, next, before, tool, spec, round } = winning;
    let id = record.id;
    let arguments = arguments(services, &mut scope, id).await?;
    let (definition, _) = db::approval::definitions(&mut scope, id).await?;
    let holder = next.holder();
    let actor = Actor::Principal(claimant.principal, claimant.name.clone());
    let note = round.as_ref().map(|_| "goes on with the input that was asked for");
    if !db::approval::store(&mut scope, id, from, &State::Executing(next), &actor, note).await? {
        return Ok(Claim::Lost);
    }
    let intent = Intent { approval: Some(id), rule: Some(record.rule.clone()), ..claimant.intent.clone() };
    db::audit::insert(scope.conn(), &[&intent], &[]).await?;
    let claimed = Claimed {
        param_headers: ready::param_headers(&definition, &arguments),
        record,
        holder,
        lease_ends: before + services.lease,
        spec,
        upstream_tool: tool,
        arguments,
        intent,
        began: claimant.began,
        trace: claimant.trace.clone(),
        progress: claimant.progress.clone(),
        load: claimant.load.clone(),
        tasks: claimant.tasks,
        inputs: claimant.inputs,
        round,
    };
    if let Err(error) = scope.commit().await {
        // The claim may have been committed. Nothing was sent, so it can be released; if that fails too, the lease
        // lapses and a person is asked.
        report::release_unsent(services, &claimed).await;
        return Err(error);
    }
    Ok(Claim::Won(Box::new(claimed)))
}

/// The stored bytes of the requested arguments.
pub(super) async fn arguments(services: &Base, scope: &mut OrgScope, id: ApprovalId) -> Result<Box<RawValue>> {
    let (sealed, _) = db::approval::bodies(scope, id)
        .await?
        .ok_or_else(|| Error::internal(format!("approval_bodies {id}: an approved call has no arguments")))?;
    let bytes = services.sealer.open(Purpose::ApprovalArguments, id.0.as_bytes(), &sealed).map_err(Error::internal)?;
    let text = String::from_utf8(bytes).map_err(Error::internal)?;
    RawValue::from_string(text).map_err(Error::internal)
}
