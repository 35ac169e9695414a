//! Reading approvals: one row as the domain's types, and lists of them.

use chrono::{DateTime, Utc};
use domain::{
    ApprovalId, Checked, OrgId, Principal, UserId,
    approval::{
        Approved, Binding, Decision, Executed, Executing, Expired, OutcomeUnknown, Pending, Settled, State, Status,
        state::LATE_DECISION,
    },
};
use uuid::Uuid;

use crate::{
    db::OrgScope,
    error::{Error, Result},
};

/// One approval.
#[derive(Clone, Debug)]
pub struct Record {
    /// Its id.
    pub id: ApprovalId,
    /// The org it belongs to.
    pub org: OrgId,
    /// What it is bound to.
    pub binding: Binding,
    /// The caller's org.
    pub caller_org: OrgId,
    /// What people call the caller.
    pub caller_name: String,
    /// The client's name and version, as it said.
    pub client: Option<String>,
    /// The toolkit's slug when asked.
    pub toolkit: String,
    /// The tool's name when asked.
    pub tool: String,
    /// Whether the definition had changed and nobody had reviewed it. The definitions themselves are read by
    /// [`definitions`](super::definitions): they are long.
    pub definition_changed: bool,
    /// How far the arguments were checked.
    pub checked: Checked,
    /// Why it was held.
    pub rule: String,
    /// Why the agent asks, as it said.
    pub agent_reason: Option<String>,
    /// When it was opened.
    pub created_at: DateTime<Utc>,
    /// When it expires, or expired, undecided.
    pub expires_at: DateTime<Utc>,
    /// When it expires, or expired, unused.
    pub execute_by: Option<DateTime<Utc>>,
    /// When it was decided last, also where the decision was taken back or undone since.
    pub decided_at: Option<DateTime<Utc>>,
    /// Whether a call without a task ever asked for it.
    pub called: bool,
    /// Where it is in its life: as stored, not as deadlines make it.
    pub stored: State,
    /// Postgres's clock when it was read.
    pub read_at: DateTime<Utc>,
}

impl Record {
    /// Where it is in its life, deadlines counted.
    pub fn state(&self) -> State {
        self.stored.clone().at(self.read_at)
    }

    /// When somebody decided it, or else could for the last time: now, while somebody can. What was approved after that
    /// was nothing to compare it with.
    pub fn decision_moment(&self) -> DateTime<Utc> {
        match self.state() {
            State::Pending(_) => self.read_at,
            State::Expired(expired) => self.read_at.min(expired.at + LATE_DECISION),
            State::Withdrawn { at } | State::Invalidated { at, .. } => self.decided_at.unwrap_or(at),
            _ => self.decided_at.unwrap_or(self.read_at),
        }
    }

    /// Every decision there was, also when it was not used.
    pub fn decision(&self) -> Option<&Decision> {
        match &self.stored {
            State::Pending(_) | State::Withdrawn { .. } | State::Invalidated { .. } => None,
            State::Expired(e) => e.unused.as_ref(),
            State::Approved(a) => Some(&a.decision),
            State::Rejected(decision) | State::NotExecuted { decision, .. } => Some(decision),
            State::Executing(e) => Some(&e.decision),
            State::Executed(e) => Some(&e.decision),
            State::OutcomeUnknown(u) => Some(&u.decision),
        }
    }
}

/// Reads one approval.
///
/// # Errors
/// When Postgres cannot be reached, or the row contradicts itself.
pub async fn get(scope: &mut OrgScope, id: ApprovalId) -> Result<Option<Record>> {
    Ok(load(scope, &[id.0]).await?.pop())
}

/// Reads one approval and locks it until the transaction ends.
///
/// # Errors
/// When Postgres cannot be reached, or the row contradicts itself.
pub async fn lock(scope: &mut OrgScope, id: ApprovalId) -> Result<Option<Record>> {
    sqlx::query_scalar!("SELECT id FROM approvals WHERE org_id = $1 AND id = $2 FOR UPDATE", scope.org().0, id.0)
        .fetch_optional(scope.conn())
        .await?;
    get(scope, id).await
}

/// Which approvals to list. Absent means any.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Any of these states, deadlines counted.
    pub status: Option<Vec<Status>>,
    /// The toolkit's slug.
    pub toolkit: Option<String>,
    /// The tool's name.
    pub tool: Option<String>,
    /// The caller's id.
    pub caller: Option<Uuid>,
    /// Only those that wait for a decision that this person may make.
    pub mine: Option<Mine>,
    /// Only those older than this one.
    pub before: Option<ApprovalId>,
    /// How many at most.
    pub limit: i64,
}

/// What a person may decide.
#[derive(Clone, Debug)]
pub struct Mine {
    /// Who.
    pub person: UserId,
    /// The keys that are this person's, of those whose requests wait.
    pub keys: Vec<Uuid>,
    /// The toolkit tools whose approval policy answers something else than the org's; the next two say what.
    pub tools: Vec<Uuid>,
    /// Whether they may decide requests of others for it.
    pub others: Vec<bool>,
    /// Whether they may decide their own requests for it.
    pub own: Vec<bool>,
    /// Whether they may decide requests of others for every other tool.
    pub else_others: bool,
    /// Whether they may decide their own requests for every other tool.
    pub else_own: bool,
}

/// Lists approvals, newest first.
///
/// # Errors
/// When Postgres cannot be reached, or a row contradicts itself.
pub async fn list(scope: &mut OrgScope, filter: &Filter) -> Result<Vec<Record>> {
    let words: Option<Vec<String>> =
        filter.status.as_ref().map(|set| set.iter().map(|status| status.as_str().to_owned()).collect());
    let mine = filter.mine.as_ref();
    let ids = sqlx::query_scalar!(
        "SELECT a.id FROM approvals a
         WHERE a.org_id = $1 AND ($2::uuid IS NULL OR a.id < $2)
           AND ($3::text[] IS NULL OR CASE
                WHEN a.state = 'pending' AND a.expires_at <= clock_timestamp() THEN 'expired'
                WHEN a.state = 'approved' AND a.execute_by <= clock_timestamp() THEN 'expired'
                WHEN a.state = 'executing' AND a.lease_until <= clock_timestamp() THEN 'outcome_unknown'
                ELSE a.state END = ANY($3))
           AND ($4::text IS NULL OR a.toolkit = $4) AND ($5::text IS NULL OR a.tool = $5)
           AND ($6::uuid IS NULL OR a.caller_id = $6)
           AND ($8::uuid IS NULL OR a.state = 'pending' AND a.expires_at > clock_timestamp() AND CASE
                WHEN a.owner_id = $8 OR a.caller_id = $8 OR a.caller_id = ANY($14)
                THEN coalesce((SELECT m.own FROM unnest($9::uuid[], $10::boolean[]) AS m (tool, own)
                               WHERE m.tool = a.toolkit_tool_id), $12)
                ELSE coalesce((SELECT m.others FROM unnest($9::uuid[], $11::boolean[]) AS m (tool, others)
                               WHERE m.tool = a.toolkit_tool_id), $13) END)
         ORDER BY a.id DESC LIMIT $7",
        scope.org().0,
        filter.before.map(|id| id.0),
        words.as_deref(),
        filter.toolkit,
        filter.tool,
        filter.caller,
        filter.limit,
        mine.map(|mine| mine.person.0),
        mine.map_or(&[][..], |mine| &mine.tools),
        mine.map_or(&[][..], |mine| &mine.own),
        mine.map_or(&[][..], |mine| &mine.others),
        mine.is_some_and(|mine| mine.else_own),
        mine.is_some_and(|mine| mine.else_others),
        mine.map_or(&[][..], |mine| &mine.keys),
    )
    .fetch_all(scope.conn())
    .await?;
    load(scope, &ids).await
}

/// Reads approvals by id, newest first; those that are not there are left out.
///
/// # Errors
/// When Postgres cannot be reached, or a row contradicts itself.
pub async fn load(scope: &mut OrgScope, ids: &[Uuid]) -> Result<Vec<Record>> {
    let rows = sqlx::query_as!(
        Row,
        r#"SELECT id, org_id, caller_kind, caller_id, caller_org_id, role_id, owner_id, toolkit_tool_id, connection_id,
               connection_version, arguments_sha256, definition_sha256, caller_name, client, toolkit, tool,
               reviewed_definition IS NOT NULL AS "definition_changed!", arguments_check, check_note, rule, agent_reason, created_at, state, expires_at, decided_by,
               decided_at,
               decision_reason, execute_by, holder, lease_until, finished_at, finished_by, finished_by_user, answered_at,
               change, called, asks_input, answer, clock_timestamp() AS "read_at!"
           FROM approvals WHERE org_id = $1 AND id = ANY($2) ORDER BY id DESC"#,
        scope.org().0,
        ids,
    )
    .fetch_all(scope.conn())
    .await?;
    rows.into_iter().map(Row::into_record).collect()
}

struct Row {
    id: Uuid,
    org_id: Uuid,
    caller_kind: String,
    caller_id: Uuid,
    caller_org_id: Uuid,
    role_id: Uuid,
    owner_id: Uuid,
    toolkit_tool_id: Uuid,
    connection_id: Uuid,
    connection_version: i64,
    arguments_sha256: Vec<u8>,
    definition_sha256: Vec<u8>,
    caller_name: String,
    client: Option<String>,
    toolkit: String,
    tool: String,
    definition_changed: bool,
    arguments_check: String,
    check_note: Option<String>,
    rule: String,
    agent_reason: Option<String>,
    created_at: DateTime<Utc>,
    state: String,
    expires_at: DateTime<Utc>,
    decided_by: Option<Uuid>,
    decided_at: Option<DateTime<Utc>>,
    decision_reason: Option<String>,
    execute_by: Option<DateTime<Utc>>,
    holder: Option<Uuid>,
    lease_until: Option<DateTime<Utc>>,
    finished_at: Option<DateTime<Utc>>,
    finished_by: Option<String>,
    finished_by_user: Option<Uuid>,
    answered_at: Option<DateTime<Utc>>,
    change: Option<String>,
    called: bool,
    asks_input: bool,
    answer: Option<String>,
    read_at: DateTime<Utc>,
}

impl Row {
    fn into_record(self) -> Result<Record> {
        let id = self.id;
        let odd = |column: &str| Error::internal(format!("approvals {id}: {column} contradicts the state"));
        let stored = self.state().ok_or_else(|| odd("state"))?;
        Ok(Record {
            id: self.id.into(),
            org: self.org_id.into(),
            binding: Binding {
                caller: Principal::from_parts(&self.caller_kind, self.caller_id).map_err(|_| odd("caller_kind"))?,
                role: self.role_id.into(),
                owner: self.owner_id.into(),
                toolkit_tool: self.toolkit_tool_id.into(),
                arguments_sha256: self.arguments_sha256.try_into().map_err(|_| odd("arguments_sha256"))?,
                definition_sha256: self.definition_sha256.try_into().map_err(|_| odd("definition_sha256"))?,
                connection: self.connection_id.into(),
                connection_version: self.connection_version,
            },
            caller_org: self.caller_org_id.into(),
            caller_name: self.caller_name,
            client: self.client,
            toolkit: self.toolkit,
            tool: self.tool,
            definition_changed: self.definition_changed,
            checked: Checked {
                check: self.arguments_check.parse().map_err(|_| odd("arguments_check"))?,
                note: self.check_note,
            },
            rule: self.rule,
            agent_reason: self.agent_reason,
            created_at: self.created_at,
            expires_at: self.expires_at,
            execute_by: self.execute_by,
            decided_at: self.decided_at,
            called: self.called,
            stored,
            read_at: self.read_at,
        })
    }

    fn decision(&self) -> Option<Decision> {
        Some(Decision { by: UserId(self.decided_by?), at: self.decided_at?, reason: self.decision_reason.clone() })
    }

    fn state(&self) -> Option<State> {
        Some(match self.state.parse().ok()? {
            Status::Pending => State::Pending(Pending { expires_at: self.expires_at }),
            Status::Approved => State::Approved(Approved { decision: self.decision()?, execute_by: self.execute_by? }),
            Status::Rejected => State::Rejected(self.decision()?),
            Status::Expired => State::Expired(Expired { at: self.finished_at?, unused: self.decision() }),
            Status::Withdrawn => State::Withdrawn { at: self.finished_at? },
            Status::Invalidated => {
                State::Invalidated { at: self.finished_at?, change: self.change.as_deref()?.parse().ok()? }
            }
            Status::Executing => State::Executing(Executing {
                decision: self.decision()?,
                execute_by: self.execute_by?,
                holder: self.holder?,
                lease_until: self.lease_until?,
                asks: self.asks_input,
            }),
            Status::OutcomeUnknown => State::OutcomeUnknown(OutcomeUnknown {
                decision: self.decision()?,
                execute_by: self.execute_by?,
                holder: self.holder?,
                lease_until: self.lease_until?,
            }),
            Status::Executed => State::Executed(Executed {
                decision: self.decision()?,
                execute_by: self.execute_by?,
                at: self.finished_at?,
                by: match self.finished_by.as_deref()? {
                    "dispatcher" => Settled::Dispatcher,
                    "late_answer" => Settled::LateAnswer,
                    _ => Settled::Person(UserId(self.finished_by_user?)),
                },
                // What a newer version may have written here is nothing that this one knows.
                answer: self.answer.as_deref().and_then(|answer| answer.parse().ok()),
                answered_at: self.answered_at,
            }),
            Status::NotExecuted => State::NotExecuted {
                decision: self.decision()?,
                by: UserId(self.finished_by_user?),
                at: self.finished_at?,
            },
        })
    }
}

/// One line of an approval's history.
#[derive(Clone, Debug)]
pub struct EventRow {
    /// When.
    pub at: DateTime<Utc>,
    /// The state before; `None` for the opening.
    pub from_state: Option<String>,
    /// The state after.
    pub to_state: String,
    /// `key`, `user` or `system`.
    pub actor_kind: String,
    /// The actor's id.
    pub actor_id: Option<Uuid>,
    /// What people call the actor.
    pub actor_name: String,
    /// A reason, a rule, or what went wrong.
    pub note: Option<String>,
}

/// The history of an approval, oldest first.
///
/// # Errors
/// When Postgres cannot be reached.
pub async fn events(scope: &mut OrgScope, id: ApprovalId) -> Result<Vec<EventRow>> {
    let rows = sqlx::query_as!(
        EventRow,
        "SELECT at, from_state, to_state, actor_kind, actor_id, actor_name, note FROM approval_events
         WHERE org_id = $1 AND approval_id = $2 ORDER BY id",
        scope.org().0,
        id.0,
    )
    .fetch_all(scope.conn())
    .await?;
    Ok(rows)
}
