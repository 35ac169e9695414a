//! Reading approvals: one row as the domain's types, and lists of them.

use chrono::{DateTime, Utc};
use domain::{
    ApprovalId, Checked, OrgId, Principal, UserId,
    approval::{
        Binding, Change, Decision, Settled, State, Stored, TakenBack,
        state::{EXTENSIONS, LATE_DECISION},
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
    /// The last decision, also where it was taken back or undone since.
    pub decided: Option<Decision>,
    /// How often it was given more time.
    pub extended: u8,
    /// The newest request of the identical call after this one, where this one has ended without an answer.
    pub newer: Option<ApprovalId>,
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
            State::Expired(expired) => self.read_at.min(expired.at() + LATE_DECISION),
            State::Withdrawn { at, .. } | State::Invalidated { at, .. } => {
                self.decided.as_ref().map_or(at, |decided| decided.at)
            }
            _ => self.decided.as_ref().map_or(self.read_at, |decided| decided.at),
        }
    }

    /// Every decision there was, also when it was not used.
    pub fn decision(&self) -> Option<&Decision> {
        match &self.stored {
            State::Pending(_) | State::Withdrawn { .. } | State::Invalidated { .. } => None,
            State::Expired(e) => e.unused(),
            State::Approved(a) => Some(a.decision()),
            State::Rejected { decision, .. } | State::NotExecuted { decision, .. } => Some(decision),
            State::Executing(e) => Some(e.decision()),
            State::Executed(e) => Some(e.decision()),
            State::OutcomeUnknown(u) => Some(u.decision()),
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
#[tracing::instrument(level = "debug", skip_all)]
pub async fn lock(scope: &mut OrgScope, id: ApprovalId) -> Result<Option<Record>> {
    sqlx::query_scalar!("SELECT id FROM approvals WHERE org_id = $1 AND id = $2 FOR UPDATE", scope.org().0, id.0)
        .fetch_optional(scope.conn())
        .await?;
    get(scope, id).await
}

/// Reads approvals by id, newest first; those that are not there are left out.
///
/// # Errors
/// When Postgres cannot be reached, or a row contradicts itself.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn load(scope: &mut OrgScope, ids: &[Uuid]) -> Result<Vec<Record>> {
    let rows = sqlx::query_as!(
        Row,
        r#"SELECT id, org_id, caller_kind, caller_id, caller_org_id, role_id, owner_id, toolkit_tool_id, connection_id,
               connection_version, arguments_sha256, definition_sha256, caller_name, client, toolkit, tool,
               reviewed_definition IS NOT NULL AS "definition_changed!", arguments_check, check_note, rule, agent_reason, created_at, state, expires_at, decided_by,
               decided_at,
               decision_reason, execute_by, holder, lease_until, finished_at, finished_by, finished_by_user, answered_at,
               change, change_word, taken_back_by, taken_back_reason, extended, called, asks_input, answer,
               CASE WHEN state IN ('rejected', 'expired', 'withdrawn', 'invalidated', 'not_executed') THEN
                   (SELECT n.id FROM approvals n
                    WHERE n.org_id = a.org_id AND n.caller_id = a.caller_id AND n.toolkit_tool_id = a.toolkit_tool_id
                      AND n.arguments_sha256 = a.arguments_sha256 AND n.caller_kind = a.caller_kind
                      AND n.created_at > a.created_at
                    ORDER BY n.created_at DESC LIMIT 1) END AS newer,
               clock_timestamp() AS "read_at!"
           FROM approvals a WHERE org_id = $1 AND id = ANY($2) ORDER BY id DESC"#,
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
    change_word: Option<String>,
    taken_back_by: Option<Uuid>,
    taken_back_reason: Option<String>,
    extended: i16,
    newer: Option<Uuid>,
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
            decided: self.decision(),
            extended: self.extended(),
            newer: self.newer.map(ApprovalId),
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
            called: self.called,
            stored,
            read_at: self.read_at,
        })
    }

    fn extended(&self) -> u8 {
        u8::try_from(self.extended).unwrap_or(EXTENSIONS)
    }

    /// What changed: in the word of this version, else in the one that earlier ones know.
    fn change(&self) -> Option<Change> {
        let exact = self.change_word.as_deref().and_then(|word| word.parse().ok());
        exact.or_else(|| self.change.as_deref()?.parse().ok())
    }

    fn taken_back(&self) -> Option<TakenBack> {
        Some(TakenBack { by: UserId(self.taken_back_by?), reason: self.taken_back_reason.clone()? })
    }

    fn decision(&self) -> Option<Decision> {
        Some(Decision { by: UserId(self.decided_by?), at: self.decided_at?, reason: self.decision_reason.clone() })
    }

    fn state(&self) -> Option<State> {
        let person = self.finished_by_user.map(UserId);
        let settled = match self.finished_by.as_deref() {
            Some("dispatcher") => Some(Settled::Dispatcher),
            Some("late_answer") => Some(Settled::LateAnswer),
            Some(_) => person.map(Settled::Person),
            None => None,
        };
        State::restore(Stored {
            status: self.state.parse().ok()?,
            expires_at: self.expires_at,
            extended: self.extended(),
            decision: self.decision(),
            execute_by: self.execute_by,
            holder: self.holder,
            lease_until: self.lease_until,
            asks: self.asks_input,
            finished_at: self.finished_at,
            taken_back: self.taken_back(),
            change: self.change(),
            settled,
            settled_by: person,
            // What a newer version may have written here is nothing that this one knows.
            answer: self.answer.as_deref().and_then(|answer| answer.parse().ok()),
            answered_at: self.answered_at,
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
#[tracing::instrument(level = "debug", skip_all)]
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
