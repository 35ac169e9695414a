//! Holding a call: open an approval or join the one that an identical call opened, then go on from
//! where it is in its life (approvals.md, "What the agent sees", 4 and 5).

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use domain::{
    ApprovalId, Rule, ToolkitToolId,
    approval::{Binding, Settled, State, Status},
};
use wire::mcp::CallParams;

use super::{
    Context, Reply,
    claim::{self, Claim},
    dispatch,
    ready::Ready,
    replay, say,
};
use crate::{
    audit::text,
    db::{
        self, OrgScope, Reason,
        approval::{Actor, New, Record},
    },
    error::{Error, Result},
    service::Services,
    vault::Purpose,
};

/// How many approvals of one caller may be open at once (approvals.md, "Too much").
const MAX_OPEN: i64 = 20;
/// How large the arguments of a held call may be, in bytes.
pub(super) const MAX_ARGUMENTS: usize = 256 * 1024;
/// How much of the agent's own reason is kept, in characters.
const MAX_REASON: usize = 2_000;

/// Opens or joins, and answers from the approval's state.
pub(super) async fn hold(
    services: &Arc<Services>,
    ready: &Ready,
    params: &CallParams<'_>,
    rule: Rule,
) -> Result<Reply> {
    loop {
        let record = match open_or_join(services, ready, params, &rule).await? {
            Joined::Approval(record) => record,
            Joined::Refused(reply) => return Ok(reply),
            Joined::Again => continue,
        };
        if let Some(reply) = advance(services, &ready.context, *record).await? {
            return Ok(if reply.rule.is_none() { reply.rule(&rule) } else { reply });
        }
    }
}

/// Answers from the state of an approval that this caller asked for. `None`: it changed meanwhile,
/// look again.
pub(super) async fn advance(services: &Arc<Services>, context: &Context, record: Record) -> Result<Option<Reply>> {
    let id = record.id;
    Ok(Some(match record.state() {
        State::Pending(_) => say::pending(services, context, &record),
        State::Approved(_) => match claim::claim(services, context, id).await? {
            Claim::Won(claimed) => return dispatch::dispatch(services, context, *claimed).await.map(Some),
            Claim::Changed(change) => say::invalidated(&record, change),
            Claim::Unready(reason) => say::unready(&record, &reason),
            Claim::Lost => {
                wait(services, id).await;
                return Ok(None);
            }
        },
        State::Executing(_) => {
            wait_while_executing(services, context, id).await?;
            return Ok(None);
        }
        State::Executed(executed) if matches!(executed.by, Settled::Person(_)) => {
            say::settled_executed(&record, &executed)
        }
        State::Executed(executed) => replay::replay(services, &record, &executed).await?,
        State::OutcomeUnknown(_) => say::outcome_unknown(services, context, &record),
        State::Rejected(decision) => say::rejected(&record, &decision),
        State::Expired(_) => say::expired(&record),
        State::Invalidated { change, .. } => say::invalidated(&record, change),
        State::Withdrawn { .. } => say::withdrawn(&record),
        State::NotExecuted { .. } => say::settled_not_executed(&record),
    }))
}

async fn wait(services: &Services, id: ApprovalId) {
    services.live.watch(id).changed().await;
}

/// Waits until an executing approval is something else: its lease ends that at the latest.
async fn wait_while_executing(services: &Services, context: &Context, id: ApprovalId) -> Result<()> {
    let began = Instant::now();
    let mut waiter = services.live.watch(id);
    loop {
        let mut scope = OrgScope::begin(&services.db, context.org.id).await?;
        let record = db::approval::get(&mut scope, id).await?;
        drop(scope);
        let executing = record.is_some_and(|record| record.state().status() == Status::Executing);
        if !executing || began.elapsed() > Duration::from_secs(3_600) {
            return Ok(());
        }
        waiter.changed().await;
    }
}

/// The approval that an identical call of this caller would join.
pub(super) async fn find_identical(
    services: &Services,
    context: &Context,
    tool: ToolkitToolId,
    arguments_sha256: &[u8; 32],
) -> Result<Option<Record>> {
    let mut scope = OrgScope::begin(&services.db, context.org.id).await?;
    db::approval::find_identical(&mut scope, context.caller.principal, tool, arguments_sha256).await
}

enum Joined {
    Approval(Box<Record>),
    Refused(Reply),
    /// Somebody else opened one at the same moment.
    Again,
}

async fn open_or_join(services: &Services, ready: &Ready, params: &CallParams<'_>, rule: &Rule) -> Result<Joined> {
    let context = &ready.context;
    let found = find_identical(services, context, ready.tool.id, &ready.arguments_sha256).await?;
    if let Some(record) = found.as_ref().filter(|record| is_joined(record, ready)) {
        return Ok(Joined::Approval(Box::new(record.clone())));
    }
    let size = params.arguments.get().len();
    if size > MAX_ARGUMENTS {
        return Ok(Joined::Refused(say::too_large(size)));
    }
    open(services, ready, params, rule, found).await
}

/// Whether a call joins this approval, or gets its answer, instead of opening a new one.
fn is_joined(record: &Record, ready: &Ready) -> bool {
    let now = record.read_at;
    match record.state() {
        // A request whose tool has changed would only be found invalid at the decision: ask anew.
        State::Pending(_) => still_bound(&record.binding, ready),
        State::Approved(_) | State::Executing(_) | State::OutcomeUnknown(_) => true,
        State::Executed(executed) => now < executed.replay_until(),
        State::Rejected(decision) => now < decision.at + domain::approval::state::REJECTED_AGAIN,
        _ => false,
    }
}

fn still_bound(binding: &Binding, ready: &Ready) -> bool {
    *binding == binding_of(ready)
}

fn binding_of(ready: &Ready) -> Binding {
    let Ready { context, tool, connection, arguments_sha256 } = ready;
    Binding {
        caller: context.caller.principal,
        role: context.caller.role,
        owner: context.caller.owner,
        toolkit_tool: tool.id,
        arguments_sha256: *arguments_sha256,
        definition_sha256: tool.tool.seen_sha256,
        connection: connection.id,
        connection_version: connection.version,
    }
}

/// Opens a request, after tidying what stands in its way.
async fn open(
    services: &Services,
    ready: &Ready,
    params: &CallParams<'_>,
    rule: &Rule,
    before: Option<Record>,
) -> Result<Joined> {
    let context = &ready.context;
    let mut scope = OrgScope::system(&services.db, context.org.id, Reason::Claim).await?;
    db::approval::lock_caller(&mut scope, context.caller.principal).await?;
    if let Some(before) = before
        && !clear_the_way(&mut scope, before.id).await?
    {
        return Ok(Joined::Again);
    }
    if db::approval::count_open(&mut scope, context.caller.principal).await? >= MAX_OPEN {
        return Ok(Joined::Refused(say::too_many(MAX_OPEN)));
    }
    let id = ApprovalId::new();
    let policy = ready.tool.approval_policy(&context.toolkit, &context.org);
    let now = db::approval::now(&mut scope).await?;
    let State::Pending(pending) = State::open(&policy, now) else {
        return Err(Error::internal("a new approval waits"));
    };
    let sealed = services.vault.seal(Purpose::ApprovalArguments, id.0.as_bytes(), params.arguments.get().as_bytes());
    let reason = params.meta.reason.as_deref().map(|reason| text(&reason.chars().take(MAX_REASON).collect::<String>()));
    let new = New {
        id,
        binding: &binding_of(ready),
        caller_org: context.caller.org,
        caller_name: &context.caller.name,
        client: context.client.as_deref(),
        toolkit: context.toolkit.slug.as_str(),
        tool: &ready.tool.name,
        definition: &ready.tool.tool.definition,
        rule: &rule.to_string(),
        agent_reason: reason.as_deref(),
        arguments_size: params.arguments.get().len(),
        arguments_sealed: &sealed,
        expires_at: pending.expires_at,
    };
    if !db::approval::insert(&mut scope, &new).await? {
        return Ok(Joined::Again);
    }
    let actor = Actor::Principal(context.caller.principal, context.caller.name.to_string());
    db::approval::insert_event(&mut scope, id, None, Status::Pending, &actor, Some(new.rule)).await?;
    let record = db::approval::get(&mut scope, id).await?.ok_or_else(Error::not_found)?;
    scope.commit().await?;
    metrics::counter!("permesso_approvals_opened_total").increment(1);
    Ok(Joined::Approval(Box::new(record)))
}

/// Takes an approval that the new one would collide with out of the open states, where it no longer
/// belongs there: its deadline passed, or what it is bound to changed. `false`: it moved meanwhile.
async fn clear_the_way(scope: &mut OrgScope, id: ApprovalId) -> Result<bool> {
    let Some(record) = db::approval::lock(scope, id).await? else { return Ok(true) };
    let stored = record.stored.status();
    if !stored.is_open() {
        return Ok(true);
    }
    let next = match record.state() {
        expired @ State::Expired(_) => expired,
        State::Pending(pending) => match record.binding.change(&db::approval::current(scope, &record.binding).await?) {
            Some(change) => pending.invalidate(change, record.read_at),
            None => return Ok(false),
        },
        _ => return Ok(false),
    };
    db::approval::store(scope, id, stored, &next, &Actor::System, None).await
}
