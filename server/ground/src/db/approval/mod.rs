//! Approvals, their bodies and their history. The rules are in `domain::approval`; the guards in
//! these statements say them a second time, against Postgres's clock.

mod bodies;
pub mod card;
mod current;
mod definition;
mod list;
pub mod own;
mod record;
pub mod run;
mod undone;
mod waiting;

use chrono::{DateTime, Utc};
use domain::{
    ApprovalId, Principal, ToolkitToolId,
    approval::{Answer, Binding, Settled, State, Status},
};
use uuid::Uuid;

pub use bodies::{Bodies, ERASED_AT_ONCE, bodies, erase_bodies, put_result};
pub use current::{current, decider, policy, self_approval_say};
pub use definition::{DEFINITION_BYTES, definitions, some_definitions};
pub use list::{COUNTED, Filter, Mine, count, list};
pub use own::own_people;
pub use record::{EventRow, Record, events, get, load, lock};
pub use undone::{Undone, ended, undone};
pub use waiting::{Waiting, open, waiting};

use super::{OrgScope, SystemScope, expect_one_row, task};
use crate::error::{Error, Result};

/// A request to be opened.
pub struct New<'a> {
    /// Its id.
    pub id: ApprovalId,
    /// What it is bound to.
    pub binding: &'a Binding,
    /// The caller's org.
    pub caller_org: domain::OrgId,
    /// What people call the caller.
    pub caller_name: &'a str,
    /// The client's name and version, as it said.
    pub client: Option<&'a str>,
    /// The toolkit's slug.
    pub toolkit: &'a str,
    /// The tool's name in the toolkit.
    pub tool: &'a str,
    /// The definition, byte for byte.
    pub definition: &'a str,
    /// How far the arguments were checked.
    pub checked: &'a domain::Checked,
    /// Why it is held.
    pub rule: &'a str,
    /// Why the agent asks, as it said.
    pub agent_reason: Option<&'a str>,
    /// The size of the arguments, in bytes.
    pub arguments_size: usize,
    /// The arguments' exact bytes, sealed.
    pub arguments_sealed: &'a [u8],
    /// When it expires undecided.
    pub expires_at: DateTime<Utc>,
    /// Whether the call that opens it gets no task.
    pub called: bool,
}

/// Postgres's clock, now and not at the beginning of the transaction.
///
/// # Errors
/// When Postgres cannot be reached.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn now(scope: &mut OrgScope) -> Result<DateTime<Utc>> {
    Ok(sqlx::query_scalar!(r#"SELECT clock_timestamp() AS "now!: DateTime<Utc>""#).fetch_one(scope.conn()).await?)
}

/// Makes the openings of one caller wait for each other, so that its limit is exact.
///
/// # Errors
/// When Postgres cannot be reached.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn lock_caller(scope: &mut OrgScope, caller: Principal) -> Result<()> {
    let key = i64::from_be_bytes(caller.id().as_bytes()[8..].try_into().map_err(Error::internal)?);
    sqlx::query!("SELECT pg_advisory_xact_lock($1)", key).fetch_one(scope.conn()).await?;
    Ok(())
}

/// Approvals of a caller that count against its limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Open {
    /// Those that wait for a person.
    pub waiting: i64,
    /// Those that were approved and wait to be used.
    pub approved: i64,
}

/// How many approvals of this caller wait for a person or to be used. What was sent does not count: an outcome that
/// nobody knows is not the caller's to end.
///
/// # Errors
/// When Postgres cannot be reached.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn count_open(scope: &mut OrgScope, caller: Principal) -> Result<Open> {
    Ok(sqlx::query_as!(
        Open,
        r#"SELECT count(*) FILTER (WHERE state = 'pending') AS "waiting!",
                  count(*) FILTER (WHERE state = 'approved') AS "approved!"
           FROM approvals
           WHERE org_id = $1 AND caller_kind = $2 AND caller_id = $3
             AND (state = 'pending' AND expires_at > clock_timestamp()
                  OR state = 'approved' AND execute_by > clock_timestamp())"#,
        scope.org().0,
        caller.kind(),
        caller.id(),
    )
    .fetch_one(scope.conn())
    .await?)
}

/// The approval that an identical call would join: the open one, else the newest.
///
/// # Errors
/// When Postgres cannot be reached.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn find_identical(
    scope: &mut OrgScope,
    caller: Principal,
    tool: ToolkitToolId,
    arguments_sha256: &[u8; 32],
) -> Result<Option<Record>> {
    let id = sqlx::query_scalar!(
        "SELECT id FROM approvals
         WHERE org_id = $1 AND caller_kind = $2 AND caller_id = $3 AND toolkit_tool_id = $4 AND arguments_sha256 = $5
         ORDER BY state IN ('pending', 'approved', 'executing', 'outcome_unknown') DESC, created_at DESC, id DESC LIMIT 1",
        scope.org().0,
        caller.kind(),
        caller.id(),
        tool.0,
        arguments_sha256,
    )
    .fetch_optional(scope.conn())
    .await?;
    match id {
        Some(id) => get(scope, ApprovalId(id)).await,
        None => Ok(None),
    }
}

/// Opens a request with its sealed bytes. `false`: an identical one is open already.
///
/// # Errors
/// When Postgres cannot be reached.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn insert(scope: &mut OrgScope, new: &New<'_>) -> Result<bool> {
    let binding = new.binding;
    let inserted = sqlx::query!(
        "INSERT INTO approvals (id, org_id, caller_kind, caller_id, caller_org_id, role_id, owner_id, toolkit_tool_id,
             connection_id, connection_version, arguments_sha256, definition_sha256, caller_name, client, toolkit, tool,
             definition, reviewed_definition, rule, agent_reason, arguments_size, state, expires_at, called,
             arguments_check, check_note)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17,
             (SELECT t.reviewed_definition FROM toolkit_tools tt JOIN tools t ON t.id = tt.tool_id
              WHERE tt.id = $8 AND t.reviewed_sha256 <> t.seen_sha256),
             $18, $19, $20, 'pending', $21, $22, $23, $24)
         ON CONFLICT DO NOTHING",
        new.id.0,
        scope.org().0,
        binding.caller.kind(),
        binding.caller.id(),
        new.caller_org.0,
        binding.role.0,
        binding.owner.0,
        binding.toolkit_tool.0,
        binding.connection.0,
        binding.connection_version,
        &binding.arguments_sha256,
        &binding.definition_sha256,
        new.caller_name,
        new.client,
        new.toolkit,
        new.tool,
        new.definition,
        new.rule,
        new.agent_reason,
        i32::try_from(new.arguments_size).unwrap_or(i32::MAX),
        new.expires_at,
        new.called,
        new.checked.check.as_str(),
        new.checked.note,
    )
    .execute(scope.conn())
    .await?
    .rows_affected();
    if inserted == 0 {
        return Ok(false);
    }
    sqlx::query!(
        "INSERT INTO approval_bodies (approval_id, org_id, arguments_sealed) VALUES ($1, $2, $3)",
        new.id.0,
        scope.org().0,
        new.arguments_sealed,
    )
    .execute(scope.conn())
    .await?;
    Ok(true)
}

/// Who changed an approval.
#[derive(Clone, Debug)]
pub enum Actor {
    /// The agent, or the person acting.
    Principal(Principal, String),
    /// The gateway itself.
    System,
}

/// Writes a line of history. `from` is `None` for the opening, and equal to `to` for what joins the
/// history without changing the state.
///
/// # Errors
/// When Postgres cannot be reached.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn insert_event(
    scope: &mut OrgScope,
    id: ApprovalId,
    from: Option<Status>,
    to: Status,
    actor: &Actor,
    note: Option<&str>,
) -> Result<()> {
    let (kind, actor_id, name) = match actor {
        Actor::Principal(principal, name) => (principal.kind(), Some(principal.id()), name.as_str()),
        Actor::System => ("system", None, "permesso"),
    };
    sqlx::query!(
        "INSERT INTO approval_events (id, org_id, approval_id, from_state, to_state, actor_kind, actor_id, actor_name, note)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        Uuid::now_v7(),
        scope.org().0,
        id.0,
        from.map(Status::as_str),
        to.as_str(),
        kind,
        actor_id,
        name,
        note,
    )
    .execute(scope.conn())
    .await?;
    Ok(())
}

/// Replaces the state, if it still is `from` and, against Postgres's clock, its deadline has not
/// passed for what needs it not to have passed; keeps the history, and closes the approval's tasks with
/// it. `false`: the guard said no.
///
/// # Errors
/// When Postgres cannot be reached.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn store(
    scope: &mut OrgScope,
    id: ApprovalId,
    from: Status,
    to: &State,
    actor: &Actor,
    note: Option<&str>,
) -> Result<bool> {
    let columns = Columns::of(to);
    let changed = sqlx::query!(
        "UPDATE approvals SET state = $4,
             decided_by = coalesce($5, decided_by), decided_at = coalesce($6, decided_at),
             decision_reason = CASE WHEN $5::uuid IS NULL THEN decision_reason ELSE $7 END,
             execute_by = coalesce($8, execute_by), holder = coalesce($9, holder), lease_until = coalesce($10, lease_until),
             finished_at = $11, finished_by = $12, finished_by_user = $13, change = $14, asks_input = $15, answer = $16,
             change_word = $17, taken_back_by = $18, taken_back_reason = $19,
             expires_at = coalesce($20, expires_at), extended = coalesce($21, extended)
         WHERE org_id = $1 AND id = $2 AND state = $3
           AND CASE
               WHEN $3 = 'pending' AND $4 IN ('approved', 'rejected', 'pending') THEN expires_at > clock_timestamp()
               WHEN $3 = 'approved' AND $4 = 'executing' THEN execute_by > clock_timestamp()
               WHEN $3 = 'executing' AND $4 IN ('executed', 'executing') THEN lease_until > clock_timestamp()
               WHEN $3 = 'expired' AND $4 = 'approved' THEN finished_at > clock_timestamp() - interval '7 days'
               ELSE true END",
        scope.org().0,
        id.0,
        from.as_str(),
        to.status().as_str(),
        columns.decision.map(|d| d.by.0),
        columns.decision.map(|d| d.at),
        columns.decision.and_then(|d| d.reason.as_deref()),
        columns.execute_by,
        columns.holder,
        columns.lease_until,
        columns.finished_at,
        columns.finished_by,
        columns.finished_by_user,
        columns.change,
        columns.asks_input,
        columns.answer,
        columns.change_word,
        columns.taken_back.map(|taken| taken.by.0),
        columns.taken_back.map(|taken| taken.reason.as_str()),
        columns.expires_at,
        columns.extended,
    )
    .execute(scope.conn())
    .await?
    .rows_affected();
    if changed == 0 {
        return Ok(false);
    }
    expect_one_row("approvals", id, changed)?;
    if let Some(end) = task::End::of(from, to.status()) {
        task::close(scope, id, end).await?;
    }
    insert_event(scope, id, Some(from), to.status(), actor, note).await?;
    Ok(true)
}

/// Notes that a call without a task asked for this approval. `false`: it neither waits nor may be used
/// any more.
///
/// # Errors
/// When Postgres cannot be reached.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn mark_called(scope: &mut OrgScope, id: ApprovalId) -> Result<bool> {
    let marked = sqlx::query!(
        "UPDATE approvals SET called = true WHERE org_id = $1 AND id = $2 AND state IN ('pending', 'approved')",
        scope.org().0,
        id.0,
    )
    .execute(scope.conn())
    .await?
    .rows_affected();
    Ok(marked == 1)
}

/// A state as columns; what a state does not carry keeps its value.
#[derive(Default)]
struct Columns<'a> {
    decision: Option<&'a domain::approval::Decision>,
    execute_by: Option<DateTime<Utc>>,
    holder: Option<Uuid>,
    lease_until: Option<DateTime<Utc>>,
    finished_at: Option<DateTime<Utc>>,
    finished_by: Option<&'static str>,
    finished_by_user: Option<Uuid>,
    change: Option<&'static str>,
    asks_input: bool,
    answer: Option<&'static str>,
    change_word: Option<&'static str>,
    taken_back: Option<&'a domain::approval::TakenBack>,
    expires_at: Option<DateTime<Utc>>,
    extended: Option<i16>,
}

impl<'a> Columns<'a> {
    fn of(state: &'a State) -> Self {
        let none = Self::default();
        match state {
            State::Pending(p) => Self { expires_at: Some(p.expires_at()), extended: Some(p.extended().into()), ..none },
            State::Approved(a) => Self { decision: Some(a.decision()), execute_by: Some(a.execute_by()), ..none },
            State::Rejected { decision, .. } => Self { decision: Some(decision), ..none },
            State::Expired(e) => Self { finished_at: Some(e.at()), ..none },
            State::Withdrawn { at, taken_back, .. } => {
                Self { finished_at: Some(*at), taken_back: taken_back.as_ref(), ..none }
            }
            State::Invalidated { at, change, .. } => {
                let known = change.known_before();
                let word = (known != *change).then(|| change.as_str());
                Self { finished_at: Some(*at), change: Some(known.as_str()), change_word: word, ..none }
            }
            State::Executing(e) => {
                Self { holder: Some(e.holder()), lease_until: Some(e.lease_until()), asks_input: e.asks(), ..none }
            }
            State::OutcomeUnknown(_) => none,
            State::Executed(e) => {
                let (by, user) = match e.by() {
                    Settled::Dispatcher => ("dispatcher", None),
                    Settled::LateAnswer => ("late_answer", None),
                    Settled::Person(user) => ("person", Some(user.0)),
                };
                let answer = e.answer().map(Answer::as_str);
                Self { finished_at: Some(e.at()), finished_by: Some(by), finished_by_user: user, answer, ..none }
            }
            State::NotExecuted { by, at, .. } => {
                Self { finished_at: Some(*at), finished_by: Some("person"), finished_by_user: Some(by.0), ..none }
            }
        }
    }
}

/// Renews a dispatcher's lease. `false`: it lapsed, or the dispatcher no longer works under it.
///
/// # Errors
/// When Postgres cannot be reached.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn renew_lease(scope: &mut OrgScope, id: ApprovalId, holder: Uuid, seconds: f64) -> Result<bool> {
    let renewed = sqlx::query!(
        "UPDATE approvals SET lease_until = clock_timestamp() + make_interval(secs => $4)
         WHERE org_id = $1 AND id = $2 AND holder = $3 AND state = 'executing' AND NOT asks_input
           AND lease_until > clock_timestamp()",
        scope.org().0,
        id.0,
        holder,
        seconds,
    )
    .execute(scope.conn())
    .await?
    .rows_affected();
    Ok(renewed == 1)
}

/// Notes that an answer was written whole to the agent, if none was before.
///
/// # Errors
/// When Postgres cannot be reached.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn mark_answered(scope: &mut OrgScope, id: ApprovalId) -> Result<()> {
    sqlx::query!(
        "UPDATE approvals SET answered_at = clock_timestamp()
         WHERE org_id = $1 AND id = $2 AND state = 'executed' AND answered_at IS NULL",
        scope.org().0,
        id.0,
    )
    .execute(scope.conn())
    .await?;
    Ok(())
}

/// How many approvals [`due`] names at most.
pub const DUE_AT_ONCE: usize = 200;

/// Approvals whose deadline has passed: `(org, id)`, oldest first, at most [`DUE_AT_ONCE`].
///
/// # Errors
/// When Postgres cannot be reached.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn due(scope: &mut SystemScope) -> Result<Vec<(domain::OrgId, ApprovalId)>> {
    let rows = sqlx::query!(
        "SELECT org_id, id FROM approvals
         WHERE state = 'pending' AND expires_at <= clock_timestamp()
            OR state = 'approved' AND execute_by <= clock_timestamp()
            OR state = 'executing' AND lease_until <= clock_timestamp()
         ORDER BY id LIMIT $1",
        DUE_AT_ONCE as i64,
    )
    .fetch_all(scope.conn())
    .await?;
    Ok(rows.into_iter().map(|row| (row.org_id.into(), row.id.into())).collect())
}
