//! Holding a call: opens an approval or joins the one that an identical call opened.

use std::sync::Arc;

use domain::{
    ApprovalId, Permission, Rule,
    approval::{Binding, Current, State, Status, state::REJECTED_AGAIN},
};
use uuid::Uuid;
use wire::mcp::CallParams;

use super::{
    super::{once::Taken, outcome::Reply, ready::Ready, say},
    follow::join,
};
use crate::{
    audit::text,
    db::{
        self, OrgScope, Reason,
        approval::{Actor, New, Record},
        idempotent_call::For,
    },
    directory::Validation,
    error::{Error, Result},
    metrics,
    seal::Purpose,
    service::{Calls, approval::bound},
};

/// How much of the agent's own reason is kept, in characters.
const MAX_REASON: usize = 2_000;

/// Opens or joins an approval, and answers from its state. `None`: the configuration is newer than the one the call was
/// decided on, or the request was withdrawn just then; decide again.
pub(in crate::service::call) async fn hold(
    services: &Arc<Calls>,
    ready: &Ready,
    params: &CallParams<'_>,
    rule: &Rule,
) -> Result<Option<Reply>> {
    let key = match &ready.context.once {
        Some(once) => {
            let holder = Uuid::now_v7();
            match once.take(services, holder, For::Opening).await? {
                Taken::Ours => Some((once, holder)),
                Taken::Theirs => return Ok(None),
                Taken::TooMany => return Ok(Some(say::too_many_keys())),
            }
        }
        None => None,
    };
    let opened = opened(services, ready, params, rule).await;
    if let Some((once, holder)) = key {
        match &opened {
            Ok(Ok(record)) => match once.bind(services, holder, record.id).await {
                Ok(true) => {}
                // The key is another call's by now: what is known of it decides.
                Ok(false) => return Ok(None),
                // The request stands without its key: the same call joins it all the same.
                Err(error) => {
                    error.log();
                    once.release(services, holder);
                }
            },
            Ok(Err(_)) | Err(_) => {
                if once.give_back(services, holder).await.is_err() {
                    once.release(services, holder);
                }
            }
        }
    }
    let record = match opened? {
        Ok(record) => record,
        Err(reply) => return Ok(reply),
    };
    let reply = join(services, &ready.context, *record).await?;
    Ok(reply.map(|reply| if reply.rule.is_none() { reply.rule(rule) } else { reply }))
}

/// The approval that was opened or joined; else the reply, if the call is not to be decided again.
async fn opened(
    services: &Calls,
    ready: &Ready,
    params: &CallParams<'_>,
    rule: &Rule,
) -> Result<std::result::Result<Box<Record>, Option<Reply>>> {
    loop {
        match open_or_join(services, ready, params, rule).await? {
            Joined::Approval(record) => return Ok(Ok(record)),
            Joined::Refused(reply) => return Ok(Err(Some(reply))),
            Joined::Again => {}
            Joined::Stale => {
                services.directory.refresh().await?;
                return Ok(Err(None));
            }
        }
    }
}

enum Joined {
    Approval(Box<Record>),
    Refused(Reply),
    /// Another call opened one at the same moment.
    Again,
    /// The rows differ from the configuration that the call was decided on.
    Stale,
}

async fn open_or_join(services: &Calls, ready: &Ready, params: &CallParams<'_>, rule: &Rule) -> Result<Joined> {
    let context = &ready.context;
    let found = context.find_identical(services, ready.tool.id, &ready.arguments_sha256).await?;
    if let Some(record) = found.filter(|record| is_joined(record, ready)) {
        return Ok(Joined::Approval(Box::new(record)));
    }
    let size = params.arguments.get().len();
    if size > services.limits.held_argument_bytes {
        return Ok(Joined::Refused(say::too_large(size, services.limits.held_argument_bytes)));
    }
    open(services, ready, params, rule).await
}

/// Whether a call joins this approval, or gets its answer, instead of opening a new one.
fn is_joined(record: &Record, ready: &Ready) -> bool {
    let now = record.read_at;
    match record.state() {
        // A request whose tool has changed would only be found invalid at the decision: open a new one.
        State::Pending(_) => still_bound(&record.binding, ready),
        State::Approved(_) | State::Executing(_) | State::OutcomeUnknown(_) => true,
        State::Executed(executed) => now < executed.replay_until(),
        State::Rejected { decision, .. } => now < decision.at + REJECTED_AGAIN,
        State::Withdrawn { at, taken_back: Some(_), .. } => now < at + REJECTED_AGAIN,
        _ => false,
    }
}

fn still_bound(binding: &Binding, ready: &Ready) -> bool {
    *binding == binding_of(ready)
}

fn binding_of(ready: &Ready) -> Binding {
    let Ready { context, tool, connection, arguments_sha256, .. } = ready;
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

/// Opens a request, after clearing a stale one that is in its way.
async fn open(services: &Calls, ready: &Ready, params: &CallParams<'_>, rule: &Rule) -> Result<Joined> {
    let context = &ready.context;
    // One at a time for each caller: the cost of checking arguments is bounded, but not small.
    let busy = "so many calls of yours are just being held that this one had no turn; nothing was done, try again";
    let turn = services.opening.of(context.caller.principal).await;
    let _turn = turn.ok_or_else(|| Error::unavailable(busy))?;
    let checked = match services.directory.schemas.check(&ready.tool.tool, params.arguments).await {
        Validation::Fits(checked) => checked,
        Validation::Wrong(problems) => return Ok(Joined::Refused(say::unfitting(problems))),
    };
    let mut scope = OrgScope::system(&services.db.calls, context.org.id, Reason::Callers).await?;
    db::approval::lock_caller(&mut scope, context.caller.principal).await?;
    let binding = binding_of(ready);
    if is_stale(&binding, &db::approval::current(&mut scope, &binding).await?, rule) {
        return Ok(Joined::Stale);
    }
    // Another call of this caller may have opened one meanwhile, and it may have run already. Under the caller's lock,
    // what is found here stays true.
    let tool = ready.tool.id;
    let before =
        db::approval::find_identical(&mut scope, context.caller.principal, tool, &ready.arguments_sha256).await?;
    if let Some(record) = before.as_ref().filter(|record| is_joined(record, ready)) {
        return Ok(Joined::Approval(Box::new(record.clone())));
    }
    if let Some(before) = before {
        match clear_the_way(&mut scope, before.id).await? {
            Way::Clear => {}
            Way::Joins(record) => return Ok(Joined::Approval(record)),
            Way::Moved => return Ok(Joined::Again),
        }
    }
    if let Some(open) = bound::in_the_way(services, &mut scope, context.caller.principal).await? {
        return Ok(Joined::Refused(say::too_many(open, services.limits.open_approvals)));
    }
    let id = ApprovalId::new();
    let policy = ready.tool.approval_policy(&context.toolkit, &context.org);
    let now = db::approval::now(&mut scope).await?;
    let pending = State::open(&policy, now);
    let sealed = services.sealer.seal(Purpose::ApprovalArguments, id.0.as_bytes(), params.arguments.get().as_bytes());
    let reason = params.meta.reason.as_deref().map(|reason| text(&reason.chars().take(MAX_REASON).collect::<String>()));
    let new = New {
        id,
        binding: &binding,
        caller_org: context.caller.org,
        caller_name: &context.caller.name,
        client: context.client.as_deref(),
        toolkit: context.toolkit.slug.as_str(),
        tool: &ready.tool.name,
        definition: &ready.tool.tool.definition,
        checked: &checked,
        rule: &rule.to_string(),
        agent_reason: reason.as_deref(),
        arguments_size: params.arguments.get().len(),
        arguments_sealed: &sealed,
        expires_at: pending.expires_at(),
        called: !context.tasks,
    };
    if !db::approval::insert(&mut scope, &new).await? {
        return Ok(Joined::Again);
    }
    let actor = Actor::Principal(context.caller.principal, context.caller.name.to_string());
    db::approval::insert_event(&mut scope, id, None, Status::Pending, &actor, Some(new.rule)).await?;
    let record = db::approval::get(&mut scope, id).await?.ok_or_else(Error::not_found)?;
    scope.commit().await?;
    metrics::approval_opened();
    Ok(Joined::Approval(Box::new(record)))
}

/// Whether the locked rows contradict the configuration that the call was decided on: something that the approval would be
/// bound to has changed, or the call would no longer be held.
fn is_stale(binding: &Binding, current: &Current, rule: &Rule) -> bool {
    let allowed = current.tool.as_ref().is_some_and(|tool| tool.permission == Permission::AlwaysAllow);
    let by_permission = matches!(rule, Rule::Default(_) | Rule::Role { .. });
    binding.change(current).is_some() || (allowed && by_permission)
}

/// The approval that a new one would collide with.
enum Way {
    Clear,
    /// It still holds: the call joins it.
    Joins(Box<Record>),
    /// It changed meanwhile: read it again.
    Moved,
}

/// Closes an approval that a new one would collide with, if it should no longer be open: its deadline passed, or
/// something that it is bound to changed.
async fn clear_the_way(scope: &mut OrgScope, id: ApprovalId) -> Result<Way> {
    let Some(record) = db::approval::lock(scope, id).await? else { return Ok(Way::Clear) };
    let stored = record.stored.status();
    if !stored.is_open() {
        return Ok(Way::Clear);
    }
    let (next, note) = match record.state() {
        expired @ State::Expired(_) => (expired, None),
        State::Pending(pending) => match record.binding.change(&db::approval::current(scope, &record.binding).await?) {
            Some(change) => (pending.invalidate(change, record.read_at), Some(change.message())),
            None => return Ok(Way::Joins(Box::new(record))),
        },
        _ => return Ok(Way::Joins(Box::new(record))),
    };
    let cleared = db::approval::store(scope, id, stored, &next, &Actor::System, note).await?;
    Ok(if cleared { Way::Clear } else { Way::Moved })
}
