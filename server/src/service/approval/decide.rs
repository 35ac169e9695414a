//! Deciding and settling: by a person, on what they saw, while everything still holds (approvals.md,
//! promise 6 and "Who may decide").

use chrono::TimeDelta;
use domain::{
    ApprovalId, ApprovalPolicy, Principal, UserId,
    approval::{Decider, Decision, Own, Refusal, Seen, State, Status, may_decide},
};
use serde_json::json;

use super::{
    bound,
    policy::{people, policy_now},
};
use crate::{
    db::{
        self, OrgScope, Reason,
        approval::{Actor, Record},
    },
    error::{Error, Kind, Result},
    metrics,
    seal::Purpose,
    service::{
        Base,
        access::OrgAccess,
        change,
        reason::{check_reason, check_said},
    },
};

/// What a person decides.
#[derive(Clone, Debug)]
pub enum Verdict {
    /// It may run, once.
    Approve {
        /// A word to the record.
        reason: Option<String>,
    },
    /// It may not; the agent reads the reason word for word.
    Reject {
        /// Why.
        reason: String,
    },
}

impl Verdict {
    fn action(&self) -> &'static str {
        match self {
            Self::Approve { .. } => "approve_approval",
            Self::Reject { .. } => "reject_approval",
        }
    }

    fn reason(&self) -> Option<String> {
        match self {
            Self::Approve { reason } => reason.clone(),
            Self::Reject { reason } => Some(reason.clone()),
        }
    }
}

/// Decides an approval. Repeating one's own decision changes nothing.
///
/// # Errors
/// Not found; `person_required`; forbidden (not an approver, one's own request); 409 when what was
/// seen is not current, when something it is bound to changed (it is invalidated then), when it is
/// no longer open, or when an identical request is.
pub async fn decide(
    services: &Base,
    access: &OrgAccess,
    id: ApprovalId,
    seen: Seen,
    verdict: &Verdict,
) -> Result<Record> {
    access.actor.person()?;
    match verdict {
        Verdict::Approve { reason } => check_reason("reason", reason.as_deref())?,
        Verdict::Reject { reason } => check_said("reason", reason, "must say why: the agent reads it")?,
    }
    let Opened { mut scope, record, person, policy, own } = open(services, access, id).await?;
    if is_repeated(&record, person, verdict) {
        return Ok(record);
    }
    if record.binding.arguments_sha256 != seen.arguments_sha256 || !has_seen(&mut scope, &record, &seen).await? {
        return Err(refusal(services, Refusal::StaleView));
    }
    let record = tidied(services, &mut scope, record).await?;
    let (mut scope, record) = still_bound(services, access, scope, record).await?;
    let decision = Decision { by: person, at: record.read_at, reason: verdict.reason() };
    let next = next_state(&mut scope, &record, verdict, decision, &policy).await?;
    let actor = Actor::Principal(Principal::User(person), access.actor.name.to_string());
    let from = record.stored.status();
    if !db::approval::store(&mut scope, id, from, &next, &actor, verdict.reason().as_deref()).await? {
        // The deadline passed between reading and writing.
        return Err(not_open(Status::Expired));
    }
    if people(&own).contains(&person) && matches!(verdict, Verdict::Approve { .. }) {
        mark_own_rule(services, &mut scope, access, &record, person).await?;
    }
    let request = json!({
        "approval_id": id.0,
        "tool": record.tool,
        "arguments_sha256": hex::encode(seen.arguments_sha256),
        "definition_sha256": hex::encode(seen.definition_sha256),
        "reason": verdict.reason(),
    });
    finish(services, scope, access, verdict.action(), &request, id).await
}

/// A request that somebody may decide, locked.
pub(super) struct Opened {
    pub(super) scope: OrgScope,
    pub(super) record: Record,
    /// Who may.
    pub(super) person: UserId,
    pub(super) policy: ApprovalPolicy,
    /// Those whose request it is.
    pub(super) own: Vec<(UserId, Own)>,
}

/// Begins to do what only somebody may do who may decide.
pub(super) async fn open(services: &Base, access: &OrgAccess, id: ApprovalId) -> Result<Opened> {
    let person = access.actor.person()?;
    let mut scope = change::begin_across(services, access, Reason::Callers).await?;
    let record = db::approval::lock(&mut scope, id).await?.ok_or_else(Error::not_found)?;
    let policy = policy_now(services, &mut scope, &record).await?;
    let own = db::approval::own_people(&mut scope, &record.binding).await?;
    let decider = Decider { user: person, role: &access.role_name, rights: &access.rights };
    may_decide(&decider, &policy, &people(&own)).map_err(|why| refusal(services, why))?;
    Ok(Opened { scope, record, person, policy, own })
}

/// Goes on if nothing it is bound to has changed. A request that waits is invalidated else.
pub(super) async fn still_bound(
    services: &Base,
    access: &OrgAccess,
    mut scope: OrgScope,
    record: Record,
) -> Result<(OrgScope, Record)> {
    if let State::Invalidated { change, .. } = record.stored {
        return Err(bound::undone(change));
    }
    let current = db::approval::current(&mut scope, &record.binding).await?;
    let Some(what) = record.binding.change(&current) else { return Ok((scope, record)) };
    if let State::Pending(_) = record.stored {
        bound::undo(&mut scope, &record, what).await?;
        let about = json!({"approval_id": record.id.0, "change": what.as_str()});
        change::commit(services, scope, &access.actor, "invalidate_approval", &about, None::<&()>).await?;
    }
    Err(bound::undone(what))
}

/// Whether the definition that was looked at is the request's, by its hash or that of its normalised form.
async fn has_seen(scope: &mut OrgScope, record: &Record, seen: &Seen) -> Result<bool> {
    if record.binding.definition_sha256 == seen.definition_sha256 {
        return Ok(true);
    }
    let (definition, _) = db::approval::definitions(scope, record.id).await?;
    Ok(wire::definition::normal_sha256(&definition).is_ok_and(|normal| normal == seen.definition_sha256))
}

/// How long after having a say in the rule one's approval of one's own request is marked in the record, at least.
const OWN_RULE: TimeDelta = TimeDelta::hours(24);

/// Puts on record that somebody who approves their own request had a say in whether that is allowed, since the request
/// or a day before now: alone they could allow it, approve, and forbid it again.
async fn mark_own_rule(
    services: &Base,
    scope: &mut OrgScope,
    access: &OrgAccess,
    record: &Record,
    person: UserId,
) -> Result<()> {
    let since = record.created_at.min(record.read_at - OWN_RULE);
    let tool = record.binding.toolkit_tool;
    let Some(say) = db::approval::self_approval_say(scope, tool, person, since).await? else { return Ok(()) };
    let request = json!({
        "approval_id": record.id.0,
        "tool": record.tool,
        "policy_of": say.level,
        "policy_changed_at": say.at,
    });
    let about = change::About { approval: Some(record.id) };
    let action = "self_approved_after_policy_change";
    change::record(services, scope, Some(&access.actor), action, &request, None::<&()>, &about).await
}

/// Settles an approved call whose outcome is not known, or that asks for input, after looking what became of it.
///
/// # Errors
/// Not found; forbidden; 409 when it is neither, or before one call time limit after its lease.
pub async fn settle(services: &Base, access: &OrgAccess, id: ApprovalId, executed: bool, note: &str) -> Result<Record> {
    access.actor.person()?;
    check_said("note", note, "must say how you found out")?;
    let Opened { mut scope, record, person, .. } = open(services, access, id).await?;
    let record = tidied(services, &mut scope, record).await?;
    let state = record.state();
    let limit = access.org.connections.get(&record.binding.connection).map_or(120_000, |c| c.call_timeout_ms);
    let Some(from) = state.settle_from(TimeDelta::milliseconds(limit.into()), record.read_at) else {
        return Err(not_open(state.status()));
    };
    let unknown = match state {
        State::OutcomeUnknown(unknown) => unknown,
        State::Executing(executing) => {
            let unknown = executing.lose_contact();
            let lost = State::OutcomeUnknown(unknown.clone());
            let note = Some("nobody gave the input that was asked for");
            db::approval::store(&mut scope, id, Status::Executing, &lost, &Actor::System, note).await?;
            unknown
        }
        _ => return Err(not_open(state.status())),
    };
    if record.read_at < from {
        return Err(Error::conflict(
            "too_early",
            format!(
                "the answer may still come; settling opens at {}",
                from.to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
            ),
        ));
    }
    let next = if executed {
        State::Executed(unknown.settle_executed(person, record.read_at))
    } else {
        unknown.settle_not_executed(person, record.read_at)
    };
    let actor = Actor::Principal(Principal::User(person), access.actor.name.to_string());
    if !db::approval::store(&mut scope, id, Status::OutcomeUnknown, &next, &actor, Some(note)).await? {
        return Err(Error::internal(format!("approvals {id}: a locked row moved")));
    }
    let request = json!({"approval_id": id.0, "tool": record.tool, "outcome": next.status().as_str(), "note": note});
    finish(services, scope, access, "settle_approval", &request, id).await
}

/// Records, commits, wakes, and reads what is there now.
pub(super) async fn finish(
    services: &Base,
    mut scope: OrgScope,
    access: &OrgAccess,
    action: &'static str,
    request: &serde_json::Value,
    id: ApprovalId,
) -> Result<Record> {
    let about = change::About { approval: Some(id) };
    change::record(services, &mut scope, Some(&access.actor), action, request, None::<&()>, &about).await?;
    let record = db::approval::get(&mut scope, id).await?.ok_or_else(Error::not_found)?;
    scope.commit().await?;
    services.live.wake(id);
    metrics::approval_decided(action);
    Ok(record)
}

/// The stored arguments, for who may see approvals. `None` once they are erased.
///
/// # Errors
/// When Postgres cannot be reached, or they were sealed under another master key.
pub async fn arguments(services: &Base, access: &OrgAccess, id: ApprovalId) -> Result<Option<String>> {
    let mut scope = OrgScope::begin(&services.db.people, access.org.id).await?;
    let Some((sealed, _)) = db::approval::bodies(&mut scope, id).await? else { return Ok(None) };
    let bytes = services.sealer.open(Purpose::ApprovalArguments, id.0.as_bytes(), &sealed).map_err(Error::internal)?;
    String::from_utf8(bytes).map(Some).map_err(Error::internal)
}

async fn next_state(
    scope: &mut OrgScope,
    record: &Record,
    verdict: &Verdict,
    decision: Decision,
    policy: &ApprovalPolicy,
) -> Result<State> {
    match (record.stored.clone(), verdict) {
        (State::Pending(pending), Verdict::Approve { .. }) => Ok(State::Approved(pending.approve(decision, policy))),
        (State::Pending(pending), Verdict::Reject { .. }) => Ok(pending.reject(decision)),
        (State::Expired(expired), Verdict::Approve { .. }) => {
            let binding = &record.binding;
            let open =
                db::approval::find_identical(scope, binding.caller, binding.toolkit_tool, &binding.arguments_sha256)
                    .await?;
            if let Some(open) = open.filter(|open| open.id != record.id && open.stored.status().is_open()) {
                return Err(Error::conflict("identical_open", format!("an identical request is open: {}", open.id)));
            }
            let late = expired.approve_late(decision, policy);
            late.map(State::Approved).ok_or_else(|| not_open(Status::Expired))
        }
        (other, _) => Err(not_open(other.status())),
    }
}

/// Brings the stored state up to what deadlines have made of it.
pub(in crate::service) async fn tidied(services: &Base, scope: &mut OrgScope, record: Record) -> Result<Record> {
    let (stored, state) = (record.stored.status(), record.state());
    if stored == state.status() {
        return Ok(record);
    }
    let asked = matches!(&record.stored, State::Executing(executing) if executing.asks());
    let note = asked.then_some("nobody gave the input that was asked for");
    db::approval::store(scope, record.id, stored, &state, &Actor::System, note).await?;
    if state.status() == Status::Expired {
        let request = json!({
            "approval_id": record.id.0,
            "toolkit": record.toolkit,
            "tool": record.tool,
            "caller": record.caller_name,
            "was": stored.as_str(),
        });
        let about = change::About { approval: Some(record.id) };
        change::record(services, scope, None, "expire_approval", &request, None::<&()>, &about).await?;
    }
    Ok(Record { stored: state, ..record })
}

fn is_repeated(record: &Record, person: UserId, verdict: &Verdict) -> bool {
    let mine = record.decision().is_some_and(|decision| decision.by == person);
    match (record.state().status(), verdict) {
        (Status::Pending | Status::Expired | Status::Withdrawn | Status::Invalidated, _) => false,
        (Status::Rejected, Verdict::Reject { .. }) => mine,
        (Status::Rejected, _) => false,
        (_, Verdict::Approve { .. }) => mine,
        _ => false,
    }
}

fn refusal(services: &Base, refusal: Refusal) -> Error {
    let text = refusal.to_string();
    match refusal {
        Refusal::OwnRequest if services.forbid_self_approval => Error::new(
            Kind::Forbidden,
            "own_request",
            format!("{text}; this instance allows it to nobody (PERMESSO_FORBID_SELF_APPROVAL)"),
        ),
        Refusal::NotAnApprover => Error::forbidden(text),
        Refusal::OwnRequest => Error::new(Kind::Forbidden, "own_request", text),
        Refusal::StaleView => Error::conflict("stale_view", text),
    }
}

pub(super) fn not_open(status: Status) -> Error {
    Error::conflict("not_open", format!("the request is {status}; it cannot be decided like this any more"))
}

/// Tidies approvals whose deadline has passed, and erases bodies whose replay has ended. Deadlines
/// hold without it. Returns how many it changed.
///
/// # Errors
/// When Postgres cannot be reached.
pub async fn sweep(services: &Base) -> Result<u64> {
    let mut all = 0;
    loop {
        let (changed, more) = sweep_some(services).await?;
        all += changed;
        if !more || changed == 0 || services.stop.is_cancelled() {
            return Ok(all);
        }
    }
}

/// How many it changed, and whether there may be more.
async fn sweep_some(services: &Base) -> Result<(u64, bool)> {
    let mut scope = db::SystemScope::begin(&services.db.upkeep, Reason::Sweep).await?;
    let due = db::approval::due(&mut scope).await?;
    let erased = db::approval::erase_bodies(&mut scope).await?;
    scope.commit().await?;
    let more = erased >= db::approval::ERASED_AT_ONCE || due.len() >= db::approval::DUE_AT_ONCE;
    let mut changed = erased;
    for (org, id) in due {
        let mut scope = OrgScope::system(&services.db.upkeep, org, Reason::Sweep).await?;
        if let Some(record) = db::approval::lock(&mut scope, id).await? {
            let from = record.stored.status();
            let tidied = tidied(services, &mut scope, record).await?;
            scope.commit().await?;
            changed += u64::from(from != tidied.stored.status());
        }
    }
    Ok((changed, more))
}
